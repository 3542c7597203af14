//! A shard's columns, each in the most compact exact form.

/// The columns of one shard over a fixed number of rows.
#[derive(Clone, Debug, Default)]
pub struct ColumnShard {
    rows: usize,
    columns: Vec<Vec<f64>>,
}

impl ColumnShard {
    /// No columns yet, over `rows` rows.
    pub fn new(rows: usize) -> Self {
        ColumnShard { rows, columns: Vec::new() }
    }

    /// The number of rows of every column.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The number of columns.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Appends a dense column of `rows` finite values.
    pub fn push_dense(&mut self, values: &[f64]) {
        self.columns.push(values.to_vec());
    }

    /// Appends a sparse column: ascending rows and their finite values.
    pub fn push_sparse(&mut self, rows: &[u32], values: &[f64]) {
        let mut column = vec![0.0; self.rows];
        for (&row, &value) in rows.iter().zip(values) {
            column[row as usize] = value;
        }
        self.columns.push(column);
    }

    /// Appends a column of `rows` two-bit codes, each naming one of four finite values.
    pub fn push_codes(&mut self, codes: &[u8], table: [f64; 4]) {
        self.columns.push(codes.iter().map(|&code| table[code as usize & 3]).collect());
    }

    /// The value of a column in a row.
    pub fn value(&self, column: usize, row: usize) -> f64 {
        self.columns[column][row]
    }
}

//! Sparse columns: the rows and values of stored entries, columns one after another.
//!
//! Sums over stored entries use four accumulators, entry `k` going to accumulator `k mod 4`, which
//! are added as `(0 + 1) + (2 + 3)`.

/// Sparse columns in two flat arrays, each with room to grow where that was asked for.
#[derive(Clone, Debug)]
pub(crate) struct Pool<T> {
    spans: Vec<Span>,
    pub(crate) rows: Vec<u32>,
    pub(crate) values: Vec<T>,
}

/// Where a column lies.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    len: u32,
    /// Entries it may have before it must move.
    room: u32,
}

/// The stored entries of a sparse column: ascending rows and their values.
#[derive(Clone, Copy)]
pub(super) struct Entries<'a, T> {
    pub(super) rows: &'a [u32],
    pub(super) values: &'a [T],
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Pool { spans: Vec::new(), rows: Vec::new(), values: Vec::new() }
    }
}

impl<T: Copy> Pool<T> {
    /// Columns of so many entries one after the other; nothing if these are not all entries there
    /// are.
    pub(super) fn from_parts(lengths: &[u32], rows: Vec<u32>, values: Vec<T>) -> Option<Self> {
        let (mut spans, mut start) = (Vec::with_capacity(lengths.len()), 0usize);
        for &len in lengths {
            spans.push(Span { start, len, room: len });
            start = start.checked_add(len as usize)?;
        }
        (rows.len() == start && values.len() == start).then_some(Pool { spans, rows, values })
    }

    /// The number of entries of every column; nothing if there is room between columns.
    pub(super) fn lengths(&self) -> Option<Vec<u32>> {
        let mut end = 0;
        let length = |span: &Span| {
            let next = span.start == end && span.len == span.room;
            end = span.start + span.len as usize;
            next.then_some(span.len)
        };
        self.spans.iter().map(length).collect()
    }

    /// The number of columns.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Appends a column: ascending rows and as many values.
    pub(super) fn push(&mut self, rows: &[u32], values: impl Iterator<Item = T>) {
        let (start, len) = (self.rows.len(), rows.len() as u32);
        self.rows.extend_from_slice(rows);
        self.values.extend(values);
        self.spans.push(Span { start, len, room: len });
    }

    /// A column.
    #[inline]
    pub(super) fn column(&self, index: usize) -> Entries<'_, T> {
        let Span { start, len, .. } = self.spans[index];
        let range = start..start + len as usize;
        Entries { rows: &self.rows[range.clone()], values: &self.values[range] }
    }

    /// Keeps the first `len` columns, none of which may have moved.
    pub(super) fn truncate(&mut self, len: usize) {
        self.spans.truncate(len);
        let end = self.spans.last().map_or(0, |span| span.start + span.room as usize);
        self.rows.truncate(end);
        self.values.truncate(end);
    }

    /// Gives the last column room for so many more entries.
    pub(super) fn widen_last(&mut self, more: usize, filler: T) {
        if let Some(span) = self.spans.last_mut() {
            span.room += more as u32;
            self.rows.resize(self.rows.len() + more, 0);
            self.values.resize(self.values.len() + more, filler);
        }
    }

    /// Sets the value of a row. Takes time logarithmic in the column's entries where the row is
    /// stored or comes after all that are, linear otherwise. A column without room moves to the
    /// end of the arrays, with as much room again.
    pub(super) fn put(&mut self, index: usize, row: u32, value: T, is_zero: bool) {
        let Span { start, len, room } = self.spans[index];
        let stored = &self.rows[start..start + len as usize];
        let at = match stored.last() {
            Some(&last) if last < row => len as usize,
            _ => stored.partition_point(|&other| other < row),
        };
        if stored.get(at) == Some(&row) {
            self.values[start + at] = value;
            return;
        }
        if is_zero {
            return;
        }
        if len == room {
            self.relocate(index, value);
        }
        let span = &mut self.spans[index];
        let (at, end) = (span.start + at, span.start + span.len as usize);
        span.len += 1;
        self.rows.copy_within(at..end, at + 1);
        self.values.copy_within(at..end, at + 1);
        self.rows[at] = row;
        self.values[at] = value;
    }

    fn relocate(&mut self, index: usize, filler: T) {
        let Span { start, len, .. } = self.spans[index];
        let (old, to) = (start..start + len as usize, self.rows.len());
        let room = len + len / 2 + 4;
        self.rows.extend_from_within(old.clone());
        self.values.extend_from_within(old);
        self.rows.resize(to + room as usize, 0);
        self.values.resize(to + room as usize, filler);
        self.spans[index] = Span { start: to, len, room };
    }

    /// Gives back memory held in reserve.
    pub(super) fn shrink(&mut self) {
        self.spans.shrink_to_fit();
        self.rows.shrink_to_fit();
        self.values.shrink_to_fit();
    }

    /// The memory held, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.spans.capacity() * size_of::<Span>()
            + self.rows.capacity() * size_of::<u32>()
            + self.values.capacity() * size_of::<T>()
    }
}

impl<T: Copy + Into<f64>> Entries<'_, T> {
    /// The stored entries.
    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, f64)> {
        self.rows.iter().zip(self.values).map(|(&row, &value)| (row as usize, value.into()))
    }

    /// The value of a row.
    pub(super) fn value(&self, row: usize) -> f64 {
        match self.rows.binary_search_by(|&stored| (stored as usize).cmp(&row)) {
            Ok(at) => self.values[at].into(),
            Err(_) => 0.0,
        }
    }

    /// `Σ f(row, x)` over stored entries.
    #[inline]
    pub(super) fn sum(&self, mut f: impl FnMut(usize, f64) -> f64) -> f64 {
        let mut sums = [0.0; 4];
        let (rows, rows_rest) = self.rows.as_chunks::<4>();
        let (values, values_rest) = self.values.as_chunks::<4>();
        for (rows, values) in rows.iter().zip(values) {
            for lane in 0..4 {
                sums[lane] += f(rows[lane] as usize, values[lane].into());
            }
        }
        for ((sum, &row), &value) in sums.iter_mut().zip(rows_rest).zip(values_rest) {
            *sum += f(row as usize, value.into());
        }
        (sums[0] + sums[1]) + (sums[2] + sums[3])
    }

    /// `Σ (x_i - shift) r_i` over all rows: those stored, and less those that are not.
    pub(super) fn dot_shifted(&self, shift: f64, r: &[f64]) -> f64 {
        let stored = self.sum(|row, x| (x - shift) * r[row]);
        let (mut missing, mut next) = (0.0, 0);
        for &row in self.rows {
            r[next..row as usize].iter().for_each(|r| missing += r);
            next = row as usize + 1;
        }
        r[next..].iter().for_each(|r| missing += r);
        stored - shift * missing
    }

    /// `Σ x_i z_i` over rows stored in both, added one after another in ascending row order.
    pub(super) fn merge<U: Copy + Into<f64>>(&self, other: &Entries<'_, U>) -> f64 {
        if self.rows.len() > other.rows.len() {
            return other.merge(self);
        }
        let mut sum = 0.0;
        let mut at = 0;
        for (&row, &value) in self.rows.iter().zip(self.values) {
            at += gallop(&other.rows[at..], row);
            match other.rows.get(at) {
                Some(&found) if found == row => sum += value.into() * other.values[at].into(),
                Some(_) => {}
                None => break,
            }
        }
        sum
    }
}

/// How many of the ascending `rows` lie before `row`. Takes time logarithmic in the answer, so that
/// merging a short column with a long one costs little more than the short one.
#[inline]
fn gallop(rows: &[u32], row: u32) -> usize {
    let mut bound = 1;
    while rows.get(bound - 1).is_some_and(|&at| at < row) {
        bound *= 2;
    }
    let start = bound / 2;
    let end = (bound - 1).min(rows.len());
    start + rows[start..end].partition_point(|&at| at < row)
}

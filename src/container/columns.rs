//! Keys and values of one parameter block, as two flat arrays.

/// Keys and values side by side, as many of the one as of the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Columns<K, V> {
    /// The keys.
    pub keys: Vec<K>,
    /// Their values.
    pub values: Vec<V>,
}

impl<K, V> Columns<K, V> {
    /// Nothing yet.
    pub fn new() -> Self {
        Columns { keys: Vec::new(), values: Vec::new() }
    }

    /// Appends a key and its value.
    pub fn push(&mut self, key: K, value: V) {
        self.keys.push(key);
        self.values.push(value);
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// Forgets all keys and values, keeping the space.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
    }
}

//! What is there now, by identity: puts and deletes become insertions and retractions.

use std::collections::BTreeMap;

/// What a change did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect<V> {
    /// Nothing was there before.
    Inserted,
    /// This was there before.
    Replaced(V),
    /// This is not there any more.
    Deleted(V),
    /// Nothing of this identity is there to delete.
    Absent,
}

/// What is there now. Memory is that of all it holds.
#[derive(Clone, Debug)]
pub struct Table<K, V>(BTreeMap<K, V>);

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Table(BTreeMap::new())
    }
}

impl<K: Ord, V> Table<K, V> {
    /// Puts a value in its place.
    pub fn put(&mut self, key: K, value: V) -> Effect<V> {
        self.0.insert(key, value).map_or(Effect::Inserted, Effect::Replaced)
    }

    /// Takes a value away.
    pub fn delete(&mut self, key: &K) -> Effect<V> {
        self.0.remove(key).map_or(Effect::Absent, Effect::Deleted)
    }

    /// What is in a place.
    pub fn get(&self, key: &K) -> Option<&V> {
        self.0.get(key)
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All there is, by ascending identity.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.0.iter()
    }
}

//! Couplings of pairs of keys, remembered for as long as the data stands.

use crate::program::Key;
use crate::random::mix;

/// Pairs that are remembered at most. A power of two, enough for all pairs of 360 keys that keep
/// coming back; 12 bytes a pair for keys of four bytes, 24 for keys of eight.
const PAIRS: usize = 1 << 16;

/// A cache of couplings in which each pair has one place, and the pair that came last keeps it.
/// Bounded, and as deterministic as the questions it is asked.
#[derive(Clone, Debug)]
pub(super) struct Couplings<K> {
    /// Empty until something is to be remembered.
    places: Vec<(K, K, f32)>,
}

impl<K: Key> Couplings<K> {
    /// Nothing yet.
    pub fn new() -> Self {
        Couplings { places: Vec::new() }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.places.clear();
    }

    /// The coupling of two distinct keys in either order: remembered, or asked for and then
    /// remembered if it is known.
    pub fn of(&mut self, a: K, b: K, ask: &dyn Fn(K, K) -> Option<f32>) -> Option<f32> {
        let (a, b) = (a.min(b), a.max(b));
        if self.places.is_empty() {
            // A pair of equal keys marks an empty place.
            self.places.resize(PAIRS, (K::from_index(0), K::from_index(0), 0.0));
        }
        let hash = mix((a.index() as u64).rotate_left(32) ^ b.index() as u64);
        let place = &mut self.places[hash as usize % PAIRS];
        if (place.0, place.1) != (a, b) || a == b {
            *place = (a, b, ask(a, b)?);
        }
        Some(place.2)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn answers_are_those_of_the_data_and_seldom_asked_twice() {
        let asked = Cell::new(0);
        let ask = |a: u32, b: u32| {
            asked.set(asked.get() + 1);
            assert!(a <= b);
            if (a + b).is_multiple_of(5) { None } else { Some((a * 1000 + b) as f32) }
        };
        let mut couplings = Couplings::new();
        for _ in 0..3 {
            for a in 0..600 {
                for b in 0..a {
                    assert_eq!(couplings.of(a, b, &ask), ask(b, a));
                    assert_eq!(couplings.of(b, a, &ask), ask(b, a));
                }
            }
            assert_eq!(couplings.places.len(), PAIRS);
        }
        asked.set(0);
        couplings.of(3, 4, &ask);
        couplings.of(4, 3, &ask);
        assert!(asked.get() <= 1);
        couplings.clear();
        couplings.of(3, 4, &ask);
        assert!(asked.get() >= 1);
        assert_eq!(couplings.of(7, 7, &|_, _| Some(1.0)), Some(1.0));
    }
}

//! Counter-based random draws: every draw is a pure function of where it is made.
//!
//! A draw is `f(seed, purpose, epoch, round, counter)`, so it does not depend on how many draws
//! others made before, on threads, or on whether a run was resumed. The function chains one
//! bijection of 64 bits a word, `state ↦ mix(state ⊕ mix(word + g))`, where `mix` is the
//! xor-shift-multiply finaliser of SplitMix64 (Steele, Lea, Flood 2014; multipliers by Stafford).
//!
//! * Period: within a stream (all but the counter fixed) the draws are a permutation of the 2⁶⁴
//!   words, so none repeats; 2³² draws of one stream still look independent.
//! * Independence: two streams are not shifts of each other, because the counter is mixed before
//!   it meets the stream. Two of `n` streams share their state, and then all draws, with
//!   probability about `n²/2⁶⁵`.
//! * Not for cryptography.

/// 2⁶⁴ divided by the golden ratio, odd: keeps the word 0 away from the fixed point of `mix`.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// A bijection of 64 bits in which every input bit moves about half of the output bits.
#[inline]
pub(crate) const fn mix(word: u64) -> u64 {
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// Folds a word into a state: a bijection of either argument while the other is fixed.
#[inline]
pub(crate) const fn absorb(state: u64, word: u64) -> u64 {
    mix(state ^ mix(word.wrapping_add(GOLDEN)))
}

/// The number of a purpose, from its name. Draws of different purposes are independent.
///
/// ```
/// const SPLIT: u64 = strads::random::purpose("hold-out split");
/// ```
pub const fn purpose(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let mut state = bytes.len() as u64;
    let mut position = 0;
    while position < bytes.len() {
        state = absorb(state, bytes[position] as u64);
        position += 1;
    }
    state
}

/// A stream of draws: a cursor over the counter.
#[derive(Clone, Debug)]
pub struct Draws {
    stream: u64,
    counter: u64,
}

impl Draws {
    /// The stream of a place, at counter 0.
    pub fn new(seed: u64, purpose: u64, epoch: u64, round: u64) -> Self {
        let stream = [purpose, epoch, round].into_iter().fold(mix(seed), absorb);
        Draws { stream, counter: 0 }
    }

    /// The stream of a place within this one's, at counter 0.
    #[must_use]
    pub fn within(&self, place: u64) -> Self {
        Draws { stream: absorb(self.stream, place), counter: 0 }
    }

    /// The draw at a counter, wherever the cursor is. Uniform over 64 bits.
    #[inline]
    pub fn at(&self, counter: u64) -> u64 {
        absorb(self.stream, counter)
    }

    /// The next draw, uniform over 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        let draw = self.at(self.counter);
        self.counter = self.counter.wrapping_add(1);
        draw
    }

    /// The next draw, uniform over the multiples of 2⁻⁵³ in `[0, 1)`.
    pub fn next_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// The next draw, uniform over `0..n` without bias (0 if `n` is 0). Takes one counter, and
    /// another with probability less than `n/2⁶⁴`.
    pub fn below(&mut self, n: u64) -> u64 {
        // The high half of draw·n is the result. Of the 2⁶⁴ draws, each result gets those whose
        // low half lies in its own 2⁶⁴-long stretch; dropping the first 2⁶⁴ mod n low halves
        // leaves every result the same number (Lemire 2019).
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            let low = product as u64;
            if low >= n || low >= n.wrapping_neg().checked_rem(n).unwrap_or(0) {
                return (product >> 64) as u64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::testing::chi_square_fits;

    #[test]
    fn bytes_are_uniform_in_every_position() {
        for seed in [0, 1, u64::MAX] {
            let mut draws = Draws::new(seed, purpose("test"), 0, 0);
            let mut counts = vec![vec![0u64; 256]; 8];
            for _ in 0..100_000 {
                for (position, byte) in draws.next_u64().to_le_bytes().into_iter().enumerate() {
                    counts[position][byte as usize] += 1;
                }
            }
            for counts in counts {
                chi_square_fits(&counts, &[1.0; 256]);
            }
        }
    }

    #[test]
    fn neighbouring_streams_and_draws_are_independent() {
        let stream = |seed, name, epoch, round| Draws::new(seed, purpose(name), epoch, round);
        let first = stream(0, "a", 0, 0);
        let others = [
            stream(1, "a", 0, 0),
            stream(0, "b", 0, 0),
            stream(0, "a", 1, 0),
            stream(0, "a", 0, 1),
            stream(0, "", 0, 0),
        ];
        for (other, lag) in others.into_iter().map(|other| (other, 0)).chain([(first.clone(), 1)]) {
            for shift in [0, 30, 60] {
                let mut counts = vec![0u64; 256];
                for counter in 0..100_000 {
                    let high = first.at(counter) >> shift & 15;
                    let low = other.at(counter + lag) >> shift & 15;
                    counts[(high << 4 | low) as usize] += 1;
                }
                chi_square_fits(&counts, &[1.0; 256]);
            }
        }
    }

    #[test]
    fn every_argument_bit_moves_half_of_the_draw() {
        let draw =
            |place: [u64; 5]| Draws::new(place[0], place[1], place[2], place[3]).at(place[4]);
        for argument in 0..5 {
            for bit in 0..64 {
                let mut flipped = 0;
                for trial in 0..200u64 {
                    let mut place = [trial; 5];
                    let before = draw(place);
                    place[argument] ^= 1 << bit;
                    flipped += (before ^ draw(place)).count_ones();
                }
                // Mean 6400, deviation √(200·64)/2 ≈ 57.
                assert!((6_060..6_740).contains(&flipped), "{argument} {bit}: {flipped}");
            }
        }
    }

    #[test]
    fn below_is_uniform_and_total() {
        let mut draws = Draws::new(3, purpose("test"), 1, 2);
        assert_eq!(draws.below(0), 0);
        assert_eq!(draws.below(1), 0);
        let mut counts = vec![0u64; 7];
        for _ in 0..70_000 {
            counts[draws.below(7) as usize] += 1;
        }
        chi_square_fits(&counts, &[1.0; 7]);
        // Two thirds of 2⁶⁴: rejection is frequent and a biased draw would favour even results.
        let n = u64::MAX / 3 * 2;
        let mut halves = vec![0u64; 2];
        for _ in 0..70_000 {
            let draw = draws.below(n);
            assert!(draw < n);
            halves[usize::from(draw >= n / 2)] += 1;
        }
        chi_square_fits(&halves, &[1.0; 2]);
    }

    #[test]
    fn fractions_fill_the_unit_interval() {
        let mut draws = Draws::new(9, purpose("test"), 0, 0);
        let mut counts = vec![0u64; 100];
        for _ in 0..100_000 {
            counts[(draws.next_f64() * 100.0) as usize] += 1;
        }
        chi_square_fits(&counts, &[1.0; 100]);
    }

    #[test]
    fn cursors_and_counters_agree() {
        let mut draws = Draws::new(5, purpose("test"), 7, 11);
        let expected: Vec<u64> = (0..10).map(|counter| draws.at(counter)).collect();
        let drawn: Vec<u64> = (0..10).map(|_| draws.next_u64()).collect();
        assert_eq!(drawn, expected);
    }

    #[test]
    fn the_function_never_changes() {
        let mut draws = Draws::new(1, purpose("test"), 2, 3);
        assert_eq!(
            [draws.next_u64(), draws.next_u64()],
            [9206295920337725300, 1392377754403958806]
        );
    }
}

//! Two-bit columns from codes that are packed row after row.

use super::codes::Line;

/// The rows of a word.
pub(crate) const WORD: usize = 32;

/// Marks the codes at index `e` of a word for which bit `a` of `e` is set and bit `b` is not.
const fn marks(a: u32, b: u32) -> u64 {
    let (mut marks, mut e) = (0, 0);
    while e < WORD {
        if e >> a & 1 == 1 && e >> b & 1 == 0 {
            marks |= 3 << (2 * e);
        }
        e += 1;
    }
    marks
}

/// Exchanges bits `A < B` of the indices of all codes of a word.
fn exchange<const A: u32, const B: u32>(word: u64) -> u64 {
    let shift = 2 * ((1 << B) - (1 << A));
    let differ = (word >> shift ^ word) & const { marks(A, B) };
    word ^ differ ^ differ << shift
}

/// Each group of 8 words as a line (see [`super::codes`]): row `r` has bits `2r % 64` and the next
/// of word `r / 32`. Beyond the last row there must be zeros.
pub(crate) fn lines(words: &[u64]) -> impl Iterator<Item = Line> {
    words.chunks(8).map(|words| {
        let mut line = Line::default();
        for (group, &word) in words.iter().enumerate() {
            // Rows are 8 t + i: the codes of an i, for four t, come together in a byte. Then the
            // bits of the byte's number are the third, the first and the second of i.
            let word = exchange::<1, 4>(exchange::<0, 3>(word)).to_le_bytes();
            for (at, byte) in word.into_iter().enumerate() {
                line.0[(at & 1) << 2 | at >> 1] |= u64::from(byte) << (8 * group);
            }
        }
        line
    })
}

#[cfg(test)]
mod tests {
    use super::super::codes::pack;
    use super::*;
    use crate::random::{Draws, purpose};

    #[test]
    fn lines_of_words_are_those_of_their_codes() {
        let mut draws = Draws::new(1, purpose("test of packed codes"), 0, 0);
        for rows in [1, 2, 31, 32, 33, 255, 256, 257, 1000] {
            let codes: Vec<u8> = (0..rows).map(|_| draws.below(4) as u8).collect();
            let word = |codes: &[u8]| {
                codes.iter().rev().fold(0, |word, code| word << 2 | u64::from(*code))
            };
            let words: Vec<u64> = codes.chunks(WORD).map(word).collect();
            assert!(lines(&words).eq(pack(codes.into_iter())), "{rows} rows");
        }
    }
}

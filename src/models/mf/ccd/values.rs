//! What ratings are to be explained, kept so that residuals can be taken afresh.

/// The most values that one byte tells apart.
const CODES: usize = 256;

/// Places of the cache that finds a value's code.
const CACHE: usize = 64;

/// A number for each rating: one byte each if there are few different ones, else four.
#[derive(Clone, Debug)]
pub(super) enum Values {
    /// All are the same.
    Same(f32),
    /// Codes of values.
    Codes {
        /// The values.
        table: Vec<f32>,
        /// Which of them each is.
        codes: Vec<u8>,
    },
    /// The values themselves.
    Plain(Vec<f32>),
}

impl Values {
    /// Room for so many numbers, all zero.
    pub fn new(count: usize) -> Self {
        Values::Codes { table: vec![0.0], codes: vec![0; count] }
    }

    /// Writes all numbers, `mean` taken off each.
    pub fn copy_to(&self, mean: f64, to: &mut [f32]) {
        let less = |value: f32| (f64::from(value) - mean) as f32;
        match self {
            Values::Same(value) => to.fill(less(*value)),
            Values::Codes { table, codes } => {
                let table: Vec<f32> = table.iter().map(|&value| less(value)).collect();
                to.iter_mut().zip(codes).for_each(|(to, &code)| *to = table[usize::from(code)]);
            }
            Values::Plain(values) => {
                to.iter_mut().zip(values).for_each(|(to, &value)| *to = less(value));
            }
        }
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        match self {
            Values::Same(_) => 0,
            Values::Codes { table, codes } => 4 * table.capacity() + codes.capacity(),
            Values::Plain(values) => 4 * values.capacity(),
        }
    }
}

/// Fills [`Values`], remembering codes.
pub(super) struct Coder {
    cache: [(u32, u8); CACHE],
}

impl Coder {
    /// Knows of zero only, whose code is 0.
    pub fn new() -> Self {
        Coder { cache: [(0, 0); CACHE] }
    }

    /// Sets the number at a place.
    #[inline]
    pub fn set(&mut self, values: &mut Values, at: usize, value: f32) {
        match values {
            Values::Codes { table, codes } => {
                let bits = value.to_bits();
                let slot = &mut self.cache[bits.wrapping_mul(0x9e37_79b1) as usize >> 26];
                if slot.0 != bits {
                    let known = table.iter().position(|known| known.to_bits() == bits);
                    if known.is_none() && table.len() == CODES {
                        let all = codes.iter().map(|&code| table[usize::from(code)]);
                        let mut all: Vec<f32> = all.collect();
                        all[at] = value;
                        *values = Values::Plain(all);
                        return;
                    }
                    let code = known.unwrap_or_else(|| {
                        table.push(value);
                        table.len() - 1
                    });
                    *slot = (bits, code as u8);
                }
                codes[at] = slot.1;
            }
            Values::Plain(values) => values[at] = value,
            Values::Same(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        for different in [1, 3, 64, 255, 256, 300, 1000] {
            let (mut values, mut coder) = (Values::new(2000), Coder::new());
            let value = |at: usize| (at * 7919 % different) as f32 * 0.37 - 3.0;
            (0..2000).for_each(|at| coder.set(&mut values, at, value(at)));
            let (mut same, mut copy) = (vec![0.0; 2000], vec![0.0; 2000]);
            values.copy_to(0.0, &mut same);
            values.copy_to(1.0, &mut copy);
            for (at, copy) in copy.into_iter().enumerate() {
                assert_eq!(same[at], value(at));
                assert_eq!(copy, (f64::from(value(at)) - 1.0) as f32);
            }
            // Zero is known from the start, so that there are 255 others.
            assert_eq!(matches!(values, Values::Codes { .. }), different < 256);
        }
    }
}

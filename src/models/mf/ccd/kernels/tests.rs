//! All units against each other and against plain sums.

use proptest::prelude::*;

use super::{BLOCK, Pair, Part, State, Term, accumulate, subtract};
use crate::random::{Draws, purpose};
use crate::shard::Path;

const PLACES: u64 = 40;

/// Rows of ratings and all that a pass reads.
struct Case {
    starts: Vec<u32>,
    places: Vec<u16>,
    residuals: Vec<f32>,
    weights: Option<Vec<f32>>,
    implicit: bool,
    tables: [Vec<Pair>; 2],
    x: [Vec<[f32; BLOCK]>; 2],
    delta: Vec<[f32; BLOCK]>,
    fresh: bool,
}

impl Case {
    fn new(seed: u64, lengths: &[u32], mode: u8) -> Case {
        let mut draws = Draws::new(seed, purpose("kernel test"), 0, 0);
        let count = lengths.iter().sum::<u32>() as usize;
        let mut starts = vec![0];
        lengths.iter().for_each(|length| starts.push(starts[starts.len() - 1] + length));
        let places = (0..count).map(|_| 1 + draws.below(PLACES - 1) as u16).collect();
        let mut number = || {
            let size = f64::from(1 << draws.below(12));
            ((draws.next_f64() - 0.5) * size) as f32
        };
        let mut row = || std::array::from_fn(|_| number());
        let x = [0, 1].map(|_| lengths.iter().map(|_| row()).collect());
        let delta = lengths.iter().map(|_| row()).collect();
        let tables = [0, 1].map(|_| {
            let mut pair = |at: u64| -> Pair {
                if at == 0 { [0.0; 2 * BLOCK] } else { std::array::from_fn(|_| number()) }
            };
            (0..PLACES).map(&mut pair).collect()
        });
        let residuals = (0..count).map(|_| number()).collect();
        let weights = (mode > 0).then(|| (0..count).map(|_| number().abs()).collect());
        let (implicit, fresh) = (mode == 2, seed.is_multiple_of(2));
        Case { starts, places, residuals, weights, implicit, tables, x, delta, fresh }
    }

    fn term(&self, of: usize) -> Term<'_> {
        let delta = Some(&self.delta[..]);
        Term { table: &self.tables[of], x: &self.x[of], delta, fresh: self.fresh }
    }

    fn part<'a>(&'a self, residuals: &'a mut [f32]) -> Part<'a> {
        Part {
            starts: &self.starts,
            places: &self.places,
            residuals,
            weights: self.weights.as_deref(),
            implicit: self.implicit,
        }
    }

    /// Residuals and normal equations of a pass with one term or two, and of one that only
    /// subtracts.
    fn results(&self, path: Path, two: bool) -> (Vec<f32>, Vec<State>, Vec<f32>) {
        let (mut residuals, mut less) = (self.residuals.clone(), self.residuals.clone());
        let mut states = vec![[[0.5; BLOCK]; 6]; self.starts.len() - 1];
        let last = two.then(|| self.term(1));
        accumulate(path, &mut self.part(&mut residuals), self.term(0), last, &mut states);
        subtract(path, &mut self.part(&mut less), self.term(0));
        (residuals, states, less)
    }

    /// What a row's residual should be, with one term or two.
    fn expected(&self, row: usize, at: usize, two: bool) -> f64 {
        let mut left = f64::from(self.residuals[at]);
        for of in 0..=usize::from(two) {
            let pair = &self.tables[of][usize::from(self.places[at])];
            for i in 0..BLOCK {
                let delta = f64::from(self.delta[row][i]);
                let before = f64::from(self.x[of][row][i]) - delta;
                let change = if self.fresh { f64::from(pair[BLOCK + i]) } else { 0.0 };
                left -= delta * f64::from(pair[i]) + before * change;
            }
        }
        left
    }
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

fn check(seed: u64, lengths: &[u32]) {
    for mode in 0..3 {
        let case = Case::new(seed, lengths, mode);
        for two in [false, true] {
            let (residuals, states, less) = case.results(Path::Portable, two);
            for path in Path::all() {
                let found = case.results(path, two);
                assert_eq!(bits(&found.0), bits(&residuals), "{path:?}");
                assert_eq!(
                    bits(found.1.as_flattened().as_flattened()),
                    bits(states.as_flattened().as_flattened()),
                    "{path:?}"
                );
                assert_eq!(bits(&found.2), bits(&less), "{path:?}");
            }
            near_plain_sums(&case, &residuals, &states, two);
        }
    }
}

/// The portable results are what they should be.
fn near_plain_sums(case: &Case, residuals: &[f32], states: &[State], two: bool) {
    for (row, state) in states.iter().enumerate() {
        let mut sums = [[(0.5, 0.5); BLOCK]; 6];
        for at in case.starts[row] as usize..case.starts[row + 1] as usize {
            let expected = case.expected(row, at, two);
            // Numbers are below 2048, sixteen products a term.
            assert!((f64::from(residuals[at]) - expected).abs() < 16.0);
            let factor = &case.tables[0][usize::from(case.places[at])];
            let weight = case.weights.as_ref().map_or(1.0, |weights| f64::from(weights[at]));
            let pull = weight * f64::from(residuals[at]) + f64::from(u8::from(case.implicit));
            for i in 0..BLOCK {
                for (turn, sums) in sums.iter_mut().enumerate() {
                    let with = match turn {
                        0 => pull,
                        _ => weight * f64::from(factor[(i + turn - 1) % BLOCK]),
                    };
                    let product = f64::from(factor[i]) * with;
                    sums[i].0 += product;
                    sums[i].1 += product.abs();
                }
            }
        }
        for (found, expected) in state.iter().flatten().zip(sums.iter().flatten()) {
            assert!((f64::from(*found) - expected.0).abs() <= 1e-5 * expected.1, "row {row}");
        }
    }
}

#[test]
fn rows_of_every_length() {
    let lengths: Vec<u32> = (0..50).collect();
    check(1, &lengths);
    check(2, &lengths);
}

proptest! {
    #[test]
    fn all_units_give_the_same_bits(
        seed: u64,
        lengths in prop::collection::vec(0u32..70, 0..6),
    ) {
        check(seed, &lengths);
    }
}

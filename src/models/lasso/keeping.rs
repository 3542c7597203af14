//! Checkpoints of a batch fit: what a shard's part holds, and going on from it.
//!
//! ```text
//! part of a shard: checksum of its data, bytes of its coefficients, coefficients, solutions
//! ```
//!
//! The solutions so far (of a path) are in the part of shard 0. All numbers are little-endian.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::certificate::Measure;
use super::fit::{Plan, Point, Problem, Solution};
use super::position::Position;
use super::stored::Stored;
use crate::checkpoint::{CheckpointError, Keeper, Progress};

/// What a fit does: its plan, and the checkpoints it keeps on the way.
#[derive(Clone, Debug)]
pub struct Task {
    pub(super) plan: Plan,
    pub(super) keeping: Option<Keeping>,
}

/// Checkpoints of this process, and what it goes on from.
#[derive(Clone, Debug)]
pub(super) struct Keeping {
    pub keeper: Arc<Keeper>,
    /// Of the data of each shard here.
    checksums: Arc<BTreeMap<usize, u32>>,
    pub start: Arc<Start>,
}

/// What a fit goes on from.
#[derive(Clone, Debug, Default)]
pub(super) struct Start {
    pub position: Position,
    /// Each shard's coefficients, as its program stored them.
    pub states: BTreeMap<usize, Vec<u8>>,
    pub solutions: Vec<Solution>,
}

impl From<Plan> for Task {
    fn from(plan: Plan) -> Self {
        Task { plan, keeping: None }
    }
}

impl Task {
    /// A plan with checkpoints: a fit that goes on from one, or starts, and keeps more. The run
    /// must agree on [`Keeper::digest`].
    ///
    /// # Errors
    /// If the checkpoint is of other data, or makes no sense.
    pub fn keeping<S: Stored>(
        plan: Plan,
        keeper: Arc<Keeper>,
        problem: &Problem<S>,
    ) -> Result<Task, CheckpointError> {
        let sums = problem.shards.iter().map(|(shard, data)| (*shard, data.checksum()));
        let checksums: BTreeMap<usize, u32> = sums.collect();
        let mut start = Start { position: Position::start(), ..Start::default() };
        if let Some(from) = keeper.from() {
            let path = keeper.directory().to_owned();
            let strange = |why: String| CheckpointError::Damaged { path: path.clone(), why };
            start.position = serde_json::from_value(from.manifest.notes.clone())
                .map_err(|error| strange(error.to_string()))?;
            if !start.position.is_of(&plan) {
                return Err(strange("it is nowhere in the plan".to_owned()));
            }
            for shard in 0..from.manifest.identity.shards {
                let part = from.state(shard)?;
                let part = Part::read(&part, problem.columns)
                    .ok_or_else(|| strange(format!("shard {shard} makes no sense")))?;
                if checksums.get(&shard).is_some_and(|sum| *sum != part.checksum) {
                    let what = format!("the data of shard {shard} are others");
                    return Err(CheckpointError::Other { path: path.clone(), what });
                }
                start.states.insert(shard, part.state.to_vec());
                if shard == 0 {
                    start.solutions = part.solutions;
                }
            }
        }
        let keeping = Keeping { keeper, checksums: checksums.into(), start: start.into() };
        Ok(Task { plan, keeping: Some(keeping) })
    }
}

impl Keeping {
    /// The number of the checkpoint that ends a leg.
    fn number(leg: u64) -> u64 {
        leg.saturating_sub(1)
    }

    /// Writes the parts of this worker's shards at the end of a leg; on worker 0 with the solutions,
    /// and what belongs to all.
    pub fn save<'a>(
        &self,
        position: &Position,
        states: impl Iterator<Item = (usize, &'a Vec<u8>)>,
        solutions: Option<&[Solution]>,
    ) {
        let number = Keeping::number(position.leg);
        for (shard, state) in states {
            let checksum = self.checksums.get(&shard).copied().unwrap_or_default();
            let mut part = Vec::new();
            part.extend(u64::from(checksum).to_le_bytes());
            part.extend((state.len() as u64).to_le_bytes());
            part.extend(state);
            let solutions = solutions.filter(|_| shard == 0).unwrap_or_default();
            solutions.iter().for_each(|solution| put(solution, &mut part));
            self.keeper.part(number, shard, part);
        }
        if solutions.is_some() {
            let progress = Progress { epoch: position.step as u64, round: position.rounds };
            // Numbers and lists of numbers: nothing that JSON could not hold.
            let notes = serde_json::to_value(position).unwrap_or_default();
            self.keeper.complete(number, progress, notes);
        }
    }
}

/// What a part holds.
struct Part<'a> {
    checksum: u32,
    state: &'a [u8],
    solutions: Vec<Solution>,
}

impl<'a> Part<'a> {
    fn read(mut bytes: &'a [u8], columns: usize) -> Option<Part<'a>> {
        let checksum = u32::try_from(word(&mut bytes)?).ok()?;
        let length = usize::try_from(word(&mut bytes)?).ok()?;
        let (state, mut rest) = bytes.split_at_checked(length)?;
        if !is_state(state, columns) {
            return None;
        }
        let mut solutions = Vec::new();
        while !rest.is_empty() {
            solutions.push(take(&mut rest, columns)?);
        }
        Some(Part { checksum, state, solutions })
    }
}

/// Whether these are as many coefficients as they say, each of a column and finite.
fn is_state(mut state: &[u8], columns: usize) -> bool {
    let Some(count) = word(&mut state) else { return false };
    let mut found = 0;
    while let (Some(column), Some(value)) = (word(&mut state), word(&mut state)) {
        if column >= columns as u64 || !f64::from_bits(value).is_finite() {
            return false;
        }
        found += 1;
    }
    state.is_empty() && found == count
}

fn put(solution: &Solution, part: &mut Vec<u8>) {
    let Solution { point, intercept, coefficients } = solution;
    let mut words = vec![point.epoch, point.round];
    words.extend(bytemuck::cast::<Measure, [u64; WORDS]>(point.measure));
    words.extend([intercept.to_bits(), coefficients.len() as u64]);
    words.extend(coefficients.iter().flat_map(|(at, value)| [u64::from(*at), value.to_bits()]));
    words.into_iter().for_each(|word| part.extend(word.to_le_bytes()));
}

fn take(bytes: &mut &[u8], columns: usize) -> Option<Solution> {
    let (epoch, round) = (word(bytes)?, word(bytes)?);
    let mut measure = [0; WORDS];
    for to in &mut measure {
        *to = word(bytes)?;
    }
    let measure = bytemuck::cast::<[u64; WORDS], Measure>(measure);
    let intercept = f64::from_bits(word(bytes)?);
    let count = usize::try_from(word(bytes)?).ok().filter(|count| *count <= columns)?;
    let mut coefficients = Vec::with_capacity(count);
    for _ in 0..count {
        let column = u32::try_from(word(bytes)?).ok().filter(|at| (*at as usize) < columns)?;
        coefficients.push((column, f64::from_bits(word(bytes)?)));
    }
    Some(Solution { point: Point { epoch, round, measure }, intercept, coefficients })
}

/// The words of a measured point.
const WORDS: usize = size_of::<Measure>() / size_of::<u64>();

fn word(bytes: &mut &[u8]) -> Option<u64> {
    let (word, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back_and_pieces_of_them_do_not() {
        let measure = Measure { lambda: 0.5, lambda_max: f64::NAN, ..Measure::default() };
        let point = Point { epoch: 3, round: 7, measure };
        let solution =
            Solution { point, intercept: -1.5, coefficients: vec![(2, 0.25), (5, -0.0)] };
        let state: Vec<u8> =
            [1, 4, 2.5f64.to_bits()].into_iter().flat_map(u64::to_le_bytes).collect();
        assert!(is_state(&state, 5) && !is_state(&state, 4) && !is_state(&state[..16], 5));
        let mut bytes = Vec::new();
        bytes.extend(77u64.to_le_bytes());
        bytes.extend(24u64.to_le_bytes());
        bytes.extend(&state);
        let bare = bytes.len();
        put(&solution, &mut bytes);
        let whole = bytes.len();
        put(&solution, &mut bytes);
        let part = Part::read(&bytes, 6).expect("it is whole");
        assert_eq!((part.checksum, part.state, part.solutions.len()), (77, &state[..], 2));
        let mut again = Vec::new();
        put(&part.solutions[1], &mut again);
        assert_eq!(again, bytes[whole..]);
        assert!(Part::read(&bytes, 5).is_none(), "column 5 is none of five");
        for end in (0..bytes.len()).filter(|end| *end != bare && *end != whole) {
            assert!(Part::read(&bytes[..end], 6).is_none(), "{end} bytes");
        }
    }
}

//! The same data in every storage form, with the instructions of every kernel path.
//!
//! A path gives the same bits as any other, form by form. Forms sum in their own orders (two-bit
//! columns by counts, sparse ones over their entries), so that between forms objectives agree to
//! rounding.

use strads::shard::vectors;

use crate::support::{self, Children};

use super::draw::{Draw, at_share};
use super::judge::Judge;
use super::oracle::{Task, task};
use super::problems::{FORMS, Trait, problem};
use super::random;
use super::run::{self, Outcome, Run, Storage};

const PATHS: [&str; 3] = ["portable", "avx2", "avx512"];

/// Rows without weight. What stands in them decides the form of a column, and nothing else.
const MARKS: usize = 6;
/// Other rows: two lines of two-bit codes and a part of a third.
const ROWS: usize = 2 * 256 + 77;

/// The forms: what stands in the rows without weight, how columns are stored, and their bytes.
const FORMS_OF_ONE: [(&str, [f64; MARKS], Storage, usize); 6] = [
    ("two-bit", [0.0; MARKS], Storage::Dense, 16 + 32 + 3 * 64),
    ("one-byte", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], Storage::Dense, 16 + 16 + MARKS + ROWS),
    ("f32", [0.5, 1.25, 2.0, 300.0, 4.0, 5.0], Storage::Dense, 16 + 4 * (MARKS + ROWS)),
    ("f64", [0.1, 1.7, 2.0, 300.0, 4.0, 5.0], Storage::Dense, 16 + 8 * (MARKS + ROWS)),
    ("sparse f32", [0.0; MARKS], Storage::Sparse, 0),
    ("sparse f64", [0.1, 0.0, 0.0, 0.0, 0.0, 0.0], Storage::Sparse, 0),
];

/// A problem whose columns have the values 0, 1 and 2 in the rows that count.
fn counts(marks: [f64; MARKS], seed: u64) -> Task {
    let mut draw = Draw(seed);
    let count = 90;
    let shares: Vec<f64> = (0..count).map(|_| 0.1 + 0.5 * draw.unit()).collect();
    let column = |share: &f64| -> Vec<f64> {
        let one = |draw: &mut Draw| f64::from(u8::from(draw.chance(*share)));
        marks.into_iter().chain((0..ROWS).map(|_| one(&mut draw) + one(&mut draw))).collect()
    };
    let columns: Vec<Vec<f64>> = shares.iter().map(column).collect();
    let mut response: Vec<f64> = (0..MARKS + ROWS).map(|_| draw.normal()).collect();
    for column in columns.iter().step_by(5) {
        let beta = draw.normal();
        response.iter_mut().zip(column).skip(MARKS).for_each(|(y, x)| *y += beta * x);
    }
    let mut weights: Vec<f64> = (0..MARKS + ROWS).map(|_| 0.5 + draw.unit()).collect();
    weights[..MARKS].fill(0.0);
    let task = Task {
        weights: Some(weights),
        intercept: seed.is_multiple_of(2),
        standardize: seed % 3 == 1,
        l1_ratio: if seed % 4 == 3 { 0.6 } else { 1.0 },
        ..task(columns, response, 0.0)
    };
    at_share(task, [0.3, 0.05, 0.01][seed as usize % 3])
}

fn run_in(storage: Storage) -> Run {
    Run { threads: 2, storage, ..Run::shards(3).tolerance(1e-13) }
}

#[test]
fn every_form_gives_the_same_objective() {
    for seed in 0..4 {
        let mut objectives: Vec<f64> = Vec::new();
        for (name, marks, storage, bytes) in FORMS_OF_ONE {
            let task = counts(marks, seed);
            let shard = run::shards_of(&task.columns, task.rows(), 1, storage).remove(0).1;
            match bytes {
                0 => assert!((0..shard.len()).all(|at| shard.is_sparse(at)), "{name}"),
                bytes => assert_eq!(run::bytes_of(&shard), bytes * shard.len(), "{name}"),
            }
            let outcome = run::solve(&task, &run_in(storage));
            let gap = Judge::new(&task).relative_gap(&outcome.model(task.columns.len()));
            assert!(gap <= 1e-12, "{name}, seed {seed}: gap {gap:e}");
            objectives.push(outcome.solution().point.measure.objective());
            let off = objectives[0] - objectives[objectives.len() - 1];
            assert!(off.abs() <= 1e-12 * objectives[0], "{name}, seed {seed}: off by {off:e}");
        }
    }
}

/// Everything of a fit, bit by bit.
fn bits(outcome: &Outcome) -> String {
    let solution = outcome.solution();
    let measure = solution.point.measure;
    let mut text = format!(
        "{} rounds {:x} {:x} {:x}",
        outcome.fit.rounds,
        solution.intercept.to_bits(),
        measure.objective().to_bits(),
        measure.dual_objective().to_bits(),
    );
    for (column, value) in &solution.coefficients {
        text += &format!(" {column}:{:x}", value.to_bits());
    }
    text
}

/// Played: fits in every form and prints their bits.
#[test]
fn plays_fits() {
    let Some(_) = support::role() else { return };
    match vectors() {
        Err(_) => return println!("@missing"),
        Ok(path) => eprintln!("runs with {path}"),
    }
    for (name, marks, storage, _) in FORMS_OF_ONE {
        for seed in 0..4 {
            let outcome = run::solve(&counts(marks, seed), &run_in(storage));
            println!("@{name} {seed} {}", bits(&outcome));
        }
    }
    for form in FORMS {
        for kind in [Trait::Plain, Trait::Correlated, Trait::Duplicates, Trait::Full] {
            for seed in 0..4 {
                let task = problem(form, kind, seed);
                let outcome = run::solve(&task, &random::run(form, seed));
                println!("@{form:?} {kind:?} {seed} {}", bits(&outcome));
            }
        }
    }
}

#[test]
fn every_path_gives_the_same_bits() {
    let mut children = Children::new();
    for path in PATHS {
        children.play_with("lasso::forms::plays_fits", "", &[("STRADS_VECTORS", path)]);
    }
    let mut played: Vec<(&str, Vec<String>)> = Vec::new();
    for (path, outcome) in PATHS.into_iter().zip(children.wait()) {
        assert_eq!(outcome.code, Some(0), "{path}: {}", outcome.stderr);
        // What the test harness says may stand before the first of the lines.
        let marked = |line: &str| line.find('@').map(|at| line[at..].to_owned());
        let lines: Vec<String> = outcome.stdout.lines().filter_map(marked).collect();
        if lines == ["@missing"] {
            continue;
        }
        assert_eq!(lines.len(), 4 * FORMS_OF_ONE.len() + 16 * FORMS.len(), "{path}");
        assert!(outcome.stderr.contains(&format!("runs with {path}")), "{}", outcome.stderr);
        played.push((path, lines));
    }
    // Every processor has the portable one.
    assert_eq!(played[0].0, "portable");
    for (path, lines) in &played[1..] {
        for (line, portable) in lines.iter().zip(&played[0].1) {
            assert_eq!(line, portable, "{path}");
        }
    }
}

//! Batch fits: every mode, killed on one layout, gone on with on another.

use super::*;

/// Kills a run on each layout while it writes a checkpoint, goes on with it on the next, and
/// compares with a run that was left alone.
fn survives(arguments: &[&str], kills: &[u64]) {
    let job = Job::new(&[&["lasso"], arguments, &["--shards", "4"]].concat());
    let alone = job.done("alone", (1, 1), &[]);
    assert!(!job.checkpoints("alone").is_empty(), "{arguments:?}: no checkpoint was due");
    for (at, &layout) in LAYOUTS.iter().enumerate() {
        let next = LAYOUTS[(at + 1) % LAYOUTS.len()];
        let name = format!("killed-{at}");
        let step = failpoint::STEPS[at];
        for (again, kill) in kills.iter().enumerate() {
            let resume = if again == 0 { &[][..] } else { &["--resume"] };
            let died = job.run(&name, layout, resume, &format!("{step}:{kill}:kill"));
            let last = died.last().expect("a process");
            assert_eq!(last.code, None, "{arguments:?} {layout:?}: it was to die: {last:?}");
        }
        let left = job.done(&name, next, &["--resume"]);
        assert!(left.result == alone.result, "{arguments:?}: {layout:?} to {next:?}");
        assert!(left.model == alone.model, "{arguments:?}: {layout:?} to {next:?}");
    }
}

#[test]
fn a_working_set_goes_on() {
    let options = ["--lambda-ratio", "0.005", "--tol", "1e-9", "--checkpoint-every", "10"];
    survives(&[&[TEXTS], &options[..]].concat(), &[1]);
}

#[test]
fn a_path_goes_on_from_wherever_it_was() {
    let options = ["--path", "12", "--checkpoint-every", "10", "--standardize"];
    survives(&[&DIABETES[..], &options].concat(), &[5, 4]);
}

#[test]
fn cross_validation_goes_on_from_wherever_it_was() {
    let options = ["--cv", "3", "--path", "8", "--checkpoint-every", "12"];
    survives(&[&DIABETES[..], &options].concat(), &[6, 5]);
}

#[test]
fn rows_go_on() {
    let rows = ["--form", "rows", "--checkpoint-every", "10"];
    survives(&[&DIABETES[..], &rows, &["--path", "10"]].concat(), &[3]);
    survives(&[&DIABETES[..], &rows, &["--cv", "3", "--path", "6"]].concat(), &[4]);
}

#[test]
fn the_schedules_of_the_paper_go_on() {
    for scheduler in ["dynamic", "priority", "random", "round-robin"] {
        let schedule = ["--scheduler", scheduler, "--block", "2", "--certify-every", "20"];
        let stop = ["--lambda-ratio", "0.1", "--max-rounds", "4000", "--tol", "1e-5"];
        let every = ["--checkpoint-every", "30", "--staleness", "1"];
        survives(&[&DIABETES[..], &schedule, &stop, &every].concat(), &[3]);
    }
}

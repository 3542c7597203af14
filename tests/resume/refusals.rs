//! Checkpoints that are none of this run, or not whole; disks that are full.

use super::*;

const PATH: [&str; 4] = ["--path", "12", "--checkpoint-every", "10"];

fn path() -> Job {
    Job::new(&[&["lasso"], &DIABETES[..], &PATH, &["--shards", "2"]].concat())
}

/// The complaint of a run that ended with a code.
fn complaint(outcomes: &[Outcome], code: i32) -> String {
    assert_eq!(outcomes[0].code, Some(code), "{outcomes:?}");
    outcomes[0].complaints().last().copied().unwrap_or_default().to_owned()
}

#[test]
fn checkpoints_of_other_runs_are_refused() {
    let job = path();
    job.done("first", (1, 1), &[]);
    let refused = |more: &[&str]| {
        let more = [more, &["--resume"]].concat();
        complaint(&job.run("first", (1, 1), &more, ""), 6)
    };
    let other = refused(&["--positive"]);
    assert!(other.ends_with("of another run: other options or data"), "{other}");
    let seed = refused(&["--seed", "3"]);
    assert!(seed.ends_with("of another run: expected seed 3, found 0"), "{seed}");
    let again = complaint(&job.run("first", (1, 1), &[], ""), 2);
    assert!(again.contains("go on from them with --resume, or remove them"), "{again}");
    let (data, changed) = (fs::read_to_string(DIABETES[0]).expect("data"), job.path("data.csv"));
    // A digit of a feature in the last row; the response, which every process has, is the same.
    let row = data.trim_end().rfind('\n').expect("rows") + 1;
    let digit = row + data[row..].find(|c: char| c.is_ascii_digit()).expect("a digit");
    let one = if &data[digit..=digit] == "1" { "2" } else { "1" };
    fs::write(&changed, [&data[..digit], one, &data[digit + 1..]].concat()).expect("room");
    let changed = changed.to_str().expect("a path in UTF-8");
    let job = Job {
        arguments: [&["lasso", changed], &DIABETES[1..], &PATH, &["--shards", "2"]]
            .concat()
            .into_iter()
            .map(String::from)
            .collect(),
        ..job
    };
    let data = complaint(&job.run("first", (1, 1), &["--resume"], ""), 6);
    assert!(data.contains("of another run: the data of shard"), "{data}");
}

#[test]
fn shards_are_those_of_the_checkpoint() {
    let job = path();
    let alone = job.done("alone", (1, 1), &[]);
    job.run("killed", (1, 1), &[], "before-write:8:kill");
    let unsaid = Job { arguments: job.arguments[..job.arguments.len() - 2].to_vec(), ..job };
    let other = complaint(&unsaid.run("killed", (1, 1), &["--resume", "--shards", "3"], ""), 6);
    assert!(other.ends_with("expected shards 3, found 2"), "{other}");
    let left = unsaid.done("killed", (1, 1), &["--resume"]);
    assert!(left == alone);
}

#[test]
fn where_there_is_no_checkpoint_a_run_begins() {
    let job = path();
    let alone = job.done("alone", (1, 1), &[]);
    assert!(job.done("begun", (1, 2), &["--resume"]) == alone);
    // One that was never completed is none.
    job.run("killed", (2, 1), &[], "after-write:1:kill");
    assert!(job.done("killed", (1, 1), &["--resume"]) == alone);
}

#[test]
fn every_damage_leads_to_the_one_before() {
    let job = path();
    let alone = job.done("alone", (1, 1), &[]);
    let kept = job.checkpoints("alone");
    assert_eq!(kept.len(), 2, "two are kept");
    for file in ["MANIFEST", "part-00000", "part-00001"] {
        let name = format!("damaged-{file}");
        copy(&job.path("alone"), &job.path(&name));
        let damaged = job.checkpoints(&name).pop().expect("the newest").join(file);
        let mut bytes = fs::read(&damaged).expect("a file");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&damaged, &bytes).expect("room");
        let outcomes = job.run(&name, (1, 1), &["--resume"], "");
        let said = &outcomes[0].stderr;
        assert!(said.contains(file) && said.contains("damaged"), "{said}");
        assert!(job.left(&name, &outcomes[0].stdout) == alone);
        for checkpoint in job.checkpoints(&name) {
            fs::write(checkpoint.join(file), "").expect("room");
        }
        let none = complaint(&job.run(&name, (1, 1), &["--resume"], ""), 6);
        assert!(none.contains(file) && none.contains("damaged"), "{none}");
    }
}

#[test]
fn a_full_disk_ends_the_run_only_if_checkpoints_are_required() {
    let job = path();
    let alone = job.done("alone", (1, 1), &[]);
    for count in [1, 2, 3, 5] {
        let (name, failpoint) = (format!("full-{count}"), format!("after-write:{count}:full"));
        let required = job.run(&name, (1, 1), &["--checkpoint-required"], &failpoint);
        let why = complaint(&required, 1);
        assert!(why.contains("cannot write"), "{why}");
        // What was complete before is whole, and gone on from.
        assert_eq!(job.checkpoints(&name).len() as u64, (count - 1) / 3);
        let left = job.done(&name, (2, 1), &["--resume", "--checkpoint-required"]);
        assert!(left == alone, "{count}");
    }
}

#[test]
fn a_run_goes_on_without_a_disk() {
    let job = path();
    let alone = job.done("alone", (1, 1), &[]);
    // No checkpoint can be written below a file; models go elsewhere.
    fs::write(job.path("file"), "no directory").expect("room");
    let run = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_strads"));
        command.args(&job.arguments).args(more).args(["--format", "json", "--checkpoint"]);
        command.arg(job.path("file").join("below")).arg("--model").arg(job.path("on.safetensors"));
        let mut children = Children::new();
        children.spawn(&mut command);
        children.wait()
    };
    let required = complaint(&run(&["--checkpoint-required"]), 1);
    assert!(required.contains("cannot make the directory"), "{required}");
    let outcome = run(&[]).remove(0);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stderr.contains("going on without new checkpoints"), "{outcome:?}");
    assert!(job.left("on", &outcome.stdout) == alone);
}

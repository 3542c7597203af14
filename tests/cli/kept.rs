//! Runs of `strads lda` and `strads mf` that are killed and go on, elsewhere, to the same bytes.

use super::*;

/// What a run gives that does not depend on where and when it ran, and its model file.
type Came = (Value, Vec<u8>);

fn came(ran: &Ran, model: &str) -> Came {
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let mut result = ran.json();
    let fields = result.as_object_mut().expect("an object");
    for name in ["seconds", "peak_bytes", "workers", "processes"] {
        fields.remove(name);
    }
    (result, std::fs::read(model).expect("a model was written"))
}

/// Kills the run in the midst of writing its checkpoints, and lets it go on as several processes.
fn is_killed_and_goes_on(data: &[&str], options: &[&str]) {
    let (_kept, file) = directory();
    let model = file("model.safetensors");
    let start = [data, options, &["--shards", "3", "--format", "json", "--model", &model]].concat();
    let plain = came(&run(&[&start[..], &["-w", "2"]].concat()), &model);
    for place in ["before-write:2", "after-rename:7", "before-manifest:2", "after-manifest:1"] {
        let kept = file(&format!("kept-{place}"));
        let checkpoints =
            ["--checkpoint", &kept, "--checkpoint-every", "2", "--checkpoint-required"];
        let all = [&start[..], &checkpoints].concat();
        let point = format!("{place}:kill");
        let killed = command(&[&all[..], &["-w", "3"]].concat())
            .env("STRADS_FAILPOINT", &point)
            .output()
            .expect("the binary was built");
        assert_eq!(killed.status.code(), None, "{point}: it was killed");
        let launched = [&["launch", "-n", "2", "--"], &all[..], &["--resume"]].concat();
        assert!(came(&run(&launched), &model) == plain, "{point}: {options:?}");
        // Once more, from the last one.
        assert!(came(&run(&[&all[..], &["--resume"]].concat()), &model) == plain, "{options:?}");
        let again = run(&all);
        assert_eq!(again.code, Some(2), "{}", again.stderr);
    }
    let kept = file("kept-before-write:2");
    let other = ["--checkpoint", &kept, "--checkpoint-every", "2", "--resume", "--seed", "7"];
    let other = run(&[&start[..], &other].concat());
    assert_eq!(other.code, Some(6), "{}", other.stderr);
    assert!(other.stderr.contains("of another run: expected seed 7"), "{}", other.stderr);
}

#[test]
fn topics() {
    let data = [&["lda"], &MAILS[..]].concat();
    let optimize = ["--optimize-alpha", "--burn-in", "2", "--samples", "2", "--sample-every", "3"];
    let options = ["--topics", "8", "--iterations", "8", "--doc-topics", "--likelihood-every", "3"];
    is_killed_and_goes_on(&data, &[&options[..], &optimize].concat());
}

#[test]
fn coordinate_descent() {
    let options = ["--rank", "9", "--iterations", "7", "--lambda", "5", "--biases", "--no-seen"];
    is_killed_and_goes_on(&["mf", LECTURES], &options);
}

#[test]
fn gradient_descent() {
    let options = ["--rank", "8", "--solver", "sgd", "--holdout", "0.1", "--no-seen", "--top", "3"];
    is_killed_and_goes_on(&["mf", LECTURES], &options);
}

#[test]
fn a_full_disk_is_told_and_the_run_goes_on_or_ends_as_asked() {
    let (_kept, file) = directory();
    let start = ["mf", LECTURES, "--rank", "8", "--iterations", "5", "--lambda", "5"];
    for (more, code) in [(None, Some(0)), (Some("--checkpoint-required"), Some(1))] {
        let kept = file(&format!("{more:?}"));
        let checkpoints = ["--checkpoint", &kept, "--checkpoint-every", "2"];
        let all = [&start[..], &checkpoints, &more.into_iter().collect::<Vec<_>>()].concat();
        let done = command(&all).env("STRADS_FAILPOINT", "after-write:2:full").output();
        let done = done.expect("the binary was built");
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), code, "{stderr}");
        assert!(stderr.contains("cannot write: "), "{stderr}");
    }
}

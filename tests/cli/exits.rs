//! How runs end: codes, complaints, and readers that go away.

use std::process::Stdio;

use super::*;

const LASSO: [&str; 4] = ["lasso", DIABETES, "--target", "progression"];

fn lasso(options: &[&str]) -> Ran {
    run(&[&LASSO[..], options].concat())
}

#[test]
fn senseless_command_lines_are_told_in_a_line_and_a_hint() {
    let cases: [&[&str]; 31] = [
        &["--lambda", "-1"],
        &["--lambda", "nan"],
        &["--lambda", "x"],
        &["--lambda", "1", "--lambda-ratio", "0.1"],
        &["--lambda", "1", "--path", "3"],
        &["--lambda", "1", "--cv", "3"],
        &["--path", "0"],
        &["--lambda-min-ratio", "0.1"],
        &["--path", "5", "--lambda-min-ratio", "2"],
        &["--cv", "1"],
        &["--cv", "443"],
        &["--l1-ratio", "1.5"],
        &["--l1-ratio", "0"],
        &["--tol", "-1"],
        &["--max-seconds", "-1"],
        &["--max-rounds", "0"],
        &["--scheduler", "best"],
        &["--block", "8"],
        &["--certify-every", "5"],
        &["--staleness", "1"],
        &["--scheduler", "random", "--rho", "0.5"],
        &["--scheduler", "random", "--priority", "moved"],
        &["--scheduler", "dynamic", "--rho", "0"],
        &["--scheduler", "dynamic", "--block", "8", "--candidates", "4"],
        &["--scheduler", "dynamic", "--no-screening"],
        &["--shards", "0"],
        &["--response", "y.txt", "--response-column", "0"],
        &["-w", "0"],
        &["-n", "2", "-p", "2"],
        &["--path", "3", "--warm-start", "m"],
        &["--lamda", "1"],
    ];
    for case in cases {
        let ran = lasso(case);
        let complaint = ran.complaint(2);
        let mut named = case.iter().filter(|word| word.starts_with('-'));
        assert!(named.any(|option| complaint.contains(option)), "{case:?}: {complaint}");
        assert!(ran.stderr.lines().count() <= 3, "{case:?}: {}", ran.stderr);
    }
    assert!(run(&["lasso"]).complaint(2).contains("DATA"));
    assert!(run(&["dance"]).complaint(2).contains("dance"));
}

#[test]
fn help_is_on_stdout_and_whole() {
    let all = run(&["--help"]);
    assert_eq!((all.code, all.stderr.as_str()), (Some(0), ""));
    for command in ["lasso", "lda", "predict", "inspect", "convert", "generate"] {
        assert!(all.stdout.contains(command));
        let help = run(&[command, "--help"]);
        assert_eq!((help.code, help.stderr.as_str()), (Some(0), ""));
        assert!(help.stdout.contains("Usage: strads"), "{}", help.stdout);
        assert!(!help.stdout.contains('\u{1b}'));
    }
    assert!(run(&["--version"]).stdout.starts_with("strads "));
    assert!(run(&["lasso", "--help"]).stdout.contains("--hostfile"));
}

#[test]
fn bad_data_is_told_by_place() {
    let (_kept, file) = directory();
    let (data, numbers) = (file("bad.svmlight"), file("numbers.txt"));
    std::fs::write(&data, "1 1:2\n2 1:x\n").unwrap();
    let complaint = format!("{data}:2:5: expected ");
    assert!(run(&["lasso", &data]).complaint(3).starts_with(&complaint));
    std::fs::write(&data, "").unwrap();
    run(&["lasso", &data, "--input-format", "svmlight"]).complaint(3);
    assert!(run(&["lasso", "nowhere.csv"]).complaint(3).contains("nowhere.csv"));
    assert!(run(&["lasso", DIABETES, "--target", "y"]).complaint(3).contains("`y`"));
    run(&["lasso", DIABETES]).complaint(3);
    for (text, place) in [("1\n2\n", ":2:1: expected 10"), ("1\n -2\n", ":2:2: expected a")] {
        std::fs::write(&numbers, text).unwrap();
        for option in ["--penalty-factor", "--weights"] {
            let ran = lasso(&[option, &numbers]);
            let place = place.replace("10", if option == "--weights" { "442" } else { "10" });
            assert!(ran.complaint(3).starts_with(&format!("{numbers}{place}")), "{}", ran.stderr);
        }
    }
    std::fs::write(&numbers, "0\n".repeat(442)).unwrap();
    lasso(&["--weights", &numbers]).complaint(3);
    assert!(lasso(&["--weights", "heft"]).complaint(3).contains("`heft`"));
    std::fs::write(&numbers, "0\n".repeat(10)).unwrap();
    lasso(&["--penalty-factor", &numbers, "--scheduler", "random"]).complaint(2);
}

#[test]
fn outputs_that_cannot_be_written_are_refused_before_training() {
    let (_kept, file) = directory();
    let (nowhere, directory) = (file("none/file"), file(""));
    for option in ["--model", "--log", "--report"] {
        for path in [&nowhere, &directory] {
            let ran = lasso(&[option, path]);
            assert!(ran.complaint(2).contains(path.as_str()), "{}", ran.stderr);
        }
    }
    run(&["convert", DIABETES, &nowhere]).complaint(2);
    run(&["convert", DIABETES, &file("none/file.csv")]).complaint(2);
    run(&["generate", "lasso", &file("none/file.csv")]).complaint(2);
}

#[test]
fn models_that_cannot_be_used_are_refused() {
    let (_kept, file) = directory();
    let (model, broken) = (file("m.safetensors"), file("broken.safetensors"));
    diabetes(&["--model", &model]);
    let mut bytes = std::fs::read(&model).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&broken, bytes).unwrap();
    for bad in [broken.as_str(), DIABETES, "none.safetensors", "."] {
        run(&["predict", "--model", bad, DIABETES]).complaint(6);
        run(&["inspect", "--model", bad]).complaint(6);
        lasso(&["--warm-start", bad]).complaint(6);
    }
    run(&["lasso", TEXTS, "--warm-start", &model]).complaint(6);
    let text = "a,b,progression\n1,2,3\n2,3,4\n";
    let other = file("other.csv");
    std::fs::write(&other, text).unwrap();
    assert!(run(&["predict", "--model", &model, &other]).complaint(3).contains("column `"));
    run(&["predict", "--model", &model, TEXTS]).complaint(3);
    run(&["predict", "--model", &model, DIABETES, "--lambda-index", "1"]).complaint(2);
}

#[test]
fn peers_that_do_not_come_are_told() {
    let hosts = super::support::hostfile(&super::support::free_addresses(2));
    let hosts = text(hosts.path().to_owned());
    lasso(&["-n", "2", "-p", "0", "-h", &hosts, "--connect-timeout", "1", "--quiet"]).complaint(4);
}

#[test]
fn readers_that_go_away_are_no_failure() {
    let (_kept, file) = directory();
    let model = file("m.safetensors");
    diabetes(&["--model", &model]);
    let commands: [&[&str]; 4] = [
        &LASSO,
        &["predict", "--model", &model, DIABETES],
        &["inspect", "--model", &model],
        &["lasso", "--help"],
    ];
    for arguments in commands {
        let mut command = command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let done = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(0), "{arguments:?} {stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
    let mut command = command(&LASSO);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(0), "stderr may be closed as well");
}

#[test]
fn numbers_that_overflow_are_a_failure() {
    let (_kept, file) = directory();
    let data = file("large.svmlight");
    std::fs::write(&data, "1e300 1:1\n-1e300 1:1 2:1\n3 2:5\n").unwrap();
    let ran = run(&["lasso", &data, "--quiet"]);
    assert!(ran.complaint(1).contains("too large"));
}

#[test]
fn odd_tables_end_in_order() {
    let (_kept, file) = directory();
    let data = file("odd.csv");
    let tables = [
        "a,y\n1,1\n",
        "a,y\n1,1\n1,2\n",
        "a,y\n1,3\n2,3\n",
        "y\n1\n2\n",
        "a,y\n0,1\n0,2\n",
        "a,b,y\n1,1,1\n2,2,2\n3,3,3\n",
    ];
    for table in tables {
        std::fs::write(&data, table).unwrap();
        for options in [&["--lambda-ratio", "0.1"][..], &["--standardize"], &["--path", "3"]] {
            let ran = run(&[&["lasso", &data, "--target", "y"], options].concat());
            assert_eq!(ran.code, Some(0), "{table:?} {options:?} {}", ran.stderr);
        }
    }
}

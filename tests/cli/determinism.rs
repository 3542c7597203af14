//! One model, bit for bit, on any number of threads and processes.

use super::support::{Children, free_addresses, hostfile};
use super::*;

/// The model files of a command's runs on the same shards.
pub fn models(command_name: &str, data: &str, options: &[&str]) -> Vec<Vec<u8>> {
    let (_kept, file) = directory();
    let mut models = Vec::new();
    for threads in ["1", "4"] {
        let model = file(&format!("w{threads}.safetensors"));
        let run = [command_name, data, "--model", &model, "-w", threads, "--shards", "4"];
        json(&[&run[..], options].concat());
        models.push(std::fs::read(model).expect("a model"));
    }
    for (processes, threads) in [(2, "2"), (4, "1")] {
        let model = file(&format!("n{processes}.safetensors"));
        let hosts = hostfile(&free_addresses(processes));
        let hosts = text(hosts.path().to_owned());
        let processes_word = processes.to_string();
        let mut children = Children::new();
        for process in 0..processes {
            let process = process.to_string();
            let place = ["-n", &processes_word, "-p", &process, "-h", &hosts, "-w", threads];
            let run = [command_name, data, "--model", &model, "--shards", "4", "--quiet"];
            children.spawn(&mut command(&[&run[..], options, &place].concat()));
        }
        for (process, outcome) in children.wait().into_iter().enumerate() {
            assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
            assert_eq!(outcome.stdout.is_empty(), process > 0, "only process 0 speaks");
        }
        models.push(std::fs::read(model).expect("a model"));
    }
    models
}

pub fn assert_equal(models: &[Vec<u8>]) {
    assert!(models[0].len() > 100);
    assert!(models.iter().all(|model| *model == models[0]));
}

#[test]
fn working_sets_give_the_same_bytes_everywhere() {
    assert_equal(&models("lasso", TEXTS, &["--lambda-ratio", "0.1"]));
}

#[test]
fn dynamic_blocks_give_the_same_bytes_everywhere() {
    let dynamic = ["--scheduler", "dynamic", "--block", "8", "--certify-every", "500"];
    assert_equal(&models("lasso", TEXTS, &[&dynamic[..], &["--lambda-ratio", "0.3"]].concat()));
}

#[test]
fn cross_validation_gives_the_same_bytes_everywhere() {
    let options = ["--target", "progression", "--cv", "3", "--path", "5"];
    assert_equal(&models("lasso", DIABETES, &options));
}

#[test]
fn rows_give_the_same_bytes_everywhere() {
    let (_kept, file) = directory();
    let data = file("tall.csv");
    let mut table = String::from("y,a,b,c\n");
    for row in 0..4500u32 {
        let (a, b) = (row * 7919 % 1009, row * 104_729 % 997);
        table += &format!("{},{a},{}.25,{}\n", (3 * a + b) % 5003, b, row % 3);
    }
    std::fs::write(&data, table).expect("room for a table");
    let options = ["--target", "y", "--form", "rows", "--cv", "3", "--path", "4"];
    assert_equal(&models("lasso", &data, &options));
}

#[test]
fn other_options_are_not_joined() {
    let hosts = hostfile(&free_addresses(2));
    let hosts = text(hosts.path().to_owned());
    let mut children = Children::new();
    for (process, tol) in [("0", "1e-6"), ("1", "1e-7")] {
        let run = ["lasso", DIABETES, "--target", "progression", "--tol", tol];
        let place = ["-n", "2", "-p", process, "-h", &hosts, "--connect-timeout", "5"];
        children.spawn(&mut command(&[&run[..], &place].concat()));
    }
    for outcome in children.wait() {
        assert!(matches!(outcome.code, Some(2 | 4)), "{outcome:?}");
    }
}

#[test]
fn every_process_tells_that_a_run_did_not_converge() {
    let (_kept, file) = directory();
    let (log, cache) = (file("run.jsonl"), file("cache"));
    let hosts = hostfile(&free_addresses(2));
    let hosts = text(hosts.path().to_owned());
    let mut children = Children::new();
    for process in ["0", "1"] {
        let place = ["-n", "2", "-p", process, "-h", &hosts];
        let files = ["--log", &log, "--cache", &cache];
        let run = ["lasso", MICE, "--max-rounds", "2", "--quiet", "--format", "json"];
        children.spawn(&mut command(&[&run[..], &place, &files].concat()));
    }
    let outcomes = children.wait();
    assert!(outcomes.iter().all(|outcome| outcome.code == Some(5)), "{outcomes:?}");
    let found: Value = serde_json::from_str(&outcomes[0].stdout).expect("process 0 speaks");
    assert_eq!(found["missing"], json(&["lasso", MICE, "--lambda-ratio", "0.9"])["missing"]);
    assert_eq!(found["memory"]["data"].as_array().map(Vec::len), Some(2));
    assert!(number(&found, "peak_bytes") > 4e6, "of two processes");
    let log = contents(&log);
    let last: Value = serde_json::from_str(log.lines().last().expect("points")).expect("JSON");
    assert_eq!(last["memory"], found["memory"]);
}

//! `strads lasso`: what comes out, and how it went.

use serde_json::Value;

use super::*;

#[test]
fn the_command_of_the_readme_runs() {
    let (_kept, file) = directory();
    let page = file("run.html");
    let ran = run(&["lasso", MICE, "--lambda-ratio", "0.5", "-w", "2", "--report", &page]);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    for expected in ["1580 rows (360 without response left out), 12226 columns", "converged"] {
        assert!(ran.stdout.contains(expected), "{}", ran.stdout);
    }
    assert!(ran.stdout.lines().count() < 40);
    assert!(ran.stderr.contains("of the data; replicated: response"), "{}", ran.stderr);
    let page = contents(&page);
    assert!(page.starts_with("<!doctype html>") && page.contains("<svg"));
    assert!(!page.contains("NaN") && !page.contains("http"));
}

#[test]
fn json_has_every_key() {
    let found = diabetes(&["-w", "2", "--shards", "4"]);
    let keys = [
        "command",
        "version",
        "seed",
        "shards",
        "workers",
        "processes",
        "rows",
        "columns",
        "seconds",
        "rounds",
        "converged",
        "peak_bytes",
        "lambda",
        "lambda_max",
        "objective",
        "dual_objective",
        "gap",
        "relative_gap",
        "nonzeros",
        "intercept",
        "updates",
        "left_out",
        "missing",
    ];
    for key in keys {
        assert!(!found[key].is_null(), "{key}: {found}");
    }
    for part in ["load", "train", "write"] {
        assert!(number(&found["seconds"], part) >= 0.0);
    }
    assert_eq!((&found["workers"], &found["shards"]), (&2.into(), &4.into()));
    assert_eq!((&found["rows"], &found["columns"]), (&442.into(), &10.into()));
    assert_eq!(found["converged"], true);
    assert_eq!(found["nonzeros"], found["coefficients"].as_array().unwrap().len());
    let relative = number(&found, "gap") / 2964.9424484551914;
    close(number(&found, "relative_gap"), relative, 1e-9);
}

#[test]
fn paths_fall_and_match_single_fits() {
    let (_kept, file) = directory();
    let model = file("path.safetensors");
    let options = ["--path", "7", "--lambda-min-ratio", "0.02", "--tol", "1e-10"];
    let found = diabetes(&[&options[..], &["--model", &model]].concat());
    let path = found["path"].as_array().unwrap();
    assert_eq!(path.len(), 7);
    close(number(&path[0], "lambda"), number(&found, "lambda_max"), 1e-12);
    close(number(&path[6], "lambda"), 0.02 * number(&found, "lambda_max"), 1e-9);
    assert_eq!(path[0]["nonzeros"], 0);
    assert_eq!(path[6]["objective"], found["objective"]);
    for pair in path.windows(2) {
        assert!(number(&pair[1], "lambda") < number(&pair[0], "lambda"));
        assert!(number(&pair[1], "objective") <= number(&pair[0], "objective"));
    }
    let lambda = path[3]["lambda"].to_string();
    let single = diabetes(&["--lambda", &lambda, "--tol", "1e-10"]);
    close(number(&path[3], "objective"), number(&single, "objective"), 1e-9);
    let inspected = json(&["inspect", "--model", &model, "--lambda-index", "3"]);
    assert_eq!(inspected["shape"], serde_json::json!([7, 10]));
    assert_eq!(inspected["nonzeros"], path[3]["nonzeros"]);
}

#[test]
fn cross_validation_finds_a_lambda_on_the_path() {
    let (_kept, file) = directory();
    let (model, log) = (file("cv.safetensors"), file("cv.jsonl"));
    let options = ["--cv", "4", "--path", "12", "--model", &model, "--log", &log];
    let found = diabetes(&options);
    let cv = &found["cv"];
    assert_eq!(cv["folds"], 4);
    for list in ["lambda", "mean", "error"] {
        assert_eq!(cv[list].as_array().unwrap().len(), 12, "{list}");
    }
    assert_eq!(found["path"].as_array().unwrap().len(), 12);
    assert_eq!(cv["lambda_min"], found["lambda"]);
    assert!(number(cv, "lambda_1se") >= number(cv, "lambda_min"));
    // Out of sample the model explains much, and less than in sample.
    let means = cv["mean"].as_array().unwrap().iter().filter_map(Value::as_f64);
    let best = means.fold(f64::INFINITY, f64::min);
    assert!((2500.0..3600.0).contains(&best), "{best}");
    let inspected = json(&["inspect", "--model", &model]);
    assert_eq!(inspected["shape"], serde_json::json!([10]));
    assert!(contents(&log).lines().any(|line| line.contains("\"fold\":3")));
    assert_eq!(diabetes(&options)["cv"], *cv);
    assert_ne!(diabetes(&[&options[..], &["--seed", "1"]].concat())["cv"]["mean"], cv["mean"]);
}

#[test]
fn a_warm_start_is_where_it_was() {
    let (_kept, file) = directory();
    let model = file("m.safetensors");
    let options = ["--lambda", "20", "--tol", "1e-8"];
    let first = diabetes(&[&options[..], &["--model", &model]].concat());
    let second = diabetes(&[&options[..], &["--warm-start", &model]].concat());
    assert_eq!(second["updates"], 0);
    assert!(number(&second, "rounds") < number(&first, "rounds"));
    close(number(&second, "objective"), number(&first, "objective"), 1e-12);
}

#[test]
fn the_log_falls_at_one_lambda() {
    let (_kept, file) = directory();
    let log = file("run.jsonl");
    let few = ["--certify-every", "20", "--block", "4", "--tol", "1e-9"];
    for scheduler in ["working-set", "dynamic", "priority", "random", "round-robin"] {
        let few = if scheduler == "working-set" { &few[4..] } else { &few[..] };
        let arm = ["--scheduler", scheduler, "--lambda", "20", "--log", &log];
        let found = diabetes(&[&arm[..], few].concat());
        let points: Vec<Value> = contents(&log)
            .lines()
            .map(|line| serde_json::from_str(line).expect("a JSON object a line"))
            .collect();
        assert!(points.len() > 2, "{scheduler}");
        let last: Vec<&Value> = points.iter().filter(|point| point["last_stage"] == true).collect();
        for pair in last.windows(2) {
            let (before, after) = (number(pair[0], "objective"), number(pair[1], "objective"));
            assert!(after <= before * (1.0 + 1e-12), "{scheduler}: {before} {after}");
            assert!(number(pair[1], "round") > number(pair[0], "round"));
            assert!(number(pair[1], "seconds") >= number(pair[0], "seconds"));
        }
        let end = points.last().expect("points");
        for key in ["objective", "dual_objective", "gap", "relative_gap", "nonzeros", "updates"] {
            assert_eq!(end[key], found[key], "{scheduler} {key}");
        }
        close(number(&found, "objective"), 1870.0, 0.1);
    }
}

#[test]
fn schedules_agree_on_the_optimum() {
    let lambda = ["--lambda", "10", "--tol", "1e-10"];
    let best = number(&diabetes(&lambda), "objective");
    let arms: [&[&str]; 6] = [
        &["--no-screening"],
        &["--scheduler", "dynamic", "--rho", "0.5", "--candidates", "8", "--block", "4"],
        &["--scheduler", "priority", "--priority", "moved", "--block", "3"],
        &["--scheduler", "random", "--staleness", "2", "--block", "2", "--seed", "5"],
        &["--scheduler", "round-robin", "--block", "auto", "--placement", "central"],
        &["--placement", "central", "--shards", "3", "-w", "2"],
    ];
    for arm in arms {
        close(number(&diabetes(&[&lambda[..], arm].concat()), "objective"), best, 1e-9);
    }
}

#[test]
fn limits_end_a_run_that_says_so() {
    let (_kept, file) = directory();
    let model = file("m.safetensors");
    let arguments = ["lasso", DIABETES, "--target", "progression", "--format", "json"];
    for limit in [["--max-rounds", "3"], ["--max-seconds", "0"], ["--tol", "0"]] {
        let ran = run(&[&arguments[..], &limit, &["--model", &model]].concat());
        assert_eq!(ran.code, Some(5), "{limit:?} {}", ran.stderr);
        assert_eq!(ran.json()["converged"], false);
        assert!(ran.stderr.contains("not converged"));
        let inspected = json(&["inspect", "--model", &model]);
        assert_eq!(inspected["certificate"][0]["converged"], false);
    }
}

#[test]
fn rows_and_columns_agree() {
    let (_kept, file) = directory();
    let weights = file("weights");
    std::fs::write(&weights, "1\n2\n".repeat(221)).expect("room for weights");
    let manners: [&[&str]; 5] = [
        &["--lambda-ratio", "0.01"],
        &["--path", "5", "--standardize", "--no-intercept"],
        &["--l1-ratio", "0", "--lambda", "3"],
        &["--positive", "--weights", &weights],
        &["--weights", "age", "--shards", "3", "-w", "2"],
    ];
    for manner in manners {
        let solve = |form| diabetes(&[manner, &["--tol", "1e-9", "--form", form]].concat());
        let (rows, columns) = (solve("rows"), solve("columns"));
        assert_eq!((&rows["form"], &columns["form"]), (&"rows".into(), &"columns".into()));
        let columns = number(&columns, "objective");
        close(number(&rows, "objective"), columns, 1e-8);
    }
    // Small tables are kept by column.
    assert_eq!(diabetes(&[])["form"], "columns");
}

#[test]
fn every_format_can_be_kept_by_rows() {
    let solve = |form| json(&["lasso", TEXTS, "--form", form, "--tol", "1e-8"]);
    close(number(&solve("rows"), "objective"), number(&solve("columns"), "objective"), 1e-7);
}

#[test]
fn tall_tables_are_kept_by_rows() {
    let (_kept, file) = directory();
    let data = file("tall.csv");
    let mut table = String::from("a,y,b\n");
    for row in 0..16_384u32 {
        let a = row * 7919 % 1009;
        table += &format!("{a},{},{}\n", 2 * a + row % 7, row % 5);
    }
    std::fs::write(&data, &table).expect("room for a table");
    let solve = |options: &[&str]| {
        json(&[&["lasso", &data, "--target", "y", "--tol", "1e-9"], options].concat())
    };
    let (rows, columns) = (solve(&[]), solve(&["--form", "columns"]));
    assert_eq!((&rows["form"], &columns["form"]), (&"rows".into(), &"columns".into()));
    close(number(&rows, "objective"), number(&columns, "objective"), 1e-8);
    assert_eq!(solve(&["--scheduler", "random"])["form"], "columns");
    // One row less is not enough.
    std::fs::write(&data, table.trim_end().rsplit_once('\n').expect("rows").0).expect("room");
    let fewer = solve(&["-w", "2"]);
    assert_eq!((&fewer["form"], &fewer["rows"]), (&"columns".into(), &16_383.into()));
}

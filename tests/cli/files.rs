//! `predict`, `inspect`, `convert` and `generate`: what is written reads back.

use serde_json::Value;

use super::*;

fn numbers(text: &str) -> Vec<f64> {
    text.lines().map(|line| line.parse().expect("a number a line")).collect()
}

#[test]
fn predictions_are_those_of_the_coefficients() {
    let (_kept, file) = directory();
    let (model, out) = (file("m.safetensors"), file("predictions.txt"));
    let fitted = diabetes(&["--model", &model, "--lambda", "20"]);
    let found = json(&["predict", "--model", &model, DIABETES]);
    let predictions: Vec<f64> =
        found["predictions"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    assert_eq!(predictions.len(), 442);
    let rows = contents(DIABETES);
    for (line, predicted) in rows.lines().skip(1).zip(&predictions) {
        let row: Vec<f64> = line.split(',').map(|field| field.parse().unwrap()).collect();
        let terms = fitted["coefficients"].as_array().unwrap().iter();
        let sum: f64 = terms
            .map(|one| number(one, "value") * row[one["column"].as_u64().unwrap() as usize])
            .sum();
        close(*predicted, number(&fitted, "intercept") + sum, 1e-12);
    }
    // The objective is half the mean squared error and the penalty.
    let sizes = fitted["coefficients"].as_array().unwrap().iter();
    let l1: f64 = sizes.map(|one| number(one, "value").abs()).sum();
    close(number(&found, "mse"), 2.0 * (number(&fitted, "objective") - 20.0 * l1), 1e-9);
    assert!((0.3..0.6).contains(&number(&found, "r2")));
    let text = run(&["predict", "--model", &model, DIABETES]);
    assert_eq!(numbers(&text.stdout), predictions);
    let ran = run(&["predict", "--model", &model, DIABETES, "--output", &out, "--quiet"]);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
    assert_eq!(numbers(&contents(&out)), predictions);
}

#[test]
fn columns_are_found_by_name_in_any_order() {
    let (_kept, file) = directory();
    let (model, data) = (file("m.safetensors"), file("mixed.csv"));
    diabetes(&["--model", &model]);
    let rows = contents(DIABETES);
    let mixed: String = rows
        .lines()
        .map(|line| {
            let mut fields: Vec<&str> = line.split(',').collect();
            fields.reverse();
            // The last two, age and sex, have no coefficient.
            format!("{}\n", fields[..9].join(","))
        })
        .collect();
    std::fs::write(&data, mixed).unwrap();
    let straight = json(&["predict", "--model", &model, DIABETES]);
    let mixed = json(&["predict", "--model", &model, &data]);
    assert_eq!(straight["predictions"], mixed["predictions"]);
    assert_eq!(straight["mse"], mixed["mse"]);
}

#[test]
fn sparse_data_may_lack_the_last_columns() {
    let (_kept, file) = directory();
    let (model, data) = (file("m.safetensors"), file("few.svmlight"));
    json(&["lasso", TEXTS, "--lambda-ratio", "0.3", "--model", &model, "-w", "2"]);
    std::fs::write(&data, "0 1:1\n0 5:1\n").unwrap();
    assert_eq!(json(&["predict", "--model", &model, &data])["rows"], 2);
    std::fs::write(&data, "0 1:1\n0 5000:1\n").unwrap();
    let complaint = run(&["predict", "--model", &model, &data]);
    assert!(complaint.complaint(3).contains("4956 columns, found 5000"));
}

#[test]
fn paths_are_predicted_one_lambda_at_a_time() {
    let (_kept, file) = directory();
    let model = file("path.safetensors");
    diabetes(&["--model", &model, "--path", "4"]);
    assert!(run(&["predict", "--model", &model, DIABETES]).complaint(2).contains("--lambda-index"));
    let mse = |index: &str| {
        number(&json(&["predict", "--model", &model, DIABETES, "--lambda-index", index]), "mse")
    };
    assert!(mse("0") > mse("1") && mse("1") > mse("3"));
    let text = run(&["inspect", "--model", &model]).stdout;
    assert!(text.contains("index") && text.contains("converged"), "{text}");
}

#[test]
fn models_show_what_they_hold() {
    let (_kept, file) = directory();
    let model = file("m.safetensors");
    let fitted = diabetes(&["--model", &model, "--standardize", "--shards", "2"]);
    let found = json(&["inspect", "--model", &model, "--top", "3"]);
    assert_eq!(found["command"], "inspect");
    assert_eq!(found["model"], "lasso");
    assert_eq!(found["options"]["standardize"], true);
    assert_eq!((&found["rows"], &found["columns"]), (&442.into(), &10.into()));
    assert_eq!((&found["seed"], &found["shards"]), (&0.into(), &2.into()));
    assert_eq!(found["objective"], fitted["objective"]);
    assert_eq!(found["nonzeros"], fitted["nonzeros"]);
    assert_eq!(found["certificate"][0]["gap"], fitted["gap"]);
    let sizes: Vec<f64> = found["coefficients"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| number(one, "value").abs())
        .collect();
    assert!(sizes.len() == 3 && sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    let text = run(&["inspect", "--model", &model, "--top", "2"]).stdout;
    assert!(text.contains("standardize true") && text.contains("smaller"), "{text}");
}

/// The numbers of a table as csv, without its header.
fn as_csv(data: &str, options: &[&str]) -> String {
    let (_kept, file) = directory();
    let to = file("all.csv");
    let found = json(&[&["convert", data, &to][..], options].concat());
    assert_eq!(found["format"], "csv");
    contents(&to).split_once('\n').expect("a header").1.to_owned()
}

#[test]
fn conversions_keep_every_bit() {
    let (_kept, file) = directory();
    let response = file("y.txt");
    let by_name = ["--target", "progression"];
    let expected = as_csv(DIABETES, &by_name);
    assert_eq!(expected, contents(DIABETES).split_once('\n').expect("a header").1);
    for name in ["d.svmlight", "d.csv", "d.tsv.gz", "d.mtx", "d.npy", "d.mtx.zst", "d.svm.zst"] {
        let to = file(name);
        json(&[
            "convert",
            DIABETES,
            &to,
            "--target",
            "progression",
            "--response-output",
            &response,
        ]);
        let how: &[&str] = match name.split('.').nth(1) {
            Some("svmlight" | "svm") => &[],
            Some("csv" | "tsv") => &by_name,
            _ => &["--response", &response],
        };
        assert_eq!(as_csv(&to, how), expected, "{name}");
    }
    let (there, back) = (file("t.mtx.gz"), file("t.svmlight"));
    json(&["convert", TEXTS, &there, "--response-output", &response]);
    json(&["convert", &there, &back, "--response", &response]);
    let fit = |data: &str| json(&["lasso", data, "--lambda-ratio", "0.5"]);
    assert_eq!(fit(&back)["coefficients"], fit(TEXTS)["coefficients"]);
}

#[test]
fn genotypes_convert_with_and_without_their_response() {
    let (_kept, file) = directory();
    let (with, without) = (file("with.svmlight.gz"), file("without.mtx"));
    let found = json(&["convert", MICE, &with, "-w", "2"]);
    assert_eq!((&found["rows"], &found["left_out"]), (&1580.into(), &360.into()));
    assert_eq!(json(&["convert", MICE, &without, "--no-response"])["rows"], 1940);
    assert!(contents(&without).starts_with("%%MatrixMarket matrix "));
    run(&["convert", DIABETES, &without, "--response-output", &with]).complaint(2);
}

#[test]
fn generated_data_is_the_same_from_the_same_seed_in_every_format() {
    let (_kept, file) = directory();
    let (truth, response) = (file("truth.csv"), file("y.txt"));
    for design in [&["--per-column", "5"][..], &["--design", "block", "--correlation", "0.3"]] {
        let mut objectives = Vec::new();
        for name in ["g.svmlight", "g2.svmlight.gz", "g.mtx", "g.npy", "g.csv"] {
            let to = file(name);
            let size = ["--rows", "60", "--columns", "90", "--planted", "4", "--seed", "3"];
            let outputs = ["--coefficients", &truth, "--response-output", &response];
            let made = json(&[&["generate", "lasso", &to][..], &size, design, &outputs].concat());
            assert_eq!(made["planted"], 4);
            let how: &[&str] = match name.rsplit('.').next() {
                Some("svmlight" | "gz") => &[],
                Some("csv") => &["--target", "response"],
                _ => &["--response", &response],
            };
            let found = json(&[&["lasso", &to, "--lambda-ratio", "0.05"][..], how].concat());
            assert_eq!((&found["rows"], &found["columns"]), (&60.into(), &90.into()), "{name}");
            objectives.push(number(&found, "objective"));
            let planted: Vec<String> = contents(&truth).lines().map(String::from).collect();
            assert_eq!((planted[0].as_str(), planted.len()), ("column,coefficient", 5));
        }
        for objective in &objectives {
            close(*objective, objectives[0], 1e-6);
        }
    }
    let design = ["generate", "lasso", &truth, "--design", "block", "--per-column", "3"];
    run(&design).complaint(2);
    let crowded = ["generate", "lasso", &truth, "--rows", "3", "--per-column", "4"];
    run(&crowded).complaint(2);
}

#[test]
fn the_cache_gives_the_same_result() {
    let (_kept, file) = directory();
    let cache = file("cache");
    let same = |data: &[&str], options: &[&str]| {
        let arguments = [&["lasso"], data, &["--lambda-ratio", "0.3"], options].concat();
        let cached = [&arguments[..], &["--cache", &cache]].concat();
        let stripped = |arguments: &[&str]| {
            let mut value = json(arguments);
            let result = value.as_object_mut().unwrap();
            result.retain(|name, _| !["seconds", "peak_bytes", "memory"].contains(&name.as_str()));
            value
        };
        let plain = stripped(&arguments);
        for _ in 0..2 {
            assert_eq!(plain, stripped(&cached));
        }
        let ran = run(&cached);
        assert!(ran.stderr.contains("strads: read from the cache"), "{}", ran.stderr);
    };
    same(&[DIABETES, "--target", "progression"], &[]);
    same(&[DIABETES, "--target", "progression"], &["--weights", "age", "-w", "2"]);
    same(&[DIABETES, "--target", "progression"], &["--storage", "f32"]);
    same(&[MICE], &[]);
    // What another number of shards wrote.
    same(&[MICE], &["-w", "2", "--shards", "3"]);
    same(&[TEXTS], &[]);
    let model = file("m.safetensors");
    diabetes(&["--model", &model]);
    let plain = json(&["predict", "--model", &model, DIABETES]);
    for _ in 0..2 {
        let cached = json(&["predict", "--model", &model, DIABETES, "--cache", &cache]);
        assert_eq!(plain["predictions"], cached["predictions"]);
    }
    // A cache that cannot be is no failure.
    let blocked = format!("{DIABETES}/cache");
    diabetes(&["--cache", &blocked]);
}

#[test]
fn what_is_rounded_says_so() {
    let exact = diabetes(&[]);
    let rounded = diabetes(&["--storage", "f32"]);
    assert_eq!((&exact["storage"], &rounded["storage"]), (&"exact".into(), &"f32".into()));
    close(number(&rounded, "objective"), number(&exact, "objective"), 1e-5);
    let text = run(&["lasso", DIABETES, "--target", "progression", "--storage", "f32"]);
    assert!(text.stdout.contains("rounded to f32"));
}

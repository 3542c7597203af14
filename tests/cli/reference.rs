//! Optima that scikit-learn, celer and glmnet agree on.

use serde_json::Value;

use super::*;

const TIGHT: [&str; 2] = ["--tol", "1e-12"];

fn cases() -> Value {
    serde_json::from_str(&contents("tests/reference/lasso_diabetes.json")).expect("a reference")
}

fn lines(numbers: &Value) -> String {
    let numbers = numbers.as_array().expect("a list of numbers");
    numbers.iter().map(|number| format!("{number}\n")).collect()
}

#[test]
fn every_family_of_options_has_its_optimum() {
    let (_kept, file) = directory();
    let reference = cases();
    let (weights, factors) = (file("weights.txt"), file("factors.txt"));
    std::fs::write(&weights, lines(&reference["weights"])).unwrap();
    std::fs::write(&factors, lines(&reference["penalty_factors"])).unwrap();
    let cases = reference["cases"].as_array().expect("cases");
    assert!(cases.len() >= 40);
    for case in cases {
        let (lambda, l1_ratio) = (case["lambda"].to_string(), case["l1_ratio"].to_string());
        let mut options = vec!["--lambda", &lambda, "--l1-ratio", &l1_ratio];
        let switches = [("standardize", "--standardize"), ("positive", "--positive")];
        options.extend(switches.iter().filter(|(name, _)| case[*name] == true).map(|(_, it)| *it));
        if case["intercept_fitted"] == false {
            options.push("--no-intercept");
        }
        if case["weighted"] == true {
            options.extend(["--weights", &weights]);
        }
        if case["factors"] == true {
            options.extend(["--penalty-factor", &factors]);
        }
        options.extend(TIGHT);
        let found = diabetes(&options);
        close(number(&found, "objective"), number(case, "objective"), 1e-9);
        assert!(number(&found, "gap") <= 1e-9 * number(case, "null_objective"), "{case}");
        let support: Vec<&Value> =
            found["coefficients"].as_array().unwrap().iter().map(|one| &one["column"]).collect();
        assert_eq!(support, case["support"].as_array().unwrap().iter().collect::<Vec<_>>());
        if case["unique"] == true {
            let ours = found["coefficients"].as_array().unwrap().iter();
            for (ours, theirs) in ours.zip(case["coefficients"].as_array().unwrap()) {
                close(number(ours, "value"), theirs.as_f64().unwrap(), 1e-4);
            }
            close(number(&found, "intercept"), number(case, "intercept"), 1e-4);
        }
    }
}

#[test]
fn ratios_are_of_the_known_largest_lambda() {
    for case in cases()["cases"].as_array().expect("cases") {
        if case["weighted"] == true || case["factors"] == true || case["positive"] == true {
            continue;
        }
        let (ratio, l1_ratio) = (case["lambda_ratio"].to_string(), case["l1_ratio"].to_string());
        let mut options = vec!["--lambda-ratio", &ratio, "--l1-ratio", &l1_ratio];
        options.extend((case["standardize"] == true).then_some("--standardize"));
        options.extend((case["intercept_fitted"] == false).then_some("--no-intercept"));
        options.extend(TIGHT);
        let found = diabetes(&options);
        close(number(&found, "lambda_max"), number(case, "lambda_max"), 1e-12);
        close(number(&found, "lambda"), number(case, "lambda"), 1e-12);
        close(number(&found, "objective"), number(case, "objective"), 1e-9);
    }
}

#[test]
fn weights_may_be_a_column_of_the_data() {
    let (_kept, file) = directory();
    let reference = cases();
    let (weights, data) = (file("weights.txt"), file("weighted.csv"));
    std::fs::write(&weights, lines(&reference["weights"])).unwrap();
    let numbers = reference["weights"].as_array().expect("weights");
    let mut rows = contents(DIABETES);
    let table = rows.lines().enumerate().map(|(at, line)| {
        // Between the second column and the third, so that later columns move.
        let cut = line.match_indices(',').nth(1).expect("three columns").0;
        let weight = at.checked_sub(1).map_or("how much".into(), |at| numbers[at].to_string());
        format!("{},{weight}{}\n", &line[..cut], &line[cut..])
    });
    rows = table.collect();
    std::fs::write(&data, rows).unwrap();
    let from_file = diabetes(&["--weights", &weights]);
    for shards in ["1", "3"] {
        let arguments = ["lasso", &data, "--target", "progression", "--weights", "how much"];
        let found = json(&[&arguments[..], &["--shards", shards, "-w", "2"]].concat());
        assert_eq!(found["columns"], 10);
        close(number(&found, "objective"), number(&from_file, "objective"), 1e-6);
        assert_eq!(found["coefficients"][0]["name"], "bmi");
        assert_eq!(found["coefficients"][0]["column"], 2);
    }
}

//! `strads mf`: the result, hold-outs, odd ratings, the same bytes everywhere.

use std::collections::HashMap;

use strads::models::mf::Model;
use strads::report::ModelFile;

use super::determinism::{assert_equal, models};
use super::*;

/// `strads mf` on the lecture ratings.
fn lectures(options: &[&str]) -> Value {
    json(&[&["mf", LECTURES, "--rank", "8", "--iterations", "5"], options].concat())
}

pub fn load(path: &str) -> Model {
    Model::from_file(&ModelFile::load(Path::new(path)).unwrap()).unwrap()
}

/// Objective and root mean squared error of a model on rows of user, item, rating.
pub fn objective(model: &Model, lambda: f64, rows: &[(String, String, f64)]) -> (f64, f64) {
    let factors = &model.factors;
    let mut square = 0.0;
    for (user, item, rating) in rows {
        let user = factors.users.find(user).unwrap() as usize;
        let item = factors.items.find(item).unwrap() as usize;
        let pairs = factors.user(user).iter().zip(factors.item(item));
        let product: f64 = pairs.map(|(w, h)| f64::from(*w) * f64::from(*h)).sum();
        let biases = f64::from(factors.user_bias[user]) + f64::from(factors.item_bias[item]);
        square += (rating - factors.mean - biases - product).powi(2);
    }
    let all =
        [&factors.user_factors, &factors.item_factors, &factors.user_bias, &factors.item_bias];
    let norm: f64 = all.into_iter().flatten().map(|&x| f64::from(x).powi(2)).sum();
    (square + lambda * norm, (square / rows.len() as f64).sqrt())
}

fn lecture_rows() -> Vec<(String, String, f64)> {
    let row = |line: &str| {
        let mut fields = line.split(',').map(str::to_owned);
        let (user, item) = (fields.next().unwrap(), fields.next().unwrap());
        (user, item, fields.next().unwrap().parse().unwrap())
    };
    contents(LECTURES).lines().skip(1).map(row).collect()
}

#[test]
fn the_result_is_that_of_the_model_in_the_file() {
    let (_kept, file) = directory();
    let (model, log) = (file("m.safetensors"), file("log.jsonl"));
    let value =
        lectures(&["--biases", "--lambda", "6", "--model", &model, "--log", &log, "-w", "2"]);
    for name in ["command", "version", "seed", "shards", "workers", "processes", "seconds"] {
        assert!(!value[name].is_null(), "{name}");
    }
    assert_eq!((&value["users"], &value["items"]), (&2972.into(), &1128.into()));
    assert_eq!((&value["ratings"], &value["duplicates"]), (&73_421.into(), &0.into()));
    assert_eq!((&value["iterations"], &value["converged"]), (&5.into(), &true.into()));
    assert!(value["rmse_test"].is_null() && value["rounds"].as_u64() > Some(5));
    assert!(value["seconds"]["load"].is_f64() && value["peak_bytes"].is_u64());
    let (expected, rmse) = objective(&load(&model), 6.0, &lecture_rows());
    close(number(&value, "objective"), expected, 1e-5);
    close(number(&value, "rmse_train"), rmse, 1e-5);
    let log = contents(&log);
    let points: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let objectives: Vec<f64> = points.iter().map(|point| number(point, "objective")).collect();
    // The last one is of residuals taken afresh.
    let falls = objectives.is_sorted_by(|a, b| *b <= a * (1.0 + 1e-7));
    assert!(objectives.len() >= 5 && falls, "{objectives:?}");
    assert_eq!(objectives.last(), value["objective"].as_f64().as_ref());
}

#[test]
fn any_layout_gives_the_same_bytes() {
    let options = ["--rank", "6", "--iterations", "3", "--holdout", "0.1", "--biases"];
    for solver in ["ccd", "sgd"] {
        let options = [&options[..], &["--solver", solver]].concat();
        assert_equal(&models("mf", LECTURES, &options));
    }
}

#[test]
fn held_out_ratings_are_tested_on_and_not_learnt() {
    let random = lectures(&["--holdout", "0.2", "--biases"]);
    assert_eq!((&random["solver"], &random["lambda"]), (&"sgd".into(), &Value::Null));
    let (train, test) = (random["ratings"].as_u64().unwrap(), random["ratings_test"].as_u64());
    assert_eq!(train + test.unwrap(), 73_421);
    assert!((13_900..15_500).contains(&test.unwrap()));
    assert!((1.15..1.35).contains(&number(&random, "rmse_test")), "{random}");
    assert!(number(&random, "mae_test") < number(&random, "rmse_test"));
    let ranking = &random["ranking"];
    for name in ["precision", "recall", "ndcg", "map", "auc"] {
        assert!((0.0..=1.0).contains(&number(ranking, name)), "{ranking}");
    }
    assert!(number(ranking, "auc") > 0.5 && ranking["top"] == 10);
    let user = lectures(&["--holdout", "1", "--holdout-by", "user"]);
    assert!(user["ratings_test"].as_u64().unwrap() > 2900);
    let why = run(&["mf", LECTURES, "--holdout", "0.1", "--holdout-by", "time", "--quiet"]);
    assert!(why.complaint(3).contains("expected ratings with times"));
}

#[test]
fn the_solver_suits_what_is_asked_for() {
    let (_kept, file) = directory();
    let model = file("m.safetensors");
    let solver = |options: &[&str]| lectures(options)["solver"].clone();
    assert_eq!(solver(&[]), "ccd");
    assert_eq!(solver(&["--model", &model]), "sgd");
    assert_eq!(solver(&["--model", &model, "--lambda", "5"]), "ccd");
    assert_eq!(solver(&["--holdout", "0.1", "--scheduler", "dynamic"]), "ccd");
    assert_eq!(solver(&["--model", &model, "--implicit"]), "ccd");
}

#[test]
fn test_files_may_name_others() {
    let (_kept, file) = directory();
    let (train, test) = (file("train.csv"), file("test.csv"));
    std::fs::write(&train, "u,i,3\nu,j,3\nv,i,3\n").unwrap();
    std::fs::write(&test, "u,i,3\nu,new,4\nw,new,1\n").unwrap();
    let value = json(&["mf", &train, "--test", &test, "--rank", "2", "--solver", "ccd"]);
    assert_eq!((&value["ratings_test"], &value["unknown_test"]), (&3.into(), &2.into()));
    // All ratings are 3: so is every score.
    close(number(&value, "rmse_test"), (5.0f64 / 3.0).sqrt(), 1e-6);
    close(number(&value, "mae_test"), 1.0, 1e-6);
}

#[test]
fn odd_ratings_are_learnt_or_refused() {
    let (_kept, file) = directory();
    let data = file("r.csv");
    let fit = |text: &str, options: &[&str]| {
        std::fs::write(&data, text).unwrap();
        json(&[&["mf", &data[..]], options].concat())
    };
    // One rating; users and items with one rating; a pair again; ratings all equal.
    let one = fit("u,i,4\n", &["--rank", "3"]);
    assert_eq!((&one["ratings"], &one["rmse_train"]), (&1.into(), &0.0.into()));
    let few = fit("u,i,1\nv,j,5\nu,j,2\nu,i,3\n", &["--no-mean", "--lambda", "0.001"]);
    assert_eq!((&few["ratings"], &few["duplicates"]), (&3.into(), &1.into()));
    assert!(number(&few, "rmse_train") < 0.1, "{few}");
    let equal: String = (0..30).map(|at| format!("{},{},2.5\n", at % 5, at % 6)).collect();
    let equal = fit(&equal, &["--biases", "--rank", "3"]);
    close(number(&equal, "objective") + 1.0, 1.0, 1e-6);
    let wide = fit("u,i,1\nv,j,5\n", &["--rank", "50", "--solver", "ccd"]);
    assert_eq!(wide["rank"], 50);
    for (text, message) in [
        ("u,i,1\nu,j,NaN\n", ":2:5: expected a finite number, found `NaN`"),
        ("u,i,1\nu,j\n", ":2:4: expected 3 fields, found 2"),
        ("", ":1:1: expected a rating, found the end of the file"),
    ] {
        std::fs::write(&data, text).unwrap();
        let ran = run(&["mf", &data, "--rank", "3"]);
        assert_eq!(ran.complaint(3), format!("{data}{message}"));
    }
    std::fs::write(&data, "u,i,1\nu,j,-1\n").unwrap();
    assert!(run(&["mf", &data, "--implicit"]).complaint(3).contains("expected ratings >= 0"));
}

#[test]
fn factors_may_be_nonnegative_and_feedback_implicit() {
    let (_kept, file) = directory();
    let model = file("m.safetensors");
    let value = lectures(&["--nonnegative", "--model", &model]);
    assert_eq!(value["mean"], 0.0);
    let loaded = load(&model);
    let factors = [&loaded.factors.user_factors, &loaded.factors.item_factors];
    assert!(factors.into_iter().flatten().all(|&factor| factor >= 0.0));

    // The objective over all pairs, plainly.
    let data = file("pairs.tsv");
    let pairs: HashMap<(usize, usize), f64> =
        (0..40).map(|at| ((at % 7, at * at % 9), (at % 3) as f64 + 1.0)).collect();
    let lines = pairs.iter().map(|((user, item), value)| format!("{user}\t{item}\t{value}\n"));
    std::fs::write(&data, lines.collect::<String>()).unwrap();
    let options = ["--implicit", "--alpha", "2", "--rank", "3", "--lambda", "0.5"];
    let value = json(&[&["mf", &data[..], "--model", &model], &options[..]].concat());
    let factors = load(&model).factors;
    let mut sum = 0.0;
    for user in 0..factors.users.len() {
        for item in 0..factors.items.len() {
            let number = |name: &str| name.parse::<usize>().unwrap();
            let pair = (number(factors.users.get(user)), number(factors.items.get(item)));
            let product: f64 = factors
                .user(user)
                .iter()
                .zip(factors.item(item))
                .map(|(w, h)| f64::from(*w) * f64::from(*h))
                .sum();
            sum += match pairs.get(&pair) {
                Some(value) => (1.0 + 2.0 * value) * (1.0 - product).powi(2),
                None => product.powi(2),
            };
        }
    }
    let all = factors.user_factors.iter().chain(&factors.item_factors);
    sum += 0.5 * all.map(|&x| f64::from(x).powi(2)).sum::<f64>();
    close(number(&value, "objective"), sum, 1e-5);
}

#[test]
fn a_warm_start_goes_on_where_the_model_was() {
    let (_kept, file) = directory();
    let model = file("m.safetensors");
    let cold = lectures(&["--model", &model]);
    let warm = json(&["mf", LECTURES, "--rank", "8", "--iterations", "1", "--warm-start", &model]);
    assert!(number(&warm, "objective") < number(&cold, "objective"));
    let other = run(&["mf", LECTURES, "--rank", "9", "--warm-start", &model]);
    assert!(other.complaint(6).contains("expected rank 9, found 8"));
}

#[test]
fn limits_are_told() {
    let (_kept, file) = directory();
    let model = file("m.safetensors");
    let limits = ["--iterations", "2", "--tol", "1e-9", "--model", &model];
    let ran = run(&[&["mf", LECTURES, "--rank", "4"], &limits[..]].concat());
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stdout.contains("NOT CONVERGED") && ran.stderr.contains("not converged"));
    assert_eq!(load(&model).factors.rank, 4);
    for (options, complaint) in [
        (&["--rank", "0"][..], "--rank: expected 1 to 65535, found 0"),
        (&["--lambda", "-1"], "--lambda: expected a number >= 0, found -1"),
        (
            &["--holdout", "2"],
            "--holdout: expected a number below 1 with --holdout-by random, found 2",
        ),
        (&["--biases", "--implicit"], "--biases: not with implicit"),
        (&["--shards", "0"], "--shards: expected 1 to 65536, found 0"),
    ] {
        assert_eq!(run(&[&["mf", LECTURES], options].concat()).complaint(2), complaint);
    }
}

#[test]
fn generated_ratings_are_learnt_down_to_their_noise() {
    let (_kept, file) = directory();
    let (data, again) = (file("r.tsv.zst"), file("again.tsv"));
    let shape = ["--ratings", "30000", "--users", "400", "--items", "300", "--noise", "0.3"];
    let value = json(&[&["generate", "ratings", &data[..], "--rank", "2"], &shape[..]].concat());
    assert_eq!(value["ratings"], 30_000);
    json(&[&["generate", "ratings", &again[..], "--rank", "2"], &shape[..]].concat());
    let options = ["--rank", "4", "--biases", "--weighted-lambda", "--lambda", "0.03"];
    let options = [&options[..], &["--holdout", "0.1", "--holdout-by", "time"]].concat();
    let packed = json(&[&["mf", &data[..]], &options[..]].concat());
    let plain = json(&[&["mf", &again[..]], &options[..]].concat());
    assert_eq!(packed["objective"], plain["objective"]);
    assert!(number(&packed, "rmse_test") < 0.5, "{packed}");
}

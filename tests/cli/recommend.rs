//! Models of ratings in use: `recommend`, `predict`, `inspect`.

use std::io::Write;

use strads::models::mf::Model;
use strads::report::ModelFile;

use super::*;

/// A model of the lecture ratings.
fn model(path: &str, options: &[&str]) -> Model {
    let usual = ["mf", LECTURES, "--rank", "6", "--biases", "--model", path];
    json(&[&usual[..], options].concat());
    Model::from_file(&ModelFile::load(Path::new(path)).unwrap()).unwrap()
}

/// A run that reads from a pipe.
fn piped(arguments: &[&str], input: &str) -> Ran {
    let mut command = command(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary was built");
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("output is UTF-8");
    Ran { code: done.status.code(), stdout: text(done.stdout), stderr: text(done.stderr) }
}

fn items(value: &Value) -> Vec<(String, f64)> {
    let item = |item: &Value| (item["item"].as_str().unwrap().to_owned(), number(item, "score"));
    value["items"].as_array().unwrap().iter().map(item).collect()
}

#[test]
fn users_get_the_best_of_what_they_have_not_rated() {
    let (_kept, file) = directory();
    let path = file("m.safetensors");
    let model = model(&path, &["--iterations", "4"]);
    let factors = &model.factors;
    let user = factors.users.find("17").unwrap();
    let seen = model.seen.as_ref().unwrap().of(user);
    let row = factors.user_row(Some(user));
    let mut expected: Vec<(String, f64)> = (0..factors.items.len() as u32)
        .filter(|item| !seen.contains(item))
        .map(|item| (factors.items.get(item as usize).to_owned(), factors.score(&row, Some(item))))
        .collect();
    expected.sort_by(|a, b| b.1.total_cmp(&a.1));
    expected.truncate(5);
    let value = json(&["recommend", "--model", &path, "--user", "17", "--top", "5"]);
    assert_eq!(items(&value), expected);
    assert_eq!(value["known"], true);

    let text = run(&["recommend", "--model", &path, "--user", "17", "--top", "5"]);
    let lines: Vec<&str> = text.stdout.lines().collect();
    assert_eq!(lines[0], format!("{}\t{:.4}", expected[0].0, expected[0].1));
    assert_eq!(lines.len(), 5);

    let all = json(&["recommend", "--model", &path, "--user", "17", "--top", "9999"]);
    assert_eq!(items(&all).len(), 1128 - seen.len());
    let again =
        json(&["recommend", "--model", &path, "--user", "17", "--top", "9999", "--include-seen"]);
    assert_eq!(items(&again).len(), 1128);

    let filter = file("filter.txt");
    std::fs::write(&filter, format!("{}\nnone such\n{}\n", expected[3].0, expected[1].0)).unwrap();
    let some = json(&["recommend", "--model", &path, "--user", "17", "--filter", &filter]);
    assert_eq!(items(&some), [expected[1].clone(), expected[3].clone()]);

    let every = run(&["recommend", "--model", &path, "--all-users", "--top", "1", "-w", "2"]);
    assert_eq!(every.stdout.lines().count(), 2972);
    let first = every.stdout.lines().find(|line| line.starts_with("17\t")).unwrap();
    assert_eq!(first, format!("17\t{}", lines[0]));
}

#[test]
fn new_users_are_folded_in_from_their_ratings() {
    let (_kept, file) = directory();
    let path = file("m.safetensors");
    let model = model(&path, &["--tol", "1e-6"]);
    // The ratings of a known user under another name give nearly that user's scores.
    let own: Vec<String> = contents(LECTURES)
        .lines()
        .filter_map(|line| line.strip_prefix("17,"))
        .map(|rest| format!("somebody,{}\n", rest.rsplitn(5, ',').last().unwrap()))
        .collect();
    let ratings = file("new.csv");
    std::fs::write(&ratings, own.concat()).unwrap();
    let arguments = ["recommend", "--model", &path, "--ratings", &ratings, "--user", "somebody"];
    let new = json(&arguments);
    let known = json(&["recommend", "--model", &path, "--user", "17", "--top", "9999"]);
    assert_eq!(new["known"], false);
    for (item, score) in items(&new) {
        let known = items(&known).into_iter().find(|(other, _)| *other == item).unwrap();
        assert!((score - known.1).abs() < 0.05, "{item}: {score} {known:?}");
    }
    // From a pipe, of one user without naming whom; nobody else's ratings help.
    let piped = piped(
        &["recommend", "--model", &path, "--ratings", "-", "--format", "json", "--quiet"],
        &own.concat(),
    );
    assert_eq!(items(&piped.json()), items(&new));
    let nobody = [&arguments[..6], &["nobody"]].concat();
    assert!(run(&nobody).complaint(3).contains("expected ratings of `nobody`, found none"));
    // Who is not known and has no ratings gets what is liked most.
    let best = (0..1128)
        .max_by(|&a, &b| model.factors.item_bias[a].total_cmp(&model.factors.item_bias[b]));
    let stranger = run(&["recommend", "--model", &path, "--user", "stranger", "--top", "1"]);
    let name = model.factors.items.get(best.unwrap());
    assert!(stranger.stdout.starts_with(&format!("{name}\t")));
    assert!(stranger.stderr.contains("does not know user `stranger`"));
}

#[test]
fn pairs_are_scored_line_by_line() {
    let (_kept, file) = directory();
    let path = file("m.safetensors");
    let model = model(&path, &["--iterations", "4", "--no-seen"]);
    let factors = &model.factors;
    let score = |user: &str, item: &str| {
        let row = factors.user_row(factors.users.find(user));
        factors.score(&row, factors.items.find(item))
    };
    let pairs = [("9", "1050"), ("1", "1002"), ("nobody", "1002"), ("1", "none"), ("9", "1050")];
    let input: String = pairs.iter().map(|(user, item)| format!("{user} {item}\n")).collect();
    let ran = piped(&["predict", "--model", &path, "-"], &input);
    let scores: Vec<f64> = ran.stdout.lines().map(|line| line.parse().unwrap()).collect();
    assert!(scores.iter().copied().eq(pairs.iter().map(|(user, item)| score(user, item))));
    let expected =
        factors.mean + f64::from(factors.item_bias[factors.items.find("1002").unwrap() as usize]);
    assert_eq!(scores[2], expected);
    let trained = json(&["inspect", "--model", &path]);
    let value = json(&["predict", "--model", &path, LECTURES, "--clip", "-w", "2"]);
    assert!(number(&value, "rmse") <= number(&trained, "rmse_train"));
    let within = |score: &Value| (1.0..=5.0).contains(&score.as_f64().unwrap());
    assert!(value["predictions"].as_array().unwrap().iter().all(within));
    assert_eq!(trained["shape"], serde_json::json!([2972, 1128, 6]));
    assert_eq!((&trained["model"], &trained["seen"]), (&"mf".into(), &false.into()));
    assert!(run(&["inspect", "--model", &path]).stdout.contains("2972 users, 1128 items"));
    // Without what users have rated nothing can be left out.
    let ran = run(&["recommend", "--model", &path, "--user", "17"]);
    assert!(ran.complaint(6).contains("use --include-seen"));
}

#[test]
fn damaged_and_foreign_models_are_refused() {
    let (_kept, file) = directory();
    let path = file("m.safetensors");
    model(&path, &["--iterations", "4"]);
    let good = std::fs::read(&path).unwrap();
    for at in [9, good.len() / 2, good.len() - 1] {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        std::fs::write(&path, &bad).unwrap();
        run(&["recommend", "--model", &path, "--user", "17"]).complaint(6);
        run(&["predict", "--model", &path, LECTURES]).complaint(6);
    }
    std::fs::write(&path, &good[..good.len() - 5]).unwrap();
    run(&["inspect", "--model", &path]).complaint(6);
    diabetes(&["--model", &path]);
    let ran = run(&["recommend", "--model", &path, "--user", "17"]);
    assert!(ran.complaint(6).contains("it is not a factorisation"));
}

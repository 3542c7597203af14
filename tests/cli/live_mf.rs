//! `strads mf` on ratings that keep changing.

use std::collections::BTreeMap;

use super::live::{COMMIT, lines, of_epochs, text, without_times};
use super::mf::{load, objective};
use super::*;

/// By user and item.
type Rated = BTreeMap<(String, String), f64>;

/// A rating that follows a pattern, off by a shift.
fn put(alive: &mut Rated, user: u32, item: u32, shift: f64) -> String {
    let (u, i) = (f64::from(user), f64::from(item));
    let rating =
        3.0 + (1.3 * u).sin() * (0.7 * i).cos() + (0.4 * u).cos() * (1.9 * i).sin() + shift;
    alive.insert((user.to_string(), format!("i{item}")), rating);
    format!("{{\"op\":\"put\",\"user\":{user},\"item\":\"i{item}\",\"rating\":{rating}}}\n")
}

fn del(alive: &mut Rated, user: u32, item: u32) -> String {
    alive.remove(&(user.to_string(), format!("i{item}")));
    format!("{{\"op\":\"del\",\"user\":\"{user}\",\"item\":\"i{item}\"}}\n")
}

/// Three epochs: many ratings; some that change, go, come; and one that changes nothing.
fn feed(path: &Path) -> Rated {
    let mut alive = Rated::new();
    let mut feed = String::new();
    for (user, item) in (0..18).flat_map(|user| (0..12).map(move |item| (user, item))) {
        if (user * 5 + item * 7) % 3 != 0 {
            feed += &put(&mut alive, user, item, 0.0);
        }
    }
    feed += COMMIT;
    // User 4 leaves, user 77 comes; pairs that are not there cannot be deleted.
    (0..12).for_each(|item| feed += &del(&mut alive, 4, item));
    feed += &put(&mut alive, 77, 3, 1.0);
    feed += &put(&mut alive, 1, 2, -1.5);
    feed += &del(&mut alive, 1, 99);
    feed += COMMIT;
    // The same again is no change.
    feed += &put(&mut alive, 77, 3, 1.0);
    feed += COMMIT;
    std::fs::write(path, feed).expect("room");
    alive
}

#[test]
fn every_epoch_is_as_good_as_a_batch_fit() {
    let directory = tempfile::tempdir().expect("a directory");
    let (path, model) =
        (directory.path().join("feed.jsonl"), directory.path().join("live.safetensors"));
    let alive = feed(&path);
    let options = ["--rank", "5", "--lambda", "0.3", "--biases", "--tol", "1e-7"];
    let live = ["mf", text(&path), "--deltas", "--shards", "3", "--model", text(&model)];
    let arguments = [&live[..], &options].concat();
    let alone = run(&arguments);
    assert_eq!(alone.code, Some(0), "{}", alone.stderr);
    let seen = lines(&alone.stdout);
    let epochs = of_epochs(&seen);
    assert_eq!(epochs.len(), 3);
    assert_eq!((&epochs[0]["users"], &epochs[0]["items"]), (&18.into(), &12.into()));
    assert_eq!(epochs[1]["ratings"], alive.len());
    assert_eq!(epochs[1]["skipped"], 5, "{}", alone.stderr);
    assert!(alone.stderr.contains("there is no rating of \"i99\" by \"1\" to delete"));
    assert_eq!(
        (&epochs[1]["users"], &epochs[2]["objective"]),
        (&18.into(), &epochs[1]["objective"])
    );

    // The changes add up to the model; the last epoch has none.
    let mut found: BTreeMap<(bool, String), Value> = BTreeMap::new();
    for delta in seen.iter().filter(|line| line.get("key").is_some()) {
        assert_ne!(delta["epoch"], 2, "{delta}");
        let key = (delta["side"] == "item", delta["key"].as_str().expect("a name").to_owned());
        let old = match delta["new"].is_null() {
            true => found.remove(&key),
            false => found.insert(key, delta["new"].clone()),
        };
        assert_eq!(delta["old"], old.unwrap_or_default(), "{delta}");
    }
    let written = load(text(&model));
    let (users, items) = (&written.factors.users, &written.factors.items);
    assert_eq!(found.len(), users.len() + items.len());
    for ((item, name), factors) in found {
        let names = if item { items } else { users };
        let at = names.find(&name).expect("a name of the model") as usize;
        let row = if item { written.factors.item(at) } else { written.factors.user(at) };
        assert_eq!(factors, serde_json::json!(row));
    }

    // The objective is that of the model, and about that of a batch fit.
    let rows: Vec<_> = alive.iter().map(|((u, i), r)| (u.clone(), i.clone(), *r)).collect();
    let (expected, rmse) = objective(&written, 0.3, &rows);
    close(number(epochs[2], "objective"), expected, 1e-5);
    close(number(epochs[2], "rmse"), rmse, 1e-5);
    let csv: String = rows.iter().map(|(u, i, r)| format!("{u},{i},{r}\n")).collect();
    let data = directory.path().join("batch.csv");
    std::fs::write(&data, csv).expect("room");
    let batch = json(&[&["mf", text(&data)][..], &options].concat());
    assert!(expected <= 1.01 * number(&batch, "objective"), "{expected} {batch}");

    // The model is used like any other: what was rated is left out.
    let best = json(&["recommend", "--model", text(&model), "--user", "77", "--top", "20"]);
    assert!(!best.to_string().contains("\"i3\"") && best.to_string().contains("\"i4\""), "{best}");

    // The same for any layout, but for the times.
    let bytes = std::fs::read(&model).expect("a model");
    let launch = [&["launch", "-n", "2", "--"][..], &arguments].concat();
    for other in [[&arguments[..], &["-w", "3"]].concat(), launch] {
        let ran = run(&other);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(without_times(&ran.stdout), without_times(&alone.stdout));
        assert!(std::fs::read(&model).expect("a model") == bytes);
    }
}

#[test]
fn what_live_ratings_cannot_have_is_a_usage_error() {
    let live = ["mf", "-", "--follow"];
    for (options, why) in [
        (&[][..], "lambda: expected a number"),
        (&["--lambda", "1", "--implicit"], "implicit: not with ratings that come and go"),
        (&["--lambda", "1", "--solver", "sgd"], "solver: expected ccd"),
        (&["--lambda", "1", "--holdout", "0.1"], "--holdout: not with live data"),
    ] {
        let ran = run(&[&live[..], options].concat());
        assert!(ran.complaint(2).contains(why), "{}", ran.stderr);
    }
    assert!(run(&["mf", LECTURES, "--deltas"]).complaint(2).contains("only with live data"));
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("feed.jsonl");
    let line = "{\"op\":\"put\",\"user\":1,\"item\":2,\"rating\":1e300}\n";
    std::fs::write(&path, line).expect("room");
    let strict = run(&["mf", text(&path), "--lambda", "1", "--strict"]);
    assert!(strict.complaint(3).contains("feed.jsonl:1:1: expected a finite rating"));
}

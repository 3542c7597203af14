//! `strads recommend`: the items that suit users best.
//!
//! ```text
//! model ─▶ factors of known users ──────────┐
//! ratings ─▶ fold-in of new users ──────────┴▶ scores of all items ─▶ the first N
//! ```

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};
use strads::models::mf::{Choice, FoldIn, Known, Ratings, Row, in_parallel, top};
use strads::report::{Exit, peak_resident_bytes};

use crate::Outcome;
use crate::failure::Failure;
use crate::output::Output;
use crate::ratings::{Columns, Format, Model, read};

/// Recommends items to users
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
pub struct Arguments {
    /// The model, as `strads mf --model` wrote it
    #[arg(long, value_name = "FILE")]
    model: PathBuf,
    /// The user, by name; may be given several times
    #[arg(long, value_name = "ID")]
    user: Vec<String>,
    /// All users of the model, or of --ratings
    #[arg(long, conflicts_with = "user")]
    all_users: bool,
    /// How many items
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    /// Ratings of users that are new, or that have changed: their factors are solved from these alone
    #[arg(long, value_name = "FILE")]
    ratings: Option<PathBuf>,
    #[command(flatten)]
    columns: Columns,
    /// Only items in this file, one a line
    #[arg(long, value_name = "FILE")]
    filter: Option<PathBuf>,
    /// Also items that the user has rated
    #[arg(long)]
    include_seen: bool,
    /// Threads that work
    #[arg(short = 'w', long, value_name = "N", default_value_t = 1)]
    threads: usize,
    #[command(flatten)]
    output: Output,
}

const HELP: &str = "\
Prints item and score, best first, one a line between tabs, and the user before them if there are
several; or with --format json one object. Scores are on the scale of the ratings. Items of equal
score come in the order of the model.

A user the model does not know, and who has no --ratings, gets the items with the highest bias, and
stderr says so.

Examples:
  strads recommend --model m.safetensors --user 17 --top 5
  strads recommend --model m.safetensors --user new --ratings theirs.csv --filter in-stock.txt
  strads recommend --model m.safetensors --all-users --format json -w 4";

/// A user to recommend to.
struct Request {
    user: String,
    row: Row,
    seen: Vec<u32>,
    known: bool,
}

/// Reads a model and prints what it recommends.
pub fn run(arguments: &Arguments) -> Outcome {
    if arguments.user.is_empty() && !arguments.all_users && arguments.ratings.is_none() {
        return Err(Failure::usage("--user: expected a user, or --all-users, or --ratings"));
    }
    let started = Instant::now();
    let model = Model::load(&arguments.model)?;
    let requests = requests(arguments, &model)?;
    let filter = arguments.filter.as_deref().map(|path| filter(path, &model)).transpose()?;
    let load = started.elapsed().as_secs_f64();
    let factors = &model.model.factors;
    let chosen: Vec<Vec<Choice>> = in_parallel(requests.len(), arguments.threads, |at| {
        let Request { row, seen, .. } = &requests[at];
        top(factors, row, seen, filter.as_deref(), arguments.top)
    });
    let name = |item: u32| factors.items.get(item as usize);
    let lists: Vec<Value> = requests
        .iter()
        .zip(&chosen)
        .map(|(request, chosen)| {
            let items = chosen
                .iter()
                .map(|choice| json!({ "item": name(choice.item), "score": choice.score }));
            json!({
                "user": request.user,
                "known": request.known,
                "items": items.collect::<Vec<_>>(),
            })
        })
        .collect();
    let mut value = json!({
        "command": "recommend",
        "version": env!("CARGO_PKG_VERSION"),
        "top": arguments.top,
        "seconds": { "load": load },
        "peak_bytes": peak_resident_bytes(),
    });
    if let [only] = &lists[..] {
        for field in ["user", "known", "items"] {
            value[field] = only[field].clone();
        }
    }
    value["recommendations"] = lists.into();
    arguments.output.print(&value, || {
        let mut text = String::new();
        for (request, chosen) in requests.iter().zip(&chosen) {
            for Choice { item, score } in chosen {
                if requests.len() > 1 {
                    text += &format!("{}\t", request.user);
                }
                // Writing to a text cannot fail.
                let _ = writeln!(text, "{}\t{score:.4}", name(*item));
            }
        }
        text
    })?;
    Ok(Exit::Done)
}

/// The users that are asked for.
fn requests(arguments: &Arguments, model: &Model) -> Result<Vec<Request>, Failure> {
    let Some(path) = &arguments.ratings else {
        let users: Vec<&str> = match arguments.all_users {
            true => model.model.factors.users.iter().collect(),
            false => arguments.user.iter().map(String::as_str).collect(),
        };
        return users.into_iter().map(|user| stored(arguments, model, user)).collect();
    };
    let implicit = model.model.terms.implicit.is_some();
    let threads = arguments.threads.max(1);
    let options = arguments.columns.options(Format::Ratings, None, !implicit, threads);
    let ratings = read(path, &options, &arguments.output)?.ratings(threads);
    let unknown =
        ratings.items.iter().filter(|item| model.model.factors.items.find(item).is_none());
    let unknown = unknown.count();
    if unknown > 0 {
        arguments.output.note(&format!("{unknown} rated items are not in the model"));
    }
    let fold = FoldIn::users(&model.model.factors, model.model.terms);
    let users: Vec<&str> = match arguments.user.is_empty() {
        true => ratings.users.iter().collect(),
        false => arguments.user.iter().map(String::as_str).collect(),
    };
    users.into_iter().map(|user| folded(arguments, model, &fold, &ratings, user)).collect()
}

/// A user as the model has it.
fn stored(arguments: &Arguments, model: &Model, user: &str) -> Result<Request, Failure> {
    let factors = &model.model.factors;
    let at = factors.users.find(user);
    if at.is_none() {
        arguments.output.note(&format!(
            "the model does not know user `{user}`: items by their bias; --ratings would help"
        ));
    }
    let seen = match (at, arguments.include_seen, &model.model.seen) {
        (Some(at), false, Some(seen)) => seen.of(at).to_vec(),
        (Some(_), false, None) => {
            return Err(Failure::model(format!(
                "{}: it does not say what users have rated; use --include-seen",
                arguments.model.display()
            )));
        }
        _ => Vec::new(),
    };
    Ok(Request { user: user.to_owned(), row: factors.user_row(at), seen, known: at.is_some() })
}

/// A user from its ratings in a file.
fn folded(
    arguments: &Arguments,
    model: &Model,
    fold: &FoldIn,
    ratings: &Ratings,
    user: &str,
) -> Result<Request, Failure> {
    let factors = &model.model.factors;
    let Some(at) = ratings.users.find(user) else {
        let path = arguments.ratings.as_deref().unwrap_or(Path::new("-")).display();
        return Err(Failure::input(format!("{path}: expected ratings of `{user}`, found none")));
    };
    let place = |item: u32| factors.items.find(ratings.items.get(item as usize));
    let known: Vec<Known> = ratings
        .row(at as usize)
        .filter_map(|at| {
            let other = place(ratings.item(at))?;
            Some(Known { other, value: ratings.value(at), weight: 1.0 })
        })
        .collect();
    let mut seen = Vec::new();
    if !arguments.include_seen {
        let stored = model.model.seen.as_ref().zip(factors.users.find(user));
        seen.extend(stored.map_or(&[][..], |(seen, user)| seen.of(user)));
        seen.extend(known.iter().map(|known| known.other));
        seen.sort_unstable();
    }
    let known_user = factors.users.find(user).is_some();
    Ok(Request { user: user.to_owned(), row: fold.row(&known), seen, known: known_user })
}

/// Which items are in a file, one a line; those the model does not have are passed over.
fn filter(path: &Path, model: &Model) -> Result<Vec<bool>, Failure> {
    let name = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::input(format!("{name}: cannot read: {error}")))?;
    let items = &model.model.factors.items;
    let mut allowed = vec![false; items.len()];
    for line in text.lines() {
        if let Some(item) = items.find(line.trim()) {
            allowed[item as usize] = true;
        }
    }
    Ok(allowed)
}

//! `strads generate ratings`: power-law users and items, planted factors, noise.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use strads::generate::{Rated, RatingDesign};
use strads::report::{Exit, peak_resident_bytes};

use super::checked;
use crate::Outcome;
use crate::failure::Failure;
use crate::output::{Output, check};
use crate::table::write_packed;

/// Ratings from 1 to 5: biases, planted factors and noise; few users rate much, few items are rated
/// much
#[derive(clap::Args, Debug)]
#[command(after_help = HELP)]
pub struct Ratings {
    /// The file to write: .csv (with a header), .tsv, .dat (`::`), and .gz or .zst after it
    #[arg(value_name = "OUT")]
    to: PathBuf,
    /// Ratings, no pair of user and item twice
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    ratings: u64,
    /// Users [default: one for 100 ratings]
    #[arg(long, value_name = "N")]
    users: Option<usize>,
    /// Items [default: one for 200 ratings, at least 200]
    #[arg(long, value_name = "N")]
    items: Option<usize>,
    /// Length of the planted factors
    #[arg(long, value_name = "K", default_value_t = 10)]
    rank: usize,
    /// Standard deviation of the noise
    #[arg(long, value_name = "S", default_value_t = 0.8, allow_negative_numbers = true)]
    noise: f64,
    /// Popularity falls as (rank of the user or item) to the minus SKEW
    #[arg(long, value_name = "SKEW", default_value_t = 0.9, allow_negative_numbers = true)]
    skew: f64,
    /// Ratings are rounded to multiples of it; 0 does not round
    #[arg(long, value_name = "STEP", default_value_t = 0.5, allow_negative_numbers = true)]
    step: f64,
    /// Seed of all random draws
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    #[command(flatten)]
    output: Output,
}

const HELP: &str = "\
Each line has user, item, rating and a time in seconds. Ratings are drawn and written user by
user: memory does not grow with their number. Users and items are numbered from 1.

Examples:
  strads generate ratings small.csv --ratings 100000
  strads generate ratings large.tsv.zst --ratings 100000000 --users 1000000 --items 50000";

impl Ratings {
    fn design(&self) -> Result<RatingDesign, Failure> {
        let usual = RatingDesign::usual(self.ratings, self.seed);
        let design = RatingDesign {
            users: self.users.unwrap_or(usual.users),
            items: self.items.unwrap_or(usual.items),
            rank: self.rank,
            noise: self.noise,
            skew: self.skew,
            step: self.step,
            ..usual
        };
        checked(design.check()).map(|()| design)
    }

    /// Draws and writes.
    pub fn generate(&self) -> Outcome {
        let design = self.design()?;
        let separator = separator(&self.to)?;
        check("OUT", Some(&self.to))?;
        let started = Instant::now();
        write_packed(&self.to, |to| lines(&design, separator, to))?;
        let RatingDesign { users, items, ratings, rank, .. } = design;
        let value = json!({
            "command": "generate",
            "version": env!("CARGO_PKG_VERSION"),
            "users": users,
            "items": items,
            "ratings": ratings,
            "rank": rank,
            "seed": self.seed,
            "seconds": { "write": started.elapsed().as_secs_f64() },
            "peak_bytes": peak_resident_bytes(),
        });
        self.output.print(&value, || {
            let to = self.to.display();
            format!("{to}: {ratings} ratings, {users} users, {items} items, rank {rank}\n")
        })?;
        Ok(Exit::Done)
    }
}

/// What a file's name asks for between the fields.
fn separator(path: &Path) -> Result<&'static str, Failure> {
    let name = path.to_string_lossy().to_ascii_lowercase();
    let stem = name.strip_suffix(".gz").or(name.strip_suffix(".zst")).unwrap_or(&name);
    match stem.rsplit_once('.') {
        Some((_, "csv")) => Ok(","),
        Some((_, "tsv" | "tab")) => Ok("\t"),
        Some((_, "dat")) => Ok("::"),
        _ => Err(Failure::usage(format!(
            "{}: expected a name that ends in .csv, .tsv or .dat (and perhaps .gz or .zst)",
            path.display()
        ))),
    }
}

fn lines(design: &RatingDesign, separator: &str, to: &mut dyn Write) -> io::Result<()> {
    if separator == "," {
        writeln!(to, "user,item,rating,timestamp")?;
    }
    let mut done = Ok(());
    design.each(|Rated { user, item, rating, time }| {
        let (user, item) = (user + 1, item + 1);
        // Single precision is what a reader keeps.
        let rating = rating as f32;
        done = writeln!(to, "{user}{separator}{item}{separator}{rating}{separator}{time}");
        done.is_ok()
    });
    done
}

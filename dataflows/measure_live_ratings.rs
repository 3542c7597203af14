//! Measures what an epoch of a live factorisation costs against a batch fit of the same ratings, top
//! lists of all users included.
//!
//! Synthetic ratings; an epoch's changes are half new ratings and half ratings that go, both drawn
//! evenly from all. Prints one line of JSON: wall and processor seconds of a batch fit, wall
//! milliseconds of an epoch (median, 99th percentile, mean), its processor time (median) and that over
//! the batch fit's, changes a second, how many epochs needed sweeps, how many lists changed, and the
//! last objective over that of a batch fit of the ratings that are left.
//!
//! `cargo run --release -F measure --example measure_live_ratings -- --ratings 1000000 --changes 100 -w 2`

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use clap::Parser;
use differential_dataflow::input::Input;
use serde_json::json;
use strads::cluster::fail::stop;
use strads::cluster::{Flags, execute};
use strads::generate::RatingDesign;
use strads::models::mf::ccd::{self, LiveFactorisation, Rating};
use strads::models::mf::{Names, Options, Point, Problem, Ratings, Unordered};
use strads::operators;
use strads::random::{Draws, purpose};
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::{Inspect, Probe};

#[derive(Clone, Parser)]
#[command(disable_help_flag = true)]
struct Arguments {
    #[arg(long, default_value_t = 1_000_000)]
    ratings: u64,
    #[arg(long, default_value_t = 100)]
    changes: usize,
    #[arg(long, default_value_t = 100)]
    epochs: usize,
    #[arg(long, default_value_t = 40)]
    rank: usize,
    /// The length of users' lists; 0 for none.
    #[arg(long, default_value_t = 10)]
    top: usize,
    #[arg(short)]
    workers: Option<usize>,
}

/// Ratings in random order.
fn drawn(arguments: &Arguments, design: &RatingDesign) -> Vec<Rating> {
    let mut all = Vec::with_capacity(arguments.ratings as usize);
    design.each(|rated| {
        let rating = Rating::new(rated.user as u32, rated.item as u32, rated.rating as f32);
        all.push(rating.expect("finite"));
        true
    });
    let mut draws = Draws::new(1, purpose("order of ratings"), 0, 0);
    for at in (1..all.len()).rev() {
        all.swap(at, (draws.next_f64() * (at + 1) as f64) as usize);
    }
    all
}

/// Processor seconds of this process's threads.
fn processor() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}

/// A batch fit: its objective, wall and processor seconds.
#[derive(Clone, Copy, Default)]
struct Batch {
    objective: f64,
    wall: f64,
    spent: f64,
}

fn batch(ratings: &[Rating], design: &RatingDesign, options: &Options, workers: usize) -> Batch {
    let names = |count: usize| Arc::new(Names::sorted((0..count).map(|id| id.to_string())));
    let (users, items) = (names(design.users), names(design.items));
    let place = |names: &Names, id: u32| names.find(&id.to_string()).expect("its name");
    let unordered = Unordered {
        user: ratings.iter().map(|rating| place(&users, rating.user())).collect(),
        item: ratings.iter().map(|rating| place(&items, rating.item())).collect(),
        value: ratings.iter().map(Rating::value).collect(),
        ..Unordered::default()
    };
    let train = Arc::new(Ratings::new(users, items, unordered, workers).expect("ratings in order"));
    let problem = Problem { train, ..Problem::default() };
    let engine = operators::Options { shards: workers, ..Default::default() };
    let last = Arc::new(Mutex::new(Batch::default()));
    let (to, clock, spent) = (Arc::clone(&last), Instant::now(), processor());
    // Threads take their figures with them: what they had spent at the last measure.
    let watch = move |point: &Point| {
        let (wall, spent) = (clock.elapsed().as_secs_f64(), processor() - spent);
        *to.lock().expect("no panic") = Batch { objective: point.objective, wall, spent };
    };
    ccd::fit(&Flags::threads(workers), b"", problem, options.clone(), engine, watch)
        .unwrap_or_else(|error| stop(error.code(), error));
    *last.lock().expect("no panic")
}

/// What a run tells: of every epoch its wall and processor seconds, and whether it needed sweeps; the
/// last objective.
#[derive(Clone, Default)]
struct Told {
    seconds: Vec<f64>,
    spent: Vec<f64>,
    swept: usize,
    objective: f64,
    lists: usize,
}

fn main() {
    let arguments = Arguments::parse();
    let workers = arguments.workers.unwrap_or(1);
    let design = RatingDesign::usual(arguments.ratings, 0);
    let all = Arc::new(drawn(&arguments, &design));
    let options = Options {
        rank: arguments.rank,
        lambda: Some(0.05),
        weighted_lambda: true,
        ..Options::default()
    };
    let half = arguments.changes.div_ceil(2);
    let window = all.len().saturating_sub(arguments.epochs * half);
    let (given, own, kept) = (options.clone(), arguments.clone(), Arc::clone(&all));
    let told = execute(&Flags::threads(workers), b"", move |worker| {
        let (arguments, all, probe) = (&own, &kept, ProbeHandle::new());
        let told: Rc<RefCell<Told>> = Rc::default();
        let to = (Rc::clone(&told), Rc::clone(&told));
        let (mut input, mut asking) = worker.dataflow::<u64, _, _>(|scope| {
            let (input, ratings) = scope.new_collection::<Rating, isize>();
            let (asking, queries) = scope.new_collection::<u32, isize>();
            let live = ratings.clone().factorise(given.clone(), workers).expect("options in range");
            let certificates = live.certificates.clone().inspect(move |point| {
                let mut told = to.0.borrow_mut();
                told.objective = point.certificate.objective();
                told.swept += usize::from(point.certificate.sweeps == 1.0);
            });
            certificates.probe_with(&probe);
            let lists = live.recommendations(ratings, queries, arguments.top);
            let lists = lists
                .inspect(move |(_, _, diff)| to.1.borrow_mut().lists += usize::from(*diff > 0));
            lists.probe_with(&probe);
            (input, asking)
        });
        let first = worker.index() == 0;
        all[..window].iter().filter(|_| first).for_each(|rating| input.insert(*rating));
        let users = if arguments.top > 0 { design.users as u32 } else { 0 };
        (0..users).filter(|_| first).for_each(|user| asking.insert(user));
        for epoch in 0..=arguments.epochs {
            let (clock, spent) = (Instant::now(), processor());
            for at in (0..half).filter(|_| first && epoch > 0) {
                let gone = (epoch - 1) * half + at;
                input.remove(all[gone]);
                input.insert(all[window + gone]);
            }
            input.advance_to(epoch as u64 + 1);
            asking.advance_to(epoch as u64 + 1);
            input.flush();
            asking.flush();
            worker.step_or_park_while(None, || probe.less_than(input.time()));
            let mut told = told.borrow_mut();
            if epoch == 0 {
                *told = Told::default();
            } else {
                told.seconds.push(clock.elapsed().as_secs_f64());
                told.spent.push(processor() - spent);
            }
        }
        told.take()
    });
    let mut told = told.unwrap_or_else(|error| stop(error.code(), error)).swap_remove(0);
    let left = &all[half * arguments.epochs..window + half * arguments.epochs];
    let batch = batch(left, &design, &options, workers);
    let total = told.seconds.iter().sum::<f64>();
    told.seconds.sort_by(f64::total_cmp);
    told.spent.sort_by(f64::total_cmp);
    let at = |all: &[f64], share: f64| 1e3 * all[((all.len() - 1) as f64 * share).round() as usize];
    let spent = at(&told.spent, 0.5);
    let result = json!({
        "ratings": left.len(), "users": design.users, "items": design.items,
        "rank": arguments.rank, "workers": workers, "changes": 2 * half,
        "epochs": arguments.epochs, "epochs_with_sweeps": told.swept, "lists_changed": told.lists,
        "p50_ms": at(&told.seconds, 0.5), "p90_ms": at(&told.seconds, 0.9),
        "p99_ms": at(&told.seconds, 0.99), "mean_ms": 1e3 * total / arguments.epochs as f64,
        "epoch_cpu_ms": spent,
        "changes_per_second": (2 * half * arguments.epochs) as f64 / total,
        "batch_seconds": batch.wall, "batch_cpu_seconds": batch.spent,
        "ratio": 1e-3 * spent / batch.spent,
        "objective_over_batch": told.objective / batch.objective,
    });
    println!("{result}");
}

//! Measures the engine itself: rounds whose program does nothing but carry a payload.
//!
//! Prints one line: the form, where the schedule is decided, the staleness, the payload in bytes a
//! shard and round, the number of workers, and the wall time of a round in microseconds (the
//! median and the fastest of five epochs, on worker 0).
//!
//! `cargo run --release -F measure --example measure_rounds -- --form owned --payload 2048 -w 2`, or in two
//! processes with `-n 2 -p 0` and `-n 2 -p 1`.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use strads::container::{Columns, Moves, Partials};
use strads::operators::{Form, ModelParallel, Options, Scheduling};
use strads::program::{Program, Round, Work};
use strads::scheduler::{Next, Report, Scheduler, View};
use timely::dataflow::operators::{Input, Probe};
use timely::dataflow::{InputHandle, ProbeHandle};

/// How rounds are run and what they carry.
#[derive(Clone, Parser)]
#[command(disable_help_flag = true)]
struct Arguments {
    /// What a shard holds.
    #[arg(long, default_value = "owned")]
    form: FormName,
    /// Where the schedule is decided.
    #[arg(long, default_value = "replicated")]
    scheduling: SchedulingName,
    /// Rounds that may be decided before an earlier one is applied.
    #[arg(long, default_value_t = 0)]
    staleness: u64,
    /// Bytes of effect (owned form) or partials (partial form) a shard and round.
    #[arg(long, default_value_t = 2048)]
    payload: usize,
    /// Rounds an epoch.
    #[arg(long, default_value_t = 20_000)]
    rounds: u64,
    /// Timely's own options: -w THREADS -n PROCESSES -p PROCESS -h HOSTFILE.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    timely: Vec<String>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum FormName {
    Owned,
    Partial,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum SchedulingName {
    Replicated,
    Central,
}

/// Carries a payload and computes nothing.
struct Idle {
    payload: usize,
    owned: bool,
}

impl Program for Idle {
    type Change = ();
    type Key = u32;
    type Partial = u64;
    type Delta = f64;
    type Effect = u64;
    type Certificate = ();
    type Output = ();

    fn ingest(&mut self, _changes: &mut Vec<()>) {}

    fn push(&mut self, _shard: usize, block: &[u32], partials: &mut Columns<u32, u64>) {
        if !self.owned {
            for &key in block {
                partials.push(key, 0);
            }
        }
    }

    fn pull(
        &mut self,
        _shard: usize,
        _partials: &Partials<'_, u32, u64>,
        _deltas: &mut Columns<u32, f64>,
    ) {
    }

    fn effect(
        &mut self,
        _shard: usize,
        work: Work,
        _block: &[u32],
        _moves: &Moves<'_, u32, f64, u64>,
        effect: &mut Vec<u64>,
    ) {
        if work == Work::Update {
            effect.resize(self.payload / 8, 0);
        }
    }

    fn sync(&mut self, _round: &Round<'_, Self>) {}

    fn publish(&mut self, _shard: usize, _changes: &mut Vec<()>) {}

    fn universe(&self) -> usize {
        1 << 20
    }
}

/// So many update rounds an epoch, each of so many keys.
struct Rounds {
    rounds: u64,
    keys: u32,
}

impl Scheduler<u32> for Rounds {
    fn schedule(&mut self, view: &View<'_, u32>, block: &mut Vec<u32>) -> Next {
        if view.round > self.rounds {
            return Next::Finish;
        }
        // Of every staleness the keys differ, so that none is in flight twice.
        let first = (view.round % 64) as u32 * self.keys;
        block.extend(first..first + self.keys);
        Next::Update
    }

    fn observe(&mut self, _report: &Report<'_, u32>) {}
}

fn main() {
    let arguments = Arguments::parse();
    let form = match arguments.form {
        FormName::Owned => Form::Owned,
        FormName::Partial => Form::Partial,
    };
    let scheduling = match arguments.scheduling {
        SchedulingName::Replicated => Scheduling::Replicated,
        SchedulingName::Central => Scheduling::Central,
    };
    let options = Options { form, scheduling, staleness: arguments.staleness, shards: 0 };
    let own = arguments.timely.clone();
    let ended = timely::execute_from_args(own.into_iter(), move |worker| {
        let owned = form == Form::Owned;
        // A key with its partial takes twelve bytes.
        let keys = if owned { 0 } else { arguments.payload.min(1 << 16) as u32 / 12 };
        let program = Rc::new(RefCell::new(Idle { payload: arguments.payload, owned }));
        let scheduler = Rounds { rounds: arguments.rounds, keys };
        let (mut input, probe) = (InputHandle::new(), ProbeHandle::new());
        worker.dataflow::<u64, _, _>(|scope| {
            let changes = scope.input_from(&mut input);
            let trained = changes.model_parallel("Idle", options, program, scheduler);
            trained.changes.probe_with(&probe);
        });
        let mut micros = Vec::new();
        for epoch in 1..=5 {
            let start = Instant::now();
            input.send(());
            input.advance_to(epoch);
            worker.step_or_park_while(None, || probe.less_than(input.time()));
            micros.push(start.elapsed().as_secs_f64() * 1e6 / arguments.rounds as f64);
        }
        micros.sort_by(f64::total_cmp);
        if worker.index() == 0 {
            println!(
                "{form:?} {scheduling:?} staleness {} payload {} workers {}: {:.2} µs a round, at best {:.2}",
                options.staleness,
                arguments.payload,
                worker.peers(),
                micros[2],
                micros[0],
            );
        }
    });
    if let Err(cause) = ended {
        eprintln!("measure_rounds: {cause}");
        std::process::exit(2);
    }
}

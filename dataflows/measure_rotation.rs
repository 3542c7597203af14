//! Measures the rotation form itself: slices that travel, shards that do nothing with them.
//!
//! Prints one line: shards, slices, bytes of a slice, sub-rounds between summaries, staleness, and
//! the wall time of a sub-round in microseconds (the median and the fastest of five epochs, on
//! worker 0).
//!
//! `cargo run --release -F measure --example measure_rotation -- --bytes 67108864 -w 2`, or in two processes
//! with `-n 2 -p 0` and `-n 2 -p 1`, `--encrypt` or not (`scripts/chaos --cost`).

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Instant;

use clap::Parser;
use strads::cluster::{self, Flags, fail};
use strads::container::Slice;
use strads::operators::{Rotate, RotateOptions};
use strads::program::{Rotating, Sweep, Turn};
use strads::scheduler::{Rotation, SweepLimits};
use timely::dataflow::operators::{Input, Probe};
use timely::dataflow::{InputHandle, ProbeHandle};

/// What travels and how.
#[derive(Clone, Parser)]
#[command(disable_help_flag = true)]
struct Arguments {
    /// Bytes of a slice.
    #[arg(long, default_value_t = 65_536)]
    bytes: usize,
    /// Slices; 0 = two a shard.
    #[arg(long, default_value_t = 0)]
    slices: usize,
    /// Sub-rounds from one summary to the next; 0 = a sweep.
    #[arg(long, default_value_t = 0)]
    sync_every: u64,
    /// Summaries that may be missing.
    #[arg(long, default_value_t = 0)]
    staleness: u64,
    /// Bytes of a shard's summary.
    #[arg(long, default_value_t = 8000)]
    summary: usize,
    /// Sweeps an epoch.
    #[arg(long, default_value_t = 100)]
    sweeps: u64,
    #[command(flatten)]
    cluster: Flags,
}

/// Carries slices and computes nothing.
struct Idle {
    bytes: usize,
    summary: usize,
}

impl Rotating for Idle {
    type Change = ();
    type Cell = u32;
    type Summary = u64;
    type Certificate = ();
    type Output = ();

    fn ingest(&mut self, _changes: &mut Vec<()>) {}

    fn slice(&mut self, _index: usize) -> Slice<u32> {
        Slice { head: Vec::new(), cells: vec![0; self.bytes / 4] }
    }

    fn work(&mut self, _turn: &Turn, _slice: &mut Slice<u32>) {}

    fn summary(&mut self, _shard: usize, _sweep: &Sweep, summary: &mut Vec<u64>) {
        summary.resize(self.summary / 8, 0);
    }
}

fn main() {
    let arguments = Arguments::parse();
    let options = RotateOptions {
        shards: 0,
        slices: arguments.slices,
        sync_every: arguments.sync_every,
        staleness: arguments.staleness,
    };
    let flags = arguments.cluster.clone();
    let ended = cluster::execute(&flags, b"", move |worker| {
        let ring = options.ring(worker.peers());
        let idle = Idle { bytes: arguments.bytes, summary: arguments.summary };
        let sweeps = SweepLimits { sweeps: arguments.sweeps, ..SweepLimits::default() };
        let (mut input, probe) = (InputHandle::new(), ProbeHandle::new());
        worker.dataflow::<u64, _, _>(|scope| {
            scope
                .input_from(&mut input)
                .rotate("Idle", options, Rc::new(RefCell::new(idle)), Rotation::new(sweeps))
                .changes
                .probe_with(&probe);
        });
        let rounds = (arguments.sweeps + 1) as f64 * ring.slices() as f64;
        let mut micros = Vec::new();
        for epoch in 1..=5 {
            let start = Instant::now();
            input.send(());
            input.advance_to(epoch);
            worker.step_or_park_while(None, || probe.less_than(input.time()));
            micros.push(start.elapsed().as_secs_f64() * 1e6 / rounds);
        }
        micros.sort_by(f64::total_cmp);
        if worker.index() == 0 {
            println!(
                "shards {} slices {} bytes {} sync_every {} staleness {} workers {}: {:.2} µs a sub-round, at best {:.2}",
                ring.shards(),
                ring.slices(),
                arguments.bytes,
                options.sync_every,
                options.staleness,
                worker.peers(),
                micros[2],
                micros[0],
            );
        }
    });
    if let Err(cause) = ended {
        fail::stop(cause.code(), cause);
    }
}

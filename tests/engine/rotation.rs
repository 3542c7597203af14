//! The rotation form against a plain loop, wherever it runs and however slow parts of it are.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use strads::container::Slice;
use strads::operators::{GatherSlices, Rotate, RotateOptions};
use strads::program::{Certificate, Rotating, Sweep, Turn, Work};
use strads::scheduler::{Rotation, SweepLimits, Sweeps, Swept};
use timely::communication::Config as Communication;
use timely::dataflow::InputHandle;
use timely::dataflow::operators::{Exchange, Input, Inspect};
use timely::worker::Worker;

use super::problem::draw;
use super::processes::{Place, children};
use super::rotating::{Rotor, Trace, Word, counts, mixed, recount};

#[derive(Clone, Copy, Debug)]
struct Case {
    options: RotateOptions,
    growth: usize,
    delays: bool,
}

const LIMITS: SweepLimits = SweepLimits {
    sweeps: 3,
    certify_every: 2,
    tolerance: 0.0,
    patience: 0,
    max_seconds: f64::INFINITY,
};

fn cases() -> Vec<Case> {
    let case = |(shards, slices, sync_every, staleness, growth)| Case {
        options: RotateOptions { shards, slices, sync_every, staleness },
        growth,
        delays: false,
    };
    let shapes = [
        (1, 1, 0, 0, 1),
        (1, 5, 2, 1, 1),
        (4, 4, 1, 0, 9),
        (4, 8, 2, 1, 3),
        (4, 9, 5, 0, 3),
        (4, 16, 1, 3, 3),
        (4, 0, 0, 0, 12_000),
        (7, 7, 3, 100, 1),
        (12, 24, 4, 1, 0),
    ];
    shapes.into_iter().map(case).collect()
}

/// Changes by epoch: words arrive, nothing happens, words go and come, in no shard of the last.
fn epochs() -> Vec<Vec<Word>> {
    let word = |at: u32| (at % 11, at * at % 23, i64::from(at % 3) + 1);
    let first: Vec<Word> = (0..60).map(word).collect();
    let gone = first.iter().step_by(2).map(|&(document, word, count)| (document, word, -count));
    let third = gone.chain((60..70).map(word)).collect();
    vec![first, Vec::new(), third, vec![(3, 5, 1)]]
}

fn line(epoch: u64, index: usize, slice: &Slice<u32>) -> String {
    let hash = slice.cells.iter().fold(0, |hash, &cell| mixed(hash, u64::from(cell)));
    format!("{epoch}: slice {index}: {:?} {hash} {}", slice.head, slice.cells.len())
}

fn certified(swept: &Swept<Trace>) -> String {
    format!("{:?} {:?}", swept.sweep, swept.certificate)
}

/// A loop over sub-rounds and shards, as the documentation of the contract says.
fn oracle(case: &Case) -> BTreeSet<String> {
    let ring = case.options.ring(1);
    let (shards, slices) = (ring.shards(), ring.slices());
    let each = if case.options.sync_every == 0 { slices as u64 } else { case.options.sync_every };
    let mut rotor = Rotor::new(ring, 0, case.growth);
    let mut model: Vec<Slice<u32>> = (0..slices).map(|index| rotor.slice(index)).collect();
    let mut scheduler = Rotation::new(LIMITS);
    let mut lines = BTreeSet::new();
    let full = epochs();
    let given = full.iter().enumerate().filter(|(_, changes)| !changes.is_empty());
    for (epoch, (time, changes)) in given.enumerate() {
        rotor.ingest(&mut changes.clone());
        Sweeps::<Trace>::begin(&mut scheduler, epoch as u64);
        let mut next = Some(Work::Refresh);
        for number in 0.. {
            let Some(work) = next else { break };
            let sweep = Sweep { epoch: epoch as u64, number, work };
            let mut told: Vec<Vec<Vec<f64>>> = Vec::new();
            let mut heard = 0;
            for round in 0..slices as u64 {
                let visible = (round / each).saturating_sub(case.options.staleness);
                while heard < visible {
                    hear(&mut rotor, shards, &told[heard as usize]);
                    heard += 1;
                }
                for shard in 0..shards {
                    let slice = (shard * (slices / shards) + round as usize) % slices;
                    rotor.work(&Turn { sweep, round, shard, slice }, &mut model[slice]);
                }
                if (round + 1) % each == 0 || round + 1 == slices as u64 {
                    told.push(Vec::new());
                    for shard in 0..shards {
                        let mut summary = Vec::new();
                        rotor.summary(shard, &sweep, &mut summary);
                        told.last_mut().expect("pushed").push(summary);
                    }
                }
            }
            told[heard as usize..].iter().for_each(|told| hear(&mut rotor, shards, told));
            let mut whole: Option<Trace> = None;
            for shard in 0..shards {
                let home: Vec<_> = ring.home(shard).map(|at| (at, model[at].clone())).collect();
                let share = rotor.certificate(shard, &sweep, &home);
                whole.get_or_insert(share);
                if shard > 0 {
                    whole.as_mut().expect("just put").merge(&share);
                }
            }
            let swept = Swept { sweep, certificate: whole.expect("shards"), late: false };
            lines.insert(format!("{time}: {}", certified(&swept)));
            next = scheduler.next(&swept);
        }
        lines.extend(model.iter().enumerate().map(|(at, slice)| line(time as u64, at, slice)));
        let all: Vec<_> = model.iter().map(counts).collect();
        assert!(all.iter().all(|(_, whole)| *whole));
        let left = all.into_iter().flat_map(|(counts, _)| counts).collect::<BTreeSet<_>>();
        assert_eq!(left, recount(full[..=time].iter().flatten()), "counts are conserved");
    }
    lines
}

fn hear(rotor: &mut Rotor, shards: usize, told: &[Vec<f64>]) {
    let parts: Vec<&[f64]> = told.iter().map(Vec::as_slice).collect();
    (0..shards).for_each(|shard| rotor.sync(shard, &parts));
}

/// Sleeps now and then.
struct Slow {
    rotor: Rotor,
    delays: bool,
    calls: u64,
}

impl Rotating for Slow {
    type Change = Word;
    type Cell = u32;
    type Summary = f64;
    type Certificate = Trace;
    type Output = (usize, Slice<u32>);

    fn ingest(&mut self, changes: &mut Vec<Word>) {
        self.rotor.ingest(changes);
    }
    fn slice(&mut self, index: usize) -> Slice<u32> {
        self.rotor.slice(index)
    }
    fn work(&mut self, turn: &Turn, slice: &mut Slice<u32>) {
        self.calls += 1;
        let drawn = draw(turn.shard as u64, self.calls);
        if self.delays && drawn < -0.75 {
            std::thread::sleep(Duration::from_micros(((drawn + 1.0) * 8000.0) as u64));
        }
        self.rotor.work(turn, slice);
    }
    fn summary(&mut self, shard: usize, sweep: &Sweep, summary: &mut Vec<f64>) {
        self.rotor.summary(shard, sweep, summary);
    }
    fn sync(&mut self, shard: usize, summaries: &[&[f64]]) {
        self.rotor.sync(shard, summaries);
    }
    fn certificate(
        &mut self,
        shard: usize,
        sweep: &Sweep,
        slices: &[(usize, Slice<u32>)],
    ) -> Trace {
        self.rotor.certificate(shard, sweep, slices)
    }
    fn publish(
        &mut self,
        shard: usize,
        slices: &mut [(usize, Slice<u32>)],
        changes: &mut Vec<Self::Output>,
    ) {
        self.rotor.publish(shard, slices, changes);
    }
}

/// What comes out on a worker: certificates at shard 0's, slices gathered at worker 0.
fn on_worker(worker: &mut Worker, case: &Case) -> BTreeSet<String> {
    let ring = case.options.ring(worker.peers());
    let placement = ring.placement();
    let rotor = Rotor::new(ring, worker.index(), case.growth);
    let program = Rc::new(RefCell::new(Slow { rotor, delays: case.delays, calls: 0 }));
    let lines = Rc::new(RefCell::new(BTreeSet::new()));
    let mut input = InputHandle::new();
    worker.dataflow::<u64, _, _>(|scope| {
        let home = move |document: u32| placement.worker_of(document as usize % ring.shards());
        let rotated = scope
            .input_from(&mut input)
            .exchange(move |&(document, _, _): &Word| home(document) as u64)
            .rotate("Rotor", case.options, Rc::clone(&program), Rotation::new(LIMITS));
        let (of_slices, of_sweeps) = (Rc::clone(&lines), Rc::clone(&lines));
        rotated.changes.gather_slices().inspect_core(move |event| {
            let Ok((stamp, slices)) = event else { return };
            let time = *stamp.iter().next().expect("a time");
            let text = slices.iter().map(|(index, slice)| line(time, *index, slice));
            of_slices.borrow_mut().extend(text);
        });
        rotated.certificates.inspect_core(move |event| {
            let Ok((stamp, swept)) = event else { return };
            let time = stamp.iter().next().expect("a time");
            let text = swept.iter().map(|swept| format!("{time}: {}", certified(swept)));
            of_sweeps.borrow_mut().extend(text);
        });
    });
    for (epoch, changes) in epochs().into_iter().enumerate() {
        let own = changes.into_iter().enumerate();
        own.filter(|(at, _)| at % worker.peers() == worker.index())
            .for_each(|(_, change)| input.send(change));
        input.advance_to(epoch as u64 + 1);
    }
    input.close();
    while worker.has_dataflows() {
        worker.step_or_park(None);
    }
    for (shard, turns) in &program.borrow().rotor.turns {
        let wanted = |at: usize| ring.slice(*shard, (at % ring.slices()) as u64);
        assert!(turns.iter().enumerate().all(|(at, turn)| turn.slice == wanted(at)));
    }
    lines.take()
}

fn run(communication: Communication, cases: &[Case]) -> Vec<BTreeSet<String>> {
    let all = cases.to_vec();
    let config = timely::Config { communication, worker: Default::default() };
    let guards = timely::execute(config, move |worker| {
        all.iter().map(|case| on_worker(worker, case)).collect::<Vec<_>>()
    });
    let mut outcomes = vec![BTreeSet::new(); cases.len()];
    for of_worker in guards.expect("the computation starts").join() {
        for (whole, part) in outcomes.iter_mut().zip(of_worker.expect("no worker fails")) {
            whole.extend(part);
        }
    }
    outcomes
}

/// The cases whose shards do not depend on the workers.
fn oracles() -> Vec<BTreeSet<String>> {
    cases().iter().map(oracle).collect()
}

#[test]
fn on_any_number_of_threads_as_a_plain_loop() {
    let wanted = oracles();
    assert!(run(Communication::Thread, &cases()) == wanted, "one thread differs");
    for threads in [2, 3, 4] {
        let found = run(Communication::Process(threads), &cases());
        for ((found, wanted), case) in found.iter().zip(&wanted).zip(cases()) {
            assert!(found == wanted, "{threads} threads differ: {case:?}");
        }
    }
    assert!(run(Communication::ProcessBinary(2), &cases()) == wanted, "serialised differs");
}

#[test]
fn however_slow() {
    let slow: Vec<_> = cases().into_iter().map(|case| Case { delays: true, ..case }).collect();
    assert!(run(Communication::Process(3), &slow) == oracles());
}

/// What a process of [`on_any_number_of_processes`] does.
#[test]
fn child_rotation() {
    let Some(place) = Place::of_child() else { return };
    for (at, lines) in run(place.next(), &cases()).into_iter().enumerate() {
        lines.iter().for_each(|line| println!("@{at} {line}"));
    }
}

#[test]
fn on_any_number_of_processes() {
    let number = |(at, lines): (usize, BTreeSet<String>)| {
        lines.into_iter().map(move |line| format!("@{at} {line}"))
    };
    let wanted: BTreeSet<String> = oracles().into_iter().enumerate().flat_map(number).collect();
    for (processes, threads) in [(2, 2), (4, 1)] {
        let mut lines = BTreeSet::new();
        for child in children("engine::rotation::child_rotation", processes, threads, 1) {
            assert!(child.succeeded(), "{}", child.stderr);
            lines.extend(child.marked());
        }
        assert!(lines == wanted, "-n {processes} -w {threads} differs");
    }
}

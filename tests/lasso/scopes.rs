//! A live Lasso among a user's own operators: joins before and after it, filters, regions.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use differential_dataflow::input::Input;
use strads::cluster::Flags;
use strads::models::lasso::{Lambda, LiveLasso, Options, Parameter, Row};
use timely::dataflow::ProbeHandle;
use timely::dataflow::operators::{Inspect, Probe};

use super::draw::Draw;
use super::live::{Epoch, Seen, live, row, sorted};

/// Parameters that the model is joined with: the even columns and the intercept.
fn is_named(parameter: Parameter) -> bool {
    !matches!(parameter, Parameter::Column(column) if column % 2 == 1)
}

/// Rows less the banned ones and a fifth of the others, a Lasso of them in a region, and its
/// parameters that have a name; `burst` epochs in flight. Bans are identities.
fn composed(epochs: &[(Epoch, Epoch)], options: &Options, workers: usize, burst: usize) -> Seen {
    let seen = Arc::new(Mutex::new(Seen::default()));
    let (to, epochs, options) = (Arc::clone(&seen), epochs.to_vec(), options.clone());
    let done = strads::cluster::execute(&Flags::threads(workers), b"", move |worker| {
        let probe = ProbeHandle::new();
        let (mut rows, mut banned, mut names) = worker.dataflow::<u64, _, _>(|scope| {
            let (input, rows) = scope.new_collection::<(u64, Row), isize>();
            let (bans, banned) = scope.new_collection::<u64, isize>();
            let (named, names) = scope.new_collection::<Parameter, isize>();
            let rows = rows.antijoin(banned).filter(|(id, _)| !id.is_multiple_of(5));
            let model = scope.region(|inner| {
                let lasso = rows.enter_region(inner).lasso(options.clone(), 3);
                lasso.expect("options in range").model.leave_region(scope)
            });
            let changes = Arc::clone(&to);
            model
                .semijoin(names)
                .inner
                .inspect(move |((parameter, value), time, diff)| {
                    let change = ((*parameter, value.0), *time, *diff);
                    changes.lock().unwrap().changes.push(change);
                })
                .probe_with(&probe);
            (input, bans, named)
        });
        if worker.index() == 0 {
            names.insert(Parameter::Intercept);
            (0..64).step_by(2).for_each(|column| names.insert(Parameter::Column(column)));
        }
        for (time, (changes, bans)) in epochs.iter().enumerate() {
            let own = |id: u64| id as usize % worker.peers() == worker.index();
            for &(id, contents, diff) in changes.iter().filter(|change| own(change.0)) {
                let (response, entries) = row(contents);
                rows.update((id, Row::new(response, entries).unwrap()), diff);
            }
            let bans = bans.iter().filter(|ban| own(ban.0));
            bans.for_each(|&(id, _, diff)| banned.update(id, diff));
            let next = time as u64 + 1;
            rows.advance_to(next);
            banned.advance_to(next);
            names.advance_to(next);
            rows.flush();
            banned.flush();
            names.flush();
            if time % burst == burst - 1 {
                worker.step_or_park_while(None, || probe.less_than(&next));
            }
        }
    });
    done.unwrap();
    seen.lock().unwrap().clone()
}

/// What the Lasso is given of the epochs, by hand.
fn let_through(epochs: &[(Epoch, Epoch)]) -> Vec<Epoch> {
    let (mut rows, mut banned) = (BTreeMap::new(), BTreeMap::<u64, isize>::new());
    let mut before = BTreeMap::new();
    let mut through = Vec::new();
    for (changes, bans) in epochs {
        changes.iter().for_each(|&(id, contents, n)| *rows.entry((id, contents)).or_default() += n);
        bans.iter().for_each(|&(id, _, diff)| *banned.entry(id).or_default() += diff);
        let passes = |id: u64| !id.is_multiple_of(5) && banned.get(&id).is_none_or(|n| *n == 0);
        let now: BTreeMap<(u64, u64), isize> = rows
            .iter()
            .filter(|((id, _), n)| passes(*id) && **n != 0)
            .map(|(k, n)| (*k, *n))
            .collect();
        let mut change = now.clone();
        before
            .iter()
            .for_each(|(key, n): (&(u64, u64), &isize)| *change.entry(*key).or_default() -= n);
        change.retain(|_, n| *n != 0);
        through.push(change.into_iter().map(|((id, contents), n)| (id, contents, n)).collect());
        before = now;
    }
    through
}

#[test]
fn among_joins_and_filters_in_a_region_with_epochs_in_flight() {
    let mut draw = Draw(3);
    let mut held: Vec<(u64, u64)> = (0..70).map(|id| (id, draw.below(500) as u64)).collect();
    let stock: Epoch = held.iter().map(|&(id, contents)| (id, contents, 1)).collect();
    let mut epochs = vec![(stock, vec![(7, 0, 1)])];
    for time in 0..40 {
        let at = draw.below(held.len());
        let (id, old) = held[at];
        held[at].1 = draw.below(500) as u64;
        let changes = vec![(id, old, -1), (id, held[at].1, 1)];
        // One more is banned, the one before no longer.
        epochs.push((changes, vec![(7 + time, 0, -1), (8 + time, 0, 1)]));
    }
    let options = Options { lambda: Lambda::Value(0.15), tolerance: 1e-8, ..Options::default() };
    let alone = live(&let_through(&epochs), &options, 1, 3, 1);
    let mut expected = sorted(&alone);
    expected.retain(|(_, parameter, _, _)| is_named(*parameter));
    assert!(!expected.is_empty());
    for (workers, burst) in [(1, 1), (2, 41), (3, 6)] {
        let composed = composed(&epochs, &options, workers, burst);
        assert_eq!(sorted(&composed), expected, "{workers} workers, {burst} epochs in flight");
    }
}

//! Holds the operators of one worker to the exact staleness.
//!
//! Rounds are numbered over all epochs (*serials*). On each worker two counts move: how many
//! rounds have been *decided* (pushed and pulled) and how many have been *synced*. Round `t` is
//! decided only once `t − s` are synced, and round `v` is synced only once `v + s` is decided: so
//! deciding `t` sees exactly the rounds before `t − s`, whatever the order of messages. A barrier
//! round (refresh, couple, certify, the end of an epoch) waits for every round before it, and
//! releases them from waiting for rounds that will not come.

use std::cell::{Cell, RefCell};

use timely::scheduling::Activator;

/// The counts of one worker, shared by its operators.
pub(super) struct Pace {
    staleness: u64,
    decided: Cell<u64>,
    released: Cell<u64>,
    synced: Cell<u64>,
    /// Rounds before this one must be synced before anything later is decided.
    barrier: Cell<u64>,
    operators: RefCell<Vec<Waiter>>,
}

/// An operator, and whether it has something that waits for a count to move.
struct Waiter {
    activator: Activator,
    waits: bool,
}

impl Pace {
    pub fn new(staleness: u64) -> Self {
        Pace {
            staleness,
            decided: Cell::new(0),
            released: Cell::new(0),
            synced: Cell::new(0),
            barrier: Cell::new(0),
            operators: RefCell::new(Vec::new()),
        }
    }

    /// Introduces an operator; gives the name under which it waits.
    pub fn enrol(&self, activator: Activator) -> usize {
        let mut operators = self.operators.borrow_mut();
        operators.push(Waiter { activator, waits: false });
        operators.len() - 1
    }

    /// Has an operator run again once a count moves.
    pub fn wait(&self, name: usize) {
        self.operators.borrow_mut()[name].waits = true;
    }

    /// Whether the update round `serial` may be decided here now.
    pub fn may_decide(&self, serial: u64) -> bool {
        self.synced.get() >= serial.saturating_sub(self.staleness).max(self.barrier.get())
    }

    /// Whether every round before the barrier round `serial` is synced here; lets them be.
    pub fn may_pass(&self, serial: u64) -> bool {
        if self.released.get() < serial {
            self.released.set(serial);
            self.moved();
        }
        self.synced.get() >= serial
    }

    /// The barrier round `serial` has been worked on here.
    pub fn passed(&self, serial: u64) {
        self.barrier.set(serial + 1);
        self.released.set(serial + 1);
        self.decided.set(serial + 1);
        self.moved();
    }

    /// The update round `serial` has been decided here.
    pub fn decided(&self, serial: u64) {
        self.decided.set(serial + 1);
        self.moved();
    }

    /// Whether the next round to be synced is `serial`.
    pub fn next_to_sync(&self) -> u64 {
        self.synced.get()
    }

    /// Whether the round `serial` may be synced here now, were it complete.
    ///
    /// A barrier releases the rounds before it only once all of them are decided here: in partial
    /// form it reaches Push while earlier rounds still wait in Pull for someone's partials.
    pub fn may_sync(&self, serial: u64) -> bool {
        let (decided, released) = (self.decided.get(), self.released.get());
        serial == self.synced.get()
            && (decided > serial + self.staleness || (released > serial && decided >= released))
    }

    /// The round `serial` has been synced here.
    pub fn synced(&self, serial: u64) {
        self.synced.set(serial + 1);
        self.moved();
    }

    fn moved(&self) {
        for operator in self.operators.borrow_mut().iter_mut() {
            if std::mem::take(&mut operator.waits) {
                operator.activator.activate();
            }
        }
    }
}

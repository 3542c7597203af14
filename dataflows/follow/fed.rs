//! What every live command does alike: its feed and checkpoints are found by the process that has
//! them, its dataflow is built by all workers, and one of them feeds it.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use strads::checkpoint::Keeper;
use strads::cluster::Flags;
use strads::feeds::Source;
use timely::worker::Worker;

use super::legs::Legs;
use super::session::{Ended, Live, Setting, end_with_feed, follow};
use super::{Follow, Keeping};
use crate::checkpoint::Checkpoints;
use crate::failure::Failure;
use crate::output::Output;

/// What only the worker with the feed has.
pub struct Fed {
    source: Source,
    keeper: Option<Arc<Keeper>>,
    ending: Arc<AtomicBool>,
}

/// What is asked of a live run.
pub struct Asked<'a> {
    pub command: &'static str,
    pub live: &'a Follow,
    pub data: &'a Path,
    pub cluster: &'a Flags,
    pub checkpoints: &'a Checkpoints,
    pub shards: usize,
    pub seed: u64,
    /// All that decides the result.
    pub remembered: Value,
    /// Where the model goes.
    pub model: Option<&'a Path>,
    pub output: Output,
}

impl Asked<'_> {
    /// The feed and the checkpoints, if this is the process that has them (that `speaks`). From here
    /// on a signal ends the run in good order.
    pub fn fed(&self, speaks: bool) -> Result<Mutex<Option<Fed>>, Failure> {
        let ending = end_with_feed()?;
        if !speaks {
            return Ok(Mutex::new(None));
        }
        let source = self.live.source(self.data, self.cluster)?;
        let run = (self.command, self.shards, self.seed);
        let options = self.remembered.to_string();
        let keeper = self.checkpoints.live_keeper(run, options.as_bytes(), &self.output)?;
        Ok(Mutex::new(Some(Fed { source, keeper, ending })))
    }

    /// What processes must agree on.
    pub fn digest(&self) -> String {
        format!("{} {}", self.remembered, self.checkpoints.are_kept())
    }

    /// A worker's part of the run: `build` builds the dataflow of a number (see [`super::Kept::build`], the
    /// first is 0), and `begin` makes the model of it that is fed.
    pub fn work<F, L: Live>(
        self,
        worker: &mut Worker,
        fed: &Mutex<Option<Fed>>,
        mut build: impl FnMut(&mut Worker, u64) -> Result<F, String>,
        begin: impl FnOnce(F) -> L,
    ) -> Ended {
        let legs = self.checkpoints.are_kept().then(|| Legs::new(worker));
        let failed = |why: String| Ended { failure: Some(Failure::usage(format!("--{why}"))) };
        let flow = match build(worker, 0) {
            Ok(flow) => flow,
            Err(why) => return failed(why),
        };
        let fed = match worker.index() {
            0 => fed.lock().unwrap_or_else(PoisonError::into_inner).take(),
            _ => None,
        };
        let Some(Fed { source, keeper, ending }) = fed else {
            drop(flow);
            let build = |worker: &mut Worker, begun| build(worker, begun).map(drop);
            let served = legs.map_or(Ok(()), |legs| legs.serve(worker, build));
            return served.map_or_else(failed, |()| Ended::default());
        };
        let mut live = begin(flow);
        let keeping =
            legs.zip(keeper).map(|(legs, keeper)| Keeping::new(keeper, legs, self.shards));
        let (arguments, model, output) = (self.live, self.model, self.output);
        follow(worker, &mut live, source, Setting { arguments, model, output, keeping, ending })
    }
}

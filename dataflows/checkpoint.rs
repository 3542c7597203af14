//! The options of runs that keep checkpoints.

use std::path::PathBuf;
use std::sync::Arc;

use strads::checkpoint::{CheckpointError, Identity, Keeper, Settings, Store};
use strads::cluster::Flags;
use strads::report::Exit;

use crate::failure::{Failure, say};
use crate::output::Output;
use crate::run::expect;

/// Epochs of live data between two checkpoints.
const EPOCHS: u64 = 100;

/// How a run keeps checkpoints.
#[derive(clap::Args, Clone, Debug, Default)]
#[command(about = None, long_about = None, next_help_heading = "Checkpoints")]
pub struct Checkpoints {
    /// Keep checkpoints in this directory, which all processes must see
    #[arg(long, value_name = "DIR")]
    pub checkpoint: Option<PathBuf>,
    /// A checkpoint after every N rounds (lasso), sweeps (lda, mf) or epochs (live data: 100). A
    /// Lasso and all live runs set out anew from each: they take in all data again, and what they
    /// give depends on N, a Lasso's within --tol [default: by the model]
    #[arg(long, value_name = "N", requires = "checkpoint")]
    pub checkpoint_every: Option<u64>,
    /// Checkpoints that are kept
    #[arg(long, value_name = "N", requires = "checkpoint", default_value_t = 2)]
    pub checkpoint_keep: usize,
    /// End the run, with exit code 1, if a checkpoint cannot be written, or nothing can be at the
    /// start
    #[arg(long, requires = "checkpoint")]
    pub checkpoint_required: bool,
    /// Go on from the newest checkpoint, if there is one, to the very result of a run that was
    /// never interrupted: same data and options, but any -w and -n
    #[arg(long, requires = "checkpoint")]
    pub resume: bool,
}

impl Checkpoints {
    /// Checks what clap cannot.
    pub fn check(&self) -> Result<(), Failure> {
        let every = self.checkpoint_every.unwrap_or(1);
        expect(every > 0, "--checkpoint-every", "at least 1", every)?;
        let keep = self.checkpoint_keep;
        expect(keep > 0, "--checkpoint-keep", "at least 1", keep)
    }

    /// Whether there are checkpoints.
    pub fn are_kept(&self) -> bool {
        self.checkpoint.is_some()
    }

    /// The shards to deal the data to: those that are asked for or, of a run that goes on, those it
    /// was begun with.
    pub fn shards(&self, asked: Option<usize>) -> Result<Option<usize>, Failure> {
        match (&self.checkpoint, asked) {
            (Some(directory), None) if self.resume => Ok(Store::shards(directory)?),
            _ => Ok(asked),
        }
    }

    /// Gets ready to keep checkpoints, if that is asked for, and finds the one to go on from.
    /// `options` are the bytes that [`Identity::new`] wants; `every` is the model's own default.
    pub fn keeper(
        &self,
        run: (&str, usize, u64),
        options: &[u8],
        every: u64,
        cluster: &Flags,
        output: &Output,
    ) -> Result<Option<Arc<Keeper>>, Failure> {
        self.start(run, options, every, cluster.process == 0, (output, false))
    }

    /// The same for live data, on the process with the feed; a checkpoint after every 100 epochs
    /// unless that is told.
    pub fn live_keeper(
        &self,
        run: (&str, usize, u64),
        options: &[u8],
        output: &Output,
    ) -> Result<Option<Arc<Keeper>>, Failure> {
        self.start(run, options, EPOCHS, true, (output, !output.quiet))
    }

    fn start(
        &self,
        (command, shards, seed): (&str, usize, u64),
        options: &[u8],
        every: u64,
        completes: bool,
        (output, announces): (&Output, bool),
    ) -> Result<Option<Arc<Keeper>>, Failure> {
        let Some(directory) = &self.checkpoint else { return Ok(None) };
        let every = self.checkpoint_every.unwrap_or(every);
        let options = [options, &every.to_le_bytes()[..]].concat();
        let identity = Identity::new(command, shards, seed, &options);
        let store = Store::new(directory, identity, self.checkpoint_keep);
        if completes && !self.resume && store.is_used()? {
            return Err(Failure::usage(format!(
                "--checkpoint {}: there are checkpoints of another run: go on from them with \
                 --resume, or remove them",
                directory.display()
            )));
        }
        let required = self.checkpoint_required;
        let settings = Settings { every, resume: self.resume, required, completes, announces };
        let keeper = Keeper::start(store, settings, |line| say(&line))?;
        if completes && self.resume {
            output.note(&match keeper.from() {
                Some(from) => format!(
                    "going on from checkpoint {} of {}: epoch {}, round {}",
                    from.manifest.number,
                    directory.display(),
                    from.manifest.progress.epoch,
                    from.manifest.progress.round
                ),
                None => format!("no checkpoint in {} yet: starting", directory.display()),
            });
        }
        Ok(Some(Arc::new(keeper)))
    }
}

impl From<CheckpointError> for Failure {
    fn from(error: CheckpointError) -> Self {
        let exit = if error.is_of_writing() { Exit::Failed } else { Exit::Model };
        Failure::new(exit, error)
    }
}

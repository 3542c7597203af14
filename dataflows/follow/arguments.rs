//! The options of live runs.

use std::net::{TcpListener, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::time::Duration;

use strads::cluster::Flags;
use strads::feeds::{Options, Source};
use strads::formats::Format;

use crate::failure::Failure;

/// How a model is kept true while its data changes.
#[derive(clap::Args, Clone, Debug)]
#[command(about = None, long_about = None, next_help_heading = "Live data")]
pub struct Follow {
    /// DATA is JSON lines of changes: read what is appended to it too, until SIGINT or SIGTERM
    #[arg(long)]
    pub follow: bool,
    /// Take changes from whoever connects to this address, until SIGINT or SIGTERM; off the
    /// loopback a secret is required (--secret-file or STRADS_SECRET), and each client's first line
    /// must be {"op":"auth","secret":"..."}
    #[arg(long, value_name = "HOST:PORT", conflicts_with = "follow")]
    pub listen: Option<String>,
    /// Take changes from a partition of a Kafka topic, until SIGINT or SIGTERM: BROKERS is HOST:PORT
    /// or several of them separated by commas, PARTITION is to be named if there are several. Each
    /// message is a line, and its offset the line's number
    #[arg(long, value_name = "BROKERS/TOPIC[/PARTITION]", conflicts_with_all = ["follow", "listen"])]
    #[arg(hide = cfg!(not(feature = "kafka")))]
    pub kafka: Option<String>,
    /// Close an epoch so many milliseconds after its first change
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    pub epoch_every: Option<u64>,
    /// Close an epoch of so many changes
    #[arg(long, value_name = "N")]
    pub epoch_changes: Option<usize>,
    /// The most changes of an epoch; one is filled while another waits for the model
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    pub max_pending: usize,
    /// A bad line ends the run with exit code 3, instead of being reported and skipped
    #[arg(long)]
    pub strict: bool,
    /// Print a line for every parameter that changed
    #[arg(long)]
    pub deltas: bool,
    /// Write the model (--model) after every N epochs, not only at the end
    #[arg(long, value_name = "N", requires = "model_file")]
    pub model_every: Option<u64>,
}

/// Refuses options that only make sense where all data is there: those that are given.
pub fn refuse(options: &[(&str, bool)]) -> Result<(), Failure> {
    match options.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(Failure::usage(format!("{option}: not with live data"))),
        None => Ok(()),
    }
}

impl Follow {
    /// Whether the data is a feed of changes: asked for, or by its format.
    pub fn is_live(&self, format: Option<Format>) -> bool {
        self.follow
            || self.listen.is_some()
            || self.kafka.is_some()
            || format == Some(Format::Changes)
    }

    /// Checks what clap cannot.
    pub fn check(&self, live: bool) -> Result<(), Failure> {
        let given = [
            ("--epoch-every", self.epoch_every.is_some()),
            ("--epoch-changes", self.epoch_changes.is_some()),
            ("--strict", self.strict),
            ("--deltas", self.deltas),
            ("--model-every", self.model_every.is_some()),
        ];
        match given.iter().find(|(_, given)| *given && !live) {
            Some((option, _)) => Err(Failure::usage(format!(
                "{option}: only with live data: --follow, --listen or --input-format changes"
            ))),
            None => Ok(()),
        }
    }

    /// Where changes come from; ports are bound and brokers asked, so that a mistake is told before
    /// any work.
    pub fn source(&self, path: &Path, cluster: &Flags) -> Result<Source, Failure> {
        if let Some(address) = &self.listen {
            return listen(address, cluster.shared()?);
        }
        if let Some(address) = &self.kafka {
            return kafka(address, Duration::from_secs(cluster.connect_timeout));
        }
        if path == Path::new("-") {
            return Ok(Source::Stdin);
        }
        std::fs::File::open(path)
            .map_err(|error| Failure::input(format!("{}: cannot read: {error}", path.display())))?;
        let path = PathBuf::from(path);
        Ok(if self.follow { Source::Follow(path) } else { Source::File(path) })
    }

    /// How the feed is read.
    pub fn options(&self) -> Options {
        Options {
            every: self.epoch_every.map(Duration::from_millis),
            changes: self.epoch_changes,
            max_pending: self.max_pending,
            strict: self.strict,
            ..Options::default()
        }
    }
}

fn listen(address: &str, secret: Option<Vec<u8>>) -> Result<Source, Failure> {
    let wrong = |why: &dyn std::fmt::Display| Failure::usage(format!("--listen {address}: {why}"));
    let addresses: Vec<_> = address.to_socket_addrs().map_err(|error| wrong(&error))?.collect();
    if secret.is_none() && !addresses.iter().all(|address| address.ip().is_loopback()) {
        let why = "off the loopback a secret is required: --secret-file or STRADS_SECRET";
        return Err(wrong(&why));
    }
    let listener = TcpListener::bind(&addresses[..]).map_err(|error| wrong(&error))?;
    // Clients of port 0 have to be told which one it is.
    if let Ok(bound) = listener.local_addr() {
        crate::failure::say(&format!("listening on {bound}"));
    }
    Ok(Source::Listen { listener, secret })
}

#[cfg(feature = "kafka")]
fn kafka(address: &str, patience: Duration) -> Result<Source, Failure> {
    let parsed = address.parse().map_err(|why| Failure::usage(format!("--kafka: {why}")))?;
    Ok(Source::Kafka(strads::feeds::KafkaPartition::open(&parsed, patience)?))
}

#[cfg(not(feature = "kafka"))]
fn kafka(_address: &str, _patience: Duration) -> Result<Source, Failure> {
    Err(Failure::usage("--kafka: not in this build: build with `--features kafka`"))
}

//! Running the workers of this process, from connecting to joining.

use std::any::Any;
use std::sync::Arc;

use timely::communication::Hooks;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};
use timely::worker::Worker;
use timely::{CommunicationConfig, WorkerConfig};

use super::handshake::Identity;
use super::hello::{Hello, Run};
use super::hook::{self, Role};
use super::{ClusterError, Flags, bootstrap, die_with_launcher};

/// Runs `func` on every worker of this process together with those of the other processes, and
/// gives what the local workers return, in their order. Each worker runs its dataflows to
/// completion after `func` has returned; idle workers sleep.
///
/// `digest` stands for the options that must agree in every process: any bytes that are the same
/// if and only if the options are.
///
/// From the first call on, a panic in a worker or in a network thread ends the process with one
/// line on stderr: `strads: worker 3: …` and exit code 1, or, if a peer went away,
/// `strads: lost process 1: …` and exit code 4.
///
/// # Errors
/// [`ClusterError`] if the flags are wrong, if processes do not come within the connect timeout or
/// were started differently, or if the system refuses a port or a thread.
///
/// ```
/// use strads::cluster::{Flags, execute};
/// use timely::dataflow::operators::{Inspect, ToStream};
///
/// let workers = execute(&Flags::threads(2), b"", |worker| {
///     let index = worker.index();
///     worker.dataflow::<u64, _, _>(|scope| {
///         let numbers = (0..3).to_stream(scope).container::<Vec<_>>();
///         numbers.inspect(move |x| println!("worker {index}: {x}"));
///     });
///     index
/// });
/// assert_eq!(workers, Ok(vec![0, 1]));
/// ```
pub fn execute<T, F>(flags: &Flags, digest: &[u8], func: F) -> Result<Vec<T>, ClusterError>
where
    T: Send + 'static,
    F: Fn(&mut Worker) -> T + Send + Sync + 'static,
{
    let addresses = flags.addresses()?;
    die_with_launcher();
    hook::install();
    let (builders, network) = allocators(flags, addresses, digest)?;
    let started =
        timely::execute::execute_from(builders, Box::new(()), WorkerConfig::default(), move |w| {
            hook::assume(Role::Worker(w.index()));
            func(w)
        });
    let workers = match started {
        Ok(workers) => workers,
        Err(why) => {
            // Dropping the network would wait for workers that were never started.
            std::mem::forget(network);
            return Err(ClusterError::Failed(format!("cannot start the workers: {why}")));
        }
    };
    let results: Result<Vec<T>, String> = workers.join().into_iter().collect();
    // Waits until every peer has sent its last message and heard ours.
    drop(network);
    results.map_err(|why| ClusterError::Failed(format!("a worker failed: {why}")))
}

type Allocators = (Vec<AllocatorBuilder>, Box<dyn Any + Send>);

/// Connects the workers to be. Workers of one process hand messages over without serialising them.
fn allocators(
    flags: &Flags,
    addresses: Vec<String>,
    digest: &[u8],
) -> Result<Allocators, ClusterError> {
    if addresses.is_empty() {
        let config = match flags.threads {
            1 => CommunicationConfig::Thread,
            threads => CommunicationConfig::Process(threads),
        };
        return config.try_build().map_err(ClusterError::Failed);
    }
    let us = Identity { hello: hello(flags, digest), secret: flags.secret()? };
    let links = bootstrap::connect(us, addresses, flags.timeout(), flags.silence())?;
    let hooks = Hooks {
        // Called by each network thread when it starts: the place to tell it what it is.
        log_fn: Arc::new(|setup| {
            setup.remote.map(Role::Network).into_iter().for_each(hook::assume);
            None
        }),
        ..Hooks::default()
    };
    let inner = ProcessBuilder::new_typed_vector(flags.threads, hooks.refill.clone(), None);
    let (me, threads) = (flags.process, flags.threads);
    let (builders, network) = initialize_networking_from_sockets(inner, links, me, threads, hooks)
        .map_err(|error| ClusterError::Failed(format!("cannot start the network: {error}")))?;
    Ok((builders.into_iter().map(AllocatorBuilder::Tcp).collect(), Box::new(network)))
}

/// The flags are checked: every number is far below `u32::MAX`.
fn hello(flags: &Flags, digest: &[u8]) -> Hello {
    Hello::new(&Run {
        processes: flags.processes as u32,
        threads: flags.threads as u32,
        process: flags.process as u32,
        encrypted: flags.encrypt,
        generation: flags.generation,
        job: &flags.job,
        options: digest,
    })
}

//! Measures what loading a table costs: by parsing it, or from its cache.
//!
//! Prints one object: wall and processor seconds (all threads), the bytes of the data after
//! decompression, and whether it came from the cache. Nothing else happens in the process, so that
//! the processor's time is that of loading.
//!
//! `cargo run --release -F measure --example measure_load -- data.csv --target y --threads 2 --cache DIR`

use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use rustix::time::{ClockId, clock_gettime};
use strads::cache::{Cache, Origin};
use strads::formats::{ReadOptions, read};

/// What is loaded, and how.
#[derive(Parser)]
struct Arguments {
    /// The table.
    data: PathBuf,
    /// The column of a csv that is the response.
    #[arg(long)]
    target: Option<String>,
    /// How many threads read, and on how many shards.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// A directory of caches.
    #[arg(long)]
    cache: Option<PathBuf>,
}

/// The processor's time that this process took.
fn processor() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec as u32)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments = Arguments::parse();
    let options = ReadOptions {
        target: arguments.target,
        threads: arguments.threads,
        shards: arguments.threads,
        keep: 0..arguments.threads,
        need_response: false,
        ..ReadOptions::default()
    };
    let (started, before) = (Instant::now(), processor());
    let (table, cached) = match arguments.cache {
        None => (read(&arguments.data, &options, &())?, false),
        Some(directory) => {
            let (table, origin) = Cache::new(directory).read(&arguments.data, &options, &())?;
            (table, origin == Origin::Cache)
        }
    };
    let (seconds, processor) = (started.elapsed(), processor() - before);
    let told = serde_json::json!({
        "seconds": seconds.as_secs_f64(),
        "processor": processor.as_secs_f64(),
        "bytes": table.bytes,
        "held": table.shards.iter().map(|(_, columns)| columns.bytes()).sum::<usize>(),
        "cached": cached,
    });
    println!("{told}");
    Ok(())
}

//! What a program of one's own needs: `use strads::prelude::*`.

pub use crate::cluster::{Flags, execute};
pub use crate::container::{Columns, Moves, Partials};
pub use crate::operators::{Form, ModelParallel, Options, Placement, Scheduling};
pub use crate::program::{Certificate, Key, Program, Round, Work};
pub use crate::scheduler::{
    Certified, Dynamic, Next, Policy, PolicyOptions, Priority, Random, Report, RoundRobin,
    Scheduler, Stopping, View, Width,
};

//! Models that are kept true while their data changes: what every live command shares.
//!
//! ```text
//! feed ─▶ worker 0 of process 0 ─▶ exchanged to where each change belongs ─▶ model
//!                                                                            │
//! stdout ◀─ a line an epoch, and one a changed parameter ◀───────────────────┘
//! ```

mod arguments;
mod fed;
mod keeping;
mod legs;
mod names;
mod session;

pub use arguments::{Follow, refuse};
pub use fed::{Asked, Fed};
pub use keeping::{Kept, parsed};
pub use names::{Numbers, name, quoted};
pub use session::{Ended, Live, Remark, Summary, outcome};

use keeping::Keeping;

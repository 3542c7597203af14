//! Matrix factorisation by coordinate descent over blocks of eight factors.

mod epoch;
mod exchange;
mod fit;
mod gram;
mod kernels;
mod keys;
mod layout;
mod live;
mod load;
mod measure;
mod options;
mod program;
mod rows;
mod schedule;
mod side;
mod solve;
mod table;
mod tiles;
mod update;
mod values;

pub use fit::fit;
pub use live::{Factorised, Factors, LiveFactorisation, Rating};
pub use load::{Footprint, footprint};
pub use measure::Measure;
pub use program::{Ccd, Change, Moved, Row};

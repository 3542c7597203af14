//! Matrix factorisation by coordinate descent over blocks of eight factors.
//!
//! **The method** is that of CCD++ (Yu, Hsieh, Si, Dhillon, ICDM 2012) with blocks for single
//! factors: all else fixed, items and users are in turn moved to the minimum over one block, an 8 × 8
//! system a row. Costs are linear in the rank.
//!
//! **Owned form.** A shard owns users and items and holds their ratings twice, by user and by item,
//! each with what the model leaves of it: the residual (`f32`), the place of the other row within
//! its tile (`u16`) and the rating (a byte if there are up to 255 different ones): 14 bytes a rating
//! (6 more with more values, 8 more with weights). In a half-step a shard makes one pass over its ratings: brings the
//! residual up to date by its own last change and the other side's, and sums up normal equations;
//! the rows' changes are all that travels, one all-gather.
//!
//! **Replicated** on every worker are the current block of either side and the one before, factors
//! and last change: 128 bytes a user or item, whatever the rank. For implicit feedback also the two
//! Gram matrices, 8 bytes times the square of the rank each. Ratings and factors fall as 1/P;
//! [`footprint`] says by how much. While a block is solved a row takes 192 bytes on its shard.
//!
//! **Balancing.** After users have moved, each factor is scaled so that both sides bear the same
//! penalty: predictions stay, the penalty falls.
//!
//! **The objective never rises**: every row's move is to its exact minimum, or less than as far again
//! beyond it, and is left out if its gain is lost in rounding. Measures at the end of sweeps come from the residuals that are kept
//! (2·10⁻⁹ of the objective off after 80 rounds on 9 M ratings), the last one of each epoch from
//! residuals taken afresh; sums are taken in `f64`.
//!
//! **Schedule.** A visit to a block solves both sides, in the first sweep as often as that gains
//! enough, later once, with steps that grow up to 1.7 times the way to the minimum; blocks come in
//! turn, or by any policy of [`crate::scheduler`], a block's priority being by how much its last visit
//! lowered the objective.

mod epoch;
mod exchange;
mod fit;
mod gram;
mod group;
mod kernels;
mod keys;
mod layout;
mod listed;
mod lists;
mod live;
mod load;
mod measure;
mod options;
mod pace;
mod program;
mod recommendations;
mod repair;
mod rows;
mod schedule;
mod scores;
mod side;
mod solve;
mod start;
mod stored;
mod sums;
mod table;
mod tiles;
mod update;
mod values;

pub use fit::{fit, fit_kept};
pub use live::{Factorised, Factors, LiveFactorisation, Rating};
pub use load::{Footprint, footprint};
pub use measure::Measure;
pub use program::{Ccd, Change, Moved, Row};
pub use start::Start;

//! Lasso and elastic net: least squares with an l1 penalty, on wide or sparse data.
//!
//! ```text
//! minimise over b, β:  (1/2W) Σ w_i (y_i − b − x_i·β)²  +  λ Σ_j f_j ( A |β_j| + (1−A)/2 β_j² )
//! ```
//!
//! with `W = Σ w_i` (the number of rows when unweighted), `A` the l1 ratio, `f_j` penalty factors
//! (1 unless given, 0 for unpenalised columns) and the intercept `b` never penalised. With
//! standardisation the penalty acts on the coefficients of columns scaled to unit variance;
//! coefficients are reported on the data's own scale.
//!
//! **Owned form.** A shard holds whole columns ([`crate::shard::ColumnShard`], compact, centred
//! and scaled implicitly). Every worker holds a copy of the residual (8 bytes a row) and, under
//! the working-set schedule, of the columns of the working set in their compact form; nothing else
//! is replicated.
//!
//! **Two schedules.** By default the schedule is a *working set*: certify rounds measure the
//! duality gap, screen columns that provably stay out (Gap Safe rules: Ndiaye, Fercoq, Gramfort,
//! Salmon, JMLR 2017) and propose those that violate optimality most; update rounds gather the
//! proposed columns and solve them jointly, alike on every worker, along a path of falling λ; what a
//! large block's Newton steps need, the shards take together in couple rounds. The
//! paper's own arms (round-robin, random, priority, dynamic) update a block of coefficients in
//! parallel, one step each, with an exact line search on the summed step so that the objective
//! never rises.

mod block;
mod certificate;
mod change;
mod check;
mod cost;
mod data;
mod descent;
mod design;
mod division;
mod effect;
mod factor;
mod fit;
mod folds;
mod followed;
mod free;
mod gram;
mod guard;
mod keeping;
mod known;
mod lambda;
mod legs;
mod live;
mod look;
mod memory;
mod moving;
mod newton;
mod options;
mod panels;
mod penalty;
mod position;
mod predictions;
mod program;
mod quiet;
mod repair;
mod rows;
mod schedule;
mod shape;
mod shard;
mod stages;
mod stored;
mod tall;
mod tally;
mod tiles;
mod update;
mod vector;
mod working;

pub use certificate::Measure;
pub use change::{Change, Data, RowPart};
pub use fit::{Fit, Plan, Point, Problem, Solution, fit};
pub use folds::{Folds, Validation};
pub use keeping::Task;
pub use live::{LassoOutput, LiveLasso, Row, RowError};
pub use memory::Memory;
pub use options::{Lambda, Options, Scheduler, scheduler};
pub use program::{Coefficient, Lasso, Parameter};
pub use shape::is_tall;
pub use stored::Stored;

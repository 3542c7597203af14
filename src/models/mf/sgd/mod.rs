//! Factorisation by stochastic gradient descent on rotating strata.
//!
//! Users with their ratings stay on shards; items rotate in slices ([`crate::operators::Rotate`]),
//! so that in every sub-round no two shards touch the same row (Gemulla et al., KDD 2011, as
//! word rotation in Lee et al., NIPS 2014). A *tile* holds the ratings of a shard's users of a
//! slice's items, user by user. With ratings normalised by their mean and deviation, and `n` the
//! number of a row's ratings, each user steps along sixteen of them at a time:
//!
//! ```text
//! e_j = c_j (r_j − w·h_j)
//! h_j ← (1 − η_j λ_j) h_j + η_j e_j w         w ← (1 − 16 η_u λ_u) w + η_u Σ e_j h_j(old)
//! η_x = η max(1 − t/E, 0.02) / √(1 + n_x/100)       λ_x = λ min(√(mean n / n_x), 20)
//! ```
//!
//! in epoch `t` of `E`, all biases being lanes of the rows. Unless told otherwise `E = 12`,
//! `η = .1 (12/E)^.4`, `λ = .046 (E/12)^.35` for users and `.043 (E/12)^.35` for items, and biases
//! are penalised 0.3 times as much; a λ that is given is that of the objective (see [`super`]). With
//! [`Options::iterations`](super::Options) unset, one rating in a hundred is held out (more of small
//! sets, none of sets below 20 000), and the fit ends with the epoch that predicts them no better
//! than one before.
//!
//! Takes 6 bytes a rating (10 with weights) and `4·16·⌈(rank + 4)/16⌉` bytes a row, of which slices
//! are on one shard at a time. A rating update takes about `2 + rank/12` ns of a core with AVX-512.
//!
//! ```
//! use std::sync::Arc;
//!
//! use strads::cluster::Flags;
//! use strads::models::mf::{Options, Problem, Ratings, sgd};
//! use strads::operators::RotateOptions;
//!
//! let rating = |at: u32| (format!("u{}", at % 17), format!("i{}", at % 13), (at % 5) as f32);
//! let train = Arc::new(Ratings::from_entries((0..200).map(rating)).unwrap());
//! let problem = Problem { train, ..Problem::default() };
//! let options = Options { rank: 4, biases: true, ..Options::default() };
//! let engine = RotateOptions { shards: 2, ..RotateOptions::default() };
//! let watch = |point: &_| println!("{point:?}");
//! let fit =
//!     sgd::fit(&Flags::threads(2), b"", problem, options, engine, sgd::Reports::Last, watch);
//! let fit = fit.unwrap();
//! assert!(fit.point.unwrap().rmse_train < 1.5);
//! assert_eq!(fit.model.unwrap().user_factors.len(), 17 * 4);
//! ```

mod fit;
mod kernels;
mod measure;
#[cfg(test)]
mod oracle;
mod plan;
mod program;
mod row;
mod schedule;
mod shard;
mod side;
mod terms;
#[cfg(test)]
mod tests;
mod tile;

pub use fit::{Reports, fit, fit_kept};

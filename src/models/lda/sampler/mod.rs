//! Exact collapsed Gibbs sampling of one tile: the tokens of a shard of documents whose words are
//! of one slice of the vocabulary.
//!
//! Tokens are sampled word by word: the word's sparse counts become a table in the first-level
//! cache ([`masses`]), and then each token's document row ([`sparse`], [`dense`]) is looked at
//! once. All arithmetic is in vectors of sixteen whose operations and reductions are the same on
//! every processor ([`unit`]).

mod dense;
mod draw;
mod kernel;
mod masses;
mod rows;
mod sparse;
mod tile;
mod unit;

pub(super) use kernel::{Kernel, Path, Setting, WordRows};
pub(super) use masses::Prior;
pub(super) use rows::Rows;
pub(super) use tile::Tile;

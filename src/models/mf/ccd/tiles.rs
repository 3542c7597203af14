//! The ratings of a shard's rows, in tiles: within each, row by row.

use super::kernels::{Part, State, Term, accumulate, subtract};
use super::layout::Rows;
use super::sums::Sums;
use super::values::{Coder, Values};
use crate::shard::Path;

/// One rating, as a shard's row sees it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rated {
    /// The row.
    pub local: u32,
    /// The rank of the other side's row.
    pub other: u32,
    /// How it is rated.
    pub value: f32,
    /// Its weight; for implicit feedback its confidence above one.
    pub weight: f32,
}

/// How ratings count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Weighing {
    /// All alike.
    #[default]
    Plain,
    /// By their weights.
    Weighted,
    /// As confidences, beside all that was not rated.
    Implicit,
}

#[derive(Clone, Debug)]
struct Tile {
    starts: Vec<u32>,
    places: Vec<u16>,
    residuals: Vec<f32>,
    weights: Option<Vec<f32>>,
    values: Values,
}

/// The ratings of a shard's rows. Takes 6 bytes a rating and those of its value (1 or 4), 4 more if
/// weighted, and 4 bytes a row and tile.
#[derive(Clone, Debug, Default)]
pub(super) struct Tiles {
    tiles: Vec<Tile>,
    weighing: Weighing,
}

/// What residuals say of the model: with weights `w` and residuals `e`, `Σ w e²` and `Σ e²`; for
/// implicit feedback `Σ c e² − (1 − e)²` comes first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Loss {
    /// The observed part of the objective.
    pub loss: f64,
    /// The sum of squares.
    pub squares: f64,
    /// The number of ratings.
    pub count: u64,
}

impl Tiles {
    /// The ratings that `each` names, of `rows` rows, by the other side's ranks below `others`.
    /// `each` is called twice and must name the same ratings in the same order.
    pub fn new(
        rows: usize,
        others: usize,
        weighing: Weighing,
        each: impl Fn(&mut dyn FnMut(Rated)),
    ) -> Self {
        let mut starts = vec![vec![0u32; rows + 1]; Rows { count: others, shards: 1 }.tiles()];
        each(&mut |rated| {
            starts[Rows::tile(rated.other as usize).0][rated.local as usize + 1] += 1;
        });
        let mut tiles: Vec<Tile> =
            starts.into_iter().map(|starts| Tile::new(starts, weighing)).collect();
        let mut coders: Vec<Coder> = tiles.iter().map(|_| Coder::new()).collect();
        each(&mut |rated| {
            let (tile, place) = Rows::tile(rated.other as usize);
            tiles[tile].put(rated, place, &mut coders[tile]);
        });
        Tiles { tiles, weighing }
    }

    /// Residuals as of a model that explains nothing but the mean.
    pub fn reset(&mut self, mean: f64) {
        self.tiles.iter_mut().for_each(|tile| tile.values.copy_to(mean, &mut tile.residuals));
    }

    /// Brings residuals up to date and sums up normal equations: see [`accumulate`].
    pub fn accumulate(
        &mut self,
        path: Path,
        other: Rows,
        current: Term<'_>,
        last: Option<Term<'_>>,
        states: &mut [State],
    ) {
        let weighing = self.weighing;
        for (number, tile) in self.tiles.iter_mut().enumerate() {
            let rows = other.of_tile(number);
            let last = last.map(|last| last.of(rows.clone()));
            accumulate(path, &mut tile.part(weighing), current.of(rows), last, states);
        }
    }

    /// Brings residuals up to date by one block's changes.
    pub fn subtract(&mut self, path: Path, other: Rows, term: Term<'_>) {
        let weighing = self.weighing;
        for (number, tile) in self.tiles.iter_mut().enumerate() {
            subtract(path, &mut tile.part(weighing), term.of(other.of_tile(number)));
        }
    }

    /// The residuals, tile by tile.
    pub fn residuals(&self) -> impl Iterator<Item = &[f32]> {
        self.tiles.iter().map(|tile| &tile.residuals[..])
    }

    /// The residuals, tile by tile.
    pub fn residuals_mut(&mut self) -> impl Iterator<Item = &mut [f32]> {
        self.tiles.iter_mut().map(|tile| &mut tile.residuals[..])
    }

    /// What the residuals say, added up in `f64`.
    pub fn loss(&self) -> Loss {
        let mut total = Loss::default();
        for tile in &self.tiles {
            let part = tile.loss(self.weighing);
            total.loss += part.loss;
            total.squares += part.squares;
            total.count += part.count;
        }
        total
    }

    /// The moments of the residuals.
    pub fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        for tile in &self.tiles {
            for (at, &residual) in tile.residuals.iter().enumerate() {
                sums.add(residual, tile.weights.as_ref().map_or(1.0, |all| all[at]), 1.0);
            }
        }
        sums
    }

    /// Bytes taken.
    pub fn bytes(&self) -> usize {
        let bytes = |tile: &Tile| {
            let weights = tile.weights.as_ref().map_or(0, Vec::capacity);
            4 * (tile.starts.capacity() + tile.residuals.capacity() + weights)
                + 2 * tile.places.capacity()
                + tile.values.bytes()
        };
        self.tiles.iter().map(bytes).sum()
    }
}

impl Tile {
    /// From the counts of rows, each one place later.
    fn new(mut starts: Vec<u32>, weighing: Weighing) -> Self {
        // Each row's start stands one place late while ratings are put, and so ends in its own.
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum - *start;
        }
        let count = sum as usize;
        Tile {
            starts,
            places: vec![0; count],
            residuals: vec![0.0; count],
            weights: (weighing != Weighing::Plain).then(|| vec![0.0; count]),
            values: match weighing {
                Weighing::Implicit => Values::Same(1.0),
                _ => Values::new(count),
            },
        }
    }

    #[inline]
    fn put(&mut self, rated: Rated, place: usize, coder: &mut Coder) {
        let next = &mut self.starts[rated.local as usize + 1];
        let at = *next as usize;
        *next += 1;
        self.places[at] = place as u16;
        coder.set(&mut self.values, at, rated.value);
        if let Some(weights) = &mut self.weights {
            weights[at] = rated.weight;
        }
    }

    fn part(&mut self, weighing: Weighing) -> Part<'_> {
        Part {
            starts: &self.starts,
            places: &self.places,
            residuals: &mut self.residuals,
            weights: self.weights.as_deref(),
            implicit: weighing == Weighing::Implicit,
        }
    }

    fn loss(&self, weighing: Weighing) -> Loss {
        let weight = |at: usize| self.weights.as_ref().map_or(1.0, |all| f64::from(all[at]));
        let mut total = Loss { count: self.residuals.len() as u64, ..Loss::default() };
        for (at, &residual) in self.residuals.iter().enumerate() {
            let residual = f64::from(residual);
            let square = residual * residual;
            total.squares += square;
            total.loss += match weighing {
                Weighing::Plain => square,
                Weighing::Weighted => weight(at) * square,
                Weighing::Implicit => (1.0 + weight(at)) * square - (1.0 - residual).powi(2),
            };
        }
        total
    }
}

//! The ratings of a shard's rows, in tiles: within each, row by row.

use super::kernels::{Part, State, Term, accumulate, subtract};
use super::layout::Rows;
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

    /// Makes room for more rows, without ratings.
    pub fn grow(&mut self, rows: usize) {
        for tile in &mut self.tiles {
            let end = tile.places.len() as u32;
            tile.starts.resize(rows + 1, end);
        }
    }

    /// The number of rows there is room for.
    pub fn rows(&self) -> usize {
        self.tiles.first().map_or(0, |tile| tile.starts.len() - 1)
    }

    /// The number of tiles.
    pub fn len(&self) -> usize {
        self.tiles.len()
    }

    /// The ratings of a row in a tile.
    pub fn row(&self, tile: usize, local: usize) -> impl Iterator<Item = Rated> {
        let number = tile;
        let tile = &self.tiles[number];
        let ends = tile.starts.get(local).zip(tile.starts.get(local + 1));
        let range = ends.map_or(0..0, |(&start, &end)| start as usize..end as usize);
        range.map(move |at| Rated {
            local: local as u32,
            other: Rows::rank_of(number, usize::from(tile.places[at])) as u32,
            value: tile.values.get(at),
            weight: tile.weights.as_ref().map_or(1.0, |weights| weights[at]),
        })
    }

    /// How many ratings each of `rows` rows has.
    pub fn counts(&self, rows: usize) -> Vec<u32> {
        let mut counts = vec![0; rows];
        for tile in &self.tiles {
            let ends = tile.starts.windows(2);
            counts.iter_mut().zip(ends).for_each(|(count, ends)| *count += ends[1] - ends[0]);
        }
        counts
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

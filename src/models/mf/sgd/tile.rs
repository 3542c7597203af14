//! The ratings of a shard's users of a slice's items.

use super::kernels::LANES;

/// A user's ratings in a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// The user's row in the shard.
    pub user: u32,
    pub count: u32,
}

/// Ratings run by run, each padded to a multiple of eight with ratings of 0 of the slice's row of
/// zeros. Takes 6 bytes a rating, 10 with weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tile {
    pub runs: Vec<Run>,
    /// The item's row in the slice.
    pub places: Vec<u16>,
    /// Normalised ratings.
    pub values: Vec<f32>,
    /// What each counts; empty if all count 1.
    pub weights: Vec<f32>,
    /// The sum of the weights.
    pub total: f64,
}

/// A rating on its way into a tile.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rating {
    pub place: u16,
    pub value: f32,
    pub weight: Option<f32>,
}

impl Tile {
    /// Adds a rating of a user, who comes after those before.
    #[inline]
    pub fn push(&mut self, user: u32, rating: Rating) {
        match self.runs.last_mut() {
            Some(run) if run.user == user => run.count += 1,
            _ => self.runs.push(Run { user, count: 1 }),
        }
        self.places.push(rating.place);
        self.values.push(rating.value);
        self.weights.extend(rating.weight);
        self.total += f64::from(rating.weight.unwrap_or(1.0));
    }

    /// Ends the run of a user, if there is one. `blank` is the row of zeros.
    pub fn end_run(&mut self, blank: u16) {
        let length = self.places.len().next_multiple_of(LANES / 2);
        self.pad(length, blank);
    }

    /// Ends the tile: kernels read whole lines.
    pub fn end(&mut self, blank: u16) {
        self.pad(self.places.len() + LANES, blank);
        self.runs.shrink_to_fit();
        self.places.shrink_to_fit();
        self.values.shrink_to_fit();
        self.weights.shrink_to_fit();
    }

    fn pad(&mut self, length: usize, blank: u16) {
        self.places.resize(length, blank);
        self.values.resize(length, 0.0);
        if !self.weights.is_empty() {
            self.weights.resize(length, 0.0);
        }
    }

    /// Every rating with its user, in order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Rating)> {
        let mut start = 0;
        self.runs.iter().flat_map(move |run| {
            let from = start;
            start += (run.count as usize).next_multiple_of(LANES / 2);
            (from..from + run.count as usize).map(move |at| {
                let weight = self.weights.get(at).copied();
                (run.user, Rating { place: self.places[at], value: self.values[at], weight })
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratings_come_back_and_lines_are_whole() {
        for weighted in [false, true] {
            let mut tile = Tile::default();
            let mut put = Vec::new();
            for (user, count) in [(0, 3), (2, 8), (5, 17), (6, 1)] {
                for at in 0..count {
                    let weight = weighted.then_some(at as f32);
                    let rating = Rating { place: at as u16, value: user as f32, weight };
                    tile.push(user, rating);
                    put.push((user, at as u16, weight));
                }
                tile.end_run(99);
            }
            tile.end(99);
            assert_eq!(tile.places.len(), 8 + 8 + 24 + 8 + 16);
            assert_eq!(tile.values.len(), tile.places.len());
            let got: Vec<_> = tile.iter().map(|(user, r)| (user, r.place, r.weight)).collect();
            assert_eq!(got, put);
        }
    }
}

//! Ratings onto shards: which rows are where, their ratings in both orders, and the first factors.

use super::kernels::BLOCK;
use super::layout::Rows;
use super::options::Terms;
use super::program::{Ccd, ITEMS, USERS};
use super::side::{Side, ids_of, ranks};
use super::table::Table;
use super::tiles::{Rated, Tiles, Weighing};
use crate::models::mf::{Factorisation, Options, Problem, Ratings};
use crate::operators::Placement;
use crate::random::{Draws, purpose};

const PURPOSE: u64 = purpose("first factors");

/// How large the first factors are.
const SCALE: f32 = 0.1;

/// The ratings by the ranks of both sides.
struct Ranked<'a> {
    train: &'a Ratings,
    terms: &'a Terms,
    /// The ids of each side, by rank: rows with the most ratings first, rows without any left out.
    orders: [Vec<u32>; 2],
    counts: [Vec<u32>; 2],
    ranks: [Vec<u32>; 2],
    rows: [Rows; 2],
}

impl Ccd {
    /// Takes a batch fit's ratings, and the factors to start from.
    pub(super) fn load(&mut self, problem: &Problem) {
        let ranked = Ranked::new(&problem.train, &self.terms, self.shards);
        self.tables = ranked.rows.map(Table::new);
        for (shard, part) in self.local.clone().zip(&mut self.parts) {
            *part = [USERS, ITEMS].map(|number| ranked.side(number, shard));
            for (number, side) in part.iter_mut().enumerate() {
                match &problem.warm {
                    Some(warm) => resume(&self.terms, side, number, warm),
                    None => start(&self.terms, side, number),
                }
            }
        }
        let rows = self.parts.iter().flatten().map(|side| side.ids.len()).max();
        self.states = Vec::with_capacity(rows.unwrap_or(0));
    }
}

/// Bytes that a worker takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Footprint {
    /// Its share of the ratings, both ways, and of the factors: falls as their number grows.
    pub own: usize,
    /// What it holds of all factors: two blocks, 128 bytes a user or item, and for implicit feedback
    /// two square matrices of the rank.
    pub held: usize,
}

/// What each of so many workers would take for a fit. Costs what setting it up costs.
pub fn footprint(
    problem: &Problem,
    options: &Options,
    shards: usize,
    workers: usize,
) -> Vec<Footprint> {
    let placement = Placement::new(shards, workers);
    let of = |worker: usize| {
        let terms = Terms::of(options, &problem.train);
        let mut program = Ccd::new(terms, placement.shards(), placement.local(worker));
        program.load(problem);
        program.footprint()
    };
    (0..workers).map(of).collect()
}

impl<'a> Ranked<'a> {
    fn new(train: &'a Ratings, terms: &'a Terms, shards: usize) -> Self {
        let users = train.starts().windows(2).map(|ends| (ends[1] - ends[0]) as u32).collect();
        let counts: [Vec<u32>; 2] = [users, train.item_counts()];
        let orders = [&counts[0], &counts[1]].map(|counts| {
            let mut order: Vec<u32> =
                (0..counts.len() as u32).filter(|&id| counts[id as usize] > 0).collect();
            order.sort_by_key(|&id| std::cmp::Reverse(counts[id as usize]));
            order
        });
        let ranks = [USERS, ITEMS].map(|side| ranks(&orders[side], counts[side].len()));
        let rows = [USERS, ITEMS].map(|side| Rows { count: orders[side].len(), shards });
        Ranked { train, terms, orders, counts, ranks, rows }
    }

    fn side(&self, number: usize, shard: usize) -> Side {
        let ids = ids_of(&self.orders[number], self.rows[number], shard);
        let penalty = |&id: &u32| self.terms.penalty_of(self.counts[number][id as usize]);
        Side {
            penalties: ids.iter().map(penalty).collect(),
            factors: vec![vec![[0.0; BLOCK]; ids.len()]; self.terms.blocks()],
            delta: vec![[0.0; BLOCK]; ids.len()],
            pending: None,
            tiles: match number {
                USERS => self.by_users(&ids),
                _ => self.by_items(shard, ids.len()),
            },
            ids,
        }
    }

    fn weighing(&self) -> Weighing {
        match (self.terms.implicit, self.train.weights()) {
            (Some(_), _) => Weighing::Implicit,
            (None, Some(_)) => Weighing::Weighted,
            (None, None) => Weighing::Plain,
        }
    }

    /// A rating as a row sees it.
    #[inline]
    fn rated(&self, local: u32, other: u32, at: usize) -> Rated {
        let value = self.train.value(at);
        let weight = self.train.weights().map_or(1.0, |weights| weights[at]);
        Rated {
            local,
            other,
            value,
            weight: match self.terms.implicit {
                Some(alpha) => (alpha * f64::from(weight) * f64::from(value)) as f32,
                None => weight,
            },
        }
    }

    fn by_users(&self, ids: &[u32]) -> Tiles {
        Tiles::new(ids.len(), self.rows[ITEMS].count, self.weighing(), |put| {
            for (local, &id) in (0..).zip(ids) {
                for at in self.train.row(id as usize) {
                    let other = self.ranks[ITEMS][self.train.item(at) as usize];
                    put(self.rated(local, other, at));
                }
            }
        })
    }

    fn by_items(&self, shard: usize, count: usize) -> Tiles {
        // Where each item's row is on this shard, if it is.
        let place = |&rank: &u32| match self.rows[ITEMS].place(rank as usize) {
            (on, local) if on == shard && rank != u32::MAX => local as u32,
            _ => u32::MAX,
        };
        let locals: Vec<u32> = self.ranks[ITEMS].iter().map(place).collect();
        Tiles::new(count, self.rows[USERS].count, self.weighing(), |put| {
            for (user, &other) in self.ranks[USERS].iter().enumerate() {
                for at in self.train.row(user) {
                    let local = locals[self.train.item(at) as usize];
                    if local != u32::MAX {
                        put(self.rated(local, other, at));
                    }
                }
            }
        })
    }
}

/// Users begin at random, items at zero: the first round solves for items.
fn start(terms: &Terms, side: &mut Side, number: usize) {
    ones(terms, side, number);
    if number == USERS {
        (0..side.ids.len()).for_each(|row| draw(terms, side, row));
    }
}

/// Draws a user's first factors.
pub(super) fn draw(terms: &Terms, side: &mut Side, row: usize) {
    // Ratings that were not centred are positive, and so are their factors to begin with.
    let centred = terms.mean != 0.0;
    let mut draws = Draws::new(terms.seed, PURPOSE, 0, u64::from(side.ids[row]));
    for factor in 0..terms.rank {
        let (block, lane) = terms.lane(factor);
        let draw = draws.next_f64() as f32;
        side.factors[block][row][lane] = SCALE * if centred { 2.0 * draw - 1.0 } else { draw };
    }
}

/// Begins with the factors of another fit.
fn resume(terms: &Terms, side: &mut Side, number: usize, warm: &Factorisation) {
    ones(terms, side, number);
    for (row, &id) in side.ids.iter().enumerate() {
        let (factors, biases) = match number {
            USERS => (warm.user(id as usize), &warm.user_bias),
            _ => (warm.item(id as usize), &warm.item_bias),
        };
        for (factor, &value) in factors.iter().enumerate() {
            let (block, lane) = terms.lane(factor);
            side.factors[block][row][lane] = if terms.nonnegative { value.max(0.0) } else { value };
        }
        if terms.biases {
            side.factors[0][row][number] = biases[id as usize];
        }
    }
}

/// The ones that biases are multiplied with.
fn ones(terms: &Terms, side: &mut Side, number: usize) {
    (0..side.ids.len()).for_each(|row| ones_of(terms, side, number, row));
}

/// The one that a row's partners' biases are multiplied with.
pub(super) fn ones_of(terms: &Terms, side: &mut Side, number: usize, row: usize) {
    if terms.biases {
        side.factors[0][row][Terms::ones(number)] = 1.0;
    }
}

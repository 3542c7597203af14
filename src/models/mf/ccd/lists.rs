//! The items that suit users best, kept true while factors and ratings change.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::models::mf::Choice;
use crate::models::mf::predict::dot;
use crate::shard::Path;

/// Bounds on scores are this much larger than in exact arithmetic, for all the rounding in both.
const ROUNDING: f64 = 1.001;

/// Factors and bias of a user or an item, and the norm of both together.
#[derive(Clone, Debug, Default)]
struct Vector {
    factors: Vec<f32>,
    bias: f32,
    norm: f32,
}

impl Vector {
    fn new(factors: Vec<f32>, bias: f32) -> Self {
        let squares = factors.iter().chain([&bias]).map(|x| x * x).sum::<f32>();
        Vector { factors, bias, norm: squares.sqrt() }
    }

    /// The score of an item for this user, but for what is the same for all items.
    #[inline(always)]
    fn score(&self, item: &Vector) -> f64 {
        f64::from(item.bias) + f64::from(dot(&self.factors, &item.factors))
    }

    /// No score of an item is larger.
    #[inline(always)]
    fn reach(&self, item: &Vector) -> f64 {
        f64::from((self.norm * self.norm + 1.0).sqrt() * item.norm) * ROUNDING
    }
}

/// What is known of a user.
#[derive(Clone, Debug, Default)]
struct User {
    vector: Vector,
    /// The items with ratings, ascending, and how many each.
    seen: Vec<(u32, i64)>,
    /// How often the list is asked for.
    asked: i64,
    /// The list, and its last item if it is full.
    list: Option<Vec<u32>>,
    last: Option<Choice>,
}

impl User {
    fn has_seen(&self, item: u32) -> bool {
        let at = self.seen.binary_search_by_key(&item, |seen| seen.0);
        at.is_ok_and(|at| self.seen[at].1 > 0)
    }
}

/// The lists of one worker's users. Holds all items' factors, its users', and 16 bytes a rating.
#[derive(Clone, Debug)]
pub(super) struct Lists {
    path: Path,
    count: usize,
    items: BTreeMap<u32, Vector>,
    users: BTreeMap<u32, User>,
    /// Items that changed in the epoch.
    moved: BTreeSet<u32>,
    /// Users who changed in the epoch.
    touched: BTreeSet<u32>,
}

/// A user's list that was (−1) or is (1).
pub(super) type Listed = (u32, Vec<u32>, isize);

impl Lists {
    /// Lists of so many items.
    pub fn new(count: usize) -> Self {
        Lists {
            path: Path::best(),
            count,
            items: BTreeMap::new(),
            users: BTreeMap::new(),
            moved: BTreeSet::new(),
            touched: BTreeSet::new(),
        }
    }

    /// An item's row, or none any more.
    pub fn item(&mut self, id: u32, row: Option<(Vec<f32>, f32)>) {
        self.moved.insert(id);
        match row {
            Some((factors, bias)) => self.items.insert(id, Vector::new(factors, bias)),
            None => self.items.remove(&id),
        };
    }

    /// A user's row, or none any more.
    pub fn user(&mut self, id: u32, row: Option<(Vec<f32>, f32)>) {
        self.touched.insert(id);
        let (factors, bias) = row.unwrap_or_default();
        self.users.entry(id).or_default().vector = Vector::new(factors, bias);
    }

    /// A user's rating of an item came or went.
    pub fn rating(&mut self, user: u32, item: u32, diff: i64) {
        self.touched.insert(user);
        let seen = &mut self.users.entry(user).or_default().seen;
        match seen.binary_search_by_key(&item, |seen| seen.0) {
            Ok(at) => {
                seen[at].1 += diff;
                if seen[at].1 == 0 {
                    seen.remove(at);
                }
            }
            Err(at) => seen.insert(at, (item, diff)),
        }
    }

    /// A user's list is asked for (or no more, if negative).
    pub fn ask(&mut self, user: u32, diff: i64) {
        self.touched.insert(user);
        self.users.entry(user).or_default().asked += diff;
    }

    /// The lists that changed since this was last called. Users who changed get theirs anew; for the
    /// others a bound on the new score of each item that changed is looked at, and all items only if
    /// the last of their list is worse than before.
    pub fn settle(&mut self) -> Vec<Listed> {
        let (moved, touched) = (std::mem::take(&mut self.moved), std::mem::take(&mut self.touched));
        // The most promising first, so that a scan can end early.
        let mut order: Vec<(u32, &Vector)> =
            self.items.iter().map(|(&id, row)| (id, row)).collect();
        order.sort_by(|a, b| b.1.norm.total_cmp(&a.1.norm).then(a.0.cmp(&b.0)));
        let moved: Vec<(u32, Option<&Vector>)> =
            moved.into_iter().map(|id| (id, self.items.get(&id))).collect();
        let (path, count) = (self.path, self.count);
        let mut changes = Vec::new();
        for (&id, user) in &mut self.users {
            if user.asked <= 0 && user.list.is_none() {
                continue;
            }
            let best = path.run(
                #[inline(always)]
                || match touched.contains(&id) {
                    true => Some(best(user, &order, count)),
                    false => match after(user, &moved, &self.items) {
                        After::Same => None,
                        After::These(best) => Some(best),
                        After::Unknown => Some(best(user, &order, count)),
                    },
                },
            );
            let Some(best) = best else { continue };
            user.last = (best.len() == count).then(|| best.last().copied()).flatten();
            let new = (user.asked > 0).then(|| best.iter().map(|choice| choice.item).collect());
            if new != user.list {
                changes.extend(user.list.take().map(|old| (id, old, -1)));
                changes.extend(new.iter().map(|new: &Vec<u32>| (id, new.clone(), 1)));
                user.list = new;
            }
        }
        self.users.retain(|_, user| user.asked != 0 || !user.seen.is_empty());
        changes
    }
}

/// A user's list after some items changed.
enum After {
    Same,
    These(Vec<Choice>),
    Unknown,
}

/// What items that changed, ascending, do to the list of a user who did not. Every other item was
/// worse than the last of the list, and is: the best of the list and of those that changed are the
/// best of all unless their last is worse than that.
#[inline(always)]
fn after(user: &User, moved: &[(u32, Option<&Vector>)], items: &BTreeMap<u32, Vector>) -> After {
    if moved.is_empty() && user.list.is_some() {
        return After::Same;
    }
    let (Some(list), Some(last)) = (&user.list, user.last) else { return After::Unknown };
    let enters = |&(id, item): &(u32, Option<&Vector>)| {
        let row = item.filter(|item| user.vector.reach(item) >= last.score)?;
        let choice = Choice { item: id, score: user.vector.score(row) };
        let new = choice.score >= last.score && !list.contains(&id) && !user.has_seen(id);
        new.then_some(choice)
    };
    let mut best: Vec<Choice> = moved.iter().filter_map(enters).collect();
    let has_moved = |id: &u32| moved.binary_search_by_key(id, |item| item.0).is_ok();
    if best.is_empty() && !list.iter().any(has_moved) {
        return After::Same;
    }
    let score = |&item: &u32| Some(Choice { item, score: user.vector.score(items.get(&item)?) });
    best.extend(list.iter().filter_map(score));
    best.sort();
    best.truncate(list.len());
    match best.len() == list.len() && best.last() <= Some(&last) {
        true => After::These(best),
        false => After::Unknown,
    }
}

/// The best items for a user, best first.
#[inline(always)]
fn best(user: &User, order: &[(u32, &Vector)], count: usize) -> Vec<Choice> {
    let mut best: BinaryHeap<Choice> = BinaryHeap::with_capacity(count + 1);
    for &(item, row) in order {
        let worst = match best.peek() {
            Some(worst) if best.len() >= count => worst.score,
            _ => f64::NEG_INFINITY,
        };
        if user.vector.reach(row) < worst {
            break;
        }
        let score = user.vector.score(row);
        if score < worst || user.has_seen(item) {
            continue;
        }
        best.push(Choice { item, score });
        if best.len() > count {
            best.pop();
        }
    }
    best.into_sorted_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Draws, purpose};

    /// Every list from its definition.
    fn all(lists: &Lists) -> BTreeMap<u32, Vec<u32>> {
        let asked = lists.users.iter().filter(|(_, user)| user.asked > 0);
        let list = |user: &User| {
            let items = lists.items.iter().filter(|(id, _)| !user.has_seen(**id));
            let mut all: Vec<Choice> =
                items.map(|(&item, row)| Choice { item, score: user.vector.score(row) }).collect();
            all.sort();
            all.iter().take(lists.count).map(|choice| choice.item).collect()
        };
        asked.map(|(&id, user)| (id, list(user))).collect()
    }

    #[test]
    fn lists_are_always_those_of_the_model_and_change_only_if_they_differ() {
        let mut draws = Draws::new(3, purpose("test of lists"), 0, 0);
        let mut below = |n: u64| (draws.next_f64() * n as f64) as u64;
        let mut lists = Lists::new(4);
        let mut known: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
        let mut row = {
            let mut draws = Draws::new(4, purpose("test of lists"), 0, 0);
            // Coarse factors, so that there are ties.
            move || -> Vec<f32> {
                (0..11).map(|_| (draws.next_f64() * 3.0).floor() as f32 - 1.0).collect()
            }
        };
        let mut silent = 0;
        for epoch in 0..300 {
            for _ in 0..if epoch == 0 { 400 } else { below(6) } {
                let (user, item) = (below(20) as u32, below(40) as u32);
                match below(6) {
                    0 => lists.item(item, Some((row(), below(3) as f32))),
                    1 => lists.user(user, Some((row(), 0.0))),
                    2 => lists.rating(user, item, if below(3) == 0 { -1 } else { 1 }),
                    3 => lists.ask(user, if below(4) == 0 { -1 } else { 1 }),
                    4 if below(4) == 0 => lists.item(item, None),
                    _ => lists.user(user, None),
                }
            }
            let mut changed = BTreeSet::new();
            for (user, list, diff) in lists.settle() {
                changed.insert(user);
                match diff {
                    1 => assert_eq!(known.insert(user, list), None),
                    _ => assert_eq!(known.remove(&user), Some(list)),
                }
            }
            silent += usize::from(changed.is_empty());
            assert_eq!(known, all(&lists), "epoch {epoch}");
        }
        assert!(silent > 0 && !known.is_empty());
    }
}

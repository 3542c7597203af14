//! The items that suit users best, kept true while factors and ratings change.

use std::collections::BTreeSet;

use super::listed::{After, Moved, User, after, best};
use super::scores::Shelf;
use crate::models::mf::Choice;
use crate::shard::Path;

/// The lists of one worker's users. Holds all items' factors, its users', and 16 bytes a rating.
#[derive(Clone, Debug)]
pub(super) struct Lists {
    path: Path,
    count: usize,
    /// Users are dealt to so many workers.
    peers: u32,
    /// By number.
    items: Shelf,
    /// By number, of this worker's.
    users: Vec<User>,
    /// The users with a list, or who are to have one.
    open: BTreeSet<u32>,
    moved: Moved,
    /// Users who changed in the epoch.
    touched: Vec<u32>,
}

/// A user's list that was (−1) or is (1).
pub(super) type Listed = (u32, Vec<u32>, isize);

impl Lists {
    /// Lists of so many items, for the users of one of `peers` workers.
    pub fn new(count: usize, peers: u32) -> Self {
        Lists {
            path: Path::best(),
            count,
            peers,
            items: Shelf::default(),
            users: Vec::new(),
            open: BTreeSet::new(),
            moved: Moved::default(),
            touched: Vec::new(),
        }
    }

    /// A user who changes.
    fn touch(&mut self, id: u32) -> &mut User {
        let at = (id / self.peers) as usize;
        if self.users.len() <= at {
            self.users.resize(at + 1, User::default());
        }
        let user = &mut self.users[at];
        if !std::mem::replace(&mut user.touched, true) {
            self.touched.push(id);
        }
        user
    }

    /// An item's row, or none any more.
    pub fn item(&mut self, id: u32, row: Option<(Vec<f32>, f32)>) {
        self.moved.add(id);
        self.items.set(id as usize, row.as_ref().map(|(factors, bias)| (&factors[..], *bias)));
    }

    /// A user's factors, or none any more.
    pub fn user(&mut self, id: u32, factors: Option<Vec<f32>>) {
        let user = self.touch(id);
        user.factors = factors.unwrap_or_default();
        user.squares = user.factors.iter().map(|x| x * x).sum();
    }

    /// A user's rating of an item came or went.
    pub fn rating(&mut self, user: u32, item: u32, diff: i64) {
        let seen = &mut self.touch(user).seen;
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
    pub fn ask(&mut self, id: u32, diff: i64) {
        self.touch(id).asked += diff;
        self.open.insert(id);
    }

    /// The lists that changed since this was last called. Users who changed get theirs anew; for the
    /// others a bound on the new scores of the items that changed is looked at, and all items only if
    /// the last of their list is worse than before.
    pub fn settle(&mut self) -> Vec<Listed> {
        self.moved.close(&self.items);
        let (path, count, moved, items) = (self.path, self.count, &self.moved, &self.items);
        let mut changes = Vec::new();
        for &id in &self.open {
            let user = &mut self.users[(id / self.peers) as usize];
            let best = path.run(
                #[inline(always)]
                || match user.touched {
                    true => Some(best(user, items, count)),
                    false => match after(user, moved, items, count) {
                        After::Same => None,
                        After::These(best) => Some(best),
                        After::Unknown => Some(best(user, items, count)),
                    },
                },
            );
            let Some(best) = best else { continue };
            let new = (user.asked > 0).then_some(best);
            let old = std::mem::replace(&mut user.list, new);
            let ids = |list: &Vec<Choice>| list.iter().map(|choice| choice.item).collect();
            let (old, new): (Option<Vec<u32>>, _) =
                (old.as_ref().map(ids), user.list.as_ref().map(ids));
            if new != old {
                changes.extend(old.map(|old| (id, old, -1)));
                changes.extend(new.map(|new| (id, new, 1)));
            }
        }
        for id in self.touched.drain(..) {
            let user = &mut self.users[(id / self.peers) as usize];
            user.touched = false;
            if user.asked <= 0 {
                self.open.remove(&id);
            }
            if user.asked == 0 && user.seen.is_empty() {
                *user = User::default();
            }
        }
        self.moved.clear();
        changes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::models::mf::predict::dot;
    use crate::random::{Draws, purpose};

    /// Every list from its definition.
    fn all(lists: &Lists) -> BTreeMap<u32, Vec<u32>> {
        let asked = (0..).zip(&lists.users).filter(|(_, user)| user.asked > 0);
        let list = |user: &User| {
            let score = |item: u32| {
                let (factors, bias) = lists.items.row(item as usize)?;
                let score = f64::from(bias) + f64::from(dot(&user.factors, &factors));
                (!user.has_seen(item)).then_some(Choice { item, score })
            };
            let mut all: Vec<Choice> = (0..100).filter_map(score).collect();
            all.sort();
            all.iter().take(lists.count).map(|choice| choice.item).collect()
        };
        asked.map(|(id, user)| (id, list(user))).collect()
    }

    #[test]
    fn lists_are_always_those_of_the_model_and_change_only_if_they_differ() {
        let mut draws = Draws::new(3, purpose("test of lists"), 0, 0);
        let mut below = |n: u64| (draws.next_f64() * n as f64) as u64;
        let mut lists = Lists::new(4, 1);
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
                    1 => lists.user(user, Some(row())),
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

//! What the list of one user becomes as factors and ratings change.

use std::collections::BinaryHeap;

use super::scores::{Shelf, WIDE, stretch};
use crate::models::mf::Choice;

/// What is known of a user.
#[derive(Clone, Debug, Default)]
pub(super) struct User {
    /// None, of a user without a row, are zeros.
    pub factors: Vec<f32>,
    /// Their squares, summed up.
    pub squares: f32,
    /// The items with ratings, ascending, and how many each.
    pub seen: Vec<(u32, i64)>,
    /// How often the list is asked for.
    pub asked: i64,
    /// The list.
    pub list: Option<Vec<Choice>>,
    /// Whether the user changed in this epoch.
    pub touched: bool,
}

impl User {
    /// By how much at most an item's norm makes its score larger.
    #[inline(always)]
    fn stretch(&self) -> f64 {
        stretch(self.squares)
    }

    pub fn has_seen(&self, item: u32) -> bool {
        let at = self.seen.binary_search_by_key(&item, |seen| seen.0);
        at.is_ok_and(|at| self.seen[at].1 > 0)
    }
}

/// The items that changed in an epoch.
#[derive(Clone, Debug, Default)]
pub(super) struct Moved {
    ids: Vec<u32>,
    /// Whether an item changed.
    marks: Vec<bool>,
    /// Those there are, by falling norm: the most promising first.
    order: Vec<u32>,
    /// Their rows, in this order.
    rows: Shelf,
}

impl Moved {
    /// An item that changes.
    pub fn add(&mut self, id: u32) {
        let at = id as usize;
        if self.marks.len() <= at {
            self.marks.resize(at + 1, false);
        }
        if !std::mem::replace(&mut self.marks[at], true) {
            self.ids.push(id);
        }
    }

    fn is(&self, id: u32) -> bool {
        self.marks.get(id as usize).is_some_and(|mark| *mark)
    }

    /// All items that changed are known.
    pub fn close(&mut self, items: &Shelf) {
        let norms = self.ids.iter().filter_map(|&id| Some((items.norm(id as usize)?, id)));
        let mut order: Vec<(f32, u32)> = norms.collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        self.order = order.into_iter().map(|(_, id)| id).collect();
        for (slot, &id) in self.order.iter().enumerate() {
            let row = items.row(id as usize);
            self.rows.set(slot, row.as_ref().map(|(factors, bias)| (&factors[..], *bias)));
        }
    }

    /// Another epoch.
    pub fn clear(&mut self) {
        self.ids.drain(..).for_each(|id| self.marks[id as usize] = false);
        self.order.clear();
        self.rows = Shelf::default();
    }
}

/// A user's list after some items changed.
pub(super) enum After {
    Same,
    These(Vec<Choice>),
    Unknown,
}

/// What items that changed do to the list of a user who did not. Every other item was worse than the
/// last of the list, and is: the best of the list and of those that changed are the best of all unless
/// their last is worse than that.
#[inline(always)]
pub(super) fn after(user: &User, moved: &Moved, items: &Shelf, count: usize) -> After {
    let Some(list) = &user.list else { return After::Unknown };
    if moved.ids.is_empty() {
        return After::Same;
    }
    let Some(&last) = list.last().filter(|_| list.len() == count) else { return After::Unknown };
    let (stretch, mut best) = (user.stretch(), Vec::new());
    for group in 0..moved.rows.groups() {
        if moved.rows.reach(group, stretch) < last.score {
            break;
        }
        let scores = moved.rows.scores(group, &user.factors);
        if scores.iter().all(|score| *score < last.score) {
            continue;
        }
        for (&item, &score) in moved.order[group * WIDE..].iter().zip(&scores) {
            let listed = || list.iter().any(|choice| choice.item == item);
            if score >= last.score && !listed() && !user.has_seen(item) {
                best.push(Choice { item, score });
            }
        }
    }
    if best.is_empty() && !list.iter().any(|choice| moved.is(choice.item)) {
        return After::Same;
    }
    best.extend(list.iter().filter_map(|choice| match moved.is(choice.item) {
        false => Some(*choice),
        true => choice_of(user, items, choice.item),
    }));
    best.sort();
    best.truncate(count);
    match best.len() == count && best.last() <= Some(&last) {
        true => After::These(best),
        false => After::Unknown,
    }
}

/// An item with its score, if it is there.
#[inline(always)]
fn choice_of(user: &User, items: &Shelf, item: u32) -> Option<Choice> {
    let score = items.score(item as usize, &user.factors);
    items.norm(item as usize).map(|_| Choice { item, score })
}

/// The best items for a user, best first.
#[inline(always)]
pub(super) fn best(user: &User, items: &Shelf, count: usize) -> Vec<Choice> {
    let mut best: BinaryHeap<Choice> = BinaryHeap::new();
    if count == 0 {
        return Vec::new();
    }
    let (stretch, mut least) = (user.stretch(), floor(user, items, count));
    for group in 0..items.groups() {
        if items.reach(group, stretch) < least {
            continue;
        }
        let scores = items.scores(group, &user.factors);
        if scores.iter().all(|score| *score < least) {
            continue;
        }
        for (lane, &score) in scores.iter().enumerate() {
            let slot = group * WIDE + lane;
            if score < least || items.norm(slot).is_none() || user.has_seen(slot as u32) {
                continue;
            }
            best.push(Choice { item: slot as u32, score });
            if best.len() > count {
                best.pop();
            }
            if let Some(worst) = best.peek().filter(|_| best.len() == count) {
                least = least.max(worst.score);
            }
        }
    }
    best.into_sorted_vec()
}

/// No item of the list will have a lower score than this: what those of the last list have now.
#[inline(always)]
fn floor(user: &User, items: &Shelf, count: usize) -> f64 {
    let listed = user.list.iter().flatten().filter(|choice| !user.has_seen(choice.item));
    let (mut known, mut least) = (0, f64::INFINITY);
    for choice in listed.filter_map(|choice| choice_of(user, items, choice.item)) {
        known += 1;
        least = least.min(choice.score);
    }
    if known == count { least } else { f64::NEG_INFINITY }
}

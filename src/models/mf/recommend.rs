//! The items that suit a user best.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::thread;

use super::Factorisation;
use super::predict::Row;

/// An item and its score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Choice {
    /// The item.
    pub item: u32,
    /// Its score for the user.
    pub score: f64,
}

impl Eq for Choice {}

impl Ord for Choice {
    /// Better choices are less: the higher score first, of equal ones the first item.
    fn cmp(&self, other: &Self) -> Ordering {
        other.score.total_cmp(&self.score).then(self.item.cmp(&other.item))
    }
}

impl PartialOrd for Choice {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The `count` items with the highest scores for a user, best first, without those in `seen`
/// (ascending) and, if a filter is given, only items it lets through. Takes `O(n (k + log count))`.
pub fn top(
    model: &Factorisation,
    user: &Row,
    seen: &[u32],
    filter: Option<&[bool]>,
    count: usize,
) -> Vec<Choice> {
    let mut best = BinaryHeap::with_capacity(count.min(model.item_bias.len()) + 1);
    let mut seen = seen.iter().copied().peekable();
    for item in 0..model.item_bias.len() as u32 {
        while seen.next_if(|&other| other < item).is_some() {}
        if seen.peek() == Some(&item) || filter.is_some_and(|filter| !filter[item as usize]) {
            continue;
        }
        let choice = Choice { item, score: model.score(user, Some(item)) };
        if best.len() < count {
            best.push(choice);
        } else if best.peek().is_some_and(|worst| choice < *worst) {
            best.pop();
            best.push(choice);
        }
    }
    best.into_sorted_vec()
}

/// What `work` gives for `0..count`, in order, computed on `threads` threads in turn.
pub fn in_parallel<T: Send>(
    count: usize,
    threads: usize,
    work: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let share = count.div_ceil(threads.max(1)).max(1);
    let mut parts: Vec<Vec<T>> = Vec::new();
    thread::scope(|scope| {
        let work = &work;
        let part = |start: usize| {
            scope.spawn(move || (start..count.min(start + share)).map(work).collect::<Vec<T>>())
        };
        let running: Vec<_> = (0..count).step_by(share).map(part).collect();
        parts = running
            .into_iter()
            .map(|part| part.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect();
    });
    parts.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::mf::testing::random_model;

    #[test]
    fn the_best_come_first_without_those_left_out() {
        let model = random_model(3, 50, 5, 1);
        let user = model.user_row(Some(1));
        let seen = [0, 7, 20, 49];
        let filter: Vec<bool> = (0..50).map(|item| item % 3 != 1).collect();
        let mut all: Vec<Choice> = (0..50)
            .filter(|item| !seen.contains(item) && filter[*item as usize])
            .map(|item| Choice { item, score: model.score(&user, Some(item)) })
            .collect();
        all.sort();
        for count in [0, 1, 7, 100] {
            let best = top(&model, &user, &seen, Some(&filter), count);
            assert_eq!(best, all[..count.min(all.len())]);
        }
        assert!(all.windows(2).all(|pair| pair[0].score >= pair[1].score));
        assert_eq!(top(&model, &user, &[], None, 60).len(), 50);
    }

    #[test]
    fn of_equal_scores_the_first_item_comes_first() {
        let model = Factorisation { item_bias: vec![0.0; 6], ..Factorisation::default() };
        let items: Vec<u32> =
            top(&model, &Row::default(), &[1], None, 3).iter().map(|choice| choice.item).collect();
        assert_eq!(items, [0, 2, 3]);
    }

    #[test]
    fn parallel_work_comes_in_order() {
        for threads in [0, 1, 2, 3, 50] {
            assert!(
                in_parallel(23, threads, |at| at * at).into_iter().eq((0..23).map(|at| at * at))
            );
            assert!(in_parallel(0, threads, |at| at).is_empty());
        }
    }
}

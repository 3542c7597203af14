//! The order of ratings: by user, then item; of those of one pair only the last.

use std::ops::Range;
use std::thread;

use super::ratings::Unordered;

/// Ratings in order.
pub(super) struct Order {
    /// Where each user's ratings start, and where the last one's end.
    pub starts: Vec<usize>,
    /// For each rating that is kept its item, and in the low half where it was.
    pub keys: Vec<u64>,
}

/// Puts ratings in order: each thread sorts the ratings of some users, neighbours of each other,
/// about as many ratings as the others.
pub(super) fn order(unordered: &Unordered, users: usize, threads: usize) -> Order {
    let mut ends = vec![0; users + 1];
    unordered.user.iter().for_each(|&user| ends[user as usize + 1] += 1);
    for user in 0..users {
        ends[user + 1] += ends[user];
    }
    let mut keys = vec![0; unordered.user.len()];
    let mut counts = vec![0; users];
    thread::scope(|scope| {
        let (mut keys, mut counts) = (&mut keys[..], &mut counts[..]);
        for users in spans(&ends, threads.max(1)) {
            let own = ends[users.end] - ends[users.start];
            let (mine, others) = std::mem::take(&mut keys).split_at_mut(own);
            let (kept, rest) = std::mem::take(&mut counts).split_at_mut(users.len());
            (keys, counts) = (others, rest);
            let ends = &ends[users.start..=users.end];
            scope.spawn(move || sort(unordered, users, ends, mine, kept));
        }
    });
    compact(&ends, &counts, keys)
}

/// Splits users so that each part has about as many ratings.
fn spans(ends: &[usize], parts: usize) -> impl Iterator<Item = Range<usize>> {
    let (users, total) = (ends.len() - 1, ends[ends.len() - 1]);
    let cut = move |part: usize, ends: &[usize]| match part == parts {
        true => users,
        false => ends.partition_point(|&end| end * parts < total * part).min(users),
    };
    (0..parts).map(move |part| cut(part, ends)..cut(part + 1, ends)).collect::<Vec<_>>().into_iter()
}

/// Gathers and sorts the ratings of some users; says how many of each are kept, which come first
/// in the user's part of `keys`.
fn sort(
    unordered: &Unordered,
    users: Range<usize>,
    ends: &[usize],
    keys: &mut [u64],
    counts: &mut [usize],
) {
    let base = ends[0];
    let mut next: Vec<usize> = ends.iter().map(|end| end - base).collect();
    for (at, (&user, &item)) in unordered.user.iter().zip(&unordered.item).enumerate() {
        if users.contains(&(user as usize)) {
            let place = &mut next[user as usize - users.start];
            keys[*place] = u64::from(item) << 32 | at as u64;
            *place += 1;
        }
    }
    for (user, count) in counts.iter_mut().enumerate() {
        let row = &mut keys[ends[user] - base..ends[user + 1] - base];
        row.sort_unstable();
        for at in 0..row.len() {
            let key = row[at];
            if row.get(at + 1).is_none_or(|next| next >> 32 != key >> 32) {
                row[*count] = key;
                *count += 1;
            }
        }
    }
}

/// Closes the gaps behind each user's ratings.
fn compact(ends: &[usize], counts: &[usize], mut keys: Vec<u64>) -> Order {
    let mut starts = Vec::with_capacity(ends.len());
    let mut kept = 0;
    starts.push(0);
    for (&from, &count) in ends.iter().zip(counts) {
        if kept != from {
            keys.copy_within(from..from + count, kept);
        }
        kept += count;
        starts.push(kept);
    }
    keys.truncate(kept);
    Order { starts, keys }
}

/// The values of a column in order.
pub(super) fn pick<T: Copy>(column: &[T], keys: &[u64]) -> Vec<T> {
    keys.iter().map(|&key| column[key as u32 as usize]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Draws, purpose};

    #[test]
    fn any_number_of_threads_gives_the_same_order() {
        let mut draws = Draws::new(1, purpose("test"), 0, 0);
        let mut column = |below: u64| (0..500).map(|_| draws.below(below) as u32).collect();
        let unordered = Unordered { user: column(40), item: column(30), ..Unordered::default() };
        let one = order(&unordered, 41, 1);
        let mut expected: Vec<(u32, u64)> = (0..500)
            .map(|at| (unordered.user[at], u64::from(unordered.item[at]) << 32 | at as u64))
            .collect();
        expected.sort_unstable();
        expected.reverse();
        expected.dedup_by_key(|(user, key)| (*user, *key >> 32));
        expected.reverse();
        assert!(one.keys.iter().eq(expected.iter().map(|(_, key)| key)) && one.keys.len() < 500);
        assert_eq!(one.starts[41], one.keys.len());
        for threads in [2, 3, 64] {
            let many = order(&unordered, 41, threads);
            assert!(many.keys == one.keys && many.starts == one.starts);
        }
        assert_eq!(order(&Unordered::default(), 0, 2).starts, [0]);
    }
}

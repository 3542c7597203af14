//! How much there may be of live documents.

use strads::models::lda::Bag;

/// The most tokens there may be at a time: counts are numbers of 32 bits.
const MOST_TOKENS: u64 = u32::MAX as u64;
/// The most lines of 64 bytes that the topics of all documents may take.
const MOST_LINES: u64 = 1 << 30;

/// What all documents take, so that no counter can overflow wherever they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    pub tokens: u64,
    lines: u64,
}

impl Room {
    /// What a document takes.
    pub fn of(bag: &Bag) -> Room {
        let tokens = bag.iter().map(|(_, count)| u64::from(*count)).sum();
        Room { tokens, lines: tokens / 16 + 1 }
    }

    /// The room with one document in the place of another, if there is so much.
    pub fn exchange(self, old: Room, new: Room) -> Option<Room> {
        let tokens = self.tokens - old.tokens + new.tokens;
        let lines = self.lines - old.lines + new.lines;
        let fits = tokens <= MOST_TOKENS && lines <= MOST_LINES;
        fits.then_some(Room { tokens, lines })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_cannot_overflow() {
        let half = Room::of(&vec![(0, 1 << 31)]);
        let one = Room::default().exchange(Room::default(), half).unwrap();
        assert!(one.exchange(Room::default(), half).is_none());
        assert_eq!(one.exchange(half, half), Some(one));
        assert_eq!(one.exchange(half, Room::default()), Some(Room::default()));
    }
}

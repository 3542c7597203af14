//! How many keys a round updates.
//!
//! A round costs the engine a fixed amount of time however small its block: 5 µs on one worker,
//! 14 µs on two threads, 67 µs on two processes (measured on the development machine). The
//! automatic width is the smallest block whose arithmetic hides that cost. It follows from the
//! data's shape and the number of shards alone, never from a clock: results must not depend on
//! load.

/// What a round is taken to cost the engine, in nanoseconds: a middle of the measured costs, as
/// the same width must serve threads and processes.
const ROUND_NS: f64 = 25_000.0;

/// How many times a round's cost its arithmetic should be on every shard.
const RATIO: f64 = 10.0;

/// The largest part of the keys in a block, as a divisor. A dynamic schedule draws twice its
/// width, that is a quarter of the keys; had it to draw nearly all, their priorities would no
/// longer matter.
const DIVISOR: usize = 8;

/// How many keys a policy puts into a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// This many (at least one).
    Fixed(usize),
    /// As many as hide the cost of a round: see [`width`].
    #[default]
    Auto,
}

impl Width {
    /// The number of keys for an update of `cost_ns` nanoseconds a key: at least one, and no more
    /// than there are (but for an empty universe).
    pub fn keys(self, cost_ns: f64, shards: usize, universe: usize) -> usize {
        match self {
            Width::Fixed(keys) => keys.min(universe).max(1),
            Width::Auto => width(cost_ns, shards, universe),
        }
    }
}

/// The smallest block for which a round's arithmetic on each of `shards` shards, over which its
/// keys spread evenly, takes 250 µs at `cost_ns` nanoseconds a key; at least one key, at most an
/// eighth of the `universe`.
pub fn width(cost_ns: f64, shards: usize, universe: usize) -> usize {
    let wanted = (RATIO * ROUND_NS * shards as f64 / cost_ns).ceil();
    // An estimate that is no positive number says that keys cost next to nothing.
    let wanted = if cost_ns > 0.0 { wanted as usize } else { usize::MAX };
    wanted.min(universe / DIVISOR).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_hides_the_round() {
        assert_eq!(width(1000.0, 1, 1 << 20), 250);
        assert_eq!(width(1000.0, 4, 1 << 20), 1000);
        assert_eq!(width(3000.0, 1, 1 << 20), 84);
        assert_eq!(width(1e9, 2, 1 << 20), 1);
    }

    #[test]
    fn a_block_is_never_empty_nor_most_of_the_keys() {
        assert_eq!(width(1000.0, 1, 80), 10);
        for universe in [0, 1, 7] {
            assert_eq!(width(1000.0, 1, universe), 1);
        }
        for cost in [0.0, -1.0, f64::NAN] {
            assert_eq!(width(cost, 1, 800), 100);
        }
        assert_eq!(width(f64::INFINITY, 1, 800), 1);
        assert_eq!(width(f64::MIN_POSITIVE, usize::MAX, 800), 100);
    }

    #[test]
    fn a_fixed_width_is_kept_within_the_universe() {
        assert_eq!(Width::Fixed(5).keys(1.0, 1, 100), 5);
        assert_eq!(Width::Fixed(500).keys(1.0, 1, 100), 100);
        assert_eq!(Width::Fixed(0).keys(1.0, 1, 100), 1);
        assert_eq!(Width::Auto.keys(1000.0, 1, 800), width(1000.0, 1, 800));
    }
}

//! How far rows step, and how often a visit to a block solves both sides.
//!
//! **Steps** go beyond a row's minimum: successive over-relaxation (Young, 1954), which takes off what
//! blocks owe to each other far sooner. A step of `ω` times the way to the minimum lowers the
//! objective by `ω (2 − ω)` of what the minimum would, so for `ω < 2` it falls in every one. `ω` is one
//! in the first sweep and grows as Nesterov's sequence does.
//!
//! **Alternations.** While a block has yet to turn towards the ratings, each alternation gains much,
//! often more than the one before: it is solved again until one gains less than half of the most that
//! one has. Later a block is solved once a visit: the next blocks gain more than solving it again.

/// The longest steps, as a multiple of the way to the minimum.
const LONGEST: f64 = 1.7;

/// An alternation that gains less than this part of the most that one has gained is the last.
const WORTH: f32 = 0.5;

/// The most alternations of a visit.
const MOST: u32 = 8;

/// The steps of a sweep, the first being number 1, as a multiple of the way to the minimum.
pub(super) fn stretch(sweep: u64) -> f32 {
    let before = sweep.saturating_sub(1) as f64;
    (1.0 + before / (before + 3.0)).min(LONGEST) as f32
}

/// What the alternations of a visit have gained.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gains {
    times: u32,
    now: f32,
    most: f32,
    /// All of them.
    pub sum: f32,
}

impl Gains {
    /// A side was solved.
    pub fn add(&mut self, gain: f32) {
        self.now += gain;
        self.sum += gain;
    }

    /// Both sides were solved: whether they are to be again, if it is the block's first visit.
    pub fn again(&mut self) -> bool {
        let now = std::mem::take(&mut self.now);
        self.times += 1;
        self.most = self.most.max(now);
        // Not if nothing was gained, or what is not a number.
        self.times < MOST && now > 0.0 && now >= WORTH * self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_grow_and_stay_below_twice_the_way() {
        let steps: Vec<f32> = (1..100).map(stretch).collect();
        assert_eq!((stretch(0), steps[0], steps[1], steps[98]), (1.0, 1.0, 1.25, 1.7));
        assert!(steps.windows(2).all(|pair| pair[0] <= pair[1] && pair[1] < 2.0));
    }

    /// After how many alternations with these gains a block is left.
    fn times(gains: &[f32]) -> usize {
        let mut seen = Gains::default();
        let mut more = |gain: &f32| {
            seen.add(*gain / 2.0);
            seen.add(*gain / 2.0);
            seen.again()
        };
        gains.iter().take_while(|gain| more(gain)).count() + 1
    }

    #[test]
    fn alternations_go_on_while_they_are_worth_it() {
        assert_eq!(times(&[2.0, 9.0, 5.0, 4.0, 9.0]), 4);
        assert_eq!(times(&[9.0, 4.0, 9.0]), 2);
        assert_eq!(times(&[0.0, 1.0]), 1);
        assert_eq!(times(&[f32::NAN, 1.0]), 1);
        assert_eq!(times(&[1.0; 99]), MOST as usize);
    }
}

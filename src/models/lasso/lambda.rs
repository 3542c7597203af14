//! The path of falling λ that leads to the one asked for.

/// The factor between stages of the path: three stages to a tenth of λ_max, six to a hundredth.
/// Smaller steps cost rounds, larger ones let the working set overshoot.
const RATIO: f64 = 0.45;

/// A geometric path from where the solution is known to the target.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Continuation {
    current: f64,
    target: f64,
    factor: f64,
    left: u32,
}

impl Continuation {
    /// From `start` (where the current coefficients are near optimal) down to `target`.
    pub fn new(start: f64, target: f64) -> Self {
        if !(start.is_finite() && start > target && target > 0.0) {
            return Continuation { current: target, target, factor: 1.0, left: 0 };
        }
        let stages = ((target / start).ln() / RATIO.ln()).ceil().max(1.0);
        let factor = (target / start).powf(1.0 / stages);
        let mut path = Continuation { current: start, target, factor, left: stages as u32 };
        path.advance();
        path
    }

    /// The stage's λ.
    pub fn lambda(&self) -> f64 {
        self.current
    }

    /// The λ that was asked for.
    pub fn target(&self) -> f64 {
        self.target
    }

    /// The next stage's λ (the target's own at the end).
    pub fn next(&self) -> f64 {
        match self.left {
            0 | 1 => self.target,
            _ => self.current * self.factor,
        }
    }

    /// Whether this is the last stage.
    pub fn is_last(&self) -> bool {
        self.left == 0
    }

    /// Goes to the next stage.
    pub fn advance(&mut self) {
        if self.left > 0 {
            self.current = self.next();
            self.left -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Continuation;

    #[test]
    fn falls_to_the_target() {
        let mut path = Continuation::new(1.0, 0.01);
        let mut stages = vec![path.lambda()];
        while !path.is_last() {
            path.advance();
            stages.push(path.lambda());
        }
        assert_eq!(stages.len(), 6);
        assert_eq!(stages.last(), Some(&0.01));
        assert!(stages.windows(2).all(|pair| pair[1] < pair[0] && pair[1] > 0.4 * pair[0]));
        assert!(Continuation::new(0.5, 0.5).is_last());
        assert!(Continuation::new(f64::INFINITY, 0.5).is_last());
        assert!(Continuation::new(1.0, 0.0).is_last());
    }
}

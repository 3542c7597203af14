//! The elastic-net penalty of one coefficient.

/// Weights of one coefficient's penalty, λ and penalty factor multiplied in:
/// `l1 |β| + l2/2 β²`, and `β ≥ 0` if `positive`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Penalty {
    pub l1: f64,
    pub l2: f64,
    pub positive: bool,
}

impl Penalty {
    #[cfg(test)]
    pub fn value(self, beta: f64) -> f64 {
        self.l1 * beta.abs() + 0.5 * self.l2 * beta * beta
    }

    /// The coefficient that minimises `norm/2 β² − pull β + penalty(β)`: the soft threshold,
    /// shrunk. `norm` is the column's mean square, `pull = x·r/W + norm β` at the current β.
    pub fn minimise(self, pull: f64, norm: f64) -> f64 {
        let curvature = norm + self.l2;
        if curvature <= 0.0 {
            return 0.0;
        }
        if pull > self.l1 {
            (pull - self.l1) / curvature
        } else if pull < -self.l1 && !self.positive {
            (pull + self.l1) / curvature
        } else {
            0.0
        }
    }

    /// How strongly a column pulls against its l1 bound: the dual norm's numerator, for
    /// `gradient = x·r/W − l2 β`. Negative pulls do not count where β must be positive.
    pub fn pull(self, gradient: f64) -> f64 {
        if self.positive { gradient.max(0.0) } else { gradient.abs() }
    }

    /// What the conjugate of the penalty takes from the dual objective at `x·r/W = correlation`:
    /// `(|c| − l1)₊² / 2 l2`; infinite where the bound is passed without an l2 part.
    pub fn conjugate(self, correlation: f64) -> f64 {
        let excess = self.pull(correlation) - self.l1;
        if excess <= 0.0 {
            0.0
        } else if self.l2 > 0.0 {
            // Squares of tiny excesses would be zero.
            excess * (excess / (2.0 * self.l2))
        } else {
            f64::INFINITY
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Penalty;

    #[test]
    fn minimise_beats_its_neighbours() {
        for l1 in [0.0, 0.3, 2.0] {
            for l2 in [0.0, 0.5] {
                for positive in [false, true] {
                    for pull in [-3.0, -0.2, 0.0, 0.4, 2.5] {
                        let penalty = Penalty { l1, l2, positive };
                        let norm = 0.8;
                        let cost = |beta: f64| {
                            0.5 * norm * beta * beta - pull * beta + penalty.value(beta)
                        };
                        let best = penalty.minimise(pull, norm);
                        for step in [-0.1, -1e-3, 1e-3, 0.1] {
                            let other = best + step;
                            assert!(positive && other < 0.0 || cost(best) <= cost(other) + 1e-15);
                        }
                        assert!(!positive || best >= 0.0);
                    }
                }
            }
        }
    }
}

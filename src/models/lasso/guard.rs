//! The guard of parallel steps: an exact line search on the summed step.
//!
//! Steps that were decided apart, or from a stale residual, may together overshoot. Along their
//! sum the objective is a convex quadratic plus piecewise quadratics with kinks where a
//! coefficient crosses zero: its minimiser is found exactly by walking the kinks, so no round
//! raises the objective, whatever the block width and staleness.

use super::program::Step;

/// How far to go along the summed step: `t` times every step, except that the coefficient at
/// `zero` (if any) lands on zero exactly.
///
/// Under `positive` none passes it: others that reach zero at the same length land there, too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Length {
    pub t: f64,
    pub zero: Option<usize>,
    positive: bool,
}

/// The exact minimiser along the summed step.
///
/// `slope = Σ w r d / W` and `curvature = Σ w d² / W` for the summed change `d` of the fitted
/// values, at the residual the round is applied to. Lengths that differ from 1 by rounding are 1.
pub(super) fn line_search(steps: &[Step], slope: f64, curvature: f64, positive: bool) -> Length {
    let moving: Vec<usize> =
        (0..steps.len()).filter(|&at| steps[at].new != steps[at].old).collect();
    let length =
        |t: f64, zero| Length { t: if (t - 1.0).abs() < 1e-9 { 1.0 } else { t }, zero, positive };
    if moving.is_empty() {
        return length(1.0, None);
    }
    let change = |at: usize| steps[at].new - steps[at].old;
    let mut kinks: Vec<(f64, usize)> = moving
        .iter()
        // (Not by the sign of their product, which would vanish if both are tiny.)
        .filter(|&&at| match steps[at].old {
            old if old > 0.0 => change(at) < 0.0,
            old => old < 0.0 && change(at) > 0.0,
        })
        .map(|&at| (-steps[at].old / change(at), at))
        .collect();
    kinks.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    // Derivative at t = 0+ and its rate of growth between kinks.
    let mut derivative = -slope;
    let mut growth = curvature;
    for &at in &moving {
        let Step { old, l1, l2, .. } = steps[at];
        let sign = if old != 0.0 { old.signum() } else { change(at).signum() };
        derivative += l1 * sign * change(at) + l2 * old * change(at);
        growth += l2 * change(at) * change(at);
    }
    if derivative >= 0.0 {
        return length(0.0, None);
    }
    let mut t = 0.0;
    for &(kink, at) in &kinks {
        let here = derivative + (kink - t) * growth;
        if here >= 0.0 {
            break;
        }
        derivative = here;
        t = kink;
        derivative += 2.0 * steps[at].l1 * change(at).abs();
        if derivative >= 0.0 || positive {
            return length(t, Some(at));
        }
    }
    length(if growth > 0.0 { t - derivative / growth } else { 1.0 }, None)
}

impl Length {
    /// Where a step ends.
    pub fn end(self, at: usize, step: &Step) -> f64 {
        let end = match self.t {
            _ if self.zero == Some(at) => 0.0,
            1.0 => step.new,
            t => step.old + t * (step.new - step.old),
        };
        if self.positive { end.max(0.0) } else { end }
    }
}

#[cfg(test)]
mod tests {
    use super::super::penalty::Penalty;
    use super::*;
    use proptest::prelude::*;

    fn penalty_at(steps: &[Step], t: f64) -> f64 {
        let value = |step: &Step| {
            let penalty = Penalty { l1: step.l1, l2: step.l2, positive: false };
            penalty.value(step.old + t * (step.new - step.old))
        };
        steps.iter().map(value).sum()
    }

    proptest! {
        #[test]
        fn finds_the_minimum_along_the_step(
            steps in proptest::collection::vec((-2.0..2.0f64, -2.0..2.0f64, 0.0..1.0f64, 0.0..1.0f64), 1..8),
            slope in 0.0..5.0f64,
            curvature in 0.1..5.0f64,
        ) {
            let steps: Vec<Step> = steps
                .into_iter()
                .map(|(old, new, l1, l2)| Step { old, new, l1, l2 })
                .collect();
            let value =
                |t: f64| -slope * t + 0.5 * curvature * t * t + penalty_at(&steps, t);
            let length = line_search(&steps, slope, curvature, false);
            prop_assert!(length.t >= 0.0);
            for i in 0..400 {
                let other = i as f64 * 0.025;
                prop_assert!(value(length.t) <= value(other) + 1e-7);
            }
        }
    }
}

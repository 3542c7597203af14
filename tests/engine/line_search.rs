//! The arithmetic of one coordinate, and of one joint step.

/// Soft thresholding.
pub fn soft(value: f64, threshold: f64) -> f64 {
    value.signum() * (value.abs() - threshold).max(0.0)
}

/// The step `t ≥ 0` that minimises `−t·rd + ½t²·dd + λ Σ |old + t·step|` exactly: a walk over the
/// kinks, where the slope of a convex function jumps. `moves` holds old values and steps.
pub fn exact_step(moves: &[[f64; 2]], [rd, dd]: [f64; 2], penalty: f64) -> f64 {
    let mut slope = -rd;
    let mut kinks: Vec<(f64, f64)> = Vec::new();
    for &[old, step] in moves {
        if old * step < 0.0 {
            slope -= penalty * step.abs();
            kinks.push((-old / step, 2.0 * penalty * step.abs()));
        } else {
            slope += penalty * step.abs();
        }
    }
    kinks.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut at = 0.0;
    for (kink, jump) in kinks.into_iter().chain([(f64::INFINITY, 0.0)]) {
        if slope + at * dd >= 0.0 {
            return at;
        }
        // With dd = 0 the quotient is infinite and the walk goes on to the next kink.
        let stationary = -slope / dd;
        if stationary <= kink {
            return if stationary.is_finite() { stationary } else { at };
        }
        at = kink;
        slope += jump;
    }
    at
}

/// The change of the objective by a step of `t`.
pub fn change(moves: &[[f64; 2]], [rd, dd]: [f64; 2], penalty: f64, t: f64) -> f64 {
    let norm: f64 = moves.iter().map(|[old, step]| (old + t * step).abs() - old.abs()).sum();
    -t * rd + t * t * dd / 2.0 + penalty * norm
}

#[test]
fn no_step_is_better() {
    let moves = [[1.0, -0.5], [-2.0, 3.0], [0.0, 0.7], [0.3, -0.4]];
    for (rd, dd) in [(-3.0, 1.0), (0.1, 2.0), (6.0, 1.0), (9.0, 4.0), (20.0, 0.5), (5.0, 0.0)] {
        let best = exact_step(&moves, [rd, dd], 1.0);
        let least = change(&moves, [rd, dd], 1.0, best);
        assert!(least <= 0.0);
        if dd > 0.0 {
            for at in 0..20_000 {
                let tried = change(&moves, [rd, dd], 1.0, f64::from(at) * 0.003);
                assert!(least <= tried + 1e-12, "{rd} {dd}: {best}");
            }
        }
    }
}

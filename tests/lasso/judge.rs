//! The duality gap of a model for the exact data, in twice the digits of `f64`: no library code,
//! and none of the oracle's.
//!
//! First every column and the response are brought to the size of 1 by powers of two, which is
//! exact, so that no product of two of them leaves the range of `f64` or loses digits at its end.

use super::exact::Exact;
use super::oracle::{Model, Task};

/// A problem made ready for judging.
pub struct Judge {
    /// Columns times 2^their power.
    columns: Vec<Vec<f64>>,
    powers: Vec<i32>,
    /// The response times 2^its power.
    response: Vec<f64>,
    power: i32,
    weights: Vec<f64>,
    total: Exact,
    l1: Vec<Exact>,
    l2: Vec<Exact>,
    intercept: bool,
    positive: bool,
}

/// `x 2^power`, in two steps that stay in range if the result does.
fn scaled(x: f64, power: i32) -> f64 {
    let half = power / 2;
    x * 2f64.powi(half) * 2f64.powi(power - half)
}

/// The power of two that brings the largest number into [1, 2).
fn unit(values: &[f64]) -> i32 {
    let largest = values.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    let exponent = ((largest.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    if largest > 0.0 { -exponent } else { 0 }
}

fn brought(values: &[f64]) -> (Vec<f64>, i32) {
    let power = unit(values);
    (values.iter().map(|x| scaled(*x, power)).collect(), power)
}

impl Judge {
    pub fn new(task: &Task) -> Judge {
        let (response, power) = brought(&task.response);
        let (columns, powers) = task.columns.iter().map(|column| brought(column)).unzip();
        let weights: Vec<f64> = (0..task.rows()).map(|row| task.weight(row)).collect();
        let mut judge = Judge {
            total: weights.iter().map(|w| Exact::from(*w)).sum(),
            columns,
            powers,
            response,
            power,
            weights,
            l1: Vec::new(),
            l2: Vec::new(),
            intercept: task.intercept,
            positive: task.positive,
        };
        let penalties = (0..task.columns.len()).map(|column| judge.penalty(task, column));
        (judge.l1, judge.l2) = penalties.unzip();
        judge
    }

    /// The l1 and l2 weights of a column that was brought to size.
    fn penalty(&self, task: &Task, column: usize) -> (Exact, Exact) {
        let factor = task.factors.as_ref().map_or(1.0, |factors| factors[column]);
        let (first, second) = (Exact::from(task.l1_ratio), Exact::from(1.0 - task.l1_ratio));
        let factor = Exact::from(factor);
        if task.standardize {
            let x: Vec<Exact> = self.columns[column].iter().map(|x| (*x).into()).collect();
            let x = self.centred(x);
            let variance = self.inner(&x, &x) / self.total;
            let deviation = variance.sqrt();
            let l1 = Exact::from(scaled(task.lambda, self.power)) * factor * first * deviation;
            return (l1, Exact::from(task.lambda) * factor * second * variance);
        }
        let power = self.powers[column];
        let l1 = Exact::from(scaled(task.lambda, power + self.power)) * factor * first;
        (l1, Exact::from(scaled(task.lambda, 2 * power)) * factor * second)
    }

    /// `Σ w u v`.
    fn inner(&self, u: &[Exact], v: &[Exact]) -> Exact {
        let rows = self.weights.iter().zip(u).zip(v);
        rows.map(|((w, u), v)| Exact::from(*w) * *u * *v).sum()
    }

    /// The numbers less their mean, if there is an intercept.
    fn centred(&self, values: Vec<Exact>) -> Vec<Exact> {
        if !self.intercept {
            return values;
        }
        let weighted = self.weights.iter().zip(&values).map(|(w, v)| Exact::from(*w) * *v);
        let mean = weighted.sum::<Exact>() / self.total;
        values.into_iter().map(|value| value - mean).collect()
    }

    fn centred_response(&self) -> Vec<Exact> {
        self.centred(self.response.iter().map(|y| (*y).into()).collect())
    }

    /// Whether an intercept says all that a column could.
    fn is_constant(&self, column: usize) -> bool {
        let mut counted = self.columns[column].iter().zip(&self.weights).filter(|(_, w)| **w > 0.0);
        let first = counted.next().map_or(0.0, |(x, _)| *x);
        (self.intercept || first == 0.0) && counted.all(|(x, _)| *x == first)
    }

    /// Whether a column is not penalised at all.
    fn is_free(&self, column: usize) -> bool {
        self.l1[column] == Exact::ZERO && self.l2[column] == Exact::ZERO
    }

    /// What unpenalised columns leave of a centred vector: a dual point is orthogonal to them.
    /// (Coefficients that may not be negative are not thought of.)
    fn left_by_free(&self, theta: Vec<Exact>) -> Vec<Exact> {
        let mut basis: Vec<Vec<Exact>> = Vec::new();
        let orthogonal = |mut vector: Vec<Exact>, basis: &[Vec<Exact>]| {
            // Twice is enough.
            for direction in basis.iter().chain(basis) {
                let length = self.inner(direction, direction);
                let step = self.inner(&vector, direction) / length;
                vector.iter_mut().zip(direction).for_each(|(v, d)| *v = *v - step * *d);
            }
            vector
        };
        for column in (0..self.columns.len()).filter(|column| self.is_free(*column)) {
            let values = self.columns[column].iter().map(|x| Exact::from(*x)).collect();
            let centred = self.centred(values);
            let size = self.inner(&centred, &centred);
            let left = orthogonal(centred, &basis);
            if self.inner(&left, &left) > size * Exact::from(1e-40) {
                basis.push(left);
            }
        }
        orthogonal(theta, &basis)
    }

    /// `Σ w x θ / W` of a θ that has been centred.
    fn correlation(&self, column: usize, theta: &[Exact]) -> Exact {
        let rows = self.weights.iter().zip(&self.columns[column]).zip(theta);
        let sum: Exact = rows.map(|((w, x), t)| Exact::from(*w) * Exact::from(*x) * *t).sum();
        sum / self.total
    }

    fn bounded(&self, pull: Exact) -> Exact {
        if self.positive { pull.max(Exact::ZERO) } else { pull.abs() }
    }

    /// The duality gap over the loss of no coefficients.
    ///
    /// The primal is that of the model as it was published, intercept and all; the dual is made of
    /// its residual.
    pub fn relative_gap(&self, model: &Model) -> f64 {
        let to_unit = |(beta, power): (&f64, &i32)| scaled(scaled(*beta, -power), self.power);
        let beta = model.coefficients.iter().zip(&self.powers);
        let beta: Vec<Exact> = beta.map(to_unit).map(Exact::from).collect();
        let intercept = Exact::from(scaled(model.intercept, self.power));
        let mut residual: Vec<Exact> =
            self.response.iter().map(|y| Exact::from(*y) - intercept).collect();
        for (column, beta) in self.columns.iter().zip(&beta).filter(|(_, b)| **b != Exact::ZERO) {
            residual.iter_mut().zip(column).for_each(|(r, x)| *r = *r - *beta * (*x).into());
        }
        let half = Exact::from(0.5);
        let penalties = beta.iter().zip(&self.l1).zip(&self.l2);
        let penalty: Exact =
            penalties.map(|((b, l1), l2)| *l1 * b.abs() + half * *l2 * *b * *b).sum();
        let primal = half * self.inner(&residual, &residual) / self.total + penalty;
        let response = self.centred_response();
        let null = half * self.inner(&response, &response) / self.total;
        ((primal - self.dual(&beta, residual, &response)) / null).value()
    }

    /// The better of two dual points made of a residual: scaled until it is feasible, with the l2
    /// part as further rows; and, where there is an l2 part, as it is.
    fn dual(&self, beta: &[Exact], residual: Vec<Exact>, response: &[Exact]) -> Exact {
        let (one, two) = (Exact::from(1.0), Exact::from(2.0));
        let theta = self.left_by_free(self.centred(residual));
        let (mut largest, mut ridge, mut conjugate) = (Exact::ZERO, Exact::ZERO, Exact::ZERO);
        let mut feasible = true;
        for (column, beta) in beta.iter().enumerate() {
            let (l1, l2) = (self.l1[column], self.l2[column]);
            ridge = ridge + l2 * *beta * *beta;
            if self.is_constant(column) || self.is_free(column) {
                continue;
            }
            let correlation = self.correlation(column, &theta);
            largest = largest.max(self.bounded(correlation - l2 * *beta) / l1);
            let excess = self.bounded(correlation) - l1;
            if excess > Exact::ZERO {
                feasible &= l2 > Exact::ZERO;
                conjugate = conjugate + excess * excess / (two * l2);
            }
        }
        let (ry, rr) = (self.inner(&theta, response), self.inner(&theta, &theta));
        let norm = rr + self.total * ridge;
        let mut dual = Exact::ZERO;
        if norm > Exact::ZERO {
            let bound = if largest > Exact::ZERO { one / largest } else { ry / norm };
            let s = (ry / norm).min(bound).max(Exact::ZERO);
            dual = (two * s * ry - s * s * norm) / (two * self.total);
        }
        let fenchel = (two * ry - rr) / (two * self.total) - conjugate;
        if feasible { dual.max(fenchel) } else { dual }
    }

    /// The least λ, in units of the task's own, at which every coefficient is zero.
    pub fn lambda_max(&self) -> f64 {
        let response = self.left_by_free(self.centred_response());
        let counts = |column: &usize| !self.is_constant(*column) && !self.is_free(*column);
        let varying = (0..self.columns.len()).filter(counts);
        let pull = |column| self.bounded(self.correlation(column, &response)) / self.l1[column];
        varying.map(pull).fold(Exact::ZERO, Exact::max).value()
    }
}

#[test]
fn what_is_known_is_judged_so() {
    // One column of variance 1.25, covariance 2.5: β = (2.5 − λ) / 1.25.
    let columns = vec![vec![1.0, 2.0, 3.0, 4.0]];
    let task = super::oracle::task(columns, vec![2.0, 4.0, 6.0, 8.0], 0.25);
    let judge = Judge::new(&task);
    assert!((judge.lambda_max() - 10.0).abs() < 1e-14);
    let model = |beta: f64| Model { intercept: 5.0 - 2.5 * beta, coefficients: vec![beta] };
    assert!(judge.relative_gap(&model(1.8)).abs() < 1e-15);
    // Away from the optimum by d the objective is larger by 1.25 d² / 2, and the null is 2.5.
    for off in [-0.1, 1e-3, 0.2] {
        let gap = judge.relative_gap(&model(1.8 + off));
        assert!(gap >= 1.25 * off * off / 5.0 * (1.0 - 1e-9), "{gap:e}");
    }
    // Another intercept than the best costs its square.
    let moved = Model { intercept: 0.6, ..model(1.8) };
    assert!((judge.relative_gap(&moved) - 0.1f64.powi(2) / 5.0).abs() < 1e-15);
}

#[test]
fn the_judge_and_the_oracle_agree() {
    use super::draw::{Design, Draw, dressed, planted};
    for kind in 0..32 {
        let task = planted(Design::Correlated, 20, 12, 0.1, u64::from(kind));
        let task = dressed(task, kind, 0.1, &mut Draw(u64::from(kind)));
        let mut model = task.solve();
        for step in [0.0, 1e-3, 0.3] {
            model.coefficients.iter_mut().for_each(|beta| *beta *= 1.0 + step);
            let (judged, known) = (Judge::new(&task).relative_gap(&model), task.gap(&model));
            let off = judged - known / task.null();
            assert!(off.abs() <= 1e-11 * (1.0 + judged), "kind {kind}: {judged:e}, off {off:e}");
        }
        let known = task.lambda_max() / task.lambda;
        let off = Judge::new(&task).lambda_max() - known;
        assert!(off.abs() <= 1e-11 * known, "kind {kind}: {known}, off {off:e}");
    }
}

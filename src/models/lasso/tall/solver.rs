//! Coordinate descent on a Gram matrix, from a point whose products with the residual are known.

use super::frame::Frame;
use super::newton::Newton;
use crate::models::lasso::certificate::Measure;
use crate::models::lasso::design::ROUNDING;
use crate::models::lasso::factor::Factor;
use crate::models::lasso::options::Options;
use crate::models::lasso::penalty::Penalty;

/// Keeps unpenalised columns that depend on each other harmless.
const RIDGE: f64 = 1e-13;
/// Passes over the support before Newton steps.
const SWEEPS: usize = 10;
/// Newton steps in a row.
const STEPS: usize = 100;
/// Looks at the whole problem after which it is given back as it is.
const LOOKS: usize = 200;
/// Looks without progress after which the limit of f64 is taken to be reached.
const PATIENCE: usize = 5;

/// Coefficients whose residual was taken from the rows, or none, and what was found.
#[derive(Clone, Debug, Default)]
pub(super) struct Anchor {
    pub beta: Vec<f64>,
    /// `Σ w x̃ r / W` by column.
    pub correlation: Vec<f64>,
    /// `Σ w r²`, `Σ w r (y − mean)` and `Σ w (y − mean)²`.
    pub rr: f64,
    pub ry: f64,
    pub yy: f64,
}

/// The dual point of a certificate, by its products: `c_j = Σ w x̃ d / W`, `Σ w d²`, `Σ w d y`.
struct Dual {
    correlation: Vec<f64>,
    dd: f64,
    dy: f64,
}

/// The problem, and where its solution stands. Takes `16 p²` bytes.
pub(super) struct Solver {
    pub frame: Frame,
    pub options: Options,
    pub lambda: f64,
    pub beta: Vec<f64>,
    /// `Σ w x̃ r / W` by column, kept along.
    pub correlation: Vec<f64>,
    pub updates: u64,
    anchor: Anchor,
    newton: Newton,
}

impl Solver {
    /// With all coefficients zero.
    pub fn new(frame: Frame, options: Options) -> Self {
        let anchor = Anchor {
            beta: vec![0.0; frame.facts.len()],
            correlation: frame.response.clone(),
            rr: frame.square,
            ry: frame.square,
            yy: frame.square,
        };
        let (beta, correlation) = (anchor.beta.clone(), anchor.correlation.clone());
        let newton = Newton::default();
        let (lambda, updates) = (1.0, 0);
        Solver { frame, options, lambda, beta, correlation, updates, anchor, newton }
    }

    /// Coefficients on the data's own scale.
    pub fn values(&self) -> Vec<f64> {
        self.beta.iter().zip(&self.frame.facts).map(|(beta, facts)| beta * facts.scale).collect()
    }

    /// Starts from coefficients on the data's own scale; columns that do not vary stay zero.
    pub fn put(&mut self, values: &[f64]) {
        for (at, value) in values.iter().enumerate() {
            let scale = self.frame.facts[at].scale;
            self.beta[at] = if scale > 0.0 { value / scale } else { 0.0 };
        }
        self.refresh();
    }

    /// Takes what the rows say of a point as true, here and around it.
    pub fn anchor(&mut self, anchor: Anchor) {
        self.anchor = anchor;
        self.refresh();
    }

    /// Takes the correlations anew from the anchor, so that rounding cannot pile up.
    fn refresh(&mut self) {
        self.correlation.clone_from(&self.anchor.correlation);
        for at in 0..self.beta.len() {
            let step = self.beta[at] - self.anchor.beta[at];
            if step != 0.0 {
                add(-step, self.frame.row(at), &mut self.correlation);
            }
        }
    }

    pub fn penalty(&self, at: usize) -> Penalty {
        let (ratio, positive) = (self.options.l1_ratio, self.options.positive);
        self.frame.facts[at].penalty(self.lambda, ratio, positive)
    }

    /// Whether a coefficient may move freely until it crosses zero.
    pub fn is_in_support(&self, at: usize) -> bool {
        let facts = &self.frame.facts[at];
        let free = facts.factor == 0.0 && !self.options.positive;
        facts.scale > 0.0 && (self.beta[at] != 0.0 || free)
    }

    /// The certificate of the coefficients: that of the rows where they are the anchor's.
    pub fn measure(&self) -> Measure {
        let (anchor, total) = (&self.anchor, self.frame.total);
        let (mut rr, mut ry) = (anchor.rr, anchor.ry);
        for (at, beta) in self.beta.iter().enumerate() {
            let step = total * (beta - anchor.beta[at]);
            rr -= step * (anchor.correlation[at] + self.correlation[at]);
            ry -= step * self.frame.response[at];
        }
        let positive = |square: f64| if square < 0.0 { 0.0 } else { square };
        let mut dual = Dual { correlation: self.correlation.clone(), dd: rr, dy: ry };
        self.leave_free(&mut dual);
        let mut measure = Measure {
            lambda: self.lambda,
            intercept: self.frame.intercept(&self.beta),
            total,
            rr: positive(rr),
            dd: positive(dual.dd),
            dy: dual.dy,
            yy: anchor.yy,
            updates: self.updates,
            ..Measure::default()
        };
        for at in (0..self.beta.len()).filter(|&at| self.frame.facts[at].scale > 0.0) {
            measure.add_coefficient(self.penalty(at), self.beta[at], dual.correlation[at]);
        }
        measure
    }

    /// Takes off the dual point its projection on the unpenalised columns; under positivity on
    /// those that it correlates with positively.
    fn leave_free(&self, dual: &mut Dual) {
        let facts = &self.frame.facts;
        let free = (0..facts.len()).filter(|&at| facts[at].factor == 0.0 && facts[at].scale > 0.0);
        let free: Vec<usize> = free.collect();
        let mut chosen: Vec<usize> = Vec::new();
        loop {
            let pulls = |at: &usize| !self.options.positive || dual.correlation[*at] > 0.0;
            let more = free.iter().filter(|at| !chosen.contains(at) && pulls(at));
            let count = chosen.len();
            chosen = chosen.iter().chain(more).copied().collect();
            if chosen.len() == count {
                return;
            }
            self.project(&chosen, dual);
        }
    }

    /// Takes off the dual point its projection on some columns: twice, against rounding.
    fn project(&self, chosen: &[usize], dual: &mut Dual) {
        let (frame, total) = (&self.frame, self.frame.total);
        let mut factor = Factor::default();
        factor.extend(chosen.len(), |row, cells| {
            let products = frame.row(chosen[row]);
            cells.iter_mut().zip(chosen).for_each(|(cell, &other)| *cell = products[other]);
            cells[row] *= 1.0 + RIDGE;
        });
        for _ in 0..2 {
            let mut steps: Vec<f64> = chosen.iter().map(|&at| dual.correlation[at]).collect();
            factor.solve(&mut steps);
            for (&at, step) in chosen.iter().zip(steps) {
                dual.dd -= total * step * dual.correlation[at];
                dual.dy -= total * step * frame.response[at];
                add(-step, frame.row(at), &mut dual.correlation);
                dual.dd -= total * step * dual.correlation[at];
            }
        }
    }

    /// The smallest λ at which the coefficients that are penalised stay zero, if they are.
    pub fn lambda_max(&self) -> f64 {
        let facts = self.frame.facts.iter().enumerate();
        let pull = facts.filter(|(_, facts)| facts.factor > 0.0).map(|(at, facts)| {
            let correlation = self.correlation[at];
            let size = facts.norm.sqrt() * self.spread();
            let correlation = if correlation.abs() <= ROUNDING * size { 0.0 } else { correlation };
            let pull = facts.penalty(1.0, 1.0, self.options.positive).pull(correlation);
            pull / (facts.factor * self.options.l1_ratio)
        });
        pull.fold(0.0, f64::max)
    }

    /// Coordinate descent and Newton steps until the relative gap is at most `tolerance`, as far
    /// as the Gram matrix tells, or nothing improves any more.
    pub fn solve(&mut self, lambda: f64, tolerance: f64) {
        self.lambda = lambda;
        let (mut best, mut idle) = (f64::INFINITY, 0);
        for _ in 0..LOOKS {
            let gap = self.measure().relative_gap();
            idle = if gap < 0.9 * best { 0 } else { idle + 1 };
            best = best.min(gap);
            if gap <= tolerance || idle == PATIENCE {
                break;
            }
            self.sweep(true);
            for _ in 0..SWEEPS {
                if self.sweep(false) <= 0.01 * tolerance * self.spread() {
                    break;
                }
            }
            let mut newton = std::mem::take(&mut self.newton);
            newton.run(self, STEPS);
            self.newton = newton;
            self.refresh();
        }
    }

    /// The response's standard deviation.
    pub fn spread(&self) -> f64 {
        (self.frame.square / self.frame.total).sqrt()
    }

    /// One pass of coordinate steps over all columns, or over the support. Gives the largest
    /// change of the fitted values (root mean square).
    fn sweep(&mut self, whole: bool) -> f64 {
        let mut largest = 0.0f64;
        for at in 0..self.beta.len() {
            let facts = &self.frame.facts[at];
            if facts.scale == 0.0 || !whole && !self.is_in_support(at) {
                continue;
            }
            let (old, norm) = (self.beta[at], facts.norm);
            let new = self.penalty(at).minimise(self.correlation[at] + norm * old, norm);
            self.updates += 1;
            if new != old {
                add(old - new, self.frame.row(at), &mut self.correlation);
                self.beta[at] = new;
                largest = largest.max((new - old).abs() * norm.sqrt());
            }
        }
        largest
    }
}

/// `to += step · from`, in the widest vector instructions of the machine: the bits are the same.
pub(super) fn add(step: f64, from: &[f64], to: &mut [f64]) {
    pulp::Arch::new().dispatch(
        #[inline(always)]
        || to.iter_mut().zip(from).for_each(|(to, from)| *to += step * from),
    );
}

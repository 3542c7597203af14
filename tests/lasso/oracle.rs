//! The Lasso as its definition says it, in plain dense `f64`: no library code.

/// A problem on the data's own scale, column by column.
#[derive(Clone, Debug)]
pub struct Task {
    pub columns: Vec<Vec<f64>>,
    pub response: Vec<f64>,
    pub weights: Option<Vec<f64>>,
    pub factors: Option<Vec<f64>>,
    pub lambda: f64,
    pub l1_ratio: f64,
    pub intercept: bool,
    pub standardize: bool,
    pub positive: bool,
}

/// Coefficients on the data's own scale.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Model {
    pub intercept: f64,
    pub coefficients: Vec<f64>,
}

/// A plain Lasso of columns and a response.
pub fn task(columns: Vec<Vec<f64>>, response: Vec<f64>, lambda: f64) -> Task {
    Task {
        columns,
        response,
        weights: None,
        factors: None,
        lambda,
        l1_ratio: 1.0,
        intercept: true,
        standardize: false,
        positive: false,
    }
}

impl Task {
    pub fn rows(&self) -> usize {
        self.response.len()
    }

    pub fn weight(&self, row: usize) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| weights[row])
    }

    fn factor(&self, column: usize) -> f64 {
        self.factors.as_ref().map_or(1.0, |factors| factors[column])
    }

    fn total(&self) -> f64 {
        (0..self.rows()).map(|row| self.weight(row)).sum()
    }

    /// `Σ w u v`.
    fn inner(&self, u: &[f64], v: &[f64]) -> f64 {
        (0..self.rows()).map(|row| self.weight(row) * u[row] * v[row]).sum()
    }

    /// The vector less its weighted mean, if there is an intercept.
    fn centred(&self, v: &[f64]) -> Vec<f64> {
        if !self.intercept || self.total() == 0.0 {
            return v.to_vec();
        }
        let mean = self.inner(v, &vec![1.0; v.len()]) / self.total();
        v.iter().map(|value| value - mean).collect()
    }

    /// What a coefficient is multiplied with before it is penalised.
    fn scale(&self, column: usize) -> f64 {
        if !self.standardize {
            return 1.0;
        }
        let centred = self.centred(&self.columns[column]);
        (self.inner(&centred, &centred) / self.total()).sqrt()
    }

    /// The l1 and l2 weights of a coefficient.
    fn penalty(&self, column: usize) -> (f64, f64) {
        let (weight, scale) = (self.lambda * self.factor(column), self.scale(column));
        (weight * self.l1_ratio * scale, weight * (1.0 - self.l1_ratio) * scale * scale)
    }

    /// The residual of a model.
    pub fn residual(&self, model: &Model) -> Vec<f64> {
        let mut residual: Vec<f64> = self.response.iter().map(|y| y - model.intercept).collect();
        for (column, beta) in self.columns.iter().zip(&model.coefficients) {
            if *beta != 0.0 {
                residual.iter_mut().zip(column).for_each(|(r, x)| *r -= beta * x);
            }
        }
        residual
    }

    /// The objective of a model.
    pub fn objective(&self, model: &Model) -> f64 {
        if self.total() == 0.0 {
            return 0.0;
        }
        let residual = self.residual(model);
        let penalty = |(column, beta): (usize, &f64)| {
            let (l1, l2) = self.penalty(column);
            l1 * beta.abs() + 0.5 * l2 * beta * beta
        };
        let loss = self.inner(&residual, &residual) / (2.0 * self.total());
        loss + model.coefficients.iter().enumerate().map(penalty).sum::<f64>()
    }

    /// The objective without any coefficient.
    pub fn null(&self) -> f64 {
        let centred = self.centred(&self.response);
        if self.total() > 0.0 { self.inner(&centred, &centred) / (2.0 * self.total()) } else { 0.0 }
    }

    /// The vector less its projection on the columns without a penalty.
    fn unexplained(&self, v: &[f64]) -> Vec<f64> {
        let mut rest = self.centred(v);
        let all = self.inner(&rest, &rest);
        let mut basis: Vec<Vec<f64>> = Vec::new();
        for column in (0..self.columns.len()).filter(|&column| self.factor(column) == 0.0) {
            let mut direction = self.centred(&self.columns[column]);
            let before = self.inner(&direction, &direction);
            // Twice is enough (Kahan, Parlett).
            for _ in 0..2 {
                for other in &basis {
                    let share = self.inner(&direction, other);
                    direction.iter_mut().zip(other).for_each(|(d, o)| *d -= share * o);
                }
            }
            let square = self.inner(&direction, &direction);
            if square > 1e-20 * before {
                let norm = square.sqrt();
                direction.iter_mut().for_each(|d| *d /= norm);
                basis.push(direction);
            }
        }
        for _ in 0..2 {
            for direction in &basis {
                let share = self.inner(&rest, direction);
                rest.iter_mut().zip(direction).for_each(|(r, d)| *r -= share * d);
            }
        }
        // What rounding left of a vector that is all explained has no direction.
        if self.inner(&rest, &rest) <= 1e-24 * all {
            rest.fill(0.0);
        }
        rest
    }

    /// A lower bound of the objective, from a model's residual: the better of the residual scaled
    /// to be feasible in the dual of the Lasso over rows that stand for the l2 part, and of the
    /// residual as it is in the Fenchel dual.
    pub fn dual(&self, model: &Model) -> f64 {
        self.dual_from(model, 0.0)
    }

    /// The same, as if some pull were at least `largest` of its bound.
    pub fn dual_from(&self, model: &Model, largest: f64) -> f64 {
        let total = self.total();
        if total == 0.0 {
            return 0.0;
        }
        let theta = self.unexplained(&self.residual(model));
        let response = self.centred(&self.response);
        let (ry, rr) = (self.inner(&theta, &response), self.inner(&theta, &theta));
        let (mut largest, mut ridge, mut conjugate) = (largest, 0.0, 0.0);
        for (column, beta) in model.coefficients.iter().enumerate() {
            if self.factor(column) == 0.0 {
                continue;
            }
            let (l1, l2) = self.penalty(column);
            // Only centred columns matter to a centred residual; this rounds least.
            let correlation = self.inner(&self.centred(&self.columns[column]), &theta) / total;
            let bounded = |c: f64| if self.positive { c.max(0.0) } else { c.abs() };
            let pull = bounded(correlation - l2 * beta);
            if pull > 0.0 {
                largest = largest.max(pull / l1);
            }
            ridge += l2 * beta * beta;
            let excess = (bounded(correlation) - l1).max(0.0);
            conjugate += if excess > 0.0 { excess * excess / (2.0 * l2) } else { 0.0 };
        }
        let norm = rr + total * ridge;
        let best = if norm > 0.0 { ry / norm } else { 0.0 };
        let s = if largest > 0.0 { best.min(1.0 / largest) } else { best }.max(0.0);
        let scaled = (2.0 * s * ry - s * s * norm) / (2.0 * total);
        let fenchel = (2.0 * ry - rr) / (2.0 * total) - conjugate;
        if fenchel.is_finite() { scaled.max(fenchel) } else { scaled }
    }

    /// The duality gap of a model.
    pub fn gap(&self, model: &Model) -> f64 {
        self.objective(model) - self.dual(model)
    }

    /// The least λ at which every penalised coefficient is zero.
    pub fn lambda_max(&self) -> f64 {
        let rest = self.unexplained(&self.response);
        let pull = |column: usize| {
            let (l1, _) = Task { lambda: 1.0, ..self.clone() }.penalty(column);
            let correlation =
                self.inner(&self.centred(&self.columns[column]), &rest) / self.total();
            let pull = if self.positive { correlation.max(0.0) } else { correlation.abs() };
            if pull > 0.0 && self.varies(column) { pull / l1 } else { 0.0 }
        };
        (0..self.columns.len()).filter(|&j| self.factor(j) > 0.0).map(pull).fold(0.0, f64::max)
    }

    /// Whether a column is more than a constant.
    fn varies(&self, column: usize) -> bool {
        let centred = self.centred(&self.columns[column]);
        let square = self.inner(&self.columns[column], &self.columns[column]);
        self.inner(&centred, &centred) > 1e-20 * square
    }

    /// Cyclic coordinate descent until nothing moves any more or the gap is at the limit of `f64`.
    pub fn solve(&self) -> Model {
        let count = self.columns.len();
        let mut model = Model { intercept: 0.0, coefficients: vec![0.0; count] };
        let total = self.total();
        if total == 0.0 {
            return model;
        }
        let columns: Vec<Vec<f64>> = self.columns.iter().map(|x| self.centred(x)).collect();
        let norms: Vec<f64> = columns.iter().map(|x| self.inner(x, x) / total).collect();
        let penalties: Vec<(f64, f64)> = (0..count).map(|j| self.penalty(j)).collect();
        let active: Vec<usize> = (0..count).filter(|&j| self.varies(j)).collect();
        let mut residual = self.centred(&self.response);
        for pass in 0..200_000 {
            let mut largest = 0.0f64;
            for &j in &active {
                let old = model.coefficients[j];
                let pull = self.inner(&columns[j], &residual) / total + norms[j] * old;
                let (l1, l2) = penalties[j];
                let new = if pull > l1 {
                    (pull - l1) / (norms[j] + l2)
                } else if pull < -l1 && !self.positive {
                    (pull + l1) / (norms[j] + l2)
                } else {
                    0.0
                };
                if new != old {
                    let step = new - old;
                    residual.iter_mut().zip(&columns[j]).for_each(|(r, x)| *r -= step * x);
                    largest = largest.max(step.abs() * norms[j].sqrt());
                    model.coefficients[j] = new;
                }
            }
            let still = largest <= 1e-15 * self.null().sqrt();
            if still || pass % 50 == 49 {
                self.fit_intercept(&mut model);
                if still || self.gap(&model) <= 1e-14 * self.null() {
                    break;
                }
            }
        }
        self.fit_intercept(&mut model);
        model
    }

    fn fit_intercept(&self, model: &mut Model) {
        model.intercept = 0.0;
        if self.intercept {
            let residual = self.residual(model);
            model.intercept = self.inner(&residual, &vec![1.0; residual.len()]) / self.total();
        }
    }
}

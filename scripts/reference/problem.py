"""The elastic-net problem in float64: its objective, its optimality conditions, its dual.

    minimise over b, beta:  1/(2W) sum_i w_i (y_i - b - x_i beta)^2
                            + lambda sum_j f_j (A |t_j| + (1 - A)/2 t_j^2),    W = sum_i w_i

where t_j = beta_j, or beta_j times the (weighted, 1/W) standard deviation of column j when columns
are standardised. The intercept b is never penalised; without intercept b = 0. Penalty factors f_j
multiply lambda as they are (no rescaling); f_j = 0 leaves column j unpenalised. `positive` asks for
beta >= 0.

Everything is solved in t on centred columns, where b no longer occurs.
"""

import math

import numpy as np


class Problem:
    """Data and options but for lambda."""

    def __init__(self, x, y, l1_ratio=1.0, intercept=True, standardize=False, positive=False,
                 weights=None, factors=None):
        rows, columns = x.shape
        self.l1_ratio, self.intercept, self.positive = l1_ratio, intercept, positive
        self.standardize, self.weighted = standardize, weights is not None
        self.raw_x, self.raw_y = x, y
        self.w = np.ones(rows) if weights is None else np.asarray(weights, float)
        self.total = math.fsum(self.w)
        self.f = np.ones(columns) if factors is None else np.asarray(factors, float)
        means = (self.w @ x) / self.total
        self.scale = np.ones(columns)
        if standardize:
            self.scale = np.sqrt((self.w @ (x - means) ** 2) / self.total)
        self.means = means if intercept else np.zeros(columns)
        self.mean = float(self.w @ y) / self.total if intercept else 0.0
        self.x = np.asfortranarray((x - self.means) / self.scale)
        self.y = y - self.mean

    def residual(self, t):
        used = np.flatnonzero(t)
        return self.y - self.x[:, used] @ t[used]

    def correlation(self, r):
        """x_j' (w r) / W for every column."""
        return self.x.T @ (self.w * r) / self.total

    def null_objective(self):
        return math.fsum(self.w * self.y**2) / (2 * self.total)

    def objective(self, t, lam):
        r = self.residual(t)
        loss = math.fsum(self.w * r * r) / (2 * self.total)
        a = self.l1_ratio
        return loss + lam * math.fsum(self.f * (a * np.abs(t) + (1 - a) / 2 * t * t))

    def gradient(self, t, lam):
        """Correlation less the derivative of the quadratic part of the penalty."""
        return self.correlation(self.residual(t)) - lam * (1 - self.l1_ratio) * self.f * t

    def violation(self, t, lam):
        """The largest distance to the optimality conditions, over all columns, divided by lambda."""
        g, bound = self.gradient(t, lam), lam * self.l1_ratio * self.f
        off = g - bound if self.positive else np.abs(g) - bound
        on = np.abs(g - bound * np.sign(t))
        worst = np.where(t != 0, on, np.maximum(off, 0))
        if self.positive:
            worst = np.maximum(worst, -t)
        return float(worst.max() / lam)

    def free_residual(self):
        """The residual of the unpenalised columns' own least-squares fit."""
        free = self.f == 0
        root = np.sqrt(self.w)
        return self.y - self.x[:, free] @ np.linalg.lstsq(
            root[:, None] * self.x[:, free], root * self.y, rcond=None)[0]

    def lambda_max(self):
        """The smallest lambda at which every penalised coefficient is zero."""
        c = self.correlation(self.free_residual())[self.f > 0]
        c = c if self.positive else np.abs(c)
        return float((c / self.f[self.f > 0]).max() / self.l1_ratio)

    def dual(self, t, lam):
        """A value of the Fenchel dual: never above the optimum."""
        v = self.w * self.residual(t) / self.total
        free = self.f == 0
        if free.any():
            basis = np.linalg.qr(self.x[:, free])[0]
            v = v - basis @ (basis.T @ v)
        c, bound = self.x.T @ v, lam * self.l1_ratio * self.f
        c = np.maximum(c, 0) if self.positive else np.abs(c)
        conjugate = 0.0
        if self.l1_ratio == 1.0:
            v = v * min(1.0, float((bound[~free] / np.maximum(c[~free], 1e-300)).min()))
        else:
            over = np.maximum(c[~free] - bound[~free], 0)
            conjugate = math.fsum(over**2 / (2 * lam * (1 - self.l1_ratio) * self.f[~free]))
        return math.fsum(v * self.y) - self.total * math.fsum(v * v / self.w) / 2 - conjugate

    def intercept_of(self, t):
        """The intercept, on the data's own scale."""
        return float(self.mean - self.means @ (t / self.scale)) if self.intercept else 0.0

"""One judge for every solution: the relative duality gap of the Lasso, in numpy's float64.

The judge takes the best intercept for the coefficients it is given, scales the residual to the best
feasible dual point on its ray, and divides the gap by the objective of the model without columns,
|y - mean|^2 / 2n. No solver's own certificate is believed.
"""

import numpy as np
import scipy.sparse as sp


class Judge:
    def __init__(self, x, y):
        self.x, self.rows = x, len(y)
        self.means = np.asarray(x.mean(axis=0)).ravel()
        self.y = y - y.mean()
        self.null = self.y @ self.y / (2 * self.rows)
        self.lambda_max = np.abs(self._correlation(self.y)).max()

    def _correlation(self, r):
        return (self.x.T @ r - self.means * r.sum()) / self.rows

    def measure(self, beta, lam):
        """(relative gap, objective, dual objective, non-zeros)."""
        used = np.flatnonzero(beta)
        r = self.y - self.x[:, used] @ beta[used]
        r -= r.mean()
        primal = r @ r / (2 * self.rows) + lam * np.abs(beta).sum()
        largest, square = np.abs(self._correlation(r)).max(), r @ r
        scale = min(r @ self.y / square, lam / largest) if square > 0 and largest > 0 else 0.0
        dual = (scale * (r @ self.y) - scale * scale * square / 2) / self.rows
        return float((primal - dual) / self.null), float(primal), float(dual), len(used)


def centred(x, y):
    """Dense columns and the response less their means; sparse columns stay as they are."""
    return (x if sp.issparse(x) else np.asfortranarray(x - x.mean(axis=0))), y - y.mean()

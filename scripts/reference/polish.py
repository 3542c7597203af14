"""From a good solution to one that is exact to rounding: an active-set method with direct solves.

On a support S with signs s the optimum is linear algebra; the method walks from the given
coefficients towards it, stops at the first coefficient that would change sign (and drops it), adds
the worst violator when the support is optimal, and ends when no column violates.
"""

import numpy as np
from scipy.linalg import qr

SMALL = 1e-11  # of lambda: violations below are rounding


def independent(problem, support, lam):
    """The support without columns that depend linearly on others (only if lambda_2 is zero)."""
    if problem.l1_ratio < 1 or len(support) == 0:
        return support
    x = np.sqrt(problem.w)[:, None] * problem.x[:, support]
    r, order = qr(x / np.linalg.norm(x, axis=0), mode="r", pivoting=True)
    diagonal = np.abs(np.diag(r[: len(support)]))
    return support[np.sort(order[: int((diagonal > 1e-9).sum())])]


def solve(problem, support, signs, lam):
    """The stationary point on a support, by QR of the augmented least-squares problem, refined."""
    f = problem.f[support]
    ridge = np.sqrt(lam * (1 - problem.l1_ratio) * f)
    root = np.sqrt(problem.w / problem.total)
    stacked = np.vstack([root[:, None] * problem.x[:, support], np.diag(ridge)])
    q, r = np.linalg.qr(stacked)
    shift = lam * problem.l1_ratio * f * signs
    t = np.zeros(len(problem.f))
    for _ in range(4):
        g = problem.gradient(t, lam)[support] - shift
        t[support] += np.linalg.solve(r, np.linalg.solve(r.T, g))
    return t


def polish(problem, start, lam, steps=2000):
    """The optimum at `lam`, from the coefficients `start` of some solver."""
    t = np.where(np.abs(start) > 1e-9 * np.abs(start).max(initial=1e-300), start, 0.0)
    t[(problem.f == 0) & (t == 0)] = 1e-300
    kept = independent(problem, np.flatnonzero(t), lam)
    t = np.where(np.isin(np.arange(len(t)), kept), t, 0.0)
    signs = np.sign(t)
    for _ in range(steps):
        support = np.flatnonzero(signs)
        new = solve(problem, support, signs[support], lam)
        wrong = support[(new[support] * signs[support] < 0) & (problem.f[support] > 0)]
        if len(wrong):
            share = t[wrong] / (t[wrong] - new[wrong])
            first = int(np.argmin(share))
            t = t + share[first] * (new - t)
            t[wrong[first]] = signs[wrong[first]] = 0.0
            continue
        t = new
        g, bound = problem.gradient(t, lam), lam * problem.l1_ratio * problem.f
        excess = (g if problem.positive else np.abs(g)) - bound
        excess[signs != 0] = -np.inf
        worst = int(np.argmax(excess))
        if excess[worst] <= SMALL * lam:
            return t
        signs[worst] = np.sign(g[worst])
    raise SystemExit("the active-set method did not end")


def unique(problem, t, lam):
    """Whether the optimal coefficients are unique, and the columns at the bound off the support."""
    g, bound = problem.gradient(t, lam), lam * problem.l1_ratio * problem.f
    size = g if problem.positive else np.abs(g)
    at_bound = np.flatnonzero((size >= bound - 1e-7 * lam) | (t != 0))
    ties = [int(j) for j in at_bound if t[j] == 0]
    return len(independent(problem, at_bound, lam)) == len(at_bound), ties

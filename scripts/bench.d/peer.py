"""One peer in a process of its own: loads the data, compiles, then fits what it is asked for.

    peer.py NAME PRECISION THREADS SOURCE

A request is a line of JSON with `lambda`, `tol`, `steps` and `to`, a .npy file for the coefficients;
the answer is a line of JSON with the seconds of the fit alone.
"""

import json
import os
import sys
import time

NAME, PRECISION, THREADS = sys.argv[1], sys.argv[2], int(sys.argv[3])
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[variable] = str(THREADS)

import numpy as np  # noqa: E402
import scipy.sparse as sp  # noqa: E402

import data  # noqa: E402
import places  # noqa: E402


def peak():
    return places.peak_bytes("self")


def sklearn(x, y, lam, tol, steps, intercept):
    from sklearn.linear_model import Lasso

    return Lasso(alpha=lam, tol=tol, max_iter=100_000, fit_intercept=intercept).fit(x, y).coef_


def celer(x, y, lam, tol, steps, intercept):
    from celer import Lasso

    return Lasso(alpha=lam, tol=tol, max_iter=200, fit_intercept=intercept).fit(x, y).coef_


def skglm(x, y, lam, tol, steps, intercept):
    from skglm import Lasso

    # Its tolerance bounds the violation of the optimality conditions, which are of the size of lambda.
    return Lasso(alpha=lam, tol=tol * lam, max_iter=200, fit_intercept=intercept).fit(x, y).coef_


def adelie(x, y, lam, tol, steps, intercept):
    import adelie

    design = adelie.matrix.sparse(x, method="naive", n_threads=THREADS) if sp.issparse(x) else x
    path = lam * 10.0 ** (np.arange(steps)[::-1] / steps)
    state = adelie.grpnet(X=design, glm=adelie.glm.gaussian(y=y), lmda_path=path, tol=tol,
                          intercept=intercept, early_exit=False, progress_bar=False,
                          n_threads=THREADS)
    return state.betas[-1].toarray().ravel()


FIT = {"scikit-learn": sklearn, "celer": celer, "skglm": skglm, "adelie": adelie}[NAME]


def warm(x, y, intercept):
    """A small problem of the same types, so that imports and compilation are not timed."""
    small, few = x[:, : min(64, x.shape[1])], y
    lam = np.abs(small.T @ (few - few.mean())).max() / len(few) / 2
    FIT(small if sp.issparse(small) else np.asfortranarray(small), few, float(lam), 1e-3, 2, intercept)


def main():
    started = time.perf_counter()
    x, y = data.load(json.loads(sys.argv[4]))
    x, y = x.astype(PRECISION, copy=False), y.astype(PRECISION, copy=False)
    loaded = time.perf_counter() - started
    intercept = sp.issparse(x)
    if not intercept:
        x -= x.mean(axis=0, dtype=float).astype(PRECISION)
        y = y - y.mean()
    warm(x, y, intercept)
    print(json.dumps({"load": loaded}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        started = time.perf_counter()
        beta = FIT(x, y, asked["lambda"], asked["tol"], asked["steps"], intercept)
        seconds = time.perf_counter() - started
        np.save(asked["to"], np.asarray(beta, float))
        print(json.dumps({"seconds": seconds, "peak": peak()}), flush=True)


main()

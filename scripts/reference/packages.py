"""The same problem given to scikit-learn, celer and glmnet, at their tightest sensible tolerance.

Each returns the coefficients t of `problem.Problem`, or nothing if it cannot express the options.
"""

import shutil
import subprocess
import tempfile
import warnings
from pathlib import Path

import celer
import numpy as np
import scipy
import sklearn
from sklearn import linear_model

GLMNET = """
library(glmnet)
a <- commandArgs(TRUE); n <- as.integer(a[2]); p <- as.integer(a[3])
read <- function(name, size) readBin(file.path(a[1], name), "double", size)
fit <- glmnet(matrix(read("x", n * p), n, p), read("y", n), weights = read("w", n),
  alpha = as.numeric(a[5]), lambda = as.numeric(a[4]), standardize = FALSE,
  intercept = as.logical(a[6]), penalty.factor = read("f", p),
  lower.limits = if (as.logical(a[7])) 0 else -Inf, thresh = 1e-18, maxit = 1e7)
writeBin(as.numeric(fit$beta[, 1]), file.path(a[1], "t"))
"""


def scaled(problem):
    """Columns as a package should see them: standardised by us, not yet centred."""
    return np.asfortranarray(problem.raw_x / problem.scale)


def scikit_learn(problem, lam):
    if (problem.f != 1).any():
        return None
    model = linear_model.ElasticNet(
        alpha=lam, l1_ratio=problem.l1_ratio, fit_intercept=problem.intercept,
        positive=problem.positive, tol=1e-14, max_iter=50_000)
    weights = problem.w if problem.weighted else None
    return model.fit(scaled(problem), problem.raw_y, sample_weight=weights).coef_


def celer_package(problem, lam):
    if problem.weighted or (problem.f == 0).any():
        return None
    options = dict(alpha=lam, fit_intercept=problem.intercept, tol=1e-13, max_iter=500,
                   max_epochs=200_000)
    if problem.l1_ratio < 1:
        if problem.positive or (problem.f != 1).any():
            return None
        model = celer.ElasticNet(l1_ratio=problem.l1_ratio, **options)
    else:
        model = celer.Lasso(positive=problem.positive, weights=problem.f, **options)
    return model.fit(scaled(problem), problem.raw_y).coef_


def glmnet(problem, lam):
    """glmnet divides y by its deviation and rescales the factors to sum to p: both are undone."""
    if shutil.which("Rscript") is None:
        return None
    rows, columns = problem.x.shape
    unit = float(np.sqrt(2 * problem.null_objective()))
    first, second = lam * problem.l1_ratio / unit, lam * (1 - problem.l1_ratio)
    share = problem.f.sum() / columns
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scaled(problem).ravel("F").tofile(folder / "x")
        (problem.raw_y / unit).tofile(folder / "y")
        problem.w.tofile(folder / "w")
        problem.f.tofile(folder / "f")
        given = [rows, columns, float((first + second) * share), float(first / (first + second)),
                 str(problem.intercept).upper(), str(problem.positive).upper()]
        subprocess.run(["Rscript", "-e", GLMNET, name, *map(str, given)], check=True,
                       capture_output=True)
        return np.fromfile(folder / "t") * unit


SOLVERS = {"scikit-learn": scikit_learn, "celer": celer_package, "glmnet": glmnet}


def solutions(problem, lam):
    """Every package's coefficients, by its name."""
    found = {}
    for name, solver in SOLVERS.items():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            t = solver(problem, lam)
        if t is not None:
            found[name] = np.asarray(t, float)
    return found


def versions():
    """The versions of everything that took part."""
    found = {"numpy": np.__version__, "scipy": scipy.__version__,
             "scikit-learn": sklearn.__version__, "celer": celer.__version__}
    if shutil.which("Rscript"):
        say = 'cat(as.character(packageVersion("glmnet")), as.character(getRversion()))'
        done = subprocess.run(["Rscript", "-e", say], check=True, capture_output=True, text=True)
        found["glmnet"], found["R"] = done.stdout.split()
    return found

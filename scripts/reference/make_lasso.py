"""Writes tests/reference/lasso_*.json: optimal values of lasso and elastic-net problems.

    scripts/reference/run.sh [diabetes | diabetes_path | mouse | texts]...

Each optimum is found by scikit-learn, celer or glmnet, then polished by direct solves on its
support (polish.py) and verified in float64 over all columns: the optimality conditions to 1e-9 of
lambda, the duality gap to 1e-11 of the objective. `excess` says how far each package's own
objective was above the polished one, relatively.
"""

import json
import sys
from datetime import date
from pathlib import Path

import numpy as np

import data
import packages
from polish import polish, unique
from problem import Problem

ROOT = Path(__file__).resolve().parents[2]
FORMULA = ("1/(2W) sum_i w_i (y_i - b - x_i beta)^2 + lambda sum_j f_j (A |t_j| + (1-A)/2 t_j^2); "
           "W = sum w_i; t_j = beta_j, times the column's (weighted, 1/W) standard deviation if "
           "standardize; penalty factors f_j are not rescaled; beta and b on the data's own scale")
TOP = ("the least lambda at which every penalised coefficient is zero: max_j |x_j' (w r)| / (W A f_j) "
       "over f_j > 0 (without |.| if positive), r = residual of the intercept and the columns with "
       "f_j = 0; columns centred (and scaled) as the options say, not centred without intercept")
FACTORS = [1.0, 2.0, 0.0, 0.5, 1.0, 3.0, 1.0, 0.25, 1.5, 1.0]


def case(name, x, y, ratio, **options):
    """One optimum: options in, everything a test may want to compare out."""
    problem = Problem(x, y, **options)
    top = problem.lambda_max()
    lam = top * ratio
    found = packages.solutions(problem, lam)
    values = {package: problem.objective(t, lam) for package, t in found.items()}
    best = min(values, key=values.get)
    t = polish(problem, found[best], lam)
    objective = problem.objective(t, lam)
    gap = objective - problem.dual(t, lam)
    violation = problem.violation(t, lam)
    assert violation <= 1e-9, (name, violation)
    assert abs(gap) <= 1e-11 * objective, (name, gap, objective)
    is_unique, ties = unique(problem, t, lam)
    beta = t / problem.scale
    support = np.flatnonzero(beta)
    r = problem.residual(t)
    print(f"{name}: {objective:.12g}, {len(support)} nonzeros, gap {gap:.1e}, "
          f"violation {violation:.1e}, unique {is_unique}, started from {best}", flush=True)
    return {
        "name": name,
        "l1_ratio": problem.l1_ratio,
        "intercept_fitted": problem.intercept,
        "standardize": problem.standardize,
        "positive": problem.positive,
        "weighted": problem.weighted,
        "factors": bool((problem.f != 1).any()),
        "lambda_max": top,
        "lambda_ratio": ratio,
        "lambda": lam,
        "null_objective": problem.null_objective(),
        "objective": objective,
        "gap": gap,
        "violation": violation,
        "intercept": problem.intercept_of(t),
        "support": support.tolist(),
        "coefficients": beta[support].tolist(),
        "unique": bool(is_unique),
        "ties": ties,
        "residual_sum_of_squares": float(problem.w @ (r * r)),
        "excess": {package: (value - objective) / objective for package, value in values.items()},
        "started_from": best,
    }


def weights(rows):
    """Seeded weights between a half and two."""
    return np.random.default_rng(2014).uniform(0.5, 2.0, rows).round(3)


def diabetes(x, y):
    variants = {
        "plain": {},
        "no_intercept": {"intercept": False},
        "standardize": {"standardize": True},
        "positive": {"positive": True},
        "positive_standardize": {"positive": True, "standardize": True},
        "weights": {"weights": weights(len(y))},
        "weights_standardize": {"weights": weights(len(y)), "standardize": True},
        "factors": {"factors": FACTORS},
        "factors_standardize": {"factors": FACTORS, "standardize": True},
        "everything": {"weights": weights(len(y)), "factors": FACTORS, "standardize": True,
                       "positive": True},
    }
    for variant, options in variants.items():
        for l1_ratio in (1.0, 0.5):
            for divisor in (10, 100):
                name = f"{variant}/A={l1_ratio:g}/max/{divisor}"
                yield case(name, x, y, 1 / divisor, l1_ratio=l1_ratio, **options)


def diabetes_path(x, y):
    """Ten values from lambda_max to a hundredth of it, geometrically."""
    for step in range(10):
        yield case(f"path/{step}", x, y, 0.01 ** (step / 9))


def mouse(x, y):
    yield case("plain/A=1/max/10", x, y, 1 / 10)
    yield case("plain/A=1/max/20", x, y, 1 / 20)


def texts(x, y):
    yield case("plain/A=1/max/10", x, y, 1 / 10)
    yield case("plain/A=1/max/100", x, y, 1 / 100)
    yield case("plain/A=0.5/max/10", x, y, 1 / 10, l1_ratio=0.5)
    yield case("no_intercept/A=1/max/10", x, y, 1 / 10, intercept=False)


SETS = {"diabetes": ("diabetes.csv", diabetes), "diabetes_path": ("diabetes.csv", diabetes_path),
        "mouse": ("mouse_hs1940.bed.gz", mouse), "texts": ("texts.svmlight.gz", texts)}


def render(value, depth=0):
    """JSON with a line a field; lists of numbers stay on one line."""
    pad = "\n" + " " * (depth + 1)
    end = "\n" + " " * depth
    if isinstance(value, dict):
        fields = (f"{json.dumps(k)}: {render(v, depth + 1)}" for k, v in value.items())
        return "{" + pad + ("," + pad).join(fields) + end + "}"
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "[" + pad + ("," + pad).join(render(v, depth + 1) for v in value) + end + "]"
    return json.dumps(value)


def main():
    for name in sys.argv[1:] or SETS:
        file, cases = SETS[name]
        x, y = data.READERS[file](ROOT / "inputs")
        document = {
            "command": f"scripts/reference/run.sh {name}",
            "date": date.today().isoformat(),
            "versions": packages.versions(),
            "data": f"inputs/{file}",
            "rows": x.shape[0],
            "columns": x.shape[1],
            "minimised": FORMULA,
            "indices": "columns are counted from 0, in the file's order without the response",
            "lambda_max_is": TOP,
        }
        if name == "diabetes":
            document["weights"] = weights(len(y)).tolist()
            document["penalty_factors"] = FACTORS
        document["cases"] = list(cases(x, y))
        path = ROOT / "tests" / "reference" / f"lasso_{name}.json"
        path.write_text(render(document) + "\n")


main()

"""The two solvers of strads mf against each other, at their defaults: what --solver auto goes by."""

import json
import statistics
import subprocess

from machine import about, load_average
from places import INPUTS, STRADS

SOLVERS = ("ccd", "sgd")
SEEDS = range(1, 6)


def add_options(parser):
    parser.add_argument("--movielens", metavar="FILE",
                        help="u.data or a csv of MovieLens, which may not be passed on")


def run(options):
    report = {"machine": about(), "seeds": len(SEEDS), "load_average": [load_average()], "fits": []}
    sets = {"lectures": INPUTS / "insteval.csv"}
    if options.movielens:
        sets["movielens"] = options.movielens
    for name, path in sets.items():
        for solver in SOLVERS:
            report["fits"].append({"data": name, "solver": solver, **_medians(path, solver)})
    report["load_average"].append(load_average())
    return report


def _medians(path, solver):
    """Medians over the seeds, which draw the hold-out and the start."""
    fits = [_fit(path, solver, seed) for seed in SEEDS]
    return {key: statistics.median(fit[key] for fit in fits) for key in fits[0]}


def _fit(path, solver, seed):
    command = [str(STRADS), "mf", str(path), "--holdout", "0.1", "--solver", solver,
               "--seed", str(seed), "--format", "json", "--quiet"]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {"rmse": told["rmse_test"], "auc": told["ranking"]["auc"],
            "ndcg": told["ranking"]["ndcg"], "objective": told["objective"],
            "train": told["seconds"]["train"]}

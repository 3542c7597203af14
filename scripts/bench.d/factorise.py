"""strads against other packages on factorisation: objective and held-out RMSE against seconds."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

import error
import ratings
from command import run as strads
from machine import about, load_average
from places import BENCH

PEERS = ("cmfrec", "cmfrec with biases", "scikit-surprise")
SHAPES = ((1, 1), (2, 1), (1, 2))
# What is raced for, how strads goes about it, and the numbers of iterations of its runs.
RACES = (("objective", ("--solver", "ccd", "--weighted-lambda"), (1, 2, 4, 8, 16, 32)),
         ("objective", ("--solver", "ccd", "--biases", "--weighted-lambda"), (1, 2, 4, 8, 16, 32)),
         ("rmse", ("--solver", "sgd", "--biases"), (4, 8, 12, 24)))


def add_options(parser):
    parser.add_argument("--only", action="append", help="the data set of this name only")
    parser.add_argument("--peer", action="append", choices=PEERS, help="this peer only")
    parser.add_argument("--movielens", metavar="FILE",
                        help="u.data or a csv of MovieLens, which may not be passed on")
    parser.add_argument("--quick", action="store_true", help="small data only")
    parser.add_argument("--full", action="store_true", help="100 million ratings too")
    parser.add_argument("--rank", type=int, default=40, help="length of the factors [40]")
    parser.add_argument("--lambda", dest="lam", type=float, default=0.05,
                        help="penalty for each rating of a row, where it is raced for [.05]")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of a peer's run [60]")
    parser.add_argument("--peer-threads", type=int, default=1, help="threads a peer may use [1]")


def run(options):
    chosen = [d for d in ratings.all_sets(options.movielens)
              if (d.name in options.only if options.only
                  else (d.quick or not options.quick) and (options.full or not d.full))]
    report = {"machine": about(), "rank": options.rank, "lambda": options.lam,
              "budget": options.budget, "peer_threads": options.peer_threads, "problems": []}
    for data in chosen:
        report["problems"].append(_problem(data, options))
        BENCH.mkdir(parents=True, exist_ok=True)
        (BENCH / "factorise.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def _problem(data, options):
    files = data.files()
    before = load_average()
    contestants = [_peer(name, files, options) for name in options.peer or PEERS]
    numbered = ratings.Numbered(*files)
    for race, arguments, runs in RACES:
        contestants += [_strads(race, arguments, runs, shape, files, numbered, options)
                        for shape in SHAPES]
    return {"data": data.name, "about": data.about, "ratings": len(numbered.ratings),
            "load_average": [before, load_average()], "contestants": contestants}


def _peer(name, files, options):
    print(f"{name}, {files[0]}", file=sys.stderr, flush=True)
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("raters.py")), name,
               str(options.peer_threads), str(options.rank), str(options.lam),
               str(options.budget), *files]
    done = subprocess.run(command, capture_output=True, text=True)
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    points = [line for line in lines if "rmse" in line]
    if done.returncode != 0 or not points:
        return {"name": name, "failed": (done.stderr.strip().splitlines() or ["no result"])[-1]}
    return {"name": name, "points": points, "load": lines[0]["load"],
            "peak": lines[-1].get("peak", 0)}


def _strads(race, arguments, runs, shape, files, numbered, options):
    """Runs of more and more iterations, each a process of its own, each judged."""
    workers, processes = shape
    layout = f"-w {workers}" if processes == 1 else f"-n {processes} -w {workers}"
    biased = " with biases" if arguments[1] == "ccd" and "--biases" in arguments else ""
    name = f"strads {arguments[1]}{biased} {layout}"
    print(f"{name}, {files[0]}", file=sys.stderr, flush=True)
    usual = [files[0], "--rank", str(options.rank), *arguments]
    if race == "objective":
        usual += ["--lambda", repr(options.lam)]
    points, load, peak = [], 0.0, 0
    for iterations in runs:
        done = strads("mf", [*usual, "--iterations", str(iterations)], workers, processes,
                      limit=60 * options.budget)
        if done is None:
            break
        result, model = done["result"], _model(done["tensors"], numbered)
        load, peak = result["seconds"]["load"], max(peak, done["peak"])
        points.append({"seconds": result["seconds"]["train"], "iterations": iterations,
                       "rmse": error.rmse(model, numbered),
                       "objective": error.objective(model, numbered, options.lam)})
        own = result["objective"]
        if race == "objective" and abs(points[-1]["objective"] - own) > 1e-4 * own:
            raise RuntimeError(f"{name}: the judge says {points[-1]['objective']}, strads {own}")
    return {"name": name, "points": points, "load": load, "peak": peak}


def _model(tensors, numbered):
    """The model in the judge's order: users and items of strads are in shortlex order."""
    model = {"mean": float(tensors["mean"][0])}
    for side, names in (("user", numbered.users), ("item", numbered.items)):
        order = np.lexsort((names, np.char.str_len(names)))
        for kind in ("factors", "bias"):
            rows = tensors[f"{side}_{kind}"]
            model[f"{side}_{kind}"] = np.empty_like(rows)
            model[f"{side}_{kind}"][order] = rows
    return model

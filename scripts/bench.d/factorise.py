"""strads against other packages on factorisation: objective and held-out RMSE against seconds."""

import json
import re
import subprocess
import sys
from pathlib import Path

import error
import ratings
from command import run as strads
from machine import about, load_average
from places import BENCH, ROOT

PEERS = ("cmfrec", "cmfrec with biases", "scikit-surprise", "implicit")
# Those that may have a chance with 100 million ratings.
LARGE = ("cmfrec", "implicit")
SHAPES = ((1, 1), (2, 1), (1, 2))
# What is raced for, how strads goes about it, and the numbers of iterations of its runs.
SWEEPS = (1, 2, 4, 8, 16, 32, 64, 128)
RACES = (("objective", ("--solver", "ccd", "--weighted-lambda"), SWEEPS),
         ("objective", ("--solver", "ccd", "--biases", "--weighted-lambda"), SWEEPS),
         ("rmse", ("--solver", "sgd", "--biases"), (4, 8, 12, 24)),
         ("implicit", ("--solver", "ccd", "--implicit"), SWEEPS))
# Penalty of a row, and weight of a rating, where ratings are taken for counts.
IMPLICIT = {"lambda": 1.0, "alpha": 1.0}


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
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of a run [60]")
    parser.add_argument("--limit", type=float, default=300.0,
                        help="seconds of a peer's loading and all of its runs [300]")
    parser.add_argument("--memory", type=float, default=12.0, help="GB that a peer may have [12]")
    parser.add_argument("--shards-memory", action="store_true",
                        help="tell what a worker takes of 1, 2, 4 and 8, and run rank 2000")
    parser.add_argument("--peer-threads", type=int, default=1, help="threads a peer may use [1]")


def run(options):
    chosen = [d for d in ratings.all_sets(options.movielens)
              if (d.name in options.only if options.only
                  else (d.quick or not options.quick) and (options.full or not d.full))]
    report = {"machine": about(), "rank": options.rank, "lambda": options.lam,
              "budget": options.budget, "limit": options.limit, "memory": options.memory,
              "implicit": IMPLICIT, "peer_threads": options.peer_threads, "problems": []}
    if options.shards_memory:
        report["shards"] = _shards(options)
    for data in chosen:
        report["problems"].append(_problem(data, options))
        BENCH.mkdir(parents=True, exist_ok=True)
        (BENCH / "factorise.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def _shards(options):
    """What the largest of so many workers takes, as the test that limits it tells; and rank 2000 on
    as many ratings as MovieLens-1M has."""
    test = "a_workers_share_falls_with_their_number"
    done = subprocess.run(["cargo", "test", "--release", "--locked", "--test", "mf", test, "--",
                           "--nocapture"], check=True, capture_output=True, text=True, cwd=ROOT)
    rows = re.findall(r"^ *(\d+) +(\d+) +(\d+)$", done.stdout, re.MULTILINE)
    about_them = re.search(r"(\d+ ratings, rank \d+)", done.stdout)[1]
    users, items, rank = 6040, 3706, 2000
    file = ratings.generated("movielens-shape", "--ratings", "1000000", "--users", str(users),
                             "--items", str(items))
    done = strads("mf", [file, "--rank", str(rank), "--solver", "ccd", "--weighted-lambda",
                         "--iterations", "1"], 2, 1, limit=options.limit)
    if done is None:
        raise RuntimeError(f"rank {rank}: nothing after {options.limit:g} s")
    result = done["result"]
    high = {"rank": rank, "ratings": result["ratings"], "users": result["users"],
            "items": result["items"], "seconds": result["seconds"]["train"],
            "peak": done["peak"], "factors": 4 * rank * (result["users"] + result["items"])}
    return {"about": about_them, "workers": [list(map(int, row)) for row in rows], "high": high}


def _problem(data, options):
    files = data.files()
    before = load_average()
    peers = [name for name in options.peer or PEERS if name in LARGE or not data.full]
    contestants = [_peer(name, files, options) for name in peers]
    numbered = ratings.Numbered(*files)
    for race, arguments, runs in RACES:
        fitting = [run for run in runs if run <= data.most]
        for shape in SHAPES[1:2] if data.full else SHAPES:
            contestants.append(_strads(race, arguments, fitting[-1:] if data.full else fitting,
                                       shape, files, numbered, options))
    return {"data": data.name, "about": data.about, "ratings": len(numbered.ratings),
            "load_average": [before, load_average()], "contestants": contestants}


def _peer(name, files, options):
    print(f"{name}, {files[0]}", file=sys.stderr, flush=True)
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("raters.py")), name,
               str(options.peer_threads), str(options.rank),
               str(IMPLICIT["lambda"] if name == "implicit" else options.lam),
               str(IMPLICIT["alpha"]), str(options.budget), str(options.memory * 1e9), *files]
    told, why = _until(command, options.limit)
    lines = [json.loads(line) for line in told.splitlines() if line.startswith("{")]
    points = [line for line in lines if "objective" in line]
    if not points:
        return {"name": name, "race": _race(name), "failed": why}
    return {"name": name, "race": _race(name), "points": points, "load": lines[0]["load"],
            "peak": points[-1]["peak"]}


def _race(name):
    return "implicit" if name == "implicit" else "explicit"


def _until(command, limit):
    """What a peer told before it was ended, and why it told no more. A run that broke off does not
    count against those before it."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        told, errors = child.communicate(timeout=limit)
        why = (errors.strip().splitlines() or [f"ended with {child.returncode}"])[-1]
    except subprocess.TimeoutExpired:
        child.kill()
        told, _ = child.communicate()
        why = f"nothing after {limit:g} s"
    return told, why


def _strads(race, arguments, runs, shape, files, numbered, options):
    """Runs of more and more iterations, each a process of its own, each judged."""
    workers, processes = shape
    layout = f"-w {workers}" if processes == 1 else f"-n {processes} -w {workers}"
    biased = " with biases" if arguments[1] == "ccd" and "--biases" in arguments else ""
    biased = " implicit" if race == "implicit" else biased
    name = f"strads {arguments[1]}{biased} {layout}"
    print(f"{name}, {files[0]}", file=sys.stderr, flush=True)
    usual = [files[0], "--rank", str(options.rank), *arguments]
    if race == "objective":
        usual += ["--lambda", repr(options.lam)]
    if race == "implicit":
        usual += [f"--{name}={value!r}" for name, value in IMPLICIT.items()]
    points, load, peak = [], 0.0, 0
    for iterations in runs:
        done = strads("mf", [*usual, "--iterations", str(iterations)], workers, processes,
                      limit=options.limit)
        if done is None:
            break
        result, model = done["result"], _model(done["tensors"])
        load, peak = result["seconds"]["load"], max(peak, done["peak"])
        points.append({"seconds": result["seconds"]["train"], "iterations": iterations,
                       **_judged(race, model, numbered, options)})
        own = result["objective"]
        if race != "rmse" and abs(points[-1]["objective"] - own) > 1e-4 * own:
            raise RuntimeError(f"{name}: the judge says {points[-1]['objective']}, strads {own}")
        # The next run has twice the iterations.
        if 2 * points[-1]["seconds"] > options.budget:
            break
    race = "implicit" if race == "implicit" else "explicit"
    if not points:
        return {"name": name, "race": race, "failed": f"nothing after {options.limit:g} s"}
    return {"name": name, "race": race, "points": points, "load": load, "peak": peak}


def _judged(race, model, numbered, options):
    if race == "implicit":
        return {"objective": error.implicit(model, numbered, IMPLICIT["lambda"], IMPLICIT["alpha"])}
    return {"rmse": error.rmse(model, numbered),
            "objective": error.objective(model, numbered, options.lam)}


def _model(tensors):
    """The model in the judge's order: that of strads, shorter names first, is that of numbers."""
    names = [f"{side}_{kind}" for side in ("user", "item") for kind in ("factors", "bias")]
    return {"mean": float(tensors["mean"][0]), **{name: tensors[name] for name in names}}

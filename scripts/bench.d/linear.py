"""strads against other packages on the Lasso: seconds to a duality gap, loading, memory."""

import json
import statistics

import scipy.sparse as sp

import data
from command import Strads
from gap import Judge
from machine import about, load_average
from peers import Peer
from places import BENCH, Skipped

TARGETS = (1e-4, 1e-6)
PEERS = ("scikit-learn", "celer", "skglm", "adelie")
SHAPES = ((1, 1), (2, 1), (1, 2))


def add_options(parser):
    names = [dataset.name for dataset in data.DATASETS]
    parser.add_argument("--only", action="append", choices=names, help="this data set only")
    parser.add_argument("--peer", action="append", choices=PEERS, help="this peer only")
    parser.add_argument("--quick", action="store_true", help="small data sets only")
    parser.add_argument("--repeats", type=int, default=3, help="timed fits of each [3]")
    parser.add_argument("--peer-threads", type=int, default=1, help="threads a peer may use [1]")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds a fit may take [60]")
    parser.add_argument("--search", type=float, default=60.0,
                        help="seconds to find a peer's tolerances in, for each variant [60]")
    parser.add_argument("--ratio", type=float, help="this lambda / lambda_max only")


def run(options):
    chosen = [d for d in data.DATASETS
              if (d.name in options.only if options.only else d.quick or not options.quick)]
    report = {"machine": about(), "targets": TARGETS, "repeats": options.repeats,
              "peer_threads": options.peer_threads, "limit": options.limit,
              "search": options.search, "problems": []}
    for dataset in chosen:
        report["problems"] += _dataset(dataset, options)
        (BENCH / "linear.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def _dataset(dataset, options):
    try:
        arguments, source = dataset.files()
    except Skipped as why:
        print(f"{dataset.name}: skipped, {why}", flush=True)
        return []
    x, y = data.load(source)
    judge = Judge(x, y)
    peers = [Peer(name, source, not sp.issparse(x), options.peer_threads,
                  options.limit, options.search)
             for name in options.peer or PEERS]
    try:
        return [_problem(dataset, ratio, arguments, judge, peers, options)
                for ratio in dataset.ratios if options.ratio in (None, ratio)]
    finally:
        for peer in peers:
            peer.close()


def _problem(dataset, ratio, arguments, judge, peers, options):
    lam = ratio * judge.lambda_max
    before = load_average()
    for peer in peers:
        peer.search(judge, lam, TARGETS)
        print(f"{dataset.name} {ratio:g}: {peer.name} reaches {sorted(peer.chosen)}, "
              f"best gap {peer.best}", flush=True)
    contestants = peers + [Strads(arguments, ratio, *shape, options.limit) for shape in SHAPES]
    seen = {(c.name, target): [] for c in contestants for target in TARGETS}
    dual = -1.0
    # A B A B: one fit of everybody, then the next of everybody.
    for _ in range(options.repeats):
        for target in TARGETS:
            for contestant in contestants:
                done = contestant.run(lam, target)
                if done is not None:
                    measured = judge.measure(done.pop("beta"), lam)
                    done.update(zip(("gap", "primal", "dual", "nonzeros"), measured))
                    dual = max(dual, measured[2])
                seen[contestant.name, target].append(done)
    rows = [_summary(c, seen, dual / judge.null, judge.null) for c in contestants]
    return {"data": dataset.name, "about": dataset.about, "ratio": ratio, "lambda": lam,
            "rows": judge.x.shape[0], "columns": judge.x.shape[1],
            "load_average": [before, load_average()], "contestants": rows}


def _summary(contestant, seen, dual, null):
    """Medians of one contestant, and its worst gap; `excess` is above the best dual value seen."""
    row = {"name": contestant.name, "best_gap": getattr(contestant, "best", None), "targets": {}}
    for target in TARGETS:
        fits = seen[contestant.name, target]
        if not fits or any(fit is None for fit in fits):
            row["targets"][f"{target:g}"] = None
            continue
        middle = {key: statistics.median(fit[key] for fit in fits)
                  for key in ("train", "load", "peak", "wall") if key in fits[0]}
        gap = max(fit["gap"] for fit in fits)
        row["targets"][f"{target:g}"] = {
            **middle, "all": [fit["train"] for fit in fits], "gap": gap, "reached": gap <= target,
            "excess": max(fit["primal"] for fit in fits) / null - dual,
            "nonzeros": fits[-1]["nonzeros"], "setting": contestant.setting(target)}
    return row

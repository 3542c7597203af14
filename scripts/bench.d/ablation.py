"""The schedules of the STRADS papers on the papers' sparse, locally correlated design.

Every run stops at the same relative duality gap. Updates are a function of the options and the seed;
only seconds are repeated.
"""

import json
import statistics

import data
from command import lasso
from machine import about, load_average
from places import BENCH

WIDTHS = (1, 8, 32, 128, 512)
RHOS = (0.05, 0.1, 0.3, 0.5)
SHARDS = 16
RATIO = 0.1


def add_options(parser):
    parser.add_argument("--quick", action="store_true", help="a small design")
    parser.add_argument("--repeats", type=int, default=3, help="timed runs of each [3]")
    parser.add_argument("--limit", type=float, default=60.0, help="seconds a run may take [60]")
    parser.add_argument("--target", type=float, default=1e-4, help="relative duality gap [1e-4]")
    parser.add_argument("--workers", type=int, default=1, help="threads of strads [1]")


def arms():
    """Name, options and widths of every arm."""
    plain = [(name, ["--scheduler", name], WIDTHS) for name in ("random", "round-robin", "priority")]
    return plain + [(f"dynamic, ρ = {rho:g}", ["--scheduler", "dynamic", "--rho", f"{rho:g}"], WIDTHS)
                    for rho in RHOS]


def run(options):
    rows, columns = (500, 2_000) if options.quick else (1_000, 5_000)
    shape = ["--rows", str(rows), "--columns", str(columns), "--seed", "1"]
    design, _ = data.generated(f"paper-{rows}-{columns}", *shape)()
    plan = [(arm, width, extra) for arm, extra, widths in arms() for width in widths]
    seen = {(arm, width): [] for arm, width, _ in plan}
    before = load_average()
    for repeat in range(options.repeats):
        for arm, width, extra in plan:
            # What did not get there once is not tried again.
            if all(_reached(done, options.target) for done in seen[arm, width]):
                seen[arm, width].append(_once(design, width, extra, options))
        print(f"repeat {repeat + 1} of {options.repeats} done", flush=True)
    report = {"machine": about(), "design": {"rows": rows, "columns": columns}, "ratio": RATIO,
              "target": options.target, "shards": SHARDS, "workers": options.workers,
              "limit": options.limit, "repeats": options.repeats,
              "load_average": [before, load_average()], "widths": WIDTHS,
              "arms": [arm for arm, _, _ in arms()],
              "runs": [_summary(arm, width, seen[arm, width], options.target)
                       for arm, width, _ in plan]}
    (BENCH / "ablation.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def _once(design, width, extra, options):
    arguments = [*design, *extra, "--block", str(width), "--shards", str(SHARDS),
                 "--lambda-ratio", str(RATIO), "--tol", f"{options.target:g}",
                 "--max-rounds", str(10**9), "--max-seconds", str(options.limit)]
    done = lasso(arguments, workers=options.workers, limit=2 * options.limit + 10, model=False)
    return done["result"] if done else None


def _reached(result, target):
    return result is not None and result["relative_gap"] <= target


def _summary(arm, width, results, target):
    reached = all(_reached(result, target) for result in results)
    last = results[-1]
    return {"arm": arm, "width": width, "reached": reached,
            "seconds": statistics.median(r["seconds"]["train"] for r in results) if reached else None,
            "updates": last["updates"] if last else None, "rounds": last["rounds"] if last else None,
            "gap": last["relative_gap"] if last else float("nan")}

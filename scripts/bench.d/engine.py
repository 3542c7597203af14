"""What the engine costs beside the arithmetic, by block width, and what staleness does to a fit."""

import json
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

import data
from command import hosts, lasso
from machine import about, load_average
from places import BENCH, ROOT

SHAPES = ((1, 1), (2, 1), (1, 2))
WIDTHS = (64, 256, 1024, 4096)
STALENESS = (0, 1, 2, 4)
STALE_BLOCKS = (32, 128)
TARGET = 1e-4
# A run that takes longer is ended.
LIMIT = 60.0


def add_options(parser):
    parser.add_argument("--quick", action="store_true", help="shorter runs and a small design")
    parser.add_argument("--repeats", type=int, default=3, help="timed runs of each [3]")


def run(options):
    subprocess.run(["cargo", "build", "--release", "--quiet", "-F", "measure", "--example",
                    "measure_rounds", "--example", "measure_updates"], cwd=ROOT, check=True)
    before = load_average()
    rounds, updates = ("2000", "100000") if options.quick else ("20000", "1000000")
    report = {"machine": about(), "repeats": options.repeats, "target": TARGET,
              "rounds": [_empty(shape, rounds, options.repeats) for shape in SHAPES],
              "widths": [_width(width, updates, options.repeats) for width in WIDTHS],
              "staleness": _staleness(options)}
    report["load_average"] = [before, load_average()]
    (BENCH / "engine.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def name(shape):
    workers, processes = shape
    return f"-n {processes} -w {workers}" if processes > 1 else f"-w {workers}"


def _example(example, arguments, shape):
    """What an example prints, run in one process or several."""
    workers, processes = shape
    with tempfile.TemporaryDirectory(dir=BENCH) as place:
        command = [str(ROOT / "target/release/examples" / example), *arguments, "-w", str(workers)]
        if processes > 1:
            hosts(processes, Path(place) / "hosts")
            command += ["-n", str(processes), "-h", str(Path(place) / "hosts")]
        children = []
        for index in range(processes):
            own = ["-p", str(index)] if processes > 1 else []
            children.append(subprocess.Popen(command + own, stdout=subprocess.PIPE, text=True))
        try:
            said = "".join([child.communicate(timeout=LIMIT)[0] for child in children])
        finally:
            for child in children:
                child.kill()
    return said


def _empty(shape, rounds, repeats):
    """Microseconds of a round that carries 2 KB a shard and computes nothing."""
    said = [_example("measure_rounds", ["--rounds", rounds, "--"], shape) for _ in range(repeats)]
    medians = [float(re.search(r": ([0-9.]+) µs a round", line)[1]) for line in said]
    return {"shape": name(shape), "micros": statistics.median(medians)}


def _width(width, updates, repeats):
    """Microseconds of a round of so many coefficients, in the engine and in a plain loop."""
    found, plain = {name(shape): [] for shape in SHAPES}, []
    for _ in range(repeats):
        for shape in SHAPES:
            arguments = ["--block", str(width), "--updates", updates]
            said = _example("measure_updates", arguments, shape)
            engine, loop = re.search(r": ([0-9.]+) µs a round, plain loop ([0-9.]+)", said).groups()
            found[name(shape)].append(float(engine))
            plain.append(float(loop))
        print(f"width {width} measured", flush=True)
    return {"width": width, "plain": statistics.median(plain),
            "engine": {shape: statistics.median(micros) for shape, micros in found.items()}}


def _staleness(options):
    """Time and updates to the gap with rounds that are decided before earlier ones are applied."""
    rows, columns = (500, 2_000) if options.quick else (1_000, 5_000)
    shape = ["--rows", str(rows), "--columns", str(columns), "--seed", "1"]
    design, _ = data.generated(f"paper-{rows}-{columns}", *shape)()
    found = []
    for block in STALE_BLOCKS:
        for lag in STALENESS:
            arguments = [*design, "--scheduler", "priority", "--block", str(block), "--shards", "4",
                         "--staleness", str(lag), "--lambda-ratio", "0.1", "--tol", f"{TARGET:g}",
                         "--max-rounds", str(10**9), "--max-seconds", str(LIMIT / 2)]
            fits = [lasso(arguments, workers=2, limit=LIMIT, model=False)
                    for _ in range(options.repeats)]
            results = [fit["result"] for fit in fits if fit]
            if not results:
                continue
            found.append({"block": block, "staleness": lag, "updates": results[-1]["updates"],
                          "gap": results[-1]["relative_gap"], "seconds": statistics.median(
                              result["seconds"]["train"] for result in results)})
        print(f"staleness with blocks of {block} measured", flush=True)
    return {"rows": rows, "columns": columns, "runs": found}

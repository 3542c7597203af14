"""What loading a table costs: by parsing it, plain or packed, and from the cache."""

import json
import resource
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from command import run as strads
from machine import about, load_average
from places import BENCH, DATA, INPUTS, ROOT, STRADS, finish

THREADS = (1, 2)


def add_options(parser):
    parser.add_argument("--quick", action="store_true", help="only the tables of inputs/")
    parser.add_argument("--repeats", type=int, default=5, help="timed runs of each [5]")


def run(options):
    DATA.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cargo", "build", "--release", "--quiet", "-F", "measure", "--example",
                    "measure_load"], cwd=ROOT, check=True)
    before = load_average()
    report = {"machine": about(), "repeats": options.repeats,
              "tables": [_table(*table, options.repeats) for table in _tables(options.quick)],
              "ratings": [] if options.quick else [_ratings(options.repeats)]}
    report["load_average"] = [before, load_average()]
    (BENCH / "load.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def _tables(quick):
    """Names, files, and more arguments."""
    yield "mouse genotypes, .bed.gz", INPUTS / "mouse_hs1940.bed.gz", []
    yield "texts, svmlight.gz", INPUTS / "texts.svmlight.gz", []
    if quick:
        return
    target = ["--target", "response"]
    csv = _generated("load.csv", "--design", "block", "--rows", "20000", "--columns", "600")
    yield "dense 20,000 × 600, csv", csv, target
    yield "the same, csv.gz", _packed(csv, ["gzip", "-kc"], ".gz"), target
    if shutil.which("zstd"):
        yield "the same, csv.zst", _packed(csv, ["zstd", "-qkc"], ".zst"), target
    yield "sparse 100,000 × 200,000, svmlight", _generated(
        "load.svmlight", "--rows", "100000", "--columns", "200000", "--per-column", "50"), []
    yield "random genotypes 427 × 358,499, .bed", _genotypes(427, 358_499), []


def _generated(name, *options):
    # `finish` puts its word before a name, so that the ending says the format all the same.
    make = [str(STRADS), "generate", "lasso"]
    return Path(finish(DATA / name, lambda to: subprocess.run(
        [*make, str(to), *options], check=True, stdout=subprocess.DEVNULL)))


def _packed(plain, command, ending):
    def write(to):
        with open(to, "wb") as file:
            subprocess.run([*command, str(plain)], check=True, stdout=file)

    return Path(finish(plain.with_name(plain.name + ending), write))


def _genotypes(rows, columns):
    """Doses drawn evenly with some missing, and files of names as PLINK writes them."""
    bed = DATA / f"genotypes-{rows}-{columns}.bed"
    if not bed.exists():
        rng = np.random.default_rng(4)
        names = "".join(f"{1 + at % 22}\trs{at}\t0\t{at}\tA\tG\n" for at in range(columns))
        bed.with_suffix(".bim").write_text(names)
        people = "".join(f"f{at} i{at} 0 0 1 {rng.standard_normal():.6f}\n" for at in range(rows))
        bed.with_suffix(".fam").write_text(people)
        codes = np.array([0, 2, 3, 1])[rng.choice(4, (columns, (rows + 3) // 4 * 4),
                                                  p=[0.33, 0.33, 0.33, 0.01])]
        codes[:, rows:] = 0
        quads = codes.reshape(columns, -1, 4)
        packed = (quads << np.array([0, 2, 4, 6])).sum(axis=2).astype(np.uint8)
        finish(bed, lambda to: to.write_bytes(bytes([0x6C, 0x1B, 1]) + packed.tobytes()))
    return bed


def _table(name, path, arguments, repeats):
    """Medians: parsing by threads, and one thread's load from the cache, the packer alone beside it."""
    with tempfile.TemporaryDirectory(dir=BENCH) as cache:
        cached = [*arguments, "--cache", cache]
        _measure(path, cached, 1)
        kept = sum(file.stat().st_size for file in Path(cache).rglob("*") if file.is_file())
        runs = {"cache": []} | {threads: [] for threads in THREADS}
        for _ in range(repeats):
            for threads in THREADS:
                runs[threads].append(_measure(path, arguments, threads))
            runs["cache"].append(_measure(path, cached, 1))
    if not all(loaded["cached"] for loaded in runs["cache"]):
        raise RuntimeError(f"{name}: the cache was not used")
    print(f"{name} measured", flush=True)
    median = lambda key, figure: statistics.median(one[figure] for one in runs[key])
    return {"data": name, "bytes": runs[1][0]["bytes"], "cache_bytes": kept,
            "seconds": {threads: median(threads, "seconds") for threads in THREADS},
            "processor": median(1, "processor"), "unpacking": _unpacking(path),
            "cached_seconds": median("cache", "seconds"),
            "cached_processor": median("cache", "processor")}


def _measure(path, arguments, threads):
    command = [str(ROOT / "target/release/examples/measure_load"), str(path), *arguments, "--threads",
               str(threads)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _unpacking(path):
    """Processor seconds that the system's own tool takes to unpack a file; none for plain ones."""
    tool = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix)
    if not tool or not shutil.which(tool):
        return None
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([tool, "-dc", str(path)], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _ratings(repeats):
    """Millions of ratings a minute that `strads mf` loads."""
    path = DATA / "load-ratings.csv"
    if not path.exists():
        subprocess.run([str(STRADS), "generate", "ratings", str(path), "--ratings", "10000000"],
                       check=True, stdout=subprocess.DEVNULL)
    lines = _lines(path)
    found = {}
    for workers in THREADS:
        fits = [strads("mf", [str(path), "--iterations", "1", "--rank", "8", "--solver", "ccd"],
                       workers, model=False) for _ in range(min(repeats, 3))]
        found[workers] = statistics.median(fit["result"]["seconds"]["load"] for fit in fits)
    return {"ratings": lines - 1, "bytes": path.stat().st_size, "seconds": found}


def _lines(path):
    with open(path, "rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 24), b""))

"""Live models: what an epoch costs, against retraining and against peers' partial updates."""

import json
import subprocess
import time

import numpy as np
import scipy.sparse as sp

import data
from command import feed
from gap import Judge
from machine import about, load_average
from places import BENCH, ROOT, Skipped

TOUCHED = (0.001, 0.01)
DATASETS = ("mouse", "texts", "packages")
# Learning rates that scikit-learn and Vowpal Wabbit are tried with; the best by the gap counts.
RATES = (0.001, 0.01, 0.1, 1.0)
# Passes over the first rows that they learn from before anything is timed.
PASSES = 5
RATINGS, CHANGES, RANK, TOP = 1_000_000, 100, 40, 10
WORDS = 200


def add_options(parser):
    parser.add_argument("--only", action="append", choices=[*DATASETS, "ratings", "documents"],
                        help="this part only")
    parser.add_argument("--quick", action="store_true", help="without the packages")
    parser.add_argument("--epochs", type=int, default=60, help="epochs of each run [60]")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds a run may take [300]")


def run(options):
    report = {"machine": about(), "epochs": options.epochs, "lasso": [], "ratings": [],
              "documents": [], "load_average": [load_average()]}
    chosen = options.only or [*DATASETS, "ratings", "documents"]
    for name in DATASETS:
        if name in chosen and not (options.quick and name == "packages"):
            report["lasso"] += _tried(name, _lasso, name, options)
    if "ratings" in chosen:
        report["ratings"] = _tried("ratings", _ratings, options)
    if "documents" in chosen:
        report["documents"] = _tried("documents", _documents, options)
    report["load_average"].append(load_average())
    (BENCH / "live.json").write_text(json.dumps(report, indent=1) + "\n")
    return report


def _tried(name, part, *arguments):
    try:
        return part(*arguments)
    except Skipped as why:
        print(f"{name}: skipped, {why}", flush=True)
        return []


def _example(name, options, *arguments):
    """The JSON line of a measuring program."""
    if not (ROOT / "dataflows" / f"{name}.rs").exists():
        raise Skipped(f"there is no {name}")
    subprocess.run(["cargo", "build", "--release", "--quiet", "--example", name], cwd=ROOT,
                   check=True)
    try:
        done = subprocess.run([ROOT / "target/release/examples" / name, *arguments], check=True,
                              capture_output=True, text=True, timeout=options.limit)
    except subprocess.TimeoutExpired:
        raise Skipped(f"took more than {options.limit:g} s") from None
    return json.loads(done.stdout)


def _times(seconds):
    """Milliseconds of an epoch, as the measuring programs tell them."""
    return {"p50_ms": 1e3 * float(np.percentile(seconds, 50)),
            "p99_ms": 1e3 * float(np.percentile(seconds, 99))}


def _lasso(name, options):
    dataset = next(d for d in data.DATASETS if d.name == name)
    arguments, source = dataset.files()
    x, y = data.load(source)
    by_row, rows, to = sp.csr_matrix(x), [], BENCH / "live-coefficients.txt"
    for touched in TOUCHED:
        for workers in (1, 2):
            done = _example("measure_live", options, *arguments, "--touched", str(touched),
                            "--epochs", str(options.epochs), "-w", str(workers), "--to", str(to))
            present = (done["first"] + np.arange(done["present"])) % len(y)
            beta = np.zeros(x.shape[1])
            for line in to.read_text().splitlines():
                column, value = line.split()
                beta[int(column)] = float(value)
            judge = Judge(by_row[present].tocsc(), y[present])
            done["gap"] = judge.measure(beta, done["lambda"])[0]
            rows.append({"data": name, "about": dataset.about, "share": touched,
                         "name": f"strads -w {workers}", **done})
            print(f"{name} {touched:g}: {rows[-1]['name']} {done['p50_ms']:.3g} ms, "
                  f"gap {done['gap']:.1e}", flush=True)
        for peer in (_scikit, _vowpal):
            rows += _tried(f"{name}: {peer.__name__[1:]}", _peer, peer, name, dataset.about, touched,
                           (by_row, y), done, judge, options)
    return rows


def _peer(peer, name, about_it, touched, table, ours, judge, options):
    """A peer that takes the same rows as they come. It cannot take any back."""
    best, step, first = None, ours["touched"] // 2, ours["present"]
    order = np.arange(first + step * options.epochs) % len(table[1])
    for rate in RATES:
        label, prepare, learn, coefficients = peer(ours["lambda"], rate)
        prepare(table, np.unique(order))
        for _ in range(PASSES):
            learn(table, order[:first])
        seconds = []
        for epoch in range(options.epochs):
            start = time.perf_counter()
            learn(table, order[first + epoch * step:first + (epoch + 1) * step])
            seconds.append(time.perf_counter() - start)
        beta = coefficients(table[0].shape[1])
        gap = judge.measure(beta, ours["lambda"])[0] if np.isfinite(beta).all() else np.inf
        if best is None or gap < best["gap"]:
            best = {"data": name, "about": about_it, "share": touched, "name": label,
                    "touched": step, "gap": float(gap), **_times(seconds)}
    print(f"{name} {touched:g}: {label} {best['p50_ms']:.3g} ms, gap {best['gap']:.1e}", flush=True)
    return [best]


def _scikit(lam, rate):
    from sklearn.linear_model import SGDRegressor

    model = SGDRegressor(penalty="l1", alpha=lam, eta0=rate, random_state=0)

    def learn(table, rows):
        model.partial_fit(table[0][rows], table[1][rows])

    return ("scikit-learn SGDRegressor.partial_fit", lambda table, rows: None, learn,
            lambda columns: model.coef_)


def _vowpal(lam, rate):
    try:
        from vowpalwabbit import pyvw
    except ImportError as why:
        raise Skipped(f"Vowpal Wabbit is not to be had: {why}") from None
    # Its loss is (y - f)², twice that of the objective.
    model = pyvw.Workspace(f"--l1 {2 * lam} -l {rate} -b 22 --quiet")
    lines = {}

    def prepare(table, rows):
        for row in rows:
            span = slice(table[0].indptr[row], table[0].indptr[row + 1])
            pairs = zip(table[0].indices[span].tolist(), table[0].data[span].tolist())
            lines[row] = f"{table[1][row]} |a " + " ".join(f"c{j}:{v:g}" for j, v in pairs)

    def learn(table, rows):
        for row in rows:
            model.learn(lines[row])

    def coefficients(columns):
        space = model.hash_space("a")
        return np.array([model.get_weight(model.hash_feature(f"c{column}", space))
                         for column in range(columns)])

    return "Vowpal Wabbit learn", prepare, learn, coefficients


def _ratings(options):
    rows = []
    for workers in (1, 2):
        done = _example("measure_live_ratings", options, "--ratings", str(RATINGS), "--changes",
                        str(CHANGES), "--epochs", str(options.epochs), "--rank", str(RANK),
                        "--top", str(TOP), "-w", str(workers))
        rows.append({"name": f"strads -w {workers}", **done})
        print(f"ratings: {rows[-1]['name']} {done['p50_ms']:.3g} ms", flush=True)
    return rows + _tried("ratings: implicit", _implicit, rows[0], options)


def _implicit(ours, options):
    """Ratings of as many users and items; users with new ratings are folded in and asked for."""
    try:
        from implicit.als import AlternatingLeastSquares
    except ImportError as why:
        raise Skipped(f"implicit is not to be had: {why}") from None
    rng = np.random.default_rng(1)
    shape, count = (ours["users"], ours["items"]), ours["ratings"]
    given = sp.csr_matrix((rng.integers(1, 6, count).astype(np.float32),
                           (rng.integers(0, shape[0], count), rng.integers(0, shape[1], count))),
                          shape=shape)
    model = AlternatingLeastSquares(factors=RANK, iterations=3, num_threads=1, random_state=0)
    model.fit(given, show_progress=False)
    seconds = []
    for _ in range(options.epochs):
        users = np.unique(rng.integers(0, shape[0], CHANGES))
        start = time.perf_counter()
        own = given[users]
        model.partial_fit_users(users, own)
        model.recommend(users, own, N=TOP)
        seconds.append(time.perf_counter() - start)
    return [{"name": "implicit partial_fit_users", **_times(seconds)}]


def _documents(options):
    """One new document an epoch, from its line on stdin to the epoch's line on stdout."""
    rng, rows = np.random.default_rng(1), []
    lines = [_document(f"d{at}", rng) for at in range(5000)]
    for workers in (1, 2):
        seconds = feed(["lda", "--topics", "100", "--iterations", "20"], lines,
                       [_document(f"n{at}", rng) for at in range(options.epochs)], workers,
                       options.limit)
        if seconds is None:
            raise Skipped("this build of strads lda does not follow documents")
        rows.append({"name": f"strads -w {workers}", "documents": len(lines), "words": WORDS,
                     **_times(seconds)})
    return rows


def _document(name, rng):
    """A line of 200 words that follow a Zipf law."""
    words = np.exp(rng.random(WORDS) * np.log(20_000)).astype(int)
    return json.dumps({"op": "put", "id": name, "text": " ".join(f"w{word}" for word in words)})

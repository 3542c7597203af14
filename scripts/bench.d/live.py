"""Live models: what an epoch costs, against retraining and against peers' partial updates."""

import json
import subprocess
import time

import numpy as np
import scipy.sparse as sp

import data
from command import feed, run as run_strads
from gap import Judge
from machine import about, load_average
from places import BENCH, ROOT, Skipped

TOUCHED = (0.001, 0.01)
DATASETS = ("mouse", "texts", "packages")
# Learning rates that scikit-learn and Vowpal Wabbit are tried with; the best by the gap counts.
RATES = (0.001, 0.01, 0.1, 1.0, 10.0)
# Passes over the first rows that they learn from before anything is timed; one to choose the rate.
PASSES = 5
RATINGS, CHANGES, RANK, TOP = 1_000_000, 100, 40, 10
DOCUMENTS, WORDS = 5_000, 200


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
    subprocess.run(["cargo", "build", "--release", "--quiet", "-F", "measure", "--example", name],
                   cwd=ROOT, check=True)
    try:
        done = subprocess.run([ROOT / "target/release/examples" / name, *arguments],
                              capture_output=True, text=True, timeout=options.limit)
    except subprocess.TimeoutExpired:
        raise Skipped(f"took more than {options.limit:g} s") from None
    if done.returncode != 0:
        raise RuntimeError(f"{name} {' '.join(arguments)}: {done.stderr}")
    return json.loads(done.stdout)


def _times(seconds):
    """Milliseconds of an epoch, as the measuring programs tell them."""
    return {"p50_ms": 1e3 * float(np.percentile(seconds, 50)),
            "p99_ms": 1e3 * float(np.percentile(seconds, 99))}


def _lasso(name, options):
    dataset = next(d for d in data.DATASETS if d.name == name)
    arguments, source = dataset.files()
    x, y = data.load(source)
    by_row, rows, to, runs = sp.csr_matrix(x), [], BENCH / "live-coefficients.txt", []
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
        runs.append((touched, done, judge))
    for peer in (_scikit, _vowpal):
        rows += _tried(f"{name}: {peer.__name__[1:]}", _peer, peer, dataset, (by_row, y), runs,
                       options)
    return rows


def _peer(peer, dataset, table, runs, options):
    """A peer that takes the same rows as they come. It cannot take any back."""
    lam, first = runs[0][1]["lambda"], runs[0][1]["present"]
    judge, table = Judge(table[0][:first].tocsc(), table[1][:first]), peer.prepare(table)
    gaps = {}
    for rate in RATES:
        contestant = peer(lam, rate)
        contestant.learn(table, np.arange(first))
        gaps[rate] = _gap(contestant, judge, lam)
    rate, rows = min(RATES, key=gaps.get), []
    for touched, ours, judge in runs:
        contestant, step, seconds = peer(lam, rate), ours["touched"] // 2, []
        order = np.arange(first + step * options.epochs) % len(table[1])
        for _ in range(PASSES):
            contestant.learn(table, order[:first])
        for epoch in range(options.epochs):
            start = time.perf_counter()
            contestant.learn(table, order[first + epoch * step:first + (epoch + 1) * step])
            seconds.append(time.perf_counter() - start)
        rows.append({"data": dataset.name, "about": dataset.about, "share": touched,
                     "name": peer.NAME, "touched": step, "gap": _gap(contestant, judge, lam),
                     "rows_per_second": step * len(seconds) / sum(seconds), **_times(seconds)})
        print(f"{dataset.name} {touched:g}: {peer.NAME} {rows[-1]['p50_ms']:.3g} ms, "
              f"gap {rows[-1]['gap']:.1e}", flush=True)
    return rows


def _gap(contestant, judge, lam):
    beta = contestant.coefficients(len(judge.means))
    return float(judge.measure(beta, lam)[0]) if np.isfinite(beta).all() else float("inf")


class _scikit:
    NAME = "scikit-learn SGDRegressor.partial_fit"

    def __init__(self, lam, rate):
        try:
            from sklearn.linear_model import SGDRegressor
        except ImportError as why:
            raise Skipped(f"scikit-learn is not to be had: {why}") from None
        self.model = SGDRegressor(penalty="l1", alpha=lam, eta0=rate, random_state=0)

    @staticmethod
    def prepare(table):
        return table

    def learn(self, table, rows):
        self.model.partial_fit(table[0][rows], table[1][rows])

    def coefficients(self, columns):
        return self.model.coef_


class _vowpal:
    NAME = "Vowpal Wabbit learn"

    def __init__(self, lam, rate):
        try:
            from vowpalwabbit import pyvw
        except ImportError as why:
            raise Skipped(f"Vowpal Wabbit is not to be had: {why}") from None
        # Its loss is (y - f)², twice that of the objective. Numbers name features without collisions.
        self.model = pyvw.Workspace(f"--l1 {2 * lam} -l {rate} -b 22 --quiet")

    @staticmethod
    def prepare(table):
        """Rows as lines of text."""
        x, lines = table[0], []
        for row in range(x.shape[0]):
            span = slice(x.indptr[row], x.indptr[row + 1])
            pairs = zip(x.indices[span].tolist(), x.data[span].tolist())
            lines.append(f"{table[1][row]} |a " + " ".join(f"{j}:{v:g}" for j, v in pairs))
        return lines, table[1]

    def learn(self, table, rows):
        for row in rows:
            self.model.learn(table[0][row])

    def coefficients(self, columns):
        space = self.model.hash_space("a")
        return np.array([self.model.get_weight(self.model.hash_feature(str(column), space))
                         for column in range(columns)])


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
    changes = CHANGES * len(seconds) / sum(seconds)
    return [{"name": "implicit partial_fit_users", "changes_per_second": changes,
             **_times(seconds)}]


def _documents(options):
    """One new document an epoch, from its line on stdin to the epoch's line on stdout."""
    rng, rows = np.random.default_rng(1), []
    names = [*(f"d{at}" for at in range(DOCUMENTS)), *(f"n{at}" for at in range(options.epochs))]
    texts = [_text(rng) for _ in names]
    lines = [json.dumps({"op": "put", "id": name, "text": text})
             for name, text in zip(names, texts)]
    model = ["--topics", "100", "--iterations", "20"]
    # What it takes to train on all of them anew.
    path = BENCH / "live.docs"
    path.write_text("".join(f"{text}\n" for text in texts))
    for workers in (1, 2):
        seconds = feed(["lda", *model], lines[:DOCUMENTS], lines[DOCUMENTS:], workers,
                       options.limit)
        if seconds is None:
            raise Skipped(f"took more than {options.limit:g} s, or failed")
        batch = run_strads("lda", [str(path), *model], workers, limit=options.limit, model=False)
        if batch is None:
            raise Skipped(f"took more than {options.limit:g} s")
        rows.append({"name": f"strads -w {workers}", "documents": DOCUMENTS, "words": WORDS,
                     "batch_seconds": batch["result"]["seconds"]["train"],
                     "per_second": len(seconds) / sum(seconds), **_times(seconds)})
        print(f"documents: {rows[-1]['name']} {rows[-1]['p50_ms']:.3g} ms", flush=True)
    return rows


def _text(rng):
    """Words that follow a Zipf law."""
    words = np.exp(rng.random(WORDS) * np.log(20_000)).astype(int)
    return " ".join(f"w{word}" for word in words)

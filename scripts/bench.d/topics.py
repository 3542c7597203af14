"""strads against other packages on LDA: the joint likelihood against seconds, loading, memory."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import scipy.sparse as sp

import corpora
import likelihood
import rotation
from command import run as strads
from machine import about, load_average
from places import BENCH, Skipped

PEERS = ("tomotopy", "topica")
SHAPES = ((1, 1), (2, 1), (1, 2))
BETA = 0.01
# Sweeps of the run that tells how many the budget is enough for.
TRIAL = 5


def add_options(parser):
    names = [corpus.name for corpus in corpora.CORPORA]
    parser.add_argument("--only", action="append", choices=names, help="this corpus only")
    parser.add_argument("--peer", action="append", choices=PEERS, help="this peer only")
    parser.add_argument("--topics", type=int, action="append", help="this number of topics only")
    parser.add_argument("--quick", action="store_true", help="small corpora only")
    parser.add_argument("--budget", type=float, default=30.0, help="seconds of training each [30]")
    parser.add_argument("--peer-threads", type=int, default=1, help="threads a peer may use [1]")
    parser.add_argument("--add", action="store_true",
                        help="keep what the last report has of other corpora and numbers of topics")
    parser.add_argument("--replicas", action="store_true",
                        help="measure the memory of shards and of full replicas as well")


def run(options):
    chosen = [c for c in corpora.CORPORA
              if (c.name in options.only if options.only else c.quick or not options.quick)]
    old = _last() if options.add else {}
    report = {"machine": about(), "budget": options.budget, "peer_threads": options.peer_threads,
              "replicas": rotation.replicas() if options.replicas else old.get("replicas"),
              "problems": old.get("problems", [])}
    order = {c.name: at for at, c in enumerate(corpora.CORPORA)}
    rotation.build()
    for corpus in chosen:
        try:
            corpus.files()
        except Skipped as why:
            print(f"{corpus.name}: skipped, {why}", file=sys.stderr, flush=True)
            continue
        for topics in corpus.topics:
            if options.topics is None or topics in options.topics:
                problem = _problem(corpus, topics, options)
                others = [p for p in report["problems"]
                          if (p["data"], p["topics"]) != (corpus.name, topics)]
                report["problems"] = sorted(
                    [*others, problem], key=lambda p: (order[p["data"]], p["topics"]))
                _write(report)
    _write(report)
    return report


def _last():
    """The last report, if there is one."""
    path = BENCH / "topics.json"
    return json.loads(path.read_text()) if path.exists() else {}


def _write(report):
    BENCH.mkdir(parents=True, exist_ok=True)
    (BENCH / "topics.json").write_text(json.dumps(report, indent=1) + "\n")


def _problem(corpus, topics, options):
    words, vocab = corpus.files()
    alpha = 50.0 / topics
    before = load_average()
    peers = options.peer or PEERS
    contestants = [_peer(name, words, topics, alpha, options) for name in peers]
    ours = [_strads(words, vocab, topics, alpha, shape, options.budget) for shape in SHAPES]
    last = [[c["points"][-1]["likelihood"] for c in of if c.get("points")]
            for of in (contestants, ours)]
    contestants += ours
    times = [share * options.budget for share in (0.1, 0.25, 0.5, 1.0)]
    goal = max(last[0] or last[1] or [0.0])
    return {"data": corpus.name, "about": corpus.about, "topics": topics, "times": times,
            "goal": goal, "load_average": [before, load_average()], "contestants": contestants}


def _peer(name, words, topics, alpha, options):
    """A peer's points: the best goal is the last of the best of them."""
    print(f"{name}, {topics} topics of {words}", file=sys.stderr, flush=True)
    threads = options.peer_threads
    command = [sys.executable, str(Path(__file__).with_name("samplers.py")), name, str(threads),
               str(topics), str(alpha), str(BETA), str(options.budget), words]
    # Loading and judging take their time, too; what was said until then counts.
    limit = 5 * options.budget + 120
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit)
        said, ended = done.stdout, (done.stderr.strip().splitlines() or ["no result"])[-1]
    except subprocess.TimeoutExpired as late:
        said, ended = (late.stdout or b"").decode(), f"not done after {limit:g} s"
    lines = [json.loads(line) for line in said.splitlines() if line.endswith("}")]
    label = name if threads == 1 else f"{name}, {threads} threads"
    points = [line for line in lines if "likelihood" in line]
    if not points:
        return {"name": label, "failed": ended}
    last = points[-1]
    return {"name": label, "points": points, "load": lines[0]["load"],
            "peak": max(line.get("peak", 0) for line in lines),
            "rate": lines[0]["tokens"] * last["iteration"] / last["seconds"]}


def _strads(words, vocab, topics, alpha, shape, budget):
    """The points of a run that takes about the budget; the last is judged, and must agree with the
    log's own figure, which the others are from."""
    workers, processes = shape
    name = f"strads -w {workers}" if processes == 1 else f"strads -n {processes} -w {workers}"
    print(f"{name}, {topics} topics of {words}", file=sys.stderr, flush=True)
    usual = [words, "--vocab", vocab, "--topics", str(topics), "--alpha", repr(alpha), "--beta",
             str(BETA), "--doc-topics", "--likelihood-every", "5"]
    trial = strads("lda", [*usual, "--iterations", str(TRIAL)], workers, processes)
    if trial is None:
        return {"name": name, "failed": f"not done with {TRIAL} sweeps after 600 s"}
    iterations = max(TRIAL, int(budget * TRIAL / max(trial["result"]["seconds"]["train"], 1e-3)))
    with tempfile.NamedTemporaryFile(dir=BENCH, suffix=".jsonl") as log:
        done = strads("lda", [*usual, "--iterations", str(iterations), "--log", log.name],
                      workers, processes)
        if done is None:
            return {"name": name, "failed": f"not done with {iterations} sweeps after 600 s"}
        lines = [json.loads(line) for line in open(log.name)]
    points = [{"seconds": line["seconds"], "iteration": line["iteration"],
               "likelihood": line["log_likelihood_per_token"]}
              for line in lines if line["log_likelihood_per_token"] is not None]
    result, tensors = done["result"], done["tensors"]
    judged = likelihood.joint(_counts(tensors, "word_topic"), _counts(tensors, "doc_topic"),
                              tensors["alpha"], float(tensors["beta"][0]))
    own = result["log_likelihood_per_token"]
    if abs(judged - own) > 1e-9 * abs(judged):
        raise RuntimeError(f"{name}: the judge says {judged!r}, the log {own!r}")
    sweep = points[-1]["seconds"] / iterations
    return {"name": name, "points": points, "load": result["seconds"]["load"],
            "engine": rotation.share(result, tensors, workers, processes, sweep),
            "peak": done["peak"], "rate": result["tokens"] * iterations / points[-1]["seconds"],
            "s_error": result["s_error"], "bytes_a_token": done["peak"] / result["tokens"]}


def _counts(tensors, name):
    """A table of counts as a sparse matrix, however it is stored."""
    if name in tensors:
        return sp.csr_matrix(tensors[name].astype(np.int64))
    indptr = tensors[f"{name}.indptr"].astype(np.int64)
    topics = len(tensors["topic_total"])
    return sp.csr_matrix((tensors[f"{name}.counts"].astype(np.int64),
                          tensors[f"{name}.indices"].astype(np.int64), indptr),
                         shape=(len(indptr) - 1, topics))

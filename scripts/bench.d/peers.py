"""Peers as contestants: which settings they are given, and how their tolerance is found."""

import json
import select
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from places import BENCH

# First tolerance tried; each next one is a quarter of it. What a tolerance means differs by package.
FIRST = {"scikit-learn": 1e-3, "celer": 1e-3, "skglm": 0.1, "adelie": 1e-4}
LAST = 1e-14
# Give up when so many tolerances in a row bring no smaller gap.
IDLE = 5
# Lengths of the path to lambda that adelie, a path solver, is tried with.
STEPS = {"adelie": (1, 4)}
STARTUP = 300.0


class Worker:
    """A process of peer.py."""

    def __init__(self, name, precision, threads, source, limit):
        self.limit, self.peak, self.load, self.process = limit, None, None, None
        self.command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("peer.py")),
                        name, precision, str(threads), json.dumps(source)]

    def start(self):
        """Loads the data and compiles; again after a fit that had to be ended."""
        if self.process is not None:
            return
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True, bufsize=1)
        first = self._answer(STARTUP)
        self.load = first["load"] if first else None

    def _answer(self, limit):
        ready, _, _ = select.select([self.process.stdout], [], [], limit)
        line = self.process.stdout.readline() if ready else ""
        if line:
            return json.loads(line)
        self.close()
        return None

    def fit(self, lam, tol, steps):
        """(seconds, coefficients), or None if it failed or took too long."""
        self.start()
        if self.process is None:
            return None
        to = BENCH / f"beta-{self.process.pid}.npy"
        asked = {"lambda": lam, "tol": tol, "steps": steps, "to": str(to)}
        self.process.stdin.write(json.dumps(asked) + "\n")
        answer = self._answer(self.limit)
        if answer is None:
            return None
        self.peak = answer["peak"]
        beta = np.load(to)
        to.unlink()
        return answer["seconds"], beta

    def close(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


class Peer:
    """A package on one data set: its variants, and for each target the quickest that meets it."""

    def __init__(self, name, source, dense, threads, limit, patience):
        self.patience = patience
        self.name = name if threads == 1 else f"{name}, {threads} threads"
        self.package = name
        precisions = ["float64"] + (["float32"] if dense else [])
        self.workers = {p: Worker(name, p, threads, source, limit) for p in precisions}
        self.chosen, self.best = {}, None

    def search(self, judge, lam, targets):
        """Finds, for each target, the variant and tolerance that meet it first."""
        self.chosen, self.best = {}, None
        for precision, worker in self.workers.items():
            for steps in STEPS.get(self.package, (1,)):
                self._descend(worker, precision, steps, judge, lam, targets)

    def _descend(self, worker, precision, steps, judge, lam, targets):
        tol, least, idle, open_targets = FIRST[self.package], np.inf, 0, list(targets)
        worker.start()
        until = time.monotonic() + self.patience
        while open_targets and tol >= LAST and idle < IDLE and time.monotonic() < until:
            done = worker.fit(lam, tol, steps)
            if done is None:
                return
            seconds, gap = done[0], judge.measure(done[1], lam)[0]
            self.best = min(self.best, gap) if self.best is not None else gap
            idle = 0 if gap < 0.99 * least else idle + 1
            least = min(gap, least)
            for target in [t for t in open_targets if gap <= t]:
                open_targets.remove(target)
                if target not in self.chosen or seconds < self.chosen[target]["seconds"]:
                    self.chosen[target] = {"seconds": seconds, "tol": tol, "steps": steps,
                                           "precision": precision}
            tol /= 4

    def run(self, lam, target):
        """One timed fit for a target: a dictionary, or None if the target is out of reach."""
        setting = self.chosen.get(target)
        if setting is None:
            return None
        worker = self.workers[setting["precision"]]
        done = worker.fit(lam, setting["tol"], setting["steps"])
        if done is None:
            return None
        return {"train": done[0], "load": worker.load, "peak": worker.peak, "beta": done[1]}

    def setting(self, target):
        chosen = self.chosen.get(target)
        return chosen and {key: chosen[key] for key in ("tol", "steps", "precision")}

    def close(self):
        for worker in self.workers.values():
            worker.close()

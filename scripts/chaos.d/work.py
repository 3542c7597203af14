"""What is run: small data, a second of work, a checkpoint every few hundredths of it."""

import json
import shutil
import tempfile
import time
from pathlib import Path

from group import Failure, Group

SHARDS = 4
# Seconds that processes wait for one that was killed before it joined.
PATIENCE = 10
# Of a result, what depends on where and when it was computed.
PLACE = ("seconds", "peak_bytes", "memory", "workers", "processes")


class Work:
    """A command, and what it gives when nothing disturbs it."""

    def __init__(self, name, arguments, every):
        self.name, self.every = name, every
        self.arguments = arguments
        self.expected = None
        self.seconds = {}

    def command(self, place, workers):
        """The command line, with checkpoints in `place`."""
        return [*self.arguments, "--shards", SHARDS, "--format", "json", "-w", workers,
                "--connect-timeout", PATIENCE, "--model", place / "model.safetensors", "--checkpoint", place / "kept",
                "--checkpoint-every", self.every]

    def settle(self, root):
        """Runs once undisturbed."""
        with trial(root, "plain") as place, Group(place) as group:
            group.by_hand(self.command(place, 2), 1)
            codes = self.wait(group)
            if codes != [0]:
                raise Failure(f"an undisturbed run ended with {codes}: {group.said()}")
            self.expected = self.outcome(group, place)

    def wait(self, group):
        """The exit codes, once a run is over."""
        return group.wait()

    def outcome(self, group, place):
        """A run's result, but for where and when it ran, and its model."""
        return plain(group.stdout()), (place / "model.safetensors").read_bytes()

    def check(self, group, place):
        """Fails unless a run gave what it should have."""
        found = self.outcome(group, place)
        if found[0] != self.expected[0]:
            pairs = [(key, self.expected[0].get(key), found[0].get(key)) for key in self.expected[0]]
            differ = [pair for pair in pairs if pair[1] != pair[2]]
            raise Failure(f"wrong: {len(differ)} results differ, the first (name, expected, found): {differ[:1]}")
        if found[1] != self.expected[1]:
            raise Failure("wrong: the model differs")

    def takes(self, processes):
        """About how long a run of so many processes takes."""
        return self.seconds.get(processes, 1.0)

    def took(self, processes, begun):
        """Takes note of how long an undisturbed run took."""
        seconds = time.monotonic() - begun
        before = self.seconds.get(processes, seconds)
        self.seconds[processes] = 0.5 * before + 0.5 * seconds


def plain(line):
    """A result but for where and when it was computed."""
    return {key: value for key, value in json.loads(line).items() if key not in PLACE}


class trial:
    """A directory of one trial, which stays only if the trial fails."""

    def __init__(self, root, name):
        self.place = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=root))

    def __enter__(self):
        return self.place

    def __exit__(self, failure, *_):
        if failure is None:
            shutil.rmtree(self.place)


def works():
    """Batch runs."""
    mails = ["lda", "inputs/spam.docword.txt.gz", "--vocab", "inputs/spam.vocab.txt"]
    lectures = ["mf", "inputs/insteval.csv"]
    diabetes = ["lasso", "inputs/diabetes.csv", "--target", "progression", "--path", 40, "--cv", 5]
    return [
        Work("lasso", ["lasso", "inputs/texts.svmlight.gz", "--lambda-ratio", 0.005, "--tol", 1e-9], 10),
        Work("lasso cv", diabetes, 40),
        Work("lasso rows", [*diabetes, "--form", "rows"], 40),
        Work("lda", [*mails, "--topics", 10, "--iterations", 24, "--burn-in", 4, "--optimize-alpha",
                     "--samples", 2, "--sample-every", 3], 3),
        # With a solver named: `auto` goes by whether a model is asked for.
        Work("mf ccd", [*lectures, "--rank", 16, "--solver", "ccd", "--lambda", 5, "--iterations", 16], 2),
        Work("mf sgd", [*lectures, "--rank", 16, "--solver", "sgd", "--biases", "--iterations", 24], 3),
    ]

"""What --encrypt costs: runs of two processes of one thread, plain and encrypted in turn."""

import json
import os
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from group import ROOT, STRADS, hosts

PAIRS = 5
SLICE = 16 << 20


def _pair(program, arguments, place, encrypted):
    """Runs two processes; gives what process 0 printed, and the CPU seconds of both."""
    hosts(2, place / "hosts")
    common = [program, *arguments, "-n", 2, "-h", place / "hosts", *(["--encrypt"] if encrypted else [])]
    before = os.times()
    children = [subprocess.Popen([str(word) for word in [*common, "-p", index]], cwd=ROOT, text=True,
                                 stdout=subprocess.PIPE, env={**os.environ, "STRADS_SECRET": "a secret of these two"})
                for index in range(2)]
    printed = [child.communicate(timeout=600)[0] for child in children]
    after = os.times()
    if any(child.returncode for child in children):
        raise RuntimeError(f"{common}: {[child.returncode for child in children]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return printed[0], cpu


def _in_turn(measure):
    """Medians of what is measured plain and encrypted."""
    runs = [(measure(False), measure(True)) for _ in range(PAIRS)]
    sides = [[run[side] for run in runs] for side in (0, 1)]
    return [[statistics.median(values) for values in zip(*side)] for side in sides]


def run():
    example = ROOT / "target/release/examples/measure_rotation"
    subprocess.run(["cargo", "build", "--release", "--quiet", "--locked", "-F", "measure", "--example",
                    "measure_rotation"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory() as place:
        place = Path(place)

        def train(encrypted):
            words = ["lda", "inputs/spam.docword.txt.gz", "--vocab", "inputs/spam.vocab.txt", "--topics", 50,
                     "--iterations", 100, "--format", "json", "--quiet"]
            printed, cpu = _pair(STRADS, words, place, encrypted)
            return json.loads(printed)["seconds"]["train"], cpu

        def rotate(encrypted):
            words = ["--bytes", SLICE, "--sweeps", 8]
            printed, cpu = _pair(example, words, place, encrypted)
            micros = float(re.search(r"([0-9.]+) µs a sub-round", printed)[1])
            return SLICE / micros, cpu

        lda, slices = _in_turn(train), _in_turn(rotate)
    print(f"medians of {PAIRS} pairs in turn, {os.cpu_count()} cores")
    print("strads lda, 50 topics of inputs/spam, 100 sweeps, -n 2: "
          f"{lda[0][0]:.2f} s plain, {lda[1][0]:.2f} s encrypted ({lda[1][0] / lda[0][0]:.2f} times); "
          f"CPU {lda[0][1]:.2f} s and {lda[1][1]:.2f} s")
    print(f"slices of {SLICE >> 20} MiB rotating between two processes: {slices[0][0]:.0f} MB/s each way plain, "
          f"{slices[1][0]:.0f} MB/s encrypted; CPU {slices[0][1]:.2f} s and {slices[1][1]:.2f} s")
    return 0

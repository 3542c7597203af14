"""Runs the strads command, in one process or several, and reads what it wrote."""

import json
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from safetensors.numpy import load_file

from places import BENCH, STRADS, peak_bytes


def hosts(count, to):
    """A hostfile of free local ports."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    to.write_text("".join(f"127.0.0.1:{each.getsockname()[1]}\n" for each in sockets))
    for each in sockets:
        each.close()


def _wait(children, until):
    """Peak bytes of each child, looked at as they run; all are killed at `until`."""
    peaks = [0] * len(children)
    while any(child.poll() is None for child in children):
        if time.monotonic() > until:
            for child in children:
                child.kill()
                child.wait()
            break
        for index, child in enumerate(children):
            peaks[index] = max(peaks[index], peak_bytes(child.pid))
        time.sleep(0.005)
    return peaks


def lasso(arguments, workers=1, processes=1, limit=600.0, model=True):
    """Runs `strads lasso`: as `run`, with the coefficients as `beta`."""
    done = run("lasso", arguments, workers, processes, limit, model)
    if done is not None:
        tensors = done.pop("tensors")
        done["beta"] = tensors["coefficients"] if model else None
    return done


def run(name, arguments, workers=1, processes=1, limit=600.0, model=True):
    """Runs a command that trains: its JSON result, the model's tensors, peak memory, wall seconds.

    None if it failed or took longer than `limit` seconds. Exit 5, not converged within the limits,
    is a result.
    """
    BENCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BENCH) as place:
        place = Path(place)
        command = [str(STRADS), name, *arguments, "--format", "json", "--quiet",
                   "-w", str(workers)]
        if model:
            command += ["--model", str(place / "model.safetensors")]
        if processes > 1:
            hosts(processes, place / "hosts")
            command += ["-n", str(processes), "-h", str(place / "hosts")]
        started = time.monotonic()
        children = []
        for index in range(processes):
            own = ["-p", str(index)] if processes > 1 else []
            with open(place / f"out{index}", "w") as out, open(place / f"err{index}", "w") as err:
                children.append(subprocess.Popen(command + own, stdout=out, stderr=err))
        peaks = _wait(children, started + limit)
        wall = time.monotonic() - started
        codes = [child.returncode for child in children]
        if -9 in codes:
            return None
        if any(code not in (0, 5) for code in codes):
            raise RuntimeError(f"{' '.join(command)}: {(place / 'err0').read_text()}")
        result = json.loads((place / "out0").read_text())
        tensors = load_file(place / "model.safetensors") if model else None
    peaks[0] = max(peaks[0], result["peak_bytes"] or 0)
    return {"result": result, "tensors": tensors, "peak": sum(peaks), "wall": wall}


def feed(arguments, first, then, workers, limit):
    """Feeds changes to a live run: `first` in one epoch, then each of `then` in its own.

    Gives for each of these the seconds from its line on stdin to the epoch's line on stdout; None if
    the command does not follow this model.
    """
    command = [str(STRADS), arguments[0], "-", "--follow", *arguments[1:], "--format", "json",
               "--quiet", "-w", str(workers)]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True)
    timer = threading.Timer(limit, child.kill)
    timer.start()
    seconds = []
    try:
        for lines in [first, *([line] for line in then)]:
            started = time.perf_counter()
            child.stdin.write("".join(f"{line}\n" for line in [*lines, '{"op":"commit"}']))
            child.stdin.flush()
            line = child.stdout.readline()
            while line and "epoch" not in json.loads(line):
                line = child.stdout.readline()
            if not line:
                return None
            seconds.append(time.perf_counter() - started)
    except BrokenPipeError:
        return None
    finally:
        timer.cancel()
        child.kill()
        child.wait()
    return seconds[1:]


class Strads:
    """strads as a contestant."""

    def __init__(self, data, ratio, workers, processes, limit):
        self.data, self.ratio, self.limit = data, ratio, limit
        self.workers, self.processes = workers, processes
        self.name = {(1, 1): "strads -w 1", (2, 1): "strads -w 2"}.get(
            (workers, processes), f"strads -n {processes} -w {workers}")

    def run(self, lam, target):
        arguments = [*self.data, "--tol", f"{target:g}", "--lambda-ratio", f"{self.ratio:g}"]
        done = lasso(arguments, self.workers, self.processes, self.limit)
        if done is None:
            return None
        seconds = done["result"]["seconds"]
        return {"train": seconds["train"], "load": seconds["load"], "peak": done["peak"],
                "wall": done["wall"], "beta": done["beta"]}

    def setting(self, target):
        return {"tol": target}

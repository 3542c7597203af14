"""Runs the strads command, in one process or several, and reads what it wrote."""

import json
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from safetensors.numpy import load_file

from places import BENCH, STRADS


def _hosts(count, to):
    """A hostfile of free local ports."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    to.write_text("".join(f"127.0.0.1:{each.getsockname()[1]}\n" for each in sockets))
    for each in sockets:
        each.close()


def _wait(process, until):
    """(exit code, peak bytes) of a child; it is killed at `until`."""
    while time.monotonic() < until:
        pid, status, usage = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return process.returncode, usage.ru_maxrss * 1024
        time.sleep(0.01)
    process.kill()
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = -9
    return -9, usage.ru_maxrss * 1024


def lasso(arguments, workers=1, processes=1, limit=600.0, model=True):
    """Runs `strads lasso`: its JSON result, the coefficients, peak memory and wall seconds.

    None if it failed or took longer than `limit` seconds. Exit 5, not converged within the limits,
    is a result.
    """
    BENCH.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=BENCH) as place:
        place = Path(place)
        command = [str(STRADS), "lasso", *arguments, "--format", "json", "--quiet",
                   "-w", str(workers)]
        if model:
            command += ["--model", str(place / "model.safetensors")]
        if processes > 1:
            _hosts(processes, place / "hosts")
            command += ["-n", str(processes), "-h", str(place / "hosts")]
        started = time.monotonic()
        children = []
        for index in range(processes):
            own = ["-p", str(index)] if processes > 1 else []
            with open(place / f"out{index}", "w") as out, open(place / f"err{index}", "w") as err:
                children.append(subprocess.Popen(command + own, stdout=out, stderr=err))
        ended = [_wait(child, started + limit) for child in children]
        wall = time.monotonic() - started
        if any(code not in (0, 5) for code, _ in ended):
            if all(code != -9 for code, _ in ended):
                raise RuntimeError(f"{' '.join(command)}: {(place / 'err0').read_text()}")
            return None
        result = json.loads((place / "out0").read_text())
        beta = load_file(place / "model.safetensors")["coefficients"] if model else None
    return {"result": result, "beta": beta, "peak": sum(peak for _, peak in ended), "wall": wall}


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

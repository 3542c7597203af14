"""Where things are, how files are made, and how much memory a process took."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ROOT / "inputs"
STRADS = ROOT / "target" / "release" / "strads"
BENCH = ROOT / "target" / "bench"
DATA = BENCH / "data"
DOCS = ROOT / "docs"


class Skipped(Exception):
    """A data set that cannot be had here, and why."""


def finish(path, write):
    """Writes a file whole or not at all, unless it is there."""
    if not path.exists():
        partial = path.with_name("partial-" + path.name)
        write(partial)
        os.replace(partial, path)
    return str(path)


def svmlight(to, x, y):
    """Writes rows of a sparse matrix, columns from 1, with four significant digits."""
    with open(to, "w") as file:
        for row in range(x.shape[0]):
            span = slice(x.indptr[row], x.indptr[row + 1])
            pairs = zip(x.indices[span] + 1, x.data[span])
            file.write(f"{y[row]:.17g} " + " ".join(f"{j}:{v:.4g}" for j, v in pairs) + "\n")


def peak_bytes(process):
    """The most memory a process had since its exec; 0 if it is gone. (A child's ru_maxrss would
    count its parent's memory before the exec.)"""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peaks[0]) * 1024 if peaks else 0

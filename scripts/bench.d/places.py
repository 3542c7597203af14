"""Where things are, and how much memory a process took."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ROOT / "inputs"
STRADS = ROOT / "target" / "release" / "strads"
BENCH = ROOT / "target" / "bench"
DATA = BENCH / "data"
DOCS = ROOT / "docs"


def peak_bytes(process):
    """The most memory a process had since its exec; 0 if it is gone. (A child's ru_maxrss would
    count its parent's memory before the exec.)"""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peaks[0]) * 1024 if peaks else 0

"""Where things are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INPUTS = ROOT / "inputs"
STRADS = ROOT / "target" / "release" / "strads"
BENCH = ROOT / "target" / "bench"
DATA = BENCH / "data"
DOCS = ROOT / "docs"

"""What the figures were measured on."""

import datetime
import importlib.metadata
import os
import platform
import subprocess

from places import STRADS

PACKAGES = ("numpy", "scipy", "scikit-learn", "celer", "skglm", "adelie",
            "tomotopy", "topica")


def load_average():
    return os.getloadavg()[0]


def _processor():
    """Lines of lscpu that matter for speed."""
    wanted = ("Model name", "CPU(s)", "L2 cache", "L3 cache")
    try:
        text = subprocess.run(["lscpu"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return {"Model name": platform.processor()}
    pairs = [line.split(":", 1) for line in text.splitlines() if ":" in line]
    found = {key.strip(): value.strip() for key, value in pairs}
    widest = next((w for w in ("avx512f", "avx2") if w in found.get("Flags", "")), "no AVX2")
    return {**{key: found[key] for key in wanted if key in found}, "vectors": widest}


def about():
    version = subprocess.run([str(STRADS), "--version"], capture_output=True, text=True).stdout
    return {"date": datetime.date.today().isoformat(), "architecture": platform.machine(),
            "processor": _processor(), "strads": version.split()[-1] if version else None,
            "versions": {name: importlib.metadata.version(name) for name in PACKAGES}}

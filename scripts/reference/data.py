"""Reads the data sets of inputs/ as dense float64 arrays."""

import gzip

import numpy as np
from sklearn.datasets import load_svmlight_file


def diabetes(inputs):
    table = np.loadtxt(inputs / "diabetes.csv", delimiter=",", skiprows=1)
    return table[:, :-1], table[:, -1]


def texts(inputs):
    x, y = load_svmlight_file(str(inputs / "texts.svmlight.gz"), zero_based=False)
    return x.toarray(), y


def mouse(inputs):
    """Doses of allele A1 (0, 1, 2); a missing dose is the mean over the rows that are kept.

    The response is the .fam file's last column; rows without it are left out.
    """
    with gzip.open(inputs / "mouse_hs1940.fam.gz", "rt") as file:
        last = [line.split()[-1] for line in file]
    kept = np.array([value != "NA" for value in last])
    y = np.array([float(value) for value in last if value != "NA"])
    with gzip.open(inputs / "mouse_hs1940.bed.gz", "rb") as file:
        raw = file.read()
    assert raw[:3] == b"\x6c\x1b\x01"
    stride = (len(last) + 3) // 4
    packed = np.frombuffer(raw, np.uint8, offset=3).reshape(-1, stride)
    codes = np.stack([packed >> shift & 3 for shift in (0, 2, 4, 6)], axis=2)
    codes = codes.reshape(len(packed), -1)[:, : len(last)][:, kept]
    x = np.array([2.0, np.nan, 1.0, 0.0])[codes].T
    means = np.nanmean(x, axis=0)
    return np.asfortranarray(np.where(np.isnan(x), means, x)), y


READERS = {"diabetes.csv": diabetes, "mouse_hs1940.bed.gz": mouse, "texts.svmlight.gz": texts}

"""Writes inputs/diabetes.csv from scikit-learn's copy of the diabetes data, on its original scale.

Run by scripts/reference/run.sh. Whole numbers are written without a fraction.
"""

import csv
import sys
from pathlib import Path

from sklearn.datasets import load_diabetes


def plain(value):
    """The shortest text that reads back as the same number."""
    return str(int(value)) if value == int(value) else repr(float(value))


def main():
    data = load_diabetes(scaled=False)
    with open(Path(sys.argv[1]) / "diabetes.csv", "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(list(data.feature_names) + ["progression"])
        for row, target in zip(data.data, data.target):
            writer.writerow([plain(value) for value in row] + [plain(target)])


main()

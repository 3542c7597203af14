"""The ratings: made once as files of training and test ratings, and read back for peers and judge."""

import csv
import gzip
import random
import subprocess

import numpy as np

from places import DATA, INPUTS, STRADS, finish


class Ratings:
    """One data set: its name, what it is, and its files (train, test)."""

    def __init__(self, name, about, source, quick=False, full=False):
        self.name, self.about, self.quick, self.full = name, about, quick, full
        self._source = source

    def files(self):
        """Lines `user,item,rating` without a header; one in ten is test, drawn with a fixed seed."""
        DATA.mkdir(parents=True, exist_ok=True)
        train, test = DATA / f"{self.name}.train.csv", DATA / f"{self.name}.test.csv"

        def write(to):
            draw = random.Random(1)
            with open(to, "w") as learn, open(f"{test}.part", "w") as judge:
                for fields in self._source():
                    line = ",".join(fields[:3]) + "\n"
                    (judge if draw.random() < 0.1 else learn).write(line)
            (DATA / f"{test.name}.part").rename(test)

        return finish(train, write), str(test)


def _rows(path):
    opened = gzip.open(path, "rt") if str(path).endswith(".gz") else open(path)
    with opened as file:
        rows = csv.reader(file, delimiter="\t" if "u.data" in str(path) else ",")
        first = next(rows)
        if first[2].replace(".", "").isdigit():
            yield first
        yield from rows


def _generated(count):
    def rows():
        whole = DATA / f"ratings{count}.csv"

        def write(to):
            # The name tells the format.
            drawn = f"{to}.csv"
            subprocess.run([str(STRADS), "generate", "ratings", drawn, "--ratings", str(count)],
                           check=True, stdout=subprocess.DEVNULL)
            subprocess.run(["mv", drawn, str(to)], check=True)

        return _rows(finish(whole, write))

    return rows


def all_sets(movielens):
    sets = [Ratings("lectures", "inputs/insteval.csv, 73,421 ratings of 1,128 items by 2,972 users",
                    lambda: _rows(INPUTS / "insteval.csv"), quick=True),
            Ratings("generated-1M", "strads generate ratings, 10,000 users, 5,000 items, planted "
                    "rank 10, noise .8", _generated(1_000_000), quick=True),
            Ratings("generated-10M", "the same with 100,000 users and 50,000 items",
                    _generated(10_000_000)),
            Ratings("generated-100M", "the same with 1,000,000 users and 500,000 items",
                    _generated(100_000_000), full=True)]
    if movielens:
        sets.insert(1, Ratings("movielens", f"MovieLens, from {movielens}",
                               lambda: _rows(movielens), quick=True))
    return sets


def load(path):
    """Users and items as text, ratings as numbers."""
    with open(path) as file:
        columns = list(zip(*(line.rstrip("\n").split(",") for line in file)))
    return np.array(columns[0]), np.array(columns[1]), np.array(columns[2], np.float32)


class Numbered:
    """Ratings by positions of users and items; the judge passes over those only the test has."""

    def __init__(self, train, test):
        users, items, self.ratings = load(train)
        self.users, self.user = np.unique(users, return_inverse=True)
        self.items, self.item = np.unique(items, return_inverse=True)
        users, items, ratings = load(test)
        user, item = _place(self.users, users), _place(self.items, items)
        known = (user >= 0) & (item >= 0)
        self.test = (user[known], item[known], ratings[known])


def _place(names, wanted):
    at = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
    return np.where(names[at] == wanted, at, -1)

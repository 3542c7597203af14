"""The ratings: made once as files of training and test ratings, and read back for peers and judge."""

import gzip
import itertools
import operator
import random
import subprocess

import numpy as np
import pandas

from places import DATA, INPUTS, STRADS, finish

# Bytes of lines that are split at once.
STEP = 1 << 22


class Ratings:
    """One data set: its name, what it is, its files (train, test), and the most iterations of ours
    it is run with."""

    def __init__(self, name, about, source, quick=False, full=False, most=1000):
        self.name, self.about, self.quick, self.full = name, about, quick, full
        self.most = most
        self._source = source

    def files(self):
        """Lines `user,item,rating` without a header; one in ten is test, drawn with a fixed seed."""
        DATA.mkdir(parents=True, exist_ok=True)
        train, test = DATA / f"{self.name}.train.csv", DATA / f"{self.name}.test.csv"

        def write(to):
            draw = random.Random(1).random
            with open(to, "w") as learn, open(f"{test}.part", "w") as judge:
                for lines in self._source():
                    drawn = [draw() < 0.1 for _ in lines]
                    learn.writelines(itertools.compress(lines, map(operator.not_, drawn)))
                    judge.writelines(itertools.compress(lines, drawn))
            (DATA / f"{test.name}.part").rename(test)

        return finish(train, write), str(test)


def _lines(path):
    """Lists of lines `user,item,rating`, without a header."""
    opened = gzip.open(path, "rt") if str(path).endswith(".gz") else open(path)
    between = "\t" if "u.data" in str(path) else ","
    with opened as file:
        first = file.readline().split(between)
        if first[2].strip().replace(".", "").isdigit():
            yield [_line(first)]
        while lines := file.readlines(STEP):
            yield [_line(line.split(between, 3)) for line in lines]


def _line(fields):
    return f"{fields[0]},{fields[1]},{fields[2].rstrip()}\n"


def generated(name, *arguments):
    """The file of what strads generates."""
    def write(to):
        # The name tells the format.
        drawn = f"{to}.csv"
        subprocess.run([str(STRADS), "generate", "ratings", drawn, *arguments],
                       check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["mv", drawn, str(to)], check=True)

    DATA.mkdir(parents=True, exist_ok=True)
    return finish(DATA / f"{name}.csv", write)


def _generated(count):
    return lambda: _lines(generated(f"ratings{count}", "--ratings", str(count)))


def all_sets(movielens):
    sets = [Ratings("lectures", "inputs/insteval.csv, 73,421 ratings of 1,128 items by 2,972 users",
                    lambda: _lines(INPUTS / "insteval.csv"), quick=True),
            Ratings("generated-1M", "strads generate ratings, 10,000 users, 5,000 items, planted "
                    "rank 10, noise .8", _generated(1_000_000), quick=True),
            Ratings("generated-10M", "the same with 100,000 users and 50,000 items",
                    _generated(10_000_000), most=12),
            Ratings("generated-100M", "the same with 1,000,000 users and 500,000 items",
                    _generated(100_000_000), full=True, most=4)]
    if movielens:
        sets.insert(1, Ratings("movielens", f"MovieLens, from {movielens}",
                               lambda: _lines(movielens), quick=True))
    return sets


def load(path):
    """Users, items and ratings: all sets have numbers for users and items."""
    types = {"user": np.int64, "item": np.int64, "rating": np.float32}
    table = pandas.read_csv(path, names=list(types), dtype=types)
    return tuple(table[name].to_numpy() for name in types)


def _numbered(names):
    """The names there are, and the position of each of many among them."""
    codes, found = pandas.factorize(names)
    order = np.argsort(found)
    places = np.empty(len(found), np.int32)
    places[order] = np.arange(len(found), dtype=np.int32)
    return found[order], places[codes]


class Numbered:
    """Ratings by positions of users and items; the judge passes over those only the test has."""

    def __init__(self, train, test):
        users, items, self.ratings = load(train)
        self.users, self.user = _numbered(users)
        self.items, self.item = _numbered(items)
        users, items, ratings = load(test)
        user, item = _place(self.users, users), _place(self.items, items)
        known = (user >= 0) & (item >= 0)
        self.test = (user[known], item[known], ratings[known])


def _place(names, wanted):
    at = np.minimum(np.searchsorted(names, wanted), len(names) - 1)
    return np.where(names[at] == wanted, at, -1)

"""The data sets: made or unpacked once as files, and read back as scipy and numpy read them."""

import gzip
import subprocess

import numpy as np
import scipy.sparse as sp
from sklearn.datasets import load_svmlight_file

import debian
from places import DATA, INPUTS, STRADS, finish, svmlight


class Dataset:
    """One problem: a file strads reads, the same numbers for the peers, and values of lambda."""

    def __init__(self, name, about, ratios, make, quick=True):
        self.name, self.about, self.ratios, self.quick = name, about, ratios, quick
        self._make = make

    def files(self):
        """The arguments of `strads lasso` that name the data, and what `load` takes."""
        DATA.mkdir(parents=True, exist_ok=True)
        return self._make()


def blocks(name, rows, columns, block=20, correlation=0.7, planted=100, noise=0.5,
           by_row=False):
    """Gaussian columns in float32, equally correlated within blocks."""

    def make():
        # .npy has no place for the response, and float32 halves the file for everybody.
        x, y = DATA / f"{name}.npy", DATA / f"{name}-y.txt"
        if not x.exists():
            rng = np.random.default_rng(1)
            design = np.empty((columns, rows), np.float32)
            for start in range(0, columns, block):
                stop = min(start + block, columns)
                shared, own = rng.standard_normal(rows), rng.standard_normal((stop - start, rows))
                design[start:stop] = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
            chosen = rng.choice(columns, planted, replace=False)
            signal = rng.standard_normal(planted) @ design[chosen].astype(float)
            response = signal + noise * signal.std() * rng.standard_normal(rows)
            np.savetxt(y, response, fmt="%.17g")
            table = np.ascontiguousarray(design.T) if by_row else design.T
            finish(x, lambda to: np.save(open(to, "wb"), table))
        return [str(x), "--response", str(y)], ("npy", str(x), str(y))

    return make


def zipf(name, rows, columns, mean=30, planted=300, noise=0.5):
    """Sparse rows of words drawn by a Zipf law, weighted 1 + log count, of unit length."""

    def write(to):
        rng = np.random.default_rng(2)
        words = rng.poisson(mean, rows) + 1
        # Inverse of the continuous Zipf law of exponent 1 on 1..columns.
        drawn = np.exp(rng.random(words.sum()) * np.log(columns)).astype(np.int64) - 1
        x = sp.csr_matrix((np.ones(len(drawn)), (np.repeat(np.arange(rows), words), drawn)),
                          shape=(rows, columns))
        x.data = 1 + np.log(x.data)
        x = sp.diags(1 / np.sqrt(x.multiply(x).sum(1).A1)) @ x
        x.data = np.round(x.data, 4)
        chosen = rng.choice(columns // 50, planted, replace=False)
        signal = x[:, chosen] @ rng.standard_normal(planted)
        y = signal + noise * signal.std() * rng.standard_normal(rows)
        svmlight(to, sp.csr_matrix(x), y)

    def make():
        path = finish(DATA / f"{name}.svmlight", write)
        return [path], ("svmlight", path)

    return make


def texts():
    path = str(INPUTS / "texts.svmlight.gz")
    return [path], ("svmlight", path)


def mouse():
    path = str(INPUTS / "mouse_hs1940.bed.gz")
    return [path], ("plink", path)


def genotypes(name, rows, columns, block=20, correlation=0.9, planted=100, noise=0.5):
    """Simulated doses 0, 1, 2 as float32: in a block of columns every haplotype copies its left
    neighbour's allele with probability `correlation`, so that neighbours are linked as in
    genotypes."""

    def make():
        x, y = DATA / f"{name}.npy", DATA / f"{name}-y.txt"
        if not x.exists():
            rng = np.random.default_rng(3)
            design = np.empty((columns, rows), np.float32)
            alleles = np.zeros((2, rows), bool)
            for column in range(columns):
                fresh = rng.random((2, rows)) < rng.uniform(0.05, 0.5)
                kept = rng.random((2, rows)) < (correlation if column % block else 0)
                alleles = np.where(kept, alleles, fresh)
                design[column] = alleles.sum(0)
            chosen = rng.choice(columns, planted, replace=False)
            signal = rng.standard_normal(planted) @ design[chosen].astype(float)
            response = signal + noise * signal.std() * rng.standard_normal(rows)
            np.savetxt(y, response, fmt="%.17g")
            finish(x, lambda to: np.save(open(to, "wb"), design.T))
        return [str(x), "--response", str(y)], ("npy", str(x), str(y))

    return make


def generated(name, *options):
    """A design of `strads generate lasso`."""

    def make():
        path = finish(DATA / f"{name}.svmlight", lambda to: _generate(to, options))
        return [path], ("svmlight", path)

    return make


def _generate(to, options):
    command = [str(STRADS), "generate", "lasso", str(to), *options]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def load(source):
    """Reads (x, y): x float64, dense in column order or compressed columns."""
    kind, path = source[:2]
    if kind == "npy":
        return np.asfortranarray(np.load(path), dtype=float), np.loadtxt(source[2])
    if kind == "svmlight":
        x, y = load_svmlight_file(path, zero_based=False)
        return x.tocsc(), y
    return plink(path)


def plink(path):
    """Doses of the first allele; rows without a response are left out; a missing dose is the mean of
    its column."""
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path.replace(".bed", ".fam"), "rt") as file:
        last = [line.split()[-1] for line in file]
    kept = np.array([value != "NA" for value in last])
    with opened(path, "rb") as file:
        packed = np.frombuffer(file.read(), np.uint8, offset=3).reshape(-1, (len(last) + 3) // 4)
    codes = np.stack([packed >> shift & 3 for shift in (0, 2, 4, 6)], axis=2)
    codes = codes.reshape(len(packed), -1)[:, : len(last)][:, kept]
    doses = np.array([2.0, np.nan, 1.0, 0.0])
    x = np.empty(codes.shape[::-1], order="F")
    for column, code in enumerate(codes):
        dose = doses[code]
        missing = code == 1
        known = dose[~missing]
        dose[missing] = known.mean() if len(known) else 0.0
        x[:, column] = dose
    return x, np.array([float(value) for value in last if value != "NA"])


DATASETS = [
    Dataset("d500", "dense 500 × 100,000, blocks of 20 columns with correlation .7",
            [0.1, 0.01], blocks("d500", 500, 100_000), quick=False),
    Dataset("mouse", "genotypes 1,580 × 12,226", [0.1], mouse),
    Dataset("texts", "sparse 2,000 × 4,956, 62 thousand values", [0.1, 0.01], texts),
    Dataset("zipf", "sparse 100,000 × 500,000, 2.6 million values", [0.1],
            zipf("zipf", 100_000, 500_000), quick=False),
    Dataset("hlc", "human liver cohort, genotypes 427 × 358,499 with missing ones",
            [0.1], debian.hlc, quick=False),
    Dataset("snp10", "simulated genotypes 1,000 × 28,000, linked in blocks of 20",
            [0.1], genotypes("snp10", 1_000, 28_000), quick=False),
    Dataset("packages", "words and pairs of words of Debian's package descriptions",
            [0.1, 0.01], debian.packages, quick=False),
    Dataset("d200", "dense 200 × 5,000, blocks of 20 columns with correlation .7",
            [0.1], blocks("d200", 200, 5_000, planted=30)),
    Dataset("tall", "dense 1,000,000 × 50 by rows, blocks of 20 columns with correlation .7",
            [0.1, 0.01], blocks("tall", 1_000_000, 50, planted=10, by_row=True), quick=False),
]

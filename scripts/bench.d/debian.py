"""Data sets from the Debian archive: real genotypes, and the descriptions of all packages.

Both are skipped where apt is not to be had. Nothing is installed and nothing needs root: lists and
packages go into the benchmark's own directory.
"""

import gzip
import re
import shutil
import subprocess

import numpy as np
import scipy.sparse as sp

from places import DATA, Skipped, finish, svmlight

GENOTYPES = "gemma-doc"
LISTS = DATA / "apt"


def _apt(*command, cwd=DATA):
    """Runs apt with lists of its own, descriptions in English among them."""
    if shutil.which("apt-get") is None:
        raise Skipped("there is no apt here")
    (LISTS / "partial").mkdir(parents=True, exist_ok=True)
    options = ["-o", f"Dir::State::lists={LISTS}", "-o", "Acquire::Languages=en",
               "-o", "Acquire::IndexTargets::deb::Translations::DefaultEnabled=true",
               "-o", "APT::Sandbox::User=root", "-qq"]
    try:
        return subprocess.run([command[0], *options, *command[1:]], cwd=cwd, check=True,
                              capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        raise Skipped(f"{command[0]} {command[1]} failed: {error.stderr.strip()}") from None


def _update():
    if not any(LISTS.glob("*Packages*")):
        _apt("apt-get", "update")


def depends(name):
    """The first package that a package depends on."""
    _update()
    found = re.search(r"Depends: (\S+)", _apt("apt-cache", "depends", name))
    if not found:
        raise Skipped(f"there is no package {name}")
    return found.group(1)


def package(name):
    """A package's file, fetched once."""
    if not any(DATA.glob(f"{name}_*.deb")):
        _update()
        _apt("apt-get", "download", name)
    return next(DATA.glob(f"{name}_*.deb"))


def hlc():
    """The human liver cohort of GEMMA's examples, with its first simulated phenotype."""
    bed = DATA / "HLC.bed"
    if not bed.exists():
        place = DATA / "hlc"
        subprocess.run(["dpkg-deb", "-x", package(GENOTYPES), place], check=True)
        examples = place / "usr/share/doc/gemma/example"
        for end in ("bim", "fam", "bed"):
            with gzip.open(examples / f"HLC.{end}.gz", "rb") as file:
                finish(DATA / f"HLC.{end}", lambda to: to.write_bytes(file.read()))
        shutil.rmtree(place)
    return [str(bed)], ("plink", str(bed))


def packages():
    """Words and pairs of words of every package's description; the response is its size's log."""

    def write(to):
        _update()
        x, y = _texts()
        svmlight(to, x, y)

    path = finish(DATA / "packages.svmlight", write)
    return [path], ("svmlight", path)


def _records(kind):
    """The fields of every record of apt's lists of a kind."""
    for path in sorted(LISTS.glob(f"*{kind}*")):
        text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", str(path)], check=True,
                              capture_output=True, text=True).stdout
        for record in text.split("\n\n"):
            fields = re.split(r"^([A-Za-z0-9-]+): ", record, flags=re.MULTILINE)[1:]
            yield dict(zip(fields[::2], fields[1::2]))


def _texts():
    """(x, y): rows of unit length, weighted by log count and log inverse document frequency."""
    told = {r["Description-md5"].strip(): r["Description-en"] for r in _records("Translation-en")
            if "Description-md5" in r and "Description-en" in r}
    documents, y, seen = [], [], set()
    for record in _records("Packages"):
        name, text = record.get("Package", "").strip(), told.get(
            record.get("Description-md5", "").strip())
        if text is None or name in seen or "Installed-Size" not in record:
            continue
        seen.add(name)
        y.append(np.log1p(float(record["Installed-Size"])))
        words = re.findall(r"[a-z0-9][a-z0-9+-]*", text.lower())
        documents.append(words + [f"{a} {b}" for a, b in zip(words, words[1:])])
    vocabulary = {}
    indices = [vocabulary.setdefault(word, len(vocabulary)) for d in documents for word in d]
    pointers = np.concatenate([[0], np.cumsum([len(d) for d in documents])])
    x = sp.csr_matrix((np.ones(len(indices)), indices, pointers),
                      shape=(len(documents), len(vocabulary)))
    x.sum_duplicates()
    frequency = np.bincount(x.indices, minlength=x.shape[1])
    x = x[:, frequency >= 3]
    x.data = 1 + np.log(x.data)
    x = x @ sp.diags(np.log(x.shape[0] / frequency[frequency >= 3]))
    x = sp.diags(1 / np.maximum(np.sqrt(x.multiply(x).sum(1).A1), 1e-12)) @ x
    x = sp.csr_matrix(x)
    x.data = np.round(x.data, 4)
    x.eliminate_zeros()
    return x, np.array(y)

#!/usr/bin/env python3
"""Builds inputs/texts.svmlight.gz and inputs/texts.features.txt.

A small sparse regression problem from Debian's package lists: what a package's English description
says, against the logarithm of its installed size. Needs a Debian 12 machine whose apt knows the
`main` archive, and only Python's standard library. The lists are fetched into a temporary folder by
apt itself (verified by its signature check); the machine's own lists are left alone.

    python3 scripts/reference/make_texts.py inputs

Everything is a function of the two lists: documents are the DOCUMENTS packages whose name has the
smallest SHA-256, one package a description, sorted by name. Lists change with Debian's point
releases; the release is printed, and inputs/README.md names the one that was used.

Value of word w in document d: (1 + ln tf) * ln(N / df), rows scaled to unit length, four
significant digits. Response: ln(Installed-Size in KiB), four decimals. Indices start at 1; line i
of texts.features.txt is word i.
"""

import gzip
import hashlib
import math
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

DOCUMENTS = 2000
LEAST_DOCUMENTS = 2  # a word must be in at least so many documents
MOST_SHARE = 0.3  # and in at most this share of them
LEAST_WORDS = 20  # a description must have at least so many words
WORD = re.compile(r"[a-z][a-z0-9+]*[a-z0-9+]")
HELPER = "/usr/lib/apt/apt-helper"


def fetch(folder):
    """Lets apt fetch its lists, English descriptions included, into `folder`."""
    (folder / "partial").mkdir()
    options = [
        f"Dir::State::Lists={folder}",
        "Acquire::Languages=en",
        "APT::Sandbox::User=",
        "Dir::Cache::pkgcache=",
        "Dir::Cache::srcpkgcache=",
    ]
    command = ["apt-get"] + [part for option in options for part in ("-o", option)] + ["update"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def read(folder, pattern):
    """The text of the one list whose file name matches."""
    found = sorted(folder.glob(pattern))
    if len(found) != 1:
        sys.exit(f"expected one list {pattern}, found {len(found)}")
    done = subprocess.run([HELPER, "cat-file", found[0]], check=True, capture_output=True)
    return done.stdout.decode("utf-8")


def stanzas(text):
    """The stanzas of a list: fields by name, continuation lines joined."""
    for stanza in text.split("\n\n"):
        fields, name = {}, None
        for line in stanza.splitlines():
            if line[:1] in (" ", "\t"):
                fields[name] += "\n" + line.strip()
            elif ":" in line:
                name, value = line.split(":", 1)
                fields[name] = value.strip()
        if fields:
            yield fields


def choose(packages, descriptions):
    """The chosen documents, sorted by name: (name, words, installed size)."""
    text = {s["Description-md5"]: s["Description-en"] for s in stanzas(descriptions)}
    ranked = sorted(stanzas(packages), key=lambda s: hashlib.sha256(s["Package"].encode()).digest())
    chosen, seen = [], set()
    for package in ranked:
        digest = package.get("Description-md5")
        size = int(package.get("Installed-Size", "0"))
        if digest in seen or digest not in text or size < 1:
            continue
        words = WORD.findall(text[digest].lower())
        if len(words) < LEAST_WORDS:
            continue
        seen.add(digest)
        chosen.append((package["Package"], words, size))
        if len(chosen) == DOCUMENTS:
            break
    return sorted(chosen)


def vocabulary(documents):
    """The words kept, sorted, each with the number of documents it is in."""
    counts = Counter(word for _, words, _ in documents for word in set(words))
    most = MOST_SHARE * len(documents)
    return {w: c for w, c in sorted(counts.items()) if LEAST_DOCUMENTS <= c <= most}


def line(words, size, frequency, index, total):
    """One document as a line of svmlight text."""
    counts = Counter(word for word in words if word in frequency)
    values = {
        index[word]: (1 + math.log(count)) * math.log(total / frequency[word])
        for word, count in counts.items()
    }
    norm = math.sqrt(math.fsum(value * value for value in values.values())) or 1.0
    cells = "".join(f" {i}:{values[i] / norm:.4g}" for i in sorted(values))
    return f"{math.log(size):.4f}{cells}\n"


def main():
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "inputs")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fetch(folder)
        release = read(folder, "*_debian_dists_bookworm_InRelease")
        packages = read(folder, "*_debian_dists_bookworm_main_binary-amd64_Packages*")
        descriptions = read(folder, "*_debian_dists_bookworm_main_i18n_Translation-en*")
    for field in ("Version", "Date"):
        print(re.search(rf"^{field}: .*$", release, re.M).group())
    documents = choose(packages, descriptions)
    frequency = vocabulary(documents)
    index = {word: i + 1 for i, word in enumerate(frequency)}
    text = "".join(line(w, size, frequency, index, len(documents)) for _, w, size in documents)
    with open(target / "texts.svmlight.gz", "wb") as file:
        with gzip.GzipFile("", "wb", compresslevel=9, fileobj=file, mtime=0) as packed:
            packed.write(text.encode())
    (target / "texts.features.txt").write_text("".join(f"{word}\n" for word in frequency))
    print(f"{len(documents)} documents, {len(frequency)} words, {text.count(':')} values")


main()

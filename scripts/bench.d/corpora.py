"""The corpora: made or fetched once as UCI bags of words, and read back for the peers."""

import gzip
import html
import re
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

import debian
from places import DATA, INPUTS, STRADS, finish

# The package whose HTML pages are the real corpus, by name; any release will do.
PACKAGE = "linux-doc"
STOPWORDS = frozenset(
    "a an and are as at be been but by can do does each for from had has have he how i if in into is "
    "it its may must no not of on one or other over should so some such than that the their them then "
    "there these they this those to under up use used using was we were when where which will with "
    "you your".split())


class Corpus:
    """One corpus: what it is, how many topics are asked for, and its files."""

    def __init__(self, name, about, topics, make, quick=False):
        self.name, self.about, self.topics, self.quick = name, about, topics, quick
        self._make = make

    def files(self):
        """(docword, vocab)."""
        DATA.mkdir(parents=True, exist_ok=True)
        return self._make()


def _generated(name, *options):
    def make():
        words, vocab = DATA / f"{name}.docword.txt", DATA / f"{name}.vocab.txt"

        def write(to):
            command = [str(STRADS), "generate", "corpus", str(to), "--vocab", str(vocab), *options]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)

        return finish(words, write), str(vocab)

    return make


def _mails():
    return str(INPUTS / "spam.docword.txt.gz"), str(INPUTS / "spam.vocab.txt")


def _kernel():
    """The kernel's documentation: a page is a document; words of letters that 5 pages or more have."""
    words, vocab = DATA / "kernel.docword.txt", DATA / "kernel.vocab.txt"

    def write(to):
        pages = [re.findall(r"[a-z][a-z_]+", text.lower()) for text in _pages()]
        pages = [[word for word in page if word not in STOPWORDS] for page in pages]
        seen = Counter(word for page in pages for word in set(page))
        numbers = {word: number for number, word in
                   enumerate(sorted(word for word, count in seen.items() if count >= 5), 1)}
        bags = [Counter(numbers[word] for word in page if word in numbers) for page in pages]
        vocab.write_text("".join(f"{word}\n" for word in numbers))
        with open(to, "w") as file:
            file.write(f"{len(bags)}\n{len(numbers)}\n{sum(map(len, bags))}\n")
            for number, bag in enumerate(bags, 1):
                file.writelines(f"{number} {word} {bag[word]}\n" for word in sorted(bag))

    return finish(words, write), str(vocab)


def _pages():
    """The texts of the package's HTML pages, without those that only list others."""
    with tempfile.TemporaryDirectory(dir=DATA) as place:
        package = debian.package(debian.depends(PACKAGE))
        subprocess.run(["dpkg-deb", "-x", str(package), place], check=True)
        for page in sorted(Path(place).rglob("*.html")):
            if page.name in ("genindex.html", "search.html"):
                continue
            text = page.read_text(errors="replace")
            body = re.search(r'<div class="body".*?(?=<div class="sphinxsidebar"|</body>)', text, re.S)
            text = re.sub(r"<(script|style).*?</\1>", " ", body.group(0) if body else text, flags=re.S)
            yield html.unescape(re.sub(r"<[^>]*>", " ", text))


CORPORA = [
    Corpus("mails", "inputs/spam, 5,521 e-mails, 721 thousand tokens of 13,038 words", (100,), _mails,
           quick=True),
    Corpus("kernel", "pages of the kernel's documentation (Debian's linux-doc)", (100, 1000, 5000),
           _kernel),
    Corpus("short", "planted, 400 thousand documents of 8 tokens, 50 thousand words", (1000,),
           _generated("short", "--documents", "400000", "--length", "8", "--vocabulary", "50000",
                      "--topics", "500")),
    Corpus("planted", "planted, 100 thousand documents of 100 tokens, 100 thousand words", (1000,),
           _generated("planted", "--documents", "100000", "--length", "100", "--vocabulary",
                      "100000", "--topics", "1000")),
]


def load(path):
    """(documents, words, tokens): how many documents and words there are, and of every document the
    numbers of its words from 0, one a token."""
    opened = gzip.open(path, "rt") if path.endswith(".gz") else open(path)
    with opened as file:
        documents, words, _ = (int(next(file)) for _ in range(3))
        rows = np.loadtxt(file, dtype=np.int64, ndmin=2)
    tokens = np.repeat(rows[:, 1] - 1, rows[:, 2])
    lengths = np.bincount(rows[:, 0] - 1, weights=rows[:, 2], minlength=documents).astype(int)
    return documents, words, np.split(tokens, np.cumsum(lengths)[:-1])

"""One peer in a process of its own: loads a corpus, samples, and lets the judge look now and then.

    samplers.py NAME THREADS TOPICS ALPHA BETA BUDGET DOCWORD

Prints lines of JSON: first `load`, then a line a judged state with the `seconds` of sampling alone, the
`iteration` and the `likelihood`; last `peak`.
"""

import gzip
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import scipy.sparse as sp

import corpora
import likelihood
import places

NAME, THREADS, TOPICS = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
ALPHA, BETA, BUDGET, PATH = float(sys.argv[4]), float(sys.argv[5]), float(sys.argv[6]), sys.argv[7]
# Iterations after which the judge looks, as far as the budget goes.
LOOKS = (1, 2, 5, 10, 15, 20, 30, 40, 60, 80, 120, 160, 240, 320, 480, 640, 960)
# Where every look needs a run of its own: the iterations of the first, and the shares of the budget
# that the others are for.
FIRST, SHARES = 5, (0.25, 0.5, 1.0)


def say(**line):
    print(json.dumps(line), flush=True)


def judge(documents, words, topics, shape):
    """The likelihood of a state: of every token its document, word and topic."""
    one = np.ones(len(topics), np.int64)
    by_word = sp.csr_matrix((one, (words, topics)), shape=(shape[1], TOPICS))
    by_document = sp.csr_matrix((one, (documents, topics)), shape=(shape[0], TOPICS))
    return likelihood.joint(by_word, by_document, ALPHA, BETA)


def tomotopy(shape, tokens):
    import tomotopy as tp

    # Exact sampling with concentrations that stay as they are.
    model = tp.LDAModel(k=TOPICS, alpha=ALPHA, eta=BETA, seed=1)
    model.optim_interval, model.burn_in = 0, 0
    kept = [number for number, words in enumerate(tokens) if len(words)]
    for number in kept:
        model.add_doc(list(map(str, tokens[number].tolist())))
    model.train(0)
    names = np.array([int(word) for word in model.used_vocabs])
    seconds, done = 0.0, 0
    for look in LOOKS:
        started = time.perf_counter()
        model.train(look - done, workers=THREADS)
        seconds += time.perf_counter() - started
        done = look
        words = np.concatenate([np.asarray(doc.words) for doc in model.docs])
        topics = np.concatenate([np.asarray(doc.topics) for doc in model.docs]).astype(np.int64)
        documents = np.repeat(kept, [len(doc.words) for doc in model.docs])
        say(seconds=seconds, iteration=done,
            likelihood=judge(documents, names[words], topics, shape))
        # The next look is later by at least a third.
        if seconds * 4 / 3 > BUDGET:
            return


def topica(shape, tokens):
    import topica as tc

    corpus = tc.Corpus.from_documents([list(map(str, words.tolist())) for words in tokens])
    pace, looks = None, [FIRST]
    while looks:
        look = looks.pop(0)
        # Every state needs a run of its own, from the start: its sampler cannot go on.
        model = tc.LDA(TOPICS, alpha_sum=ALPHA * TOPICS, beta=BETA, optimize_interval=0, burn_in=0,
                       seed=1, num_threads=THREADS)
        started = time.perf_counter()
        model.fit(corpus, iters=look, num_samples=1, progress=False, keep_theta_draws=False)
        seconds = time.perf_counter() - started
        with tempfile.TemporaryDirectory(dir=places.DATA) as place:
            documents, words, topics = _state(model, Path(place) / "state.gz")
        say(seconds=seconds, iteration=look,
            likelihood=judge(documents, words, topics, shape))
        if pace is None:
            pace = seconds / look
            looks = [int(share * BUDGET / pace) for share in SHARES]
            looks = [look for look in looks if look > FIRST]


def _state(model, path):
    """Document, word and topic of every token, from a state as MALLET writes it."""
    model.save_state(str(path))
    opened = gzip.open(path, "rt") if path.read_bytes()[:2] == b"\x1f\x8b" else open(path)
    with opened as file:
        table = np.loadtxt(file, dtype=np.int64, comments="#", usecols=(0, 4, 5), ndmin=2)
    return table[:, 0], table[:, 1], table[:, 2]


def main():
    started = time.perf_counter()
    documents, words, tokens = corpora.load(PATH)
    say(load=time.perf_counter() - started, tokens=sum(map(len, tokens)))
    {"tomotopy": tomotopy, "topica": topica}[NAME]((documents, words), tokens)
    say(peak=places.peak_bytes("self"))


main()

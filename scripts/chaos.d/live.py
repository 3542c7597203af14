"""A live run: a file of changes that is followed, told epoch by epoch, ended by a signal."""

import json
import random
import signal
import time

from group import LIMIT, Failure
from work import Work, plain, works


class Live(Work):
    """Every epoch must be told, and however often it is told, alike; the model is the last one's."""

    def __init__(self, name, arguments, every, feed):
        super().__init__(name, [*arguments, "--follow"], every)
        self.feed = feed
        # Of each trial, what was told of every epoch.
        self.told = {}

    def settle(self, root):
        path = root / f"{self.name.replace(' ', '-')}.jsonl"
        path.write_text(self.feed)
        self.epochs = self.feed.count('"commit"')
        self.arguments.insert(1, path)
        super().settle(root)

    def wait(self, group):
        """Ends the run once it has told its last epoch."""
        until = time.monotonic() + LIMIT
        while group.lives() and not self._is_done(group) and time.monotonic() < until:
            time.sleep(0.02)
        group.signal_first(signal.SIGTERM)
        codes = group.wait()
        self._hear(group)
        return codes

    def _hear(self, group):
        """Takes note of the epochs that were told whole, and gives those that this run has told."""
        told, now, ends = self.told.setdefault(group.place, {}), set(), 0
        for line in group.stdout().splitlines(keepends=True):
            result = _whole(line)
            ends += len(line)
            if result:
                if ends > group.since:
                    now.add(result["epoch"])
                before = told.setdefault(result["epoch"], result)
                if result != before:
                    raise Failure(f"wrong: told {before}, and later {result}")
        return now

    def _is_done(self, group):
        """Whether this run has told the last epoch, or goes on from a checkpoint that has it.

        One that has done neither may not be there yet, or not listen to signals yet.
        """
        manifests = sorted((group.place / "kept").glob("*/MANIFEST"))
        try:
            text = manifests[-1].read_bytes().decode(errors="replace") if manifests else "{}"
        except FileNotFoundError:
            return False
        kept = json.JSONDecoder().raw_decode(text)[0].get("progress", {}).get("epoch", 0)
        # A launcher's output holds what was said before the last restart, too.
        goes_on = "on from line" in group.stderr(0).rpartition("starting all")[2]
        return goes_on and kept >= self.epochs or self.epochs - 1 in self._hear(group)

    def outcome(self, group, place):
        self._hear(group)
        return self.told[group.place], (place / "model.safetensors").read_bytes()


def _whole(line):
    """The result in a line; nothing if its process was killed in the midst of it."""
    try:
        return plain(line) if line.endswith("\n") else None
    except ValueError:
        return None


def everything():
    """All that keeps checkpoints."""
    # So that of the epochs of a factorisation some are repaired, some swept.
    factors = ["mf", "--rank", 8, "--weighted-lambda", "--biases", "--tol", 0.05]
    topics = ["lda", "--topics", 8, "--iterations", 20]
    return [
        *works(),
        Live("lasso live", ["lasso", "--lambda", 0.05], 40, feed(800, _row)),
        Live("mf live", factors, 8, feed(150, _rating)),
        Live("lda live", topics, 8, feed(150, _document)),
    ]


def feed(epochs, datum, changes=8):
    """A feed of data that come, change and go: `datum` gives an identity, and what is put there."""
    draws, known, lines = random.Random(5), {}, []
    for epoch in range(epochs):
        for change in range(changes):
            again = draws.choice(list(known)) if known and draws.random() < 0.25 else None
            if again and draws.random() < 0.5:
                lines.append({"op": "del", **known.pop(again)})
                continue
            identity, content = datum(draws, known[again] if again else None, f"{epoch}-{change}")
            known[json.dumps(identity)] = identity
            lines.append({"op": "put", **identity, **content})
        lines.append({"op": "commit"})
    return "".join(json.dumps(line) + "\n" for line in lines)


def _row(draws, again, name):
    x = {f"x{column}": round(draws.gauss(0, 1), 3) for column in draws.sample(range(60), 8)}
    return again or {"id": f"r{name}"}, {"y": round(sum(x.values()), 3), "x": x}


def _rating(draws, again, _name):
    pair = {"user": f"u{draws.randrange(300)}", "item": f"i{int(120 * draws.random() ** 2)}"}
    return again or pair, {"rating": draws.randint(1, 10) / 2}


def _document(draws, again, name):
    subject = draws.randrange(12)
    words = [f"w{subject * 15 + draws.randrange(25)}" for _ in range(draws.randint(5, 60))]
    return again or {"id": f"d{name}"}, {"text": " ".join(words)}

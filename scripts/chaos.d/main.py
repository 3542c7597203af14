"""Entry point of scripts/chaos."""

import argparse
import collections
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

import cost
import disturb
import network
from group import Failure
from live import everything

# How much of each: kills, stops, full disks.
SIZES = {"quick": (40, 3, 3), "full": (500, 30, 30)}


class Tally:
    """What was tried, and what went wrong."""

    def __init__(self, seed):
        self.seed = seed
        self.counts = collections.Counter()
        self.failures = []
        self.begun = time.monotonic()

    def tries(self, name, work, draws, attempt):
        """Makes an attempt; gives what it gives, nothing if it failed."""
        try:
            made = attempt()
        except Failure as failure:
            self.failures.append(f"{name}, {work}: {failure}")
        except Exception:
            self.failures.append(f"{name}, {work}: {traceback.format_exc()}")
        else:
            if made:
                self.counts[name] += int(made)
            return int(made)
        print(f"FAILED {self.failures[-1]}", file=sys.stderr, flush=True)
        return 0

    def show(self):
        seconds = time.monotonic() - self.begun
        for name, count in self.counts.items():
            print(f"{count:6} {name}")
        print(f"{len(self.failures):6} wrong, hung, lost or left behind")
        print(f"in {seconds:.0f} s, seed {self.seed}, {os.cpu_count()} cores")
        return 1 if self.failures else 0


def run(options, root, tally):
    kills, stops, full = SIZES["full" if options.full else "quick"]
    draws = random.Random(options.seed)
    chosen = [work for work in everything() if options.only in work.name]
    for work in chosen:
        work.settle(root)
    most = 3 * kills
    while tally.counts["kills"] < kills and most > 0 and not tally.failures[10:]:
        most -= 1
        work = draws.choice(chosen)
        left = kills - tally.counts["kills"]
        way = disturb.launched if draws.random() < 0.3 else disturb.kills
        made = tally.tries("kills", work.name, draws, lambda: way(work, root, draws, left))
        if made:
            print(f"{tally.counts['kills']} of {kills} kills", file=sys.stderr, flush=True)
    if tally.counts["kills"] < kills:
        tally.failures.append(f"only {tally.counts['kills']} of {kills} kills came in time")
    for _ in range(2 * stops):
        if tally.counts["stopped processes"] < stops:
            work = draws.choice(chosen)
            tally.tries("stopped processes", work.name, draws, lambda: disturb.stop(work, root, draws))
    for at in range(full):
        work = draws.choice(chosen)
        attempt = lambda: disturb.disk_full(work, root, draws, at % 2 == 0) or True
        tally.tries("full disks", work.name, draws, attempt)
    for work in chosen:
        if not tally.tries("small file systems", work.name, draws, lambda: disturb.small_disk(work, root)):
            print("small file systems: skipped, none can be mounted here", file=sys.stderr)
            break
    network.run(chosen, root, draws, tally, 3 if options.full else 1)


def main():
    parser = argparse.ArgumentParser(prog="scripts/chaos", description=__doc__)
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="40 kills (the default)")
    size.add_argument("--full", action="store_true", help="500 kills")
    size.add_argument("--cost", action="store_true", help="what --encrypt costs, and nothing else")
    parser.add_argument("--seed", type=int, default=1, help="what is tried where and when")
    parser.add_argument("--only", default="", metavar="NAME", help="only commands named like this")
    options = parser.parse_args()
    if options.cost:
        return cost.run()
    tally = Tally(options.seed)
    root = Path(tempfile.mkdtemp(prefix="strads-chaos-"))
    run(options, root, tally)
    if not tally.failures:
        shutil.rmtree(root)
    else:
        print(f"what failed is left in {root}", file=sys.stderr)
    return tally.show()


sys.exit(main())

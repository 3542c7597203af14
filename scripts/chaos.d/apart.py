"""What is tried of one command on hosts of its own; see `network.py`. Prints how much of each."""

import json
import random
import sys
import time
from pathlib import Path

from disturb import LOST
from group import Failure, Group
from live import everything
from network import HOSTS, Hosts
from work import trial


def whole(hosts, work, root):
    """A run over the hosts gives what it should."""
    with trial(root, "hosts") as place, Group(place) as group:
        begun = time.monotonic()
        hosts.start(group, work.command(place, 1))
        codes = work.wait(group)
        if any(codes):
            raise Failure(f"on {HOSTS} hosts: ended with {codes}: {group.said()}")
        work.took(HOSTS, begun)
        work.check(group, place)


def cut(hosts, work, root, draws):
    """A link is cut: both sides end, naming the other; mended, they go on. Gives if it was in time."""
    victim = draws.randrange(HOSTS)
    with trial(root, "cut") as place:
        with Group(place) as group:
            hosts.start(group, [*work.command(place, 1), "--peer-timeout", 1])
            time.sleep(draws.uniform(0.1, 0.9) * work.takes(HOSTS))
            hosts.link(victim, "down")
            codes = work.wait(group)
            hosts.link(victim, "up")
            if codes == [0] * HOSTS:
                return False
            for index, code in enumerate(codes):
                others = [victim] if index != victim else [at for at in range(HOSTS) if at != victim]
                named = any(f"process {at}" in group.stderr(index) for at in others)
                if code not in (0, LOST) or (code == LOST and not named):
                    raise Failure(f"process {victim} was cut off: {codes}: {group.said()}")
        with Group(place) as group:
            hosts.start(group, [*work.command(place, 1), "--resume"])
            codes = work.wait(group)
            if any(codes):
                raise Failure(f"with the link mended: ended with {codes}: {group.said()}")
            work.check(group, place)
            group.none_left()
    return True


def main():
    root, name, seed, cuts = sys.argv[1:]
    root, draws = Path(root), random.Random(int(seed))
    work = next(work for work in everything() if work.name == name)
    work.settle(root)
    counts = {"runs on hosts of their own": 1, "cut links": 0, "runs with delay and loss": 0}
    with Hosts() as hosts:
        whole(hosts, work, root)
        for _ in range(int(cuts)):
            counts["cut links"] += cut(hosts, work, root, draws)
        if hosts.worsen():
            whole(hosts, work, root)
            counts["runs with delay and loss"] += 1
        else:
            print("delay and loss: skipped, the kernel has no netem", file=sys.stderr)
    print(json.dumps({name: count for name, count in counts.items() if count}))


try:
    main()
except Failure as failure:
    print(failure)
    sys.exit(1)

"""Hosts of their own: network namespaces joined by a bridge, where that is permitted.

What needs them runs in a user and network namespace of its own (`apart.py`), so that it takes no
rights and leaves nothing behind.
"""

import json
import subprocess
import sys
import time
from pathlib import Path

from group import LIMIT, STRADS, Failure

HOSTS = 3
BRIDGE = "hub"


def _do(*words):
    subprocess.run([str(word) for word in words], check=True, capture_output=True)


class Hosts:
    """Network namespaces with addresses 10.77.0.1, 10.77.0.2, …, each held by a sleeping process."""

    def __enter__(self):
        self.holders = [subprocess.Popen(["unshare", "-n", "sleep", "3600"]) for _ in range(HOSTS)]
        _do("ip", "link", "set", "lo", "up")
        _do("ip", "link", "add", "name", BRIDGE, "type", "bridge")
        _do("ip", "link", "set", BRIDGE, "up")
        for index, holder in enumerate(self.holders):
            own, out = f"eth{index}", f"port{index}"
            _do("ip", "link", "add", "name", out, "type", "veth", "peer", "name", own)
            self._apart(holder.pid)
            _do("ip", "link", "set", own, "netns", holder.pid)
            _do("ip", "link", "set", out, "master", BRIDGE, "up")
            _do(*self.on(index), "ip", "link", "set", "lo", "up")
            _do(*self.on(index), "ip", "addr", "add", f"10.77.0.{index + 1}/24", "dev", own)
            _do(*self.on(index), "ip", "link", "set", own, "up")
        return self

    @staticmethod
    def _apart(holder):
        """Waits until a process is in a namespace of its own."""
        own = Path("/proc/self/ns/net").readlink()
        until = time.monotonic() + 10.0
        while Path(f"/proc/{holder}/ns/net").readlink() == own:
            if time.monotonic() > until:
                raise Failure("a network namespace does not come")
            time.sleep(0.01)

    def __exit__(self, *_):
        for holder in self.holders:
            holder.kill()
            holder.wait()

    def on(self, index):
        """What a command begins with to run on a host."""
        return ["nsenter", "-t", str(self.holders[index].pid), "-n"]

    def start(self, group, arguments):
        """Starts a process on every host."""
        lines = [f"10.77.0.{index + 1}:2101\n" for index in range(HOSTS)]
        (group.place / "hosts").write_text("".join(lines))
        for index in range(HOSTS):
            own = ["-n", HOSTS, "-p", index, "-h", group.place / "hosts"]
            group.start([*self.on(index), STRADS, *arguments, *own], STRADS_SECRET="off the loopback")

    def link(self, index, state):
        """Cuts the link of a host (`down`), or mends it (`up`)."""
        _do("ip", "link", "set", f"port{index}", state)

    def worsen(self):
        """Delays packets by 10 ms and loses one in a hundred. Gives whether the kernel can."""
        netem = ["netem", "delay", "10ms", "3ms", "loss", "1%"]
        ports = [["tc", "qdisc", "add", "dev", f"port{index}", "root", *netem] for index in range(HOSTS)]
        return not any(subprocess.run(words, capture_output=True).returncode for words in ports)


def _permitted():
    script = ("ip link add name hub type bridge && ip link add name a type veth peer name b "
              "&& unshare -n true && nsenter -t $$ -n true")
    try:
        done = subprocess.run(["unshare", "-rn", "sh", "-c", script], capture_output=True)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def run(works, root, draws, tally, cuts):
    """Has everything that takes hosts of their own done, with so many cut links a command."""
    if not _permitted():
        print("network namespaces: skipped, not permitted here", file=sys.stderr)
        return
    for work in works:
        counts = {}

        def attempt():
            words = ["unshare", "-rn", sys.executable, "-B", str(Path(__file__).with_name("apart.py")),
                     str(root), work.name, str(draws.randrange(1 << 32)), str(cuts)]
            done = subprocess.run(words, capture_output=True, text=True, timeout=8 * LIMIT)
            sys.stderr.write(done.stderr)
            if done.returncode:
                raise Failure(done.stdout.strip() or f"ended with {done.returncode}")
            counts.update(json.loads(done.stdout))
            return 0

        tally.tries("network", work.name, draws, attempt)
        tally.counts.update(counts)

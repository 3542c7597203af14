"""The processes of one run: by hand or under `strads launch`, never waited for without a limit."""

import os
import resource
import secrets
import signal
import socket
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STRADS = Path(os.environ.get("STRADS_BIN", ROOT / "target/release/strads")).resolve()

# What any run gets, far beyond what it needs.
LIMIT = 90.0


class Failure(Exception):
    """Something that must never happen did: wrong, hung or left behind."""


def hosts(count, to):
    """A hostfile of free local ports."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    to.write_text("".join(f"127.0.0.1:{each.getsockname()[1]}\n" for each in sockets))
    for each in sockets:
        each.close()


def _no_cores():
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


class Group:
    """Processes that were started together. `with` ends whatever is left of them."""

    def __init__(self, place):
        self.place = place
        # Every process of the group, and whatever it starts, has this in its environment.
        self.mark = secrets.token_hex(8)
        self.children = []
        # Where the output of those that run now begins: a launcher's goes on after a restart.
        self.since = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def start(self, command, **variables):
        """Starts a process; its output goes to files."""
        environment = {**os.environ, "STRADS_CHAOS": self.mark, "RUST_BACKTRACE": "0", **variables}
        index = len(self.children)
        with open(self.place / f"out{index}", "w") as out, open(self.place / f"err{index}", "w") as err:
            self.children.append(subprocess.Popen(
                [str(word) for word in command], cwd=ROOT, env=environment, stdin=subprocess.DEVNULL,
                stdout=out, stderr=err, preexec_fn=_no_cores))

    def by_hand(self, arguments, processes, failpoint=None):
        """Starts a process for each number; `failpoint` is (process, plan)."""
        hosts(processes, self.place / "hosts")
        for index in range(processes):
            own = ["-n", processes, "-p", index, "-h", self.place / "hosts"] if processes > 1 else []
            plan = {"STRADS_FAILPOINT": failpoint[1]} if failpoint and failpoint[0] == index else {}
            self.start([STRADS, *arguments, *own], STRADS_SECRET="chaos has no secrets", **plan)

    def launched(self, arguments, processes, restarts):
        """Starts `strads launch`."""
        self.start([STRADS, "launch", "-n", processes, "--restarts", restarts, "--", *arguments])

    def lives(self):
        """Whether any process that was started here still runs."""
        return any(child.poll() is None for child in self.children)

    def wait(self, limit=LIMIT):
        """The exit codes, once all have ended."""
        until = time.monotonic() + limit
        while self.lives():
            if time.monotonic() > until:
                states = [child.poll() for child in self.children]
                raise Failure(f"hung: exit codes {states}; {self.said()}")
            time.sleep(0.002)
        return [child.returncode for child in self.children]

    def said(self):
        """What all have said on stderr."""
        said = [self.stderr(index) for index in range(len(self.children))]
        return " | ".join(f"[{index}] {text.strip()}" for index, text in enumerate(said))

    def stderr(self, index):
        return (self.place / f"err{index}").read_text()

    def stdout(self, index=0):
        return (self.place / f"out{index}").read_text()

    def own(self):
        """The ids of all processes of the group, those started by others of it included."""
        mark, found = f"STRADS_CHAOS={self.mark}".encode(), []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    ours = mark in (entry / "environ").read_bytes().split(b"\0")
                    alive = b") Z" not in (entry / "stat").read_bytes()
                except OSError:
                    continue
                if ours and alive:
                    found.append(int(entry.name))
        return found

    def members(self):
        """The processes that compute, of a launched group."""
        launcher = {child.pid for child in self.children}
        return [process for process in self.own() if process not in launcher]

    def signal_first(self, number):
        """Sends process 0 of the run a signal, if it is there: the one that has the feed."""
        for process in self.own():
            try:
                words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
                alone = b"-p" not in words and b"launch" not in words
                if alone or (b"-p" in words and words[words.index(b"-p") + 1] == b"0"):
                    os.kill(process, number)
            except OSError:
                continue

    def none_left(self):
        """Fails if a process outlives the group by more than a moment."""
        until = time.monotonic() + 5.0
        while self.own():
            if time.monotonic() > until:
                raise Failure(f"left behind: processes {self.own()}")
            time.sleep(0.01)

    def end(self):
        for child in self.children:
            if child.poll() is None:
                child.kill()
            child.wait()
        for process in self.own():
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass

"""What rotation itself takes: time between two pieces of sampling, and memory of shards."""

import re
import subprocess

import command
from places import BENCH, ROOT

IDLE = ROOT / "target" / "release" / "examples" / "measure_rotation"
# Sub-rounds of an epoch that are timed, about.
ROUNDS = 6400


def build():
    """Builds the example that `share` runs."""
    subprocess.run(["cargo", "build", "--release", "--locked", "--quiet", "-F", "measure",
                    "--example", "measure_rotation"], check=True, cwd=ROOT)


def share(result, tensors, workers, processes, sweep):
    """The share of a sweep (in seconds) that is not sampling: the time of as many sub-rounds with
    slices and summaries of the same sizes in which shards do nothing."""
    model = sum(tensor.nbytes for name, tensor in tensors.items() if name.startswith("word_topic"))
    slices = result["slices"]
    own = ["--bytes", str(max(4, model // slices // 4 * 4)), "--slices", str(slices),
           "--sync-every", "1", "--summary", str(8 * (result["topics"] + 1)),
           "--sweeps", str(max(1, ROUNDS // slices)), "-w", str(workers)]
    micros = re.search(r"([0-9.]+) µs a sub-round", _idle(own, processes)).group(1)
    return float(micros) * 1e-6 * slices / sweep


def _idle(own, processes):
    if processes == 1:
        return subprocess.run([str(IDLE), *own], check=True, capture_output=True, text=True).stdout
    hosts = BENCH / "rotation.hosts"
    command.hosts(processes, hosts)
    children = [subprocess.Popen([str(IDLE), *own, "-n", str(processes), "-p", str(number), "-h",
                                  str(hosts)], stdout=subprocess.PIPE, text=True)
                for number in range(processes)]
    said = [child.communicate(timeout=300)[0] for child in children]
    hosts.unlink()
    return "".join(said)


def replicas():
    """Rows of (shards, bytes of the largest shard's documents, bytes of its slices of the word-topic
    table, bytes of the whole table, which a replica of the model would have on every shard)."""
    test = "a_shards_memory_falls_with_the_number_of_shards"
    done = subprocess.run(["cargo", "test", "--release", "--locked", "--lib", test, "--",
                           "--nocapture"], check=True, capture_output=True, text=True, cwd=ROOT)
    rows = re.findall(r"^ *(\d+) +(\d+) +(\d+) +(\d+)$", done.stdout, re.MULTILINE)
    return [list(map(int, row)) for row in rows]

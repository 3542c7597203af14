"""What is done to runs: killed at any time or at a named place, stopped, without room on the disk."""

import os
import re
import signal
import time

from group import LIMIT, STRADS, Failure, Group
from work import trial

# The steps of writing a file, and of completing a checkpoint.
PLACES = ("before-write", "after-write", "after-sync", "after-rename", "after-directory-sync",
          "before-manifest", "after-manifest")
KILLED = -signal.SIGKILL
ABORTED = -signal.SIGABRT
LOST = 4


def layout(draws):
    """Processes, and threads in each."""
    return draws.choice([(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (4, 1)])


def finish(work, place, draws, group_of):
    """Goes on undisturbed to the end, somewhere else, and compares."""
    processes, threads = layout(draws)
    with Group(place) as group:
        begun = time.monotonic()
        group_of(group, [*work.command(place, threads), "--resume"], processes)
        codes = work.wait(group)
        if any(codes):
            raise Failure(f"going on ended with {codes}: {group.said()}")
        work.took(processes, begun)
        work.check(group, place)
        group.none_left()


def by_hand(group, arguments, processes):
    group.by_hand(arguments, processes)


def survivors(group, codes, killed):
    """Fails unless all that were not killed ended because of that, or were done."""
    for index, code in enumerate(codes):
        if index not in killed and code not in (0, LOST):
            raise Failure(f"process {index} ended with {code}: {group.said()}")


def kill_once(work, place, draws, first):
    """Runs until a process is killed. Gives whether that came in time, and what was killed."""
    processes, threads = layout(draws)
    arguments = [*work.command(place, threads), *([] if first else ["--resume"])]
    victim = draws.randrange(processes)
    named = draws.random() < 0.5
    with Group(place) as group:
        begun = time.monotonic()
        if named:
            name = draws.choice(PLACES)
            # Manifests are completed by process 0.
            victim = 0 if name.endswith("manifest") else victim
            count = draws.randint(1, 3 if name.endswith("manifest") else 12 // processes)
            group.by_hand(arguments, processes, (victim, f"{name}:{count}:kill"))
        else:
            group.by_hand(arguments, processes)
            time.sleep(draws.uniform(0.0, work.takes(processes)))
            group.children[victim].kill()
        codes = work.wait(group)
        survivors(group, codes, {victim})
        if codes[victim] not in (KILLED, ABORTED):
            if any(codes):
                raise Failure(f"nobody was killed, and they ended with {codes}: {group.said()}")
            work.took(processes, begun)
            work.check(group, place)
        group.none_left()
        return codes[victim] in (KILLED, ABORTED)


def kills(work, root, draws, wanted):
    """Up to three kills in a row, each of what went on from the one before. Gives how many."""
    made = 0
    with trial(root, "kill") as place:
        for at in range(min(draws.randint(1, 3), wanted)):
            if not kill_once(work, place, draws, at == 0):
                return made
            made += 1
        finish(work, place, draws, by_hand)
    return made


def launched(work, root, draws, wanted):
    """Kills members of a launched group, which goes on by itself. Gives how many."""
    processes, threads = layout(draws)
    made, most, begun = 0, min(draws.randint(1, 3), wanted), time.monotonic()
    with trial(root, "launch") as place, Group(place) as group:
        group.launched(work.command(place, threads), processes, most)
        until = time.monotonic() + LIMIT
        while made < most and group.lives() and time.monotonic() < until:
            time.sleep(draws.uniform(0.0, work.takes(processes)))
            members = group.members()
            if members and group.lives():
                try:
                    os.kill(draws.choice(members), signal.SIGKILL)
                    made += 1
                except ProcessLookupError:
                    continue
                # All are started again before the next one.
                again = f"({made} of {most})"
                while again not in group.stderr(0) and group.lives() and time.monotonic() < until:
                    time.sleep(0.005)
                group.since = len(group.stdout())
        codes = work.wait(group)
        if codes != [0]:
            raise Failure(f"the launcher ended with {codes}: {group.said()}")
        if made == 0:
            work.took(processes, begun)
        work.check(group, place)
        group.none_left()
    return made


def stop(work, root, draws):
    """Stops a process: the others name it and end; then all go on. Gives whether it came in time."""
    processes = draws.randint(2, 4)
    victim = draws.randrange(processes)
    with trial(root, "stop") as place:
        with Group(place) as group:
            group.by_hand([*work.command(place, 1), "--peer-timeout", 1], processes)
            time.sleep(draws.uniform(0.0, work.takes(processes)))
            group.children[victim].send_signal(signal.SIGSTOP)
            others = [child for index, child in enumerate(group.children) if index != victim]
            until = time.monotonic() + 30.0
            while any(child.poll() is None for child in others):
                if time.monotonic() > until:
                    raise Failure(f"hung: nobody missed process {victim}: {group.said()}")
                time.sleep(0.01)
            group.children[victim].kill()
            codes = work.wait(group)
            if codes[victim] == 0:
                return False
            survivors(group, codes, {victim})
            named = re.compile(rf"(lost process {victim}\b|no sign of .*process {victim}\b)")
            for index, code in enumerate(codes):
                if code == LOST and not named.search(group.stderr(index)):
                    raise Failure(f"process {index} did not name process {victim}: {group.said()}")
            group.none_left()
        finish(work, place, draws, by_hand)
    return True


def disk_full(work, root, draws, required):
    """No room from some step on: the run goes on, or ends with 1 and goes on later."""
    plan = f"{draws.choice(PLACES[:4])}:{draws.randint(1, 8)}:full"
    with trial(root, "full") as place:
        with Group(place) as group:
            # Without a model: that has no room either.
            arguments = [word for word in work.command(place, 2)]
            at = arguments.index("--model")
            del arguments[at:at + 2]
            more = ["--checkpoint-required"] if required else []
            group.by_hand([*arguments, *more], 1, (0, plan))
            codes = work.wait(group)
            said = group.stderr(0)
            if codes != [1 if required else 0] or "cannot" not in said:
                raise Failure(f"{plan}: ended with {codes}, said: {said}")
        finish(work, place, draws, by_hand)


def small_disk(work, root):
    """The same on a file system with room for nearly nothing. Gives whether there can be one."""
    with trial(root, "small") as place:
        with Group(place) as group:
            kept = place / "kept"
            kept.mkdir()
            mount = f"mount -t tmpfs -o size=16k none {kept} || exit 77; exec \"$@\""
            command = [*work.command(place, 2), "--checkpoint-required"]
            group.start(["unshare", "-rm", "sh", "-c", mount, "sh", STRADS, *command])
            codes = work.wait(group)
            if codes == [77] or "unshare" in group.stderr(0):
                return False
            if codes != [1] or "No space left on device" not in group.stderr(0):
                raise Failure(f"ended with {codes}: {group.said()}")
    return True

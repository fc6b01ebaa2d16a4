#!/usr/bin/python3
"""
Crash harness: runs connload against the sandbox with every fault and list lag, kills it, starts it again until it is
done, and compares what the result file says with what the sandbox has.

    tests/chaos/run.py [--seed N] [--kills N] [--jobs N] [--short] [--keep]

    random   SIGKILL at random times, until there were as many kills as --kills says (1000)
    steps    SIGKILL before, in the middle of and after each write, sync, cut, rename and removal, in turn
             (build/crash/connload, see src/base/crash.h), and once more in the run that goes on

Both for `create` (from a file, gzip or standard input; at once or by --limit), for reruns in place, for nights of
--skip-existing, and for `undo`. The random ones meet servers of all kinds (harness.World): creates that take effect
up to 10 s after a 504, lists that show the newest alone, labels kept otherwise, clocks apart, exact twins that are
older or a colleague's, limits that nobody named, and runs that look at nothing before their first row. --short takes
a sample that lasts seconds. Episode number K of seed S is the first of seed S+K: `run.py --seed S+K --kills 1` replays
it; what is killed when depends on the machine, all else on the seed.
The folder of an episode that found something is kept and named (--keep keeps all). The last line counts episodes.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import BIN_DIR, CRASH_DIR, FAULTS, Count, Desk, Episode, Trouble, Verdict, World, read_results

UNKILLED = 4         # runs that nobody kills before the faults end
RUNS_MAX = 60        # of one command, beyond its kills
FINAL = ("created", "exists", "archived", "invalid")
STEP_FAULTS = {"drop-after": 15, "503-after": 10, "504-late": 10, "garbage-after": 10}
LATE_MS = (300, 300, 300, 1000, 1000, 1000, 3000, 10000)  # until when a create may take effect; --late is as long


class Killer:
    """Gives each run its death: the time until SIGKILL, or a crash point to die at."""

    def __init__(self, rng, kills=0, crash_at=()):
        self.rng, self.kills, self.crash_at = rng, kills, list(crash_at)

    def run(self, episode, args, stdin):
        if self.crash_at:
            at = self.crash_at.pop(0)
            code = episode.run(args, stdin, binary=CRASH_DIR, CONNLOAD_CRASH_AT=str(at))
            if code == -signal.SIGKILL:
                episode.count.add(kills=1)
            return code
        if self.kills > 0:
            self.kills -= 1
            return episode.run(args, stdin, kill_after=self.rng.choice([0.06, 0.25, 1.0]) * self.rng.random())
        return episode.run(args, stdin)


def is_done(results, doubtful):
    """
    Whether all rows are as they will be: rows that differ in secrets alone may stay `unknown`, and others where the
    server is such that they can't be told (`doubtful`).
    """
    return all(row[9] in FINAL or (row[9] == "unknown" and (doubtful or row[13] == "ambiguous"))
               for row in read_results(results))


def drive(episode, killer, args, results, stdin=None, in_place=True):
    """
    Starts `args` again and again until its result file stands and is complete. Once it stands without a journal, the
    next run is one in place (where `in_place` says so): the sheet itself would be refused.
    """
    path, journal = episode.work / results, episode.work / f"{results}.journal"
    unkilled = 0
    for _ in range(RUNS_MAX + killer.kills):
        unkilled += not killer.crash_at and killer.kills == 0
        if unkilled == UNKILLED:
            episode.box.faults({})
        code = killer.run(episode, args, stdin)
        if code not in (-signal.SIGKILL, 0, 1, 4):
            raise Trouble(f"exit code {code}: {episode.history[-1]}")
        if code == -signal.SIGKILL and not in_place:
            continue
        if path.exists() and not journal.exists():
            if code in (0, 1) and is_done(path, unkilled > UNKILLED and not episode.world.plain):
                return
            if in_place:
                args, stdin = [args[0], *episode.options(), *killer_options(args), results], None
    raise Trouble("never done: " + " / ".join(episode.history[-5:]))


def killer_options(args):
    """What a rerun in place has to say too."""
    return [option for option in args if option in ("--allow-duplicates",)]  # the world's are in options()


def create_episode(episode, rng, killer, desk):
    results = "desk.results.csv"
    episode.furnish(rng, desk)
    options = [*episode.options(), *(["--allow-duplicates"] if desk.duplicates else [])]
    limit = ["--limit", str(rng.randrange(1, len(desk.rows)))] if rng.random() < 0.4 else []
    form = rng.choice(["csv", "csv", "gz", "stdin"])
    if form == "gz":
        results += ".gz"
        desk.write(episode.work / "desk.csv.gz")
        drive(episode, killer, ["create", *options, *limit, "desk.csv.gz"], results)
    else:
        desk.write(episode.work / "desk.csv")
        stdin = episode.work / "desk.csv" if form == "stdin" else None
        source = ["-o", results, "-"] if form == "stdin" else ["desk.csv"]
        drive(episode, killer, ["create", *options, *limit, *source], results, stdin)
    return Verdict(desk, episode, results), [results, "desk.csv.gz" if form == "gz" else "desk.csv"]


def rerun_episode(episode, rng, killer, desk):
    """Kills reruns in place alone: of a result file in which a few rows have their connector already."""
    episode.furnish(rng, desk)
    options = [*episode.options(), *(["--allow-duplicates"] if desk.duplicates else [])]
    desk.write(episode.work / "desk.csv")
    limit = str(rng.randrange(1, len(desk.rows)))
    episode.run(["create", *options, "--limit", limit, "desk.csv"])
    drive(episode, killer, ["create", *options, "desk.results.csv"], "desk.results.csv")
    return Verdict(desk, episode, "desk.results.csv"), ["desk.results.csv", "desk.csv"]


def skip_episode(episode, rng, killer, desk):
    options = [*episode.options(again=False), "--skip-existing", *(["--allow-duplicates"] if desk.duplicates else [])]
    episode.furnish(rng, desk)
    payloads = {row[1]: desk.payload(row) for row in desk.rows if desk.payload(row) is not None}
    # What the list does not show, or shows under another label, no first night can find.
    shown = episode.world.cap == 0 and episode.world.labels == "exact"
    prefilled = [payload for payload in payloads.values() if shown and rng.random() < 0.4]
    episode.box.prefill(prefilled)
    desk.write(episode.work / "desk.csv")
    kills = killer.kills
    for night in range(2):
        killer.kills = kills // 2
        drive(episode, killer, ["create", *options, "desk.csv"], "desk.results.csv", in_place=False)
    return Verdict(desk, episode, "desk.results.csv", prefilled), ["desk.results.csv", "desk.results.csv~", "desk.csv"]


def undo_episode(episode, rng, killer, desk):
    options = [*episode.options(), *(["--allow-duplicates"] if desk.duplicates else [])]
    desk.write(episode.work / "desk.csv")
    drive(episode, Killer(rng), ["create", *options, "desk.csv"], "desk.results.csv")
    others = [{"type": "email", "label": "Another's", "config": {"allowed_emails": ["other@example.com"]}}]
    episode.box.prefill(others)
    created = read_results(episode.work / "desk.results.csv")
    args = ["undo", *episode.options("undo"), "--yes", "desk.results.csv"]
    code = None
    for _ in range(RUNS_MAX + killer.kills):
        code = killer.run(episode, args, None)
        if code == 0 and not (episode.work / "desk.results.csv.journal").exists():
            break
        if code not in (-signal.SIGKILL, 0, 1):
            raise Trouble(f"exit code {code}: {episode.history[-1]}")
    if code != 0:
        raise Trouble("undo is never done")
    return UndoVerdict(desk, episode, created), ["desk.results.csv", "desk.csv"]


class UndoVerdict(Verdict):
    """Archived: all that the result file named, and nothing else; each id where it was."""

    def __init__(self, desk, episode, created):
        super().__init__(desk, episode, "desk.results.csv")
        self.created = created

    def check_store(self, archived=False):
        named = {row[10] for row in self.created if row[9] == "created"}
        for connector in self.episode.box.connectors():
            if connector["archived"] != (connector["connector_id"] in named):
                self.note("damaged", f"archived: {connector['archived']}: {connector['label']}")

    def check_results(self):
        rows = super().check_results()
        for before, after in zip(self.created, rows):
            if after[9] != ("archived" if before[9] == "created" else before[9]) or after[10] != before[10]:
                self.note("mispaired", f"{before} became {after}")
        return rows


KINDS = {"create": create_episode, "rerun": rerun_episode, "skip": skip_episode, "undo": undo_episode}


def play(folder, seed, count, kind, episode, desk, killer, rng):
    """One episode from start to verdict. Its folder goes where nothing was found."""
    name = f"{kind} episode of seed {seed}"
    trouble = None
    try:
        verdict, files = KINDS[kind](episode, rng, killer, desk)
        episode.box.wait_for_late()
        verdict.check_files(files)
        verdict.check_results()
        verdict.check_store()
        verdict.settle()
    except Trouble as found:
        trouble = f"{found}\n{episode.world}\n{folder}"
    except Exception:  # a harness that fails has proved nothing
        trouble = f"{traceback.format_exc()}\n{episode.world}\n{folder}"
    finally:
        episode.close()
    count.end(name, trouble)
    return trouble is None


def random_episode(base, seed, count, options):
    rng = random.Random(seed)
    kind = rng.choices(list(KINDS), [5, 2, 3, 1])[0]
    # --skip-existing goes by type and label: which of two rows that differ in secrets alone is there, no list can tell
    world = World(rng, rng.choice(options.lates), kind)
    desk = Desk(rng, rng.choice([15, 40, 90]), rng.random() < 0.3, kind != "skip" and rng.random() < 0.3,
                world.labels != "exact")
    folder = base / f"random-{seed}"
    box_options = ["--latency", f"{rng.choice([0, 2, 10])}ms", "--jitter", f"{rng.choice([0, 5, 30])}ms"]
    episode = Episode(folder, seed, count, FAULTS, 600, world, rng.choice([1, 4, 16, 16, 64]), box_options)
    if play(folder, seed, count, kind, episode, desk, Killer(rng, kills=rng.randrange(*options.deaths)), rng) and \
            not options.keep:
        shutil.rmtree(folder)


def step_episode(base, kind, at, seed, count, keep, again):
    rng = random.Random(seed)
    desk = Desk(rng, 8, False, False)
    folder = base / f"{kind}-step-{at}-{seed}"
    episode = Episode(folder, seed, count, STEP_FAULTS, 200, World(late_ms=300))
    crash_at = [at, rng.randrange(1, 80)] if again else [at]
    if play(folder, f"{seed}, step {at}", count, kind, episode, desk, Killer(rng, crash_at=crash_at), rng) and not keep:
        shutil.rmtree(folder)


def count_steps(base, kind, seed):
    """The names of the passages of such an episode's run, in order."""
    rng = random.Random(seed)
    desk = Desk(rng, 8, False, False)
    folder = base / f"{kind}-count"
    episode = Episode(folder, seed, Count(), STEP_FAULTS, 200, World(late_ms=300))
    run = episode.run
    killer = Killer(rng)

    def run_counted(args, stdin=None, kill_after=None, binary=BIN_DIR, **env):
        name = folder / f"passages-{len(episode.history)}"
        return run(args, stdin, kill_after, CRASH_DIR, CONNLOAD_CRASH_LOG=str(name), **env)

    episode.run = run_counted
    try:
        KINDS[kind](episode, rng, killer, desk)
    finally:
        episode.close()
    logs = sorted(folder.glob("passages-*"), key=lambda path: len(path.read_text()), reverse=True)
    names = [line.split()[1] for line in logs[0].read_text().splitlines()]
    shutil.rmtree(folder)
    return names


def sample(rng, names, size):
    """One passage of each name, and more at random: their numbers, from 1."""
    by_name = {}
    for at, name in enumerate(names, 1):
        by_name.setdefault(name, []).append(at)
    chosen = {rng.choice(places) for places in by_name.values()}
    rest = [at for at in range(1, len(names) + 1) if at not in chosen]
    chosen |= set(rng.sample(rest, max(0, min(len(rest), size - len(chosen)))))
    return sorted(chosen) if size >= len(chosen) else sorted(rng.sample(sorted(chosen), size))


def steps_phase(base, options, pool):
    count = Count()
    jobs = []
    for kind in KINDS:
        rng = random.Random(options.seed)
        names = count_steps(base, kind, options.seed)
        places = sample(rng, names, options.steps) if options.steps else range(1, len(names) + 1)
        for at in places:
            jobs.append(pool.submit(step_episode, base, kind, at, options.seed + at, count, options.keep, at % 2 == 0))
    for job in jobs:
        job.result()
    return count


def random_phase(base, options):
    count = Count()
    numbers = iter(range(options.seed, options.seed + 10 ** 6))
    lock = threading.Lock()

    def work():
        while count.total("kills") < options.kills:
            with lock:
                seed = next(numbers)
            random_episode(base, seed, count, options)

    workers = [threading.Thread(target=work) for _ in range(options.jobs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return count


def table(phases):
    columns = ("phase", "episodes", *Count.FIELDS)
    lines = ["| " + " | ".join(columns) + " |", "| --- |" + " ---: |" * (len(columns) - 1)]
    for name, count in phases.items():
        cells = [name, count.episodes, *map(count.total, Count.FIELDS)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def parse(argv):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=None, help="of the first episode (from the clock)")
    parser.add_argument("--kills", type=int, default=1000, help="random kills (1000)")
    parser.add_argument("--jobs", type=int, default=6 * (os.cpu_count() or 1), help="episodes at once; most only wait")
    parser.add_argument("--short", action="store_true", help="a sample that lasts seconds")
    parser.add_argument("--keep", action="store_true", help="keep the folders of all episodes")
    options = parser.parse_args(argv)
    if options.seed is None:
        options.seed = time.time_ns() // 1000 % 10 ** 9
    options.steps, options.lates, options.deaths = 0, LATE_MS, (4, 16)
    if options.short:
        options.lates, options.deaths = LATE_MS[:4], (2, 6)
        options.kills, options.steps = min(options.kills, 20), 10
    if options.kills < 10:
        options.jobs, options.steps = 1, -1
    return options


def main(argv):
    options = parse(argv)
    print(f"chaos: seed {options.seed}", flush=True)
    base = Path(tempfile.mkdtemp(prefix="connload-chaos-"))
    phases = {"random kills": random_phase(base, options)}
    if options.steps >= 0:
        with ThreadPoolExecutor(options.jobs) as pool:
            phases["every step"] = steps_phase(base, options, pool)
    for count in phases.values():
        for name, trouble in count.troubles:
            print(f"--- {name}\n{trouble}\n")
    if not any(base.iterdir()):
        base.rmdir()
    print(table(phases))
    failed = sum(count.failed for count in phases.values())
    print(f"{sum(count.episodes for count in phases.values()) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

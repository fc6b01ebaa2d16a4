#!/usr/bin/python3
"""
Soak: a sheet of a million rows through the sandbox, with a share of every fault, list lag and a real limit scaled down,
until every row has its connector; then each row is looked up in the store. Prints a Markdown table.

    tests/soak/run.py [--rows N] [--percent P] [--rate N/WINDOW] [--seed N] [--timeout DUR] [--concurrency N] [--keep]

The exit code is 0 where nothing is lost, nothing is there twice, no window held more than the limit, and memory and
descriptors stayed within what the number of rows and transfers asks for.
"""

import argparse
import csv
import ctypes
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN_DIR = (ROOT / os.environ.get("CONNLOAD_BIN_DIR", "build")).resolve()
FAULTS = ["drop-before", "drop-after", "drop-reused", "hang-before", "hang-after", "429-html", "500-before", "500-after",
          "502-before", "502-after", "503-before", "504-before", "504-after", "garbage-after", "cut-after", "slow", "close"]
# Not wrong-id-after: a row whose answer names a connector that does not exist is `created` with that id; nothing
# else is known.
LIST_FAULTS = ["drop-before", "429-html", "503-before", "502-before"]
RUNS_MAX = 8
# Memory: what a program of this kind needs, a few bytes a row, a transfer's buffers; growth: the set of the ids created
RSS_BASE, RSS_ROW, RSS_TRANSFER = 16 << 20, 44, 32 << 10  # bytes
GROWTH_BASE, GROWTH_ROW = 4 << 20, 24
FDS_BASE = 24  # beside a connection for each transfer
EARLY = 0.25
PAIR = re.compile(rb'"connector_id":\s*"([0-9a-f-]{36})"|"label":\s*"Desk (\d+)"')


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Sandbox:
    def __init__(self, args):
        faults = [f"{call}{name}={args.percent}" for call, names in (("", FAULTS), ("list:", LIST_FAULTS)) for name in names
                  if name not in args.without]
        command = [BIN_DIR / "connload-sandbox", "--listen", "127.0.0.1:0", "--rate", args.rate, "--settle", "3s", "--settle-jitter", "2s",
                   "--latency", "20ms", "--jitter", "20ms", "--slow", "200ms", "--seed", str(args.seed)]
        for fault in faults:
            command += ["--fault", fault]
        self.popen = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=die_with_parent)
        self.port = int(self.popen.stdout.readline().rsplit(":", 1)[1])
        self.url = f"http://127.0.0.1:{self.port}"

    def get(self, path):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request("GET", path)
        return connection.getresponse()

    def stats(self):
        return json.loads(self.get("/_sandbox/stats").read())

    def store(self, rows):
        """The id of each row's connector, by its number; and how many connectors there are beyond one for each row."""
        ids, spare, pending, current = [None] * rows, 0, b"", None
        answer = self.get("/_sandbox/connectors")
        while True:
            piece = answer.read(1 << 20)
            pending += piece
            end = 0
            for match in PAIR.finditer(pending, 0, len(pending)):
                end = match.end()
                if match.group(1):
                    current = match.group(1)
                elif ids[int(match.group(2))] is None:
                    ids[int(match.group(2))] = current
                else:
                    spare += 1
            pending = pending[max(end, len(pending) - 256 if piece else len(pending)):]
            if not piece:
                return ids, spare


class Watch(threading.Thread):
    """Samples resident memory (KiB) and descriptors of a process until told to stop."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.pid, self.rss, self.fds, self.over = pid, [], [], threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.1):
            try:
                with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
                    self.rss.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024)
                self.fds.append(len(os.listdir(f"/proc/{self.pid}/fd")))
            except (OSError, IndexError):
                pass

    def drift(self, samples):
        """By how much the peak after the first quarter is above what it was at the quarter's end."""
        late = samples[int(len(samples) * EARLY):]
        return max(late) - late[0] if late else 0


def write_sheet(path, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write("desk,type,label,allowed_emails,user_id,user_password\n")
        for n in range(rows):
            if n % 10 == 9:
                file.write(f"d{n % 7},investment_research,Desk {n},,user{n},secret-{n}\n")
            else:
                file.write(f"d{n % 7},email,Desk {n},u{n}@example.com,,\n")


def connload(folder, box, args, command, watches):
    env = {**os.environ, "XDG_STATE_HOME": str(folder), "BIGDATA_API_KEY": "sandbox", "BIGDATA_API_BASE_URL": box.url}
    started = time.monotonic()
    with open(folder / "stderr", "ab") as err:
        popen = subprocess.Popen(
            [BIN_DIR / "connload", *command, "--rate", args.rate, "--settle", "5s", "--timeout", args.timeout, "--concurrency",
             str(args.concurrency), "--max-attempts", "20", "--retry-base", "50ms", "--retry-cap", "2s", "--summary", "summary",
             "--log", "/dev/null"], cwd=folder, env=env, stderr=err, preexec_fn=die_with_parent)
        watch = Watch(popen.pid)
        code = popen.wait()
    watch.over.set()
    watch.join()
    watches.append(watch)
    summary = json.loads((folder / "summary").read_text(encoding="utf-8"))
    return code, time.monotonic() - started, summary


def read_results(path):
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield int(row["label"].split()[1]), row


def account(folder, box, rows):
    """Each row beside the store: {finding: count}."""
    ids, spare = box.store(rows)
    found = {"rows in the results": 0, "created, with the store's id": 0, "with another id": 0, "without a connector": 0,
             "connectors beyond one a row": spare, "connectors that no row names": sum(one is not None for one in ids),
             "secrets left in created rows": 0}
    for number, row in read_results(folder / "desk.results.csv"):
        found["rows in the results"] += 1
        if row["status"] != "created":
            found["without a connector"] += 1
        elif ids[number] is not None and row["connector_id"].encode() == ids[number]:
            found["created, with the store's id"] += 1
            found["connectors that no row names"] -= 1
        else:
            found["with another id"] += 1
        found["secrets left in created rows"] += row["status"] == "created" and row["user_password"] != ""
    return found


def table(title, pairs):
    print(f"\n| {title} | |\n| --- | ---: |")
    for name, value in pairs:
        print(f"| {name} | {value:,} |" if isinstance(value, int) else f"| {name} | {value} |")


def soak(args, folder):
    box = Sandbox(args)
    watches, runs, total_s = [], [], 0.0
    try:
        write_sheet(folder / "desk.csv", args.rows)
        command = ["create", "desk.csv"]
        for _ in range(RUNS_MAX):
            code, took_s, _ = connload(folder, box, args, command, watches)
            runs.append(code)
            total_s += took_s
            if code != 1:
                break
            command = ["create", "desk.results.csv"]
        stats = box.stats()
        found = account(folder, box, args.rows)
    finally:
        box.popen.terminate()
        box.popen.wait()
    rss, fds = max(max(watch.rss) for watch in watches), max((max(watch.fds) for watch in watches if watch.fds), default=0)
    drift = max(watch.drift(watch.rss) for watch in watches)
    rss_most = (RSS_BASE + RSS_ROW * args.rows + RSS_TRANSFER * args.concurrency) // 1024
    drift_most = (GROWTH_BASE + GROWTH_ROW * args.rows) // 1024
    limit = int(args.rate.split("/")[0])
    over = stats["rate_limited"] - sum(count for name, count in stats["faults"].items() if name.endswith("429-html"))
    table("soak", [("rows", args.rows), ("runs until all were created", f"{len(runs)} (exit {', '.join(map(str, runs))})"),
                   ("time", f"{total_s:.0f} s, {args.rows / total_s:,.0f} rows/s"), ("limit", args.rate), ("requests", stats["requests"]),
                   ("lists", stats["methods"].get("GET", 0)), ("faults suffered", sum(stats["faults"].values())),
                   ("most accepted in any window", stats["most_accepted_in_window"]), ("answers 429 for the limit's sake", over),
                   ("peak memory (at most)", f"{rss / 1024:.1f} MiB ({rss_most / 1024:.1f})"),
                   ("growth after the first quarter (at most)", f"{drift / 1024:.1f} MiB ({drift_most / 1024:.1f})"),
                   ("descriptors (at most)", f"{fds} ({args.concurrency + FDS_BASE})")])
    table("accounted for", list(found.items()))
    table("faults", sorted(stats["faults"].items()))
    good = (runs[-1] == 0 and found["created, with the store's id"] == args.rows == found["rows in the results"]
            and not any(found[name] for name in ("with another id", "without a connector", "connectors beyond one a row",
                                                 "connectors that no row names", "secrets left in created rows"))
            and stats["duplicate_payloads"] == 0 and stats["most_accepted_in_window"] <= limit and over == 0
            and rss <= rss_most and drift <= drift_most and fds <= args.concurrency + FDS_BASE)
    print(f"\n{'all accounted for' if good else 'NOT GOOD'}")
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--percent", default="1", help="of each fault")
    parser.add_argument("--rate", default="2000/s")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", default="15s")
    parser.add_argument("--concurrency", type=int, default=700)
    parser.add_argument("--without", action="append", default=[], metavar="FAULT", help="may be given repeatedly")
    parser.add_argument("--keep", action="store_true", help="leave the folder, and say where it is")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="connload-soak-"))
    good = False
    try:
        good = soak(args, folder)
    finally:
        if args.keep or not good:
            print(f"kept: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())

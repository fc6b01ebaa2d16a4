"""
What the crash harness is made of: a sandbox, sheets with all that sheets hold, runs that are killed, and the checks
afterwards against what the sandbox really has.
"""

import csv
import ctypes
import gzip
import http.client
import io
import json
import os
import random
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN_DIR = (ROOT / os.environ.get("CONNLOAD_BIN_DIR", "build")).resolve()
CRASH_DIR = (ROOT / os.environ.get("CONNLOAD_CRASH_DIR", "build/crash")).resolve()
KEY, COLLEAGUE = "sandbox", "colleague"
PATIENCE = 120  # seconds that a run may take which nobody kills

PATH = "/contents/v1/connectors"
HEADER = ["type", "label", "allowed_emails", "share_with_org", "description", "user_id", "user_password", "session_id",
          "note"]
RESULT = ["status", "connector_id", "inbox_email", "http_status", "error_code", "error_message", "attempts",
          "created_at"]

STRIPPED = re.compile(r"(?i)^(.*_proxy|BIGDATA_.*|SSL_CERT_.*|CURL_.*|NO_COLOR|CONNLOAD_.*|COLUMNS|TZ)$")

# Every fault that a create can suffer, in percent. `wrong-id-after` is left out: a server that answers with an id of
# nobody's can't be found out by anything but asking for each id.
FAULTS = {
    "drop-before": 3, "drop-after": 4, "drop-reused": 4, "hang-before": 0.5, "hang-after": 0.5, "429-html": 3,
    "500-before": 2, "500-after": 3, "502-before": 2, "502-after": 2, "503-before": 2, "503-after": 3, "504-before": 1,
    "504-after": 2, "504-late": 3, "drop-late": 3, "garbage-after": 3, "cut-after": 3, "slow": 2, "close": 4,
    "envelope": 3, "400-before": 0.5, "403-before": 0.5, "404-before": 0.5, "409-before": 0.5, "422-before": 0.5,
    "list:500-before": 10, "list:drop-after": 10, "list:cut-after": 10, "list:garbage-after": 5,
    "delete:drop-after": 10, "delete:500-after": 10, "delete:502-before": 10,
}


CREATE_HELP = subprocess.run([BIN_DIR / "connload", "create", "--help"], capture_output=True, text=True).stdout


def die_with_parent():
    """In the child, before exec: a harness that is killed leaves no process behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


def environment(**more):
    env = {name: value for name, value in os.environ.items() if not STRIPPED.match(name)}
    env.update(LC_ALL="C.UTF-8", **more)
    return env


class World:
    """What the server of an episode does beyond its faults, and what happens to the machine's clock."""

    # What the server takes and no run is told of: buckets, a window of each kind, plain spacing.
    LIMITS = [["--rate", "50/s", "--rate-kind", "bucket", "--burst", "5"], ["--rate", "100/s", "--rate-kind", "fixed"],
              ["--rate", "100/s"], ["--rate", "100/s", "--rate-kind", "bucket", "--burst", "1"]]
    LABELS = ["nfc", "html", "blanks", "cut", "lower", "bmp", "prefix"]

    def __init__(self, rng=None, late_ms=0, kind=None):
        self.late_ms = late_ms
        self.labels, self.cap, self.clock_s, self.created_s = "exact", 0, 0, 0
        self.limit = []
        self.twins = self.others = self.blind = self.steps = False
        if rng is None:
            return
        self.labels = rng.choice(self.LABELS) if rng.random() < 0.25 else "exact"
        self.cap = rng.choice([20, 50]) if rng.random() < 0.2 else 0
        self.clock_s = rng.choice([-7200, -3, 3, 7200]) if rng.random() < 0.2 else 0
        self.created_s = rng.choice([-10, -3, -1, 1, 3, 10]) if rng.random() < 0.25 else 0
        self.twins = kind in ("create", "rerun") and rng.random() < 0.25  # older exact twins of rows, one's own
        self.others = rng.random() < 0.25                                 # a colleague's shared ones
        self.blind = kind in ("create", "rerun") and rng.random() < 0.2   # nobody looks before the first row
        self.limit = rng.choice(self.LIMITS) if rng.random() < 0.2 else []
        self.steps = rng.random() < 0.2                                   # each run has the clock somewhere else

    @property
    def plain(self):
        """Whether every row can be told: none may stay `unknown`."""
        return (self.labels == "exact" and
                not (self.cap or self.clock_s or self.created_s or self.twins or self.others or self.blind))

    def sandbox_options(self):
        cap = ["--list-cap", str(self.cap)] if self.cap else []
        return ["--late", f"{self.late_ms // 10}ms", "--late-jitter", f"{self.late_ms * 8 // 10}ms", "--labels",
                self.labels, "--clock-offset", f"{self.clock_s}s", "--created-offset", f"{self.created_s}s", *cap,
                *self.limit]

    def run_options(self, command, again):
        """`again`: create all rows, whatever the account has: rows that differ in secrets alone look like twins."""
        if command != "create":
            return []
        return [*(["--late", f"{self.late_ms}ms"] if "--late" in CREATE_HELP else []),
                *(["--again"] if again and "--again" in CREATE_HELP else []),
                *(["--no-preflight"] if self.blind else [])]

    def environment(self, rng):
        if not self.steps:
            return {}
        return {"LD_PRELOAD": str(ROOT / "build/interpose/shifting.so"),
                "SHIFTING_SECONDS": str(rng.choice([-3600, -5, 0, 5, 3600]))}

    def __str__(self):
        return " ".join(f"{name}={value}" for name, value in vars(self).items() if value not in (0, False, "exact", []))


class Sandbox:
    """A connload-sandbox with list lag, on a port of its own."""

    def __init__(self, folder, seed, faults, lag_ms, options=()):
        self.log, self.orders, self.colleagues = folder / "sandbox.log", faults, set()
        orders = [part for name, share in faults.items() for part in ("--fault", f"{name}={share}")]
        self.popen = subprocess.Popen(
            [BIN_DIR / "connload-sandbox", "--listen", "127.0.0.1:0", "--api-key", KEY, "--api-key", COLLEAGUE,
             "--one-org", "--seed", str(seed),
             "--settle", f"{lag_ms // 2}ms", "--settle-jitter", f"{lag_ms // 2}ms", "--slow", "50ms", "--retry-after",
             "none", "--log", self.log, *options, *orders],
            env=environment(), preexec_fn=die_with_parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        line = self.popen.stdout.readline().decode()
        self.url = re.search(r"listening on (http://\S+)", line).group(1)
        self.port = int(self.url.rsplit(":", 1)[1])

    def call(self, method, path, body=None, key=KEY):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        headers = {"X-API-KEY": key, "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status == 429:  # the server has a limit for the harness, too
            time.sleep(0.05)
            return self.call(method, path, body, key)
        if not 200 <= answer.status < 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text!r}")
        return json.loads(text)

    def wait_for_late(self):
        """Until everything has taken effect that was asked for."""
        while self.call("GET", "/_sandbox/stats")["late"] > 0:
            time.sleep(0.05)

    def connectors(self):
        return self.call("GET", "/_sandbox/connectors")["results"]

    def payloads(self):
        """Connector id -> what was posted, secrets included; without the colleague's."""
        lines = [json.loads(line) for line in self.log.read_bytes().splitlines()]
        return {line["connector_id"]: line["body"] for line in lines if line["method"] == "POST" and
                line["connector_id"] not in (None, *self.colleagues)}

    def prefill(self, payloads, key=KEY):
        """Creates connectors past all faults, and waits until reads show them: their ids."""
        self.faults({})
        made = [self.call("POST", PATH, payload, key)["connector_id"] for payload in payloads]
        for one in made:
            self._wait_for(one, key)
        self.faults(self.orders)
        if key == COLLEAGUE:
            self.colleagues |= set(made)
        return set(made)

    def _wait_for(self, connector, key):
        while True:
            try:
                self.call("GET", f"{PATH}/{connector}", None, key)
                return
            except RuntimeError:
                time.sleep(0.02)

    def faults(self, orders):
        self.call("POST", "/_sandbox/faults", orders)

    def stop(self):
        self.popen.terminate()
        self.popen.wait()
        self.popen.stdout.close()


class Desk:
    """A sheet, and what each of its rows has to become. `odd`: its labels are such as a server may keep otherwise."""

    ENDINGS = ["", " Zu\u0308rich", " R&D <b>", " two  blanks", " " + "x" * 60, " ÄÖ Upper", " up \U0001F4C8"]

    def __init__(self, rng, rows, duplicates, secrets_alone, odd=False):
        self.rows, self.duplicates, self.odd = [], duplicates, odd
        for n in range(rows):
            self.rows.append(self._row(rng, n))
        for _ in range(rows // 12 if duplicates else 0):
            self.rows.insert(rng.randrange(len(self.rows)), list(rng.choice(self.rows)))
        for n in range(3 if secrets_alone else 0):
            self.rows.insert(rng.randrange(len(self.rows)), self._sharepoint(ALIKE, f"session {n}"))

    @staticmethod
    def _sharepoint(label, session):
        return ["sharepoint", label, "", "", "", "", "", session, "=note"]

    def _row(self, rng, n):
        label = f"Desk {n} {rng.randrange(10 ** 6)}" + (rng.choice(self.ENDINGS) if self.odd else "")
        kind = rng.random()
        if kind < 0.08:
            return ["email", label, "not an address", "", "", "", "", "", "invalid"]
        if kind < 0.25:
            return self._sharepoint(label, f"session {n}")
        if kind < 0.40:
            return ["investment_research", label, "", "no", "", f"user{n}", f"pass;\"word\" {n}", "", ""]
        return ["email", label, f"a{n}@example.com; b{n}@example.com", rng.choice(["yes", ""]),
                rng.choice(["", "two\nlines", "with, comma"]), "", "", "", "x"]

    def write(self, path):
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(self.rows)
        data = text.getvalue().encode()
        path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)

    def payload(self, row):
        """What is posted for a row; None where it is invalid."""
        cell = dict(zip(HEADER, row))
        if cell["note"] == "invalid":
            return None
        payload = {"type": cell["type"], "label": cell["label"]}
        if cell["description"]:
            payload["description"] = cell["description"]
        if cell["share_with_org"] == "yes":
            payload["share_with_org"] = True
        payload["config"] = {
            "email": lambda: {"allowed_emails": cell["allowed_emails"].split("; ")},
            "investment_research": lambda: {"user_id": cell["user_id"], "user_password": cell["user_password"]},
            "sharepoint": lambda: {"session_id": cell["session_id"]},
        }[cell["type"]]()
        return payload


ALIKE = "The same label"  # of rows that differ in secrets alone: where they can't be told apart they stay `unknown`


def key_of(payload):
    return json.dumps(payload, sort_keys=True)


class Count:
    """What a phase of the harness has done and found."""

    FIELDS = ("kills", "runs", "rows", "unknown", "duplicates", "lost", "mispaired", "foreign", "damaged")

    def __init__(self):
        self.lock = threading.Lock()
        self.numbers = Counter()
        self.episodes = self.failed = 0
        self.troubles = []

    def add(self, **more):
        with self.lock:
            self.numbers.update(more)

    def total(self, name):
        with self.lock:
            return self.numbers[name]

    def end(self, name, trouble):
        """An episode is over: well where `trouble` is None."""
        with self.lock:
            self.episodes += 1
            if trouble is not None:
                self.failed += 1
                self.troubles.append((name, trouble))


class Trouble(Exception):
    """An episode found something that must not be."""


OLDER = 3  # seconds: what is not older by as much than a row's sending can't be told from it, as Date counts whole ones


class Episode:
    """A folder with a sheet, a sandbox, and the commands that work on them."""

    def __init__(self, folder, seed, count, faults, settle_ms, world, concurrency=16, box_options=()):
        self.folder, self.count, self.settle_ms, self.concurrency = folder, count, settle_ms, concurrency
        self.world, self.clock = world, random.Random(seed)
        self.foreign = set()  # connectors that no run may take for what it created
        folder.mkdir(parents=True)
        self.box = Sandbox(folder, seed, faults, settle_ms // 2, [*box_options, *world.sandbox_options()])
        self.work = folder / "work"
        self.work.mkdir()
        self.history, self.older = [], []

    def options(self, command="create", again=True):
        settles = ["--settle", f"{self.settle_ms}ms"] if command == "create" else []
        return ["-q", *settles, *self.world.run_options(command, again), "--rate", "none", "--retry-base",
                "5ms", "--retry-cap", "50ms", "--timeout", "2s", "--max-attempts", "50", "--concurrency",
                self.concurrency]

    def furnish(self, rng, desk):
        """Puts into the account what is no run's, where the episode's world has such."""
        payloads = [payload for payload in map(desk.payload, desk.rows) if payload is not None]
        if self.world.twins:
            self.older = [payload for payload in payloads if rng.random() < 0.3]
            self.foreign |= self.box.prefill(self.older)
        if self.world.others:
            shared = [{**payload, "share_with_org": True} for payload in payloads if rng.random() < 0.3]
            self.foreign |= self.box.prefill(shared, COLLEAGUE)
        if self.foreign:
            time.sleep(OLDER)

    def start(self, args, stdin=None, binary=BIN_DIR, **env):
        """Starts connload; its words go to words.txt."""
        env.update(self.world.environment(self.clock))
        self.count.add(runs=1)
        self.history.append(" ".join(map(str, args)))
        words = open(self.folder / "words.txt", "ab")
        words.write(f"--- {self.history[-1]}\n".encode())
        words.flush()
        source = open(stdin, "rb") if stdin else subprocess.DEVNULL
        try:
            return subprocess.Popen(
                [binary / "connload", *map(str, args)], cwd=self.work, preexec_fn=die_with_parent, stdin=source,
                stdout=words, stderr=words,
                env=environment(BIGDATA_API_KEY=KEY, BIGDATA_API_BASE_URL=self.box.url, TMPDIR=str(self.folder),
                                XDG_STATE_HOME=str(self.folder / "state"), **env))
        finally:
            words.close()
            if stdin:
                source.close()

    def run(self, args, stdin=None, kill_after=None, binary=BIN_DIR, **env):
        """Runs to the end, or to the kill; the exit code."""
        popen = self.start(args, stdin, binary, **env)
        try:
            return popen.wait(PATIENCE if kill_after is None else kill_after)
        except subprocess.TimeoutExpired:
            popen.kill()
            popen.wait()
            if kill_after is None:
                raise Trouble(f"still running after {PATIENCE} s: {self.history[-1]}") from None
            self.count.add(kills=1)
            return -signal.SIGKILL

    def close(self):
        self.box.stop()


def read_results(path):
    """The rows of a result file as lists, with its header checked. ValueError where it is not whole."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        data = gzip.decompress(data)
    if not data.endswith(b"\n"):
        raise ValueError("does not end with a line end")
    rows = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    if rows[0] != HEADER + RESULT:
        raise ValueError(f"header {rows[0]}")
    return rows[1:]


def same_input(sheet_row, cells, finished):
    """Whether the input's cells came back; finished rows without their secrets."""
    secret = {HEADER.index("user_password"), HEADER.index("session_id")}
    return all(got == want or (at in secret and finished and got == "")
               for at, (got, want) in enumerate(zip(cells, sheet_row)))


class Verdict:
    """Compares a result file with the sandbox's store."""

    def __init__(self, desk, episode, results, prefilled=()):
        self.desk, self.episode = desk, episode
        self.path = episode.work / results
        self.prefilled = Counter(map(key_of, prefilled))
        self.elsewhere = Counter()  # rows for which a colleague's connector answers, by what is posted for them
        self.found = Counter()
        self.words = []
        self.unknown = Counter()  # rows that can't be told, by what is posted for them

    def note(self, kind, words):
        self.found[kind] += 1
        self.words.append(f"{kind}: {words}")

    def check_files(self, expected):
        left = {path.name for path in self.episode.work.iterdir()} - set(expected)
        if left:
            self.note("damaged", f"left behind: {sorted(left)}")

    def check_store(self, archived=False):
        """Each payload as often as the sheet asks for it; what was there before counts for --skip-existing's rows."""
        wanted = Counter(key_of(payload) for payload in map(self.desk.payload, self.desk.rows) if payload is not None)
        if not self.desk.duplicates:
            wanted = Counter(dict.fromkeys(wanted, 1))
        wanted.update(map(key_of, self.episode.older))
        stored = Counter(key_of(payload) for payload in self.episode.box.payloads().values())
        for key in wanted | stored:
            want = max(wanted[key], self.prefilled[key])
            least = want - self.unknown[key] - self.elsewhere[key]
            if stored[key] > want:
                self.found["duplicates"] += stored[key] - want
                self.words.append(f"duplicates: {stored[key]} for {want} of {key}")
            elif stored[key] < least and ALIKE not in key:
                self.found["lost"] += least - stored[key]
                self.words.append(f"lost: {stored[key]} for {want} of {key}")
        for connector in self.episode.box.connectors():
            if connector["archived"] and not archived:
                self.note("damaged", f"archived: {connector['connector_id']}")

    def check_row(self, row, cells, payloads, seen):
        status, connector = cells[len(HEADER)], cells[len(HEADER) + 1]
        payload = self.desk.payload(row)
        finished = status in ("created", "exists", "archived")
        if not same_input(row, cells, finished):
            self.note("damaged", f"{cells} for {row}")
        if status == "invalid":
            if payload is not None and self.desk.duplicates:
                self.note("lost", f"invalid: {cells}")
            return
        if status == "unknown" and (payload["label"] == ALIKE or not self.episode.world.plain):
            self.unknown[key_of(payload)] += 1
            return
        if not finished:
            self.note("lost", f"{status}: {cells}")
        elif connector in self.episode.foreign and status != "exists":
            self.note("foreign", f"{connector} is none of this row's: {cells}")
        elif connector in self.episode.box.colleagues:
            self.elsewhere[key_of(payload)] += 1
        elif connector not in payloads or key_of(payloads[connector]) != key_of(payload):
            self.note("mispaired", f"{connector} is {payloads.get(connector)}, beside {row}")
        elif connector in seen:
            self.note("mispaired", f"{connector} twice")
        seen.add(connector)

    def check_results(self):
        try:
            rows = read_results(self.path)
        except (OSError, ValueError, EOFError, csv.Error) as error:
            self.note("damaged", f"{self.path.name}: {error}")
            return []
        if len(rows) != len(self.desk.rows):
            self.note("damaged", f"{len(rows)} rows for {len(self.desk.rows)}")
            return rows
        payloads, seen = self.episode.box.payloads(), set()
        for row, cells in zip(self.desk.rows, rows):
            self.check_row(row, cells, payloads, seen)
        return rows

    def settle(self):
        """Adds what was found to the phase's count; Trouble where that is anything."""
        self.episode.count.add(rows=len(self.desk.rows), unknown=sum(self.unknown.values()), **self.found)
        if self.words:
            raise Trouble("\n".join(self.words))

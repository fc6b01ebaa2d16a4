"""
Faults from below: each call to the system and the allocator fails, at each of its Nth times in turn
(tests/interpose/failing.c): no crash, no lie in the result file, the right exit code, and the same command afterwards
finishes the job, each connector once.

    CONNLOAD_FAULTS=all    every N, in place of a sample; minutes for each command
"""

import csv
import errno
import os
import re

import pytest

from conftest import KEY, Process, clean_env
from hostile import is_harmless
from once import until

pytestmark = [pytest.mark.slow_asan, pytest.mark.direct]

ALL = os.environ.get("CONNLOAD_FAULTS") == "all"
SAMPLE = 4
MEMORY = ["malloc", "calloc", "realloc"]
FILES = ["open", "read", "pread", "write", "fsync", "fdatasync", "ftruncate", "rename", "unlink", "fchmod", "close", "lseek", "fcntl",
         "stat", "fstat", "lstat", "getrandom"]
NETWORK = ["socket", "connect", "send", "recv", "poll"]
QUICK = ["--rate", "none", "--settle", "60ms", "--retry-base", "1ms", "--retry-cap", "5ms", "--timeout", "2s",
         "--max-outage", "2s"]
SHEET = ("type,label,allowed_emails,user_id,user_password,session_id\nemail,A,a@example.com,,,\nemail,,b@example.com,,,\n"
         "investment_research,C,,nq,hunter2,\nsharepoint,D,,,,s3ss10n\nemail,E,e@example.com,,,\n")
LABELS = ["A", "C", "D", "E"]
FINISHED = ("created", "exists", "archived")


class World:
    """A folder with a desk, a sandbox, and connload in it."""

    def __init__(self, bin_dir, folder, box, faults):
        self.bin_dir, self.folder, self.box, self.faults = bin_dir, folder, box, faults

    def run(self, *args, env=None):
        given = {"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": self.box.direct_url, **(env or {})}
        run = Process([self.bin_dir / "connload", *args], clean_env(given), self.folder).wait(60)
        assert run.rc >= 0, f"killed by a signal: {run}"
        assert is_harmless(run.err_bytes) and "hunter2" not in run.err and KEY not in run.err.replace("connload-sandbox", "")
        return run

    def reset(self):
        self.box.call("POST", "/_sandbox/reset")
        for path in self.folder.iterdir():
            path.unlink()
        (self.folder / "desk.csv").write_text(SHEET)

    def names(self):
        """What is there, but for results that could not be put in their place and were kept beside it."""
        return sorted(name for name in os.listdir(self.folder) if not name.endswith(".new"))

    def path(self, name):
        return self.folder / name

    def rows(self, name="desk.results.csv"):
        with open(self.path(name), encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def stored(self):
        return {one["connector_id"]: one for one in self.box.connectors()}

    def expect_no_lie(self, name="desk.results.csv"):
        """What a row says of its connector is true, and so is what it says of there being none."""
        stored = self.stored()
        labels = [one["label"] for one in stored.values()]
        assert len(labels) == len(set(labels)), labels
        for row in self.rows(name):
            if row["status"] in FINISHED:
                one = stored[row["connector_id"]]
                assert one["label"] == row["label"] and one["archived"] <= (row["status"] in ("archived", "created"))
                assert row["status"] != "archived" or one["archived"]
                assert row["user_password"] == row["session_id"] == ""
            elif row["status"] != "unknown":
                assert row["label"] not in labels, (row, labels)

    def finish(self, *args):
        """The same command again, without faults, until every row that can have one has its connector."""
        results = self.path("desk.results.csv")
        for _ in range(4):
            if results.exists() and not self.path("desk.results.csv.journal").exists():
                if [row["status"] for row in self.rows() if row["label"]] == ["created"] * len(LABELS):
                    break
                args = ["create", "desk.results.csv", *QUICK]
            run = self.run(*args)
            assert run.rc in (0, 1), run
        assert [row["status"] for row in self.rows()] == ["created", "invalid", "created", "created", "created"], self.rows()
        self.expect_no_lie()
        assert sorted(one["label"] for one in self.stored().values()) == LABELS
        assert self.names() == ["desk.csv", "desk.results.csv"]


def expect_code(run, codes, call):
    """A failure says why, where it can: on standard error, which is all there is where no file can be written."""
    assert run.rc in codes and (run.rc in (0, 1) or run.err.strip() or call == "write"), run


class Create:
    """From the sheet to its results."""

    args = ["create", "desk.csv", "--log", "log", "--summary", "summary", *QUICK]

    @staticmethod
    def prepare(world):
        pass

    @staticmethod
    def check(world, run, call):
        expect_code(run, (1, 2, 3, 4, 5) if call == "stat" else (1, 3, 4, 5), call)
        if world.path("desk.results.csv").exists():
            world.expect_no_lie()
        else:
            assert run.rc != 1, run
        for name in ("log", "summary"):
            if world.path(name).exists():
                world.path(name).unlink()
        world.finish("create", "desk.csv", *QUICK)


class InPlace:
    """A result file of which two rows are left, replaced in place."""

    args = ["create", "desk.results.csv", *QUICK]

    @staticmethod
    def prepare(world):
        assert world.run("create", "desk.csv", "--limit", "2", *QUICK).rc == 1

    @staticmethod
    def check(world, run, call):
        expect_code(run, (1, 2, 3, 4, 5) if call == "stat" else (1, 3, 4, 5), call)
        world.expect_no_lie() if not world.path("desk.results.csv.journal").exists() else None
        world.finish("create", "desk.results.csv", *QUICK)


class Undo:
    """All of a result file archived."""

    args = ["undo", "desk.results.csv", "--yes", "--rate", "none", "--retry-base", "1ms", "--retry-cap", "5ms", "--max-outage", "2s"]

    @staticmethod
    def prepare(world):
        assert world.run("create", "desk.csv", *QUICK).rc == 1

    @classmethod
    def check(cls, world, run, call):
        expect_code(run, (0, 1, 3, 4, 5), call)
        world.expect_no_lie()
        assert run.rc != 0 or [row["status"] for row in world.rows() if row["label"]] == ["archived"] * 4
        assert world.run(*cls.args).rc == 0
        assert [row["status"] for row in world.rows() if row["label"]] == ["archived"] * 4
        world.expect_no_lie()
        assert world.names() == ["desk.csv", "desk.results.csv"]


class List:
    """The account as a file: whole, or not there."""

    args = ["list", "-o", "account.csv", "--rate", "none", "--retry-base", "1ms", "--retry-cap", "5ms", "--max-outage", "2s"]

    @staticmethod
    def prepare(world):
        assert world.run("create", "desk.csv", *QUICK).rc == 1
        until(lambda: len(world.box.call("GET", "/contents/v1/connectors")["results"]) == len(LABELS))

    @classmethod
    def check(cls, world, run, call):
        expect_code(run, (0, 4, 5), call)
        if run.rc == 0 or world.path("account.csv").exists():
            assert sorted(row["label"] for row in world.rows("account.csv")) == LABELS
        assert world.run(*cls.args, "--force").rc == 0
        assert sorted(row["label"] for row in world.rows("account.csv")) == LABELS
        assert sorted(os.listdir(world.folder)) == ["account.csv", "desk.csv", "desk.results.csv"]


class Check:
    """No network, no file: what it finds, or why not."""

    args = ["check", "desk.csv"]

    @staticmethod
    def prepare(world):
        pass

    @staticmethod
    def check(world, run, call):
        expect_code(run, (1, 3, 5), call)
        assert run.rc != 1 or "desk.csv:3: " in run.err or call == "write"


@pytest.fixture
def world(bin_dir, sandbox, tmp_path, failing):
    box = sandbox("--settle", "30ms")
    folder = tmp_path / "world"
    folder.mkdir()
    return World(bin_dir, folder, box, failing)


def count_calls(world, command, call, note):
    world.reset()
    command.prepare(world)
    world.run(*command.args, env=world.faults(call, count=note))
    return int(note.read_text())


def points(count):
    """Which times: all, or the first, the last, and some in between."""
    if ALL or count <= SAMPLE:
        return range(1, count + 1)
    return sorted({1 + step * (count - 1) // (SAMPLE - 1) for step in range(SAMPLE)})


@pytest.mark.parametrize("times", [1, 0], ids=["once", "from-then-on"])
@pytest.mark.parametrize("call", MEMORY + FILES + NETWORK)
@pytest.mark.parametrize("command", [Create, InPlace, Undo, List, Check], ids=lambda command: command.__name__)
def test_each_call_fails_in_turn(world, tmp_path, command, call, times):
    if command is Check and call in NETWORK:
        pytest.skip("check has no network")
    tried = 0
    for at in points(count_calls(world, command, call, tmp_path / "count")):
        world.reset()
        command.prepare(world)
        run = world.run(*command.args, env=world.faults(call, at=at, times=times, error=5))
        try:
            command.check(world, run, call)
        except AssertionError as error:
            raise AssertionError(f"{call} number {at}: {error}\n{run}") from error
        tried += 1
    print(f"{command.__name__} {call}: {tried} faults")


@pytest.mark.parametrize("error", [28, 122, 30, 27, 13, 24, 12, 4], ids=lambda error: re.sub(r"\W", "-", os.strerror(error)))
@pytest.mark.parametrize("call", ["write", "open", "fdatasync", "rename"])
def test_every_cause_is_told(world, tmp_path, call, error):
    """A full disk, a quota, a file system gone read-only, …: at the first and at the last call."""
    count = count_calls(world, Create, call, tmp_path / "count")
    for at in {1, (count + 1) // 2, count}:
        world.reset()
        run = world.run(*Create.args, env=world.faults(call, at=at, times=0 if error != 4 else 1, error=error))
        Create.check(world, run, call)


@pytest.mark.parametrize("call", ["fsync", "fdatasync", "close", "write", "read", "pread"])
@pytest.mark.parametrize("command", [Create, InPlace, Undo, List], ids=lambda command: command.__name__)
def test_a_call_that_a_signal_interrupts(world, tmp_path, command, call):
    """NFS and FUSE answer so to a Ctrl-C, which asks for an end in order: the disk is in no trouble."""
    count = count_calls(world, command, call, tmp_path / "count")
    world.reset()
    command.prepare(world)
    well = world.run(*command.args).rc
    for at in points(count):
        world.reset()
        command.prepare(world)
        run = world.run(*command.args, env=world.faults(call, at=at, times=1 if call == "close" else 3, error=errno.EINTR))
        assert run.rc == well, (call, at, run)
        command.check(world, run, call)


def test_a_secret_whose_reading_a_signal_interrupts(world, tmp_path):
    """It is read with each row: a row must not fail its checks because somebody pressed Ctrl-C."""
    args = ["create", "desk.csv", "--secret-refs", *QUICK]

    def prepare():
        world.reset()
        world.path("secret").write_text("s3ss10n\n")
        world.path("desk.csv").write_text("type,label,session_id\nsharepoint,A,file:secret\n")

    prepare()
    assert world.run(*args, env=world.faults("read", count=tmp_path / "count")).rc == 0
    for at in range(1, int((tmp_path / "count").read_text()) + 1):
        prepare()
        run = world.run(*args, env=world.faults("read", at=at, times=3, error=errno.EINTR))
        assert run.rc == 0, (at, run)


@pytest.mark.parametrize("command", [Create, InPlace, Undo, List], ids=lambda command: command.__name__)
def test_a_write_that_writes_half(world, tmp_path, command):
    for at in points(count_calls(world, command, "write", tmp_path / "count")):
        world.reset()
        command.prepare(world)
        run = world.run(*command.args, env=world.faults("write", at=at, short=True, error=28))
        command.check(world, run, "write")


@pytest.mark.parametrize("times", [1, 0], ids=["once", "from-then-on"])
@pytest.mark.parametrize("command", [Create, Undo, List], ids=lambda command: command.__name__)
def test_memory_short_before_the_program_begins(world, command, times):
    """The first allocations are those of libraries that set themselves up: what they could not get must not be used."""
    for at in range(1, 100, 1 if ALL else 14):
        world.reset()
        command.prepare(world)
        run = world.run(*command.args, env=world.faults("malloc", at=at, times=times))
        command.check(world, run, "malloc")


@pytest.mark.parametrize("call", ["stat", "lstat", "fstat", "open"])
def test_an_earlier_result_file_is_not_overlooked(world, tmp_path, call):
    """Where the system can't say whether it is there, nothing is sent a second time."""
    count = count_calls(world, Create, call, tmp_path / "count")
    world.reset()
    assert world.run("create", "desk.csv", *QUICK).rc == 1
    before = world.path("desk.results.csv").read_bytes()
    for at in range(1, count + 1) if call != "open" else points(count):
        for times in (1, 0):
            run = world.run("create", "desk.csv", *QUICK, env=world.faults(call, at=at, times=times, error=5))
            assert run.rc in (2, 3, 5), (at, run)
            assert world.path("desk.results.csv").read_bytes() == before
    assert len(world.stored()) == len(LABELS)

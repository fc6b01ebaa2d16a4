"""A journal that is taken away or written to under a run; and every remedy that is printed about locks and journals."""

import errno
import os
import re
import shlex
import signal
import subprocess
from collections import Counter

import pytest
from conftest import ROOT, api_answer
from once import BRIEF, DESK, LAG, QUICK, journal, kill_when, labels, once, posts, until

ROWS = 40
SLOW = [*LAG, "--latency", "30ms"]
root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: other users")
UNLOCKED = {"LD_PRELOAD": ROOT / "build/interpose/remote.so", "REMOTE_UNLOCKED": 1}


def once_by_label(box):
    assert max(labels(box.connectors()).values()) == 1


def created(rows):
    return {row["connector_id"] for row in rows if row["status"] == "created"}


def ids(box):
    return {one["connector_id"] for one in box.connectors()}


def interrupted(connload, sandbox, desk, command=("create", "desk.csv", *BRIEF, "--concurrency", 2)):
    """A run that was killed in the middle of its rows; its sandbox."""
    box = sandbox(*SLOW)
    desk(ROWS)
    kill_when(connload(*command, wait=False), lambda: len(posts(box)) > 5)
    return box


# -- taken away --

@pytest.mark.parametrize("again", [False, True])
def test_a_journal_that_is_removed_under_a_run(connload, sandbox, desk, read_csv, tmp_path, again):
    """It stops in order: what was in flight has its outcome, and all of it stands beside the results' place."""
    box = interrupted(connload, sandbox, desk) if again else sandbox(*SLOW)
    desk(ROWS)
    before = len(posts(box))
    run = connload("create", "desk.csv", *BRIEF, "--concurrency", 2, wait=False)
    until(lambda: len(posts(box)) > before + 5)
    journal(tmp_path).unlink()
    run = run.wait()
    assert run.rc == 5 and "desk.results.csv.journal was removed or replaced while this run" in run.err, run
    assert not (tmp_path / "desk.results.csv").exists() and not journal(tmp_path).exists()
    rows = read_csv("desk.results.csv.new")
    assert created(rows) == ids(box) and set(row["status"] for row in rows) == {"created", "not_attempted"}
    remedy = re.search(r"to go on, when no other run works on desk.results.csv: connload (.*)\n", run.err).group(1)
    assert connload(*shlex.split(remedy), *BRIEF).rc == 0
    once(box, read_csv("desk.results.csv.new"))


def test_one_that_is_removed_before_anything_was_sent(connload, raw_server, desk, tmp_path):
    def behave(exchange):
        journal(tmp_path).unlink()
        return api_answer(exchange)

    server = raw_server(behave)
    desk(3)
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 5 and "was removed or replaced" in run.err and run.err.count("connload: ") == 1, run
    assert os.listdir(tmp_path) == ["desk.csv"] and len(server.exchanges) == 1


def test_a_run_never_removes_the_journal_of_another(connload, sandbox, desk, read_csv, tmp_path):
    first_box, second_box = sandbox(*SLOW), sandbox(*LAG, faults={"hang-before": 100})
    desk(ROWS)
    first = connload("create", "desk.csv", *QUICK, "--concurrency", 2, to=first_box, wait=False)
    until(lambda: len(posts(first_box)) > 5)
    journal(tmp_path).unlink()
    second = connload("create", "desk.csv", *QUICK, to=second_box, wait=False)
    until(lambda: len(posts(second_box)) > 5)
    number = journal(tmp_path).stat().st_ino
    assert first.wait().rc == 5
    assert journal(tmp_path).stat().st_ino == number and not (tmp_path / "desk.results.csv").exists()
    assert created(read_csv("desk.results.csv.new")) == ids(first_box)
    second.kill()


def test_undo_whose_journal_is_removed(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*SLOW)
    desk(ROWS)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    before = (tmp_path / "desk.results.csv").read_bytes()
    undo = connload("undo", "desk.results.csv", "--yes", "--rate", "none", "--concurrency", 1, wait=False)
    until(lambda: box.stats()["archived"] > 3)
    journal(tmp_path).unlink()
    run = undo.wait()
    assert run.rc == 5 and "the results are in desk.results.csv.new" in run.err, run
    assert (tmp_path / "desk.results.csv").read_bytes() == before
    assert Counter(row["status"] for row in read_csv("desk.results.csv.new"))["archived"] == box.stats()["archived"]
    assert connload("undo", "desk.results.csv.new", "--yes", "--rate", "none").rc == 0
    assert box.stats()["archived"] == ROWS


# -- locks that don't hold between two hosts --

@pytest.mark.slow_asan
def test_the_second_of_two_hosts_gives_way(connload, sandbox, desk, read_csv):
    box = sandbox(*SLOW)
    desk(ROWS)
    first = connload("create", "desk.csv", *QUICK, "--concurrency", 1, env=UNLOCKED, wait=False)
    until(lambda: len(posts(box)) > 5)
    second = connload("create", "desk.csv", *QUICK, env=UNLOCKED)
    assert second.rc == 5 and "another connload, on another machine or in another container, writes to" in second.err
    assert "work on desk.results.csv from one machine at a time" in second.err
    assert first.wait().rc == 0
    once(box, read_csv("desk.results.csv"))


@pytest.mark.slow_asan
def test_one_of_two_hosts_gives_way_where_the_first_is_waiting(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG, faults={"hang-before": 100})
    desk(6)
    first = connload("create", "desk.csv", *QUICK, "--timeout", "2s", "--concurrency", 3, env=UNLOCKED, wait=False)
    until(lambda: len(posts(box)) == 3)
    second = connload("create", "desk.csv", *QUICK, "--timeout", "2s", env=UNLOCKED, wait=False)
    until(lambda: box.stats()["methods"]["GET"] >= 1)
    box.faults({})
    runs = [first.wait(), second.wait()]
    assert sorted(run.rc for run in runs) == [0, 5], runs
    told = re.compile("another connload|was removed or replaced")  # the other's end may come before the next write
    assert sum(told.search(run.err) is not None for run in runs) == 1, runs
    once_by_label(box)
    once(box, read_csv("desk.results.csv"))


# -- remedies --

def test_kill_as_it_is_told(connload, sandbox, desk, read_csv):
    box = sandbox(*LAG, "--latency", "300ms")  # the first lasts longer than the second takes to begin
    desk(ROWS)
    first = connload("create", "desk.csv", *QUICK, "--concurrency", 2, wait=False)
    until(lambda: len(posts(box)) > 5)
    second = connload("create", "desk.csv", *QUICK)
    pid = int(re.search(r"stop it with kill (\d+)\n", second.err).group(1))
    assert second.rc == 5 and pid == first.pid
    os.kill(pid, signal.SIGTERM)
    assert first.wait().rc == 4
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    once(box, read_csv("desk.results.csv"))


def test_a_journal_that_a_backup_has_linked(connload, sandbox, desk, read_csv, tmp_path):
    box = interrupted(connload, sandbox, desk)
    os.link(journal(tmp_path), tmp_path / "backup")
    run = connload("create", "desk.csv", *BRIEF)
    assert run.rc == 5 and "has other names (hard links" in run.err
    command = re.search(r"give it one of its own: (.*)\n", run.err).group(1)
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    assert connload("create", "desk.csv", *BRIEF).rc == 0
    once(box, read_csv("desk.results.csv"))


@root_only
@pytest.mark.parametrize("other", [1002, 0])
def test_the_journal_of_another_user(as_user, sandbox, write_csv, read_csv, group_folder, other):
    box = sandbox(*SLOW)
    write_csv("group/desk.csv", DESK, [["email", f"Desk {n}", f"d{n}@example.com"] for n in range(ROWS)]).chmod(0o644)
    os.chown(group_folder, 1003, 100)
    command = ["create", "desk.csv", *BRIEF, "--concurrency", 2]
    kill_when(as_user(1001, box, group_folder, *command, wait=False), lambda: len(posts(box)) > 5)
    sent = len(box.requests())
    run = as_user(other, box, group_folder, *command)
    assert run.rc == 5 and "desk.results.csv.journal belongs to another user (uid 1001)" in run.err, run
    assert "give that run's command once more as that user" in run.err and len(box.requests()) == sent
    assert as_user(1001, box, group_folder, *command).rc == 0
    once(box, read_csv("group/desk.results.csv"))


def test_a_damaged_journal_that_is_moved_away(connload, sandbox, desk, read_csv, tmp_path):
    box = interrupted(connload, sandbox, desk)
    until(lambda: box.stats()["in_progress"] == 0)
    until(lambda: {one["connector_id"] for one in box.call("GET", "/contents/v1/connectors")["results"]} == ids(box))
    path = journal(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"\nrow\t", b"\nrov\t", 1))
    run = connload("create", "desk.csv", *BRIEF)
    assert run.rc == 5 and "move it away and run with --skip-existing" in run.err
    path.rename(tmp_path / "away")
    assert connload("create", "desk.csv", *BRIEF, "--skip-existing").rc == 0
    assert {row["connector_id"] for row in read_csv("desk.results.csv")} == ids(box)
    once_by_label(box)


def test_a_journal_that_an_editor_has_changed(connload, sandbox, desk, read_csv, tmp_path):
    box = interrupted(connload, sandbox, desk)
    path, before = journal(tmp_path), journal(tmp_path).read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + before)
    run = connload("create", "desk.csv", *BRIEF)
    assert run.rc == 5 and "restore it from a copy if a run was interrupted here" in run.err
    path.write_bytes(before)
    assert connload("create", "desk.csv", *BRIEF).rc == 0
    once(box, read_csv("desk.results.csv"))


def test_something_else_in_the_journals_place(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG)
    desk(2)
    journal(tmp_path).write_text("my diary\n")
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 5 and "move it away if it is something else of yours" in run.err
    journal(tmp_path).rename(tmp_path / "diary")
    assert connload("create", "desk.csv", *QUICK).rc == 0
    once(box, read_csv("desk.results.csv"))


@pytest.mark.slow_asan
@pytest.mark.parametrize("error", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks(connload, sandbox, desk, failing, tmp_path, error):
    box = sandbox()
    desk(2)
    run = connload("create", "desk.csv", *QUICK, env=failing("fcntl", at=1, times=0, error=error))
    assert run.rc == 5 and "cannot lock desk.results.csv.journal: " in run.err, run
    assert "keep the results on a local disk, or mount their file system with locks (NFS" in run.err
    assert not box.requests()


@root_only
@pytest.mark.slow_asan
def test_root_where_the_file_system_squashes_it(connload, sandbox, desk, tmp_path):
    box = sandbox()
    desk(2)
    os.chown(tmp_path, 1003, 100)
    run = connload("create", "desk.csv", *QUICK,
                   env={"LD_PRELOAD": ROOT / "build/interpose/remote.so", "REMOTE_SQUASH": 65534})
    assert run.rc == 5 and "what uid 0 makes in . belongs to uid 65534" in run.err, run
    assert "such as the folder's owner (uid 1003)" in run.err
    assert os.listdir(tmp_path) == ["desk.csv"] and not box.requests()

"""One run at a time for each result file."""

import os

import pytest
from conftest import ROOT
from once import BRIEF, LAG, QUICK, journal, once, posts, until


def busy(connload, sandbox, desk, *args):
    """A run that waits for an answer, and its sandbox."""
    box = sandbox(*LAG, "--fault", "hang-before=100:1")
    desk(3)
    process = connload("create", "desk.csv", *QUICK, *args, wait=False)
    until(lambda: box.stats()["methods"]["POST"] == 3)
    return box, process


def test_a_second_run_names_the_holder(connload, sandbox, desk, read_csv):
    box, first = busy(connload, sandbox, desk)
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 5 and f"pid {first.pid}" in run.err and "desk.results.csv" in run.err
    assert connload("create", "desk.csv", *QUICK, "--skip-existing", "--force").rc == 5
    assert len(posts(box)) == 3
    first.kill()


def test_a_killed_holder_leaves_no_lock(connload, sandbox, desk, read_csv):
    box, first = busy(connload, sandbox, desk, "--timeout", "3s")
    first.kill()
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 0, run.err
    once(box, read_csv("desk.results.csv"))


def test_another_result_file_is_free(connload, sandbox, desk, read_csv):
    box, first = busy(connload, sandbox, desk)
    assert connload("create", "desk.csv", *QUICK, "-o", "other.csv", "--again").rc == 0
    assert len(read_csv("other.csv")) == 3 and len(posts(box)) == 6
    first.kill()


def test_two_names_of_a_result_file_share_the_lock(connload, sandbox, desk, tmp_path):
    sandbox(*LAG)
    desk(3)
    assert connload("create", "desk.csv", *QUICK, "--limit", "1").rc == 1
    os.symlink("desk.results.csv", tmp_path / "link.csv")
    box = sandbox(*LAG, "--fault", "hang-before=100:1")
    first = connload("create", "desk.results.csv", *QUICK, wait=False)
    until(lambda: box.stats()["methods"]["POST"] == 2)
    run = connload("create", "link.csv", *QUICK)
    assert run.rc == 5 and f"pid {first.pid}" in run.err
    first.kill()


def test_undo_and_create_exclude_each_other(connload, sandbox, desk):
    box = sandbox(*LAG)
    desk(3)
    assert connload("create", "desk.csv", *QUICK, "--limit", "2").rc == 1
    box.faults({"delete:hang-before": 100})
    undo = connload("undo", "desk.results.csv", "--yes", "--rate", "none", wait=False)
    until(lambda: box.stats()["in_progress"] == 2)
    run = connload("create", "desk.results.csv", *QUICK)
    assert run.rc == 5 and f"pid {undo.pid}" in run.err
    assert len(posts(box)) == 2
    undo.kill()


def held_up(connload, tmp_path, *args):
    """A run that has looked at its files and is about to take the lock; and what lets it go on."""
    mark = tmp_path / "mark"
    env = {"LD_PRELOAD": ROOT / "build/interpose/pausing.so", "PAUSE_BEFORE": ".journal", "PAUSE_MARK": mark}
    process = connload(*args, wait=False, env=env)
    until(mark.exists)

    def go_on():
        mark.unlink()
        return process.wait()

    return go_on


@pytest.mark.slow_asan
def test_results_that_appear_just_before_the_lock_are_seen(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG)
    desk(3)
    go_on = held_up(connload, tmp_path, "create", "desk.csv", *QUICK)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    run = go_on()
    assert run.rc == 2 and "desk.results.csv exists" in run.err
    once(box, read_csv("desk.results.csv"))


@pytest.mark.slow_asan
def test_results_that_another_run_replaces_just_before_the_lock_are_read_again(connload, sandbox, desk, read_csv,
                                                                            tmp_path):
    box = sandbox(*LAG)
    desk(3)
    assert connload("create", "desk.csv", *QUICK, "--limit", "1").rc == 1
    go_on = held_up(connload, tmp_path, "create", "desk.results.csv", *QUICK)
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    assert go_on().rc == 0
    once(box, read_csv("desk.results.csv"))


@pytest.mark.slow_asan
def test_undo_reads_them_again_too(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG)
    desk(3)
    assert connload("create", "desk.csv", *QUICK, "--limit", "1").rc == 1
    go_on = held_up(connload, tmp_path, "undo", "desk.results.csv", "--yes", "--rate", "none")
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    assert go_on().rc == 0
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"archived"} and box.stats()["archived"] == 3


def test_what_is_no_journal_is_left_alone(connload, sandbox, desk, tmp_path):
    box = sandbox()
    desk(1)
    journal(tmp_path).write_text("my diary\n")
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 5 and "no journal of connload" in run.err
    assert journal(tmp_path).read_text() == "my diary\n" and not posts(box)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_told_before_anything_is_sent(connload, sandbox, desk, tmp_path):
    box = sandbox()
    desk(1)
    tmp_path.chmod(0o500)
    try:
        assert connload("create", "desk.csv", *QUICK).rc == 5
    finally:
        tmp_path.chmod(0o700)
    assert not box.requests()


def test_a_list_keeps_off_the_results_that_a_run_works_on(connload, sandbox, desk, tmp_path):
    box, first = busy(connload, sandbox, desk)
    run = connload("list", "-o", "desk.results.csv", "--rate", "none")
    assert run.rc == 5 and f"pid {first.pid}" in run.err and "desk.results.csv" in run.err
    assert not (tmp_path / "desk.results.csv").exists() and box.stats()["methods"]["GET"] == 1
    first.kill()


def test_a_list_keeps_off_the_input_of_an_interrupted_run(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG)
    desk(3)
    assert connload("create", "desk.csv", *QUICK, "--limit", "1").rc == 1
    box.faults({"hang-before": "100:1"})
    first = connload("create", "desk.results.csv", *BRIEF, wait=False)
    until(lambda: box.stats()["methods"]["POST"] == 3)
    first.kill()
    before = (tmp_path / "desk.results.csv").read_bytes()
    run = connload("list", "-o", "desk.results.csv", "--force", "--rate", "none")
    assert run.rc == 2 and "an interrupted `create` has left desk.results.csv.journal" in run.err, run
    assert (tmp_path / "desk.results.csv").read_bytes() == before
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"created"}
    assert connload("list", "-o", "desk.results.csv", "--force", "--rate", "none").rc == 0
    assert not journal(tmp_path).exists()


@pytest.mark.slow_asan
def test_a_list_does_not_replace_results_that_appear_just_before_the_lock(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG)
    desk(3)
    go_on = held_up(connload, tmp_path, "list", "-o", "desk.results.csv", "--rate", "none")
    assert connload("create", "desk.csv", *QUICK).rc == 0
    run = go_on()
    assert run.rc == 2 and "desk.results.csv exists" in run.err
    once(box, read_csv("desk.results.csv"))

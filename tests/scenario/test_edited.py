"""
Somebody edits the sheet while a run works on it: no row gets another row's result, and none is sent as it was not
checked. What is read again is what was read first, or the run stops and can be gone on with.
"""

import json
import os
import threading

import pytest
from conftest import http_answer
from hostile import Store, posts
from once import QUICK

ROWS = 1200  # a page of memory and a page cache's worth apart: what is edited is not what was read last
SECRETS = ["type", "label", "user_id", "user_password", "session_id"]


class Gate(Store):
    """A server that holds its answer to the row `label` back until it is opened."""

    def __init__(self, label):
        super().__init__(post=self.answer)
        self.label, self.reached, self.opened = label, threading.Event(), threading.Event()

    def answer(self, _store, _exchange, connector):
        if connector["label"] == self.label:
            self.reached.set()
            assert self.opened.wait(60)
        return http_answer(201, connector)


@pytest.fixture
def during(connload, raw_server):
    """during(edit, *args, gate=LABEL) runs connload, edits once the row's request has come; (run, gate, requests)."""
    def run(edit, *args, gate="Desk 600"):
        held = Gate(gate)
        server = raw_server(held)
        process = connload(*args, *QUICK, "--no-preflight", "--concurrency", "1", wait=False)
        assert held.reached.wait(60)
        edit()
        held.opened.set()
        return process.wait(), held, server

    return run


def overwrite(path, edited):
    """Writes over the file where it is, as an editor does that keeps it."""
    with open(path, "r+b") as file:
        file.write(edited)
        file.truncate()


def swapped(text):
    lines = text.splitlines(keepends=True)
    lines[1], lines[2] = lines[2], lines[1]
    return b"".join(lines)


def expect_stop(run, tmp_path):
    assert run.rc == 3, run
    assert run.err.count("desk.csv has changed since it was read; put it back as it was and run the same command again\n") == 1
    assert "desk.results.csv.journal: the same command goes on from there\n" in run.err
    assert not (tmp_path / "desk.results.csv").exists()


def expect_results(rows, store):
    named = {one["connector_id"]: one["label"] for one in store.connectors}
    assert [row["label"] for row in rows] == [named[row["connector_id"]] for row in rows] and len(named) == len(rows)


@pytest.mark.parametrize("keep_times", [False, True])
def test_rows_that_change_places(connload, during, desk, read_csv, tmp_path, keep_times):
    """Also by a tool that sets the file's time back (rsync, touch)."""
    path = desk(ROWS)
    before, about = path.read_bytes(), path.stat()

    def edit():
        overwrite(path, swapped(before))
        if keep_times:
            os.utime(path, ns=(about.st_atime_ns, about.st_mtime_ns))

    run, store, server = during(edit, "create", "desk.csv")
    expect_stop(run, tmp_path)
    path.write_bytes(before)
    sent = len(posts(server))
    run = connload("create", "desk.csv", *QUICK, "--no-preflight")
    assert run.rc == 0, run
    expect_results(read_csv("desk.results.csv"), store)
    assert len(posts(server)) == ROWS and sent >= 600


def test_a_password_that_changes_is_not_sent_unchecked(connload, during, write_csv, read_csv, tmp_path):
    path = write_csv("desk.csv", SECRETS, [["investment_research", f"Desk {n}", "nq", f"old-{n:05}", ""] for n in range(ROWS)])
    before = path.read_bytes()
    run, store, server = during(lambda: overwrite(path, before.replace(b"old-01100", b"new-01100")), "create", "desk.csv")
    expect_stop(run, tmp_path)
    path.write_bytes(before)
    assert connload("create", "desk.csv", *QUICK, "--no-preflight").rc == 0
    expect_results(read_csv("desk.results.csv"), store)
    assert len(posts(server)) == ROWS
    assert not any(b"new-01100" in exchange.body for exchange in server.exchanges)


def test_an_answer_that_tells_a_password_which_the_sheet_has_no_more(connload, raw_server, write_csv, tmp_path):
    """What was sent is remembered while it is in flight: so it is known what must not come back."""
    path = write_csv("desk.csv", SECRETS, [["investment_research", f"Desk {n}", "nq", f"old-{n:05}", ""] for n in range(ROWS)])
    before = path.read_bytes()
    later = threading.Event()

    def answer(_store, exchange, connector):
        if connector["label"] == "Desk 1100":
            later.set()
        if connector["label"] != "Desk 600":
            return http_answer(201, connector)
        assert later.wait(60)
        overwrite(path, before.replace(b"old-00601", b"new-00601"))
        return http_answer(422, {"detail": "no good: " + exchange.json()["config"]["user_password"]})

    raw_server(Store(post=answer))
    run = connload("create", "desk.csv", *QUICK, "--no-preflight", "--concurrency", "2", "--log", "log", "-v")
    expect_stop(run, tmp_path)
    for text in (run.err_bytes, (tmp_path / "log").read_bytes(), (tmp_path / "desk.results.csv.journal").read_bytes()):
        assert b"old-00600" not in text and b"Desk 600" not in text


def test_a_sheet_cut_short(during, desk, tmp_path):
    path = desk(ROWS)
    run, _, _ = during(lambda: os.truncate(path, 100), "create", "desk.csv", "--summary", "run.json", "--metrics", "run.prom")
    expect_stop(run, tmp_path)
    summary = json.loads((tmp_path / "run.json").read_text())
    assert (summary["exit_code"], summary["stop"]["reason"], summary["results"]) == (3, "input", None)
    assert summary["requests"]["create"] > 500 and "has changed" in summary["stop"]["message"]
    assert "} 3\n" in (tmp_path / "run.prom").read_text()


def test_undo_of_a_file_that_changes(connload, during, desk, read_csv, raw_server, tmp_path):
    desk(ROWS)
    first = raw_server(Store())
    assert connload("create", "desk.csv", *QUICK).rc == 0
    path = tmp_path / "desk.results.csv"
    before = path.read_bytes()
    archived = []
    reached, opened = threading.Event(), threading.Event()
    stored = {one["connector_id"]: one for one in first.behave.connectors}

    def archive(exchange):
        one = dict(stored[exchange.path.rsplit("/", 1)[1]], archived=True)
        archived.append(one["label"])
        if len(archived) == 600:
            reached.set()
            assert opened.wait(60)
        return http_answer(200, one)

    raw_server(archive)
    undo = ["undo", "desk.results.csv", "--yes", "--rate", "none", "--concurrency", "1"]
    process = connload(*undo, wait=False)
    assert reached.wait(60)
    overwrite(path, swapped(before))
    opened.set()
    run = process.wait()
    assert run.rc == 3 and "desk.results.csv has changed since it was read; put it back as it was" in run.err, run
    assert path.read_bytes() == swapped(before) and "desk.results.csv was not written" in run.err
    path.write_bytes(before)
    assert connload(*undo).rc == 0
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["archived"] * ROWS


def replace(path, edited):
    """Saves as spreadsheet programs do: a new file that gets the name."""
    new = path.with_name("new")
    new.write_bytes(edited)
    new.rename(path)


@pytest.mark.parametrize("edit", [
    lambda path, text: replace(path, swapped(text)),
    lambda path, text: path.unlink(),
    lambda path, text: overwrite(path, text),
    lambda path, text: overwrite(path, text + b"email,later,later@example.com\n"),
], ids=["replaced", "removed", "saved as it was", "appended to"])
def test_what_was_read_is_still_there(during, desk, read_csv, edit):
    """The run goes on with the rows as they were when it began."""
    path = desk(ROWS)
    text = path.read_bytes()
    run, store, server = during(lambda: edit(path, text), "create", "desk.csv")
    assert run.rc == 0, run
    rows = read_csv("desk.results.csv")
    assert [row["label"] for row in rows] == [f"Desk {n}" for n in range(ROWS)]
    expect_results(rows, store)
    assert len(posts(server)) == ROWS

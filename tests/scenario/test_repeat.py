"""
A connection that dies is never a second create by itself: libcurl would quietly send a POST again when a kept-alive
connection ends before the answer. Eight connections, and a server that kills each of them at the worst moment.
"""

import threading

import pytest

from conftest import Close, Reset, api_answer, connector_of, http_answer

ROWS = 60
ARGS = ("--concurrency", "8", "--rate", "none", "--retry-base", "1ms", "--retry-cap", "5ms", "--settle", "1ms")


class Account:
    """Creates that the server has read, whatever it said to them; its list shows them at once."""

    def __init__(self, fate, list_works=True):
        self.fate, self.list_works = fate, list_works
        self.lock = threading.Lock()
        self.made = []
        self.counts = {}

    def __call__(self, exchange):
        if exchange.method == "GET":
            if not self.list_works and exchange.index > 0:
                return http_answer(400, {"message": "no list today"})
            with self.lock:
                return http_answer(200, {"results": list(self.made)})
        payload = exchange.json()
        with self.lock:
            connector = connector_of(payload, created_at="2199-01-01T00:00:00.000000Z")
            self.made.append(connector)
            seen = self.counts[payload["label"]] = self.counts.get(payload["label"], 0) + 1
            number = len(self.made)
        return self.fate(number, seen, http_answer(201, connector))


def instead_of_one(number, seen, answer):
    """Every second connection dies in place of an answer."""
    return (Close(b"") if number % 4 else Reset(b"")) if number % 2 else answer


FATES = {
    "after each answer": lambda number, seen, answer: Close(answer),
    "reset after each answer": lambda number, seen, answer: Reset(answer),
    "instead of one": instead_of_one,
    "instead of every one": lambda number, seen, answer: Close(b""),
    "in the middle of each answer": lambda number, seen, answer: Close(answer[:len(answer) // 2]),
    "in the middle of a status line": lambda number, seen, answer: Reset(answer[:5]),
}


@pytest.mark.parametrize("list_works", [True, False], ids=["settled", "unsettled"])
@pytest.mark.parametrize("fate", FATES)
def test_no_row_is_sent_twice(connload, raw_server, desk, read_csv, fate, list_works):
    account = Account(FATES[fate], list_works)
    server = raw_server(account)
    desk(ROWS)
    run = connload("create", "desk.csv", *ARGS, "--max-outage", "3s")
    sent = [exchange.json()["label"] for exchange in server.exchanges if exchange.method == "POST"]
    assert len(sent) == len(set(sent)), "a row was sent twice"
    ids = {connector["label"]: connector["connector_id"] for connector in account.made}
    rows = read_csv("desk.results.csv")
    for row in rows:
        assert row["status"] in ("created", "unknown", "not_attempted")
        # what went into a connection that was dead already never arrived
        assert row["connector_id"] in ("", ids.get(row["label"]))
    if "each" in fate or "every" in fate or "status line" in fate:
        if run.rc == 4:  # none was ever answered: an outage
            return
    if list_works:
        assert run.rc == 0 and len(sent) == ROWS, run.err
        assert {row["label"]: row["connector_id"] for row in rows} == ids
    elif fate not in ("after each answer", "reset after each answer"):  # each answer may still have been read
        assert run.rc == 1 and any(row["status"] == "unknown" for row in rows)


def test_the_server_reads_half_a_request_and_dies(connload, raw_server, write_csv, read_csv):
    """The connection dies while the body is still being sent: the row may have been read all the same."""
    server = raw_server(lambda exchange: api_answer(exchange) if exchange.method == "GET" else Close(b""))
    write_csv("desk.csv", ["type", "label", "allowed_emails", "description"],
              [["email", f"L{n}", "a@example.com", "x" * 60000] for n in range(8)])
    connload("create", "desk.csv", *ARGS)
    sent = sorted(exchange.json()["label"] for exchange in server.exchanges if exchange.method == "POST")
    first = [label for n, label in enumerate(sent) if label not in sent[:n]]
    rows = read_csv("desk.results.csv")
    # settled as absent (its list is empty) and sent again under the limit of attempts, but for those of an outage
    assert len(first) == 8
    assert all(1 <= int(row["attempts"]) <= sent.count(row["label"]) for row in rows)


def test_an_idle_connection_that_died_unseen(connload, raw_server, desk):
    """Closed by the server between two windows: noticed before the next request, or settled; never repeated."""
    account = Account(lambda number, seen, answer: Close(answer))
    server = raw_server(account)
    desk(9)
    run = connload("create", "desk.csv", "--concurrency", "4", "--rate", "4/100ms", "--settle", "1ms")
    assert run.rc == 0, run.err
    sent = [exchange.json()["label"] for exchange in server.exchanges if exchange.method == "POST"]
    assert sorted(sent) == sorted(f"Desk {n}" for n in range(9))


@pytest.mark.parametrize("fault", ["drop-reused", "close", "drop-after"])
def test_the_same_with_the_sandbox(connload, sandbox, desk, read_csv, fault):
    box = sandbox(faults={fault: 40})
    desk(ROWS)
    run = connload("create", "desk.csv", *ARGS)
    assert run.rc == 0, run.err
    stats = box.stats()
    assert stats["created"] == ROWS and stats["duplicate_payloads"] == 0
    made = {connector["label"]: connector["connector_id"] for connector in box.connectors()}
    assert {row["label"]: row["connector_id"] for row in read_csv("desk.results.csv")} == made

"""--skip-existing makes nothing twice, night after night; and a result file that stands keeps a run from beginning."""

import json
import re
import resource
import signal
import time
from collections import Counter

import pytest

from conftest import Hang, api_answer, connector_of, http_answer
from once import BRIEF, DESK, LAG, QUICK, email, journal, kill_when, labels, posts, prefill, until

SKIP = ["create", "desk.csv", "--skip-existing", *QUICK]


def row_of(n):
    return ["email", f"Desk {n}", f"desk{n}@example.com"]


def statuses(rows):
    return [row["status"] for row in rows]


def test_a_week_of_nights(connload, sandbox, write_csv, read_csv):
    """Rows are added, one connector is archived by hand: only the new and the archived one are created."""
    box = sandbox(*LAG)
    sheet = [row_of(n) for n in range(6)]
    for night in range(7):
        new = [row_of(100 + night)]
        sheet = sheet[:night] + new + sheet[night:]
        expected = Counter(row[1] for row in (sheet if night == 0 else new))
        if night == 3:
            gone = next(one for one in box.connectors() if one["label"] == "Desk 4")
            box.call("DELETE", f"/contents/v1/connectors/{gone['connector_id']}")
            expected["Desk 4"] += 1
        before = labels(box.connectors())
        write_csv("desk.csv", DESK, sheet)
        run = connload(*SKIP)
        assert run.rc == 0, run.err
        assert labels(box.connectors()) - before == expected
        rows = read_csv("desk.results.csv")
        assert [row["label"] for row in rows if row["status"] == "created"] == [
            row[1] for row in sheet if row[1] in expected]
        stored = {one["connector_id"]: one for one in box.connectors() if not one["archived"]}
        assert [stored[row["connector_id"]]["label"] for row in rows] == [row[1] for row in sheet]


def test_a_run_right_after_another_waits_until_the_list_shows_what_that_one_made(connload, sandbox, desk, read_csv):
    box = sandbox("--settle", "250ms")
    desk(8)
    for expected in ("created", "exists", "exists"):
        assert connload(*SKIP).rc == 0
        assert statuses(read_csv("desk.results.csv")) == [expected] * 8
    assert len(posts(box)) == 8


def test_it_says_what_differs(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG)
    same, other = prefill(box, email("Same", "s@example.com"),
                          email("Other", "a@example.com", description="theirs", share_with_org=True))
    write_csv("desk.csv", [*DESK, "description"], [["email", "Same", "s@example.com", ""],
                                                   ["email", "Other", "b@example.com", "ours"]])
    assert connload(*SKIP).rc == 0
    first, second = read_csv("desk.results.csv")
    assert (first["status"], first["connector_id"], first["error_message"]) == ("exists", same, "")
    assert (second["status"], second["connector_id"]) == ("exists", other)
    assert second["error_message"] == (
        'description: the account has "theirs", the sheet has "ours"; share_with_org: the account has true, the sheet '
        'has false; allowed_emails: only in the account "a@example.com", only in the sheet "b@example.com"')
    assert len(posts(box)) == 2


def test_one_connector_answers_for_one_row_exact_twins_first(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG)
    twin, alike = prefill(box, email("A", "twin@example.com"), email("A", "alike@example.com"))
    write_csv("desk.csv", DESK, [["email", "A", f"{name}@example.com"] for name in ("one", "twin", "two")])
    assert connload(*SKIP).rc == 0
    rows = read_csv("desk.results.csv")
    assert statuses(rows) == ["exists", "exists", "created"]
    assert [row["connector_id"] for row in rows[:2]] == [alike, twin]


def test_a_second_exact_twin_answers_for_another_row_of_the_label(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG)
    ids = prefill(box, email("A", "twin@example.com"), email("A", "twin@example.com"))
    write_csv("desk.csv", DESK, [["email", "A", "twin@example.com"], ["email", "A", "other@example.com"]])
    assert connload(*SKIP).rc == 0
    rows = read_csv("desk.results.csv")
    assert statuses(rows) == ["exists", "exists"] and sorted(ids) == sorted(row["connector_id"] for row in rows)


def test_the_connector_of_an_unknown_row_answers_for_no_other(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG, "--fault", "drop-after=100", "--fault", "list:500-before=100")
    write_csv("desk.csv", DESK, [["email", "A", "lost@example.com"]])
    assert connload("create", "desk.csv", *QUICK, "--settle", "20ms", "--no-preflight").rc == 1
    box.faults({})
    unknown, = read_csv("desk.results.csv")
    new = {**dict.fromkeys(unknown, ""), "type": "email", "label": "A", "allowed_emails": "new@example.com"}
    write_csv("desk.results.csv", list(unknown), [list(new.values()), list(unknown.values())])
    assert connload("create", "desk.results.csv", "--skip-existing", *QUICK).rc == 0
    first, second = read_csv("desk.results.csv")
    stored = {one["connector_id"]: one["config"]["allowed_emails"] for one in box.connectors()}
    assert stored == {first["connector_id"]: ["new@example.com"], second["connector_id"]: ["lost@example.com"]}


def test_archived_connectors_and_those_of_other_rows_do_not_count(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG)
    gone, = prefill(box, email("A"))
    box.call("DELETE", f"/contents/v1/connectors/{gone}")
    write_csv("desk.csv", DESK, [["email", "A", "x@example.com"]])
    assert connload(*SKIP).rc == 0
    first, = read_csv("desk.results.csv")
    assert first["status"] == "created"
    header = list(first)
    second = dict.fromkeys(header, "") | {"type": "email", "label": "A", "allowed_emails": "y@example.com"}
    write_csv("desk.results.csv", header, [list(first.values()), list(second.values())])
    assert connload("create", "desk.results.csv", "--skip-existing", *QUICK).rc == 0
    assert statuses(read_csv("desk.results.csv")) == ["created", "created"]


def crowd(raw_server, write_csv, count, label):
    """A sheet of so many rows, and an account that has a connector of each row's label, with other addresses."""
    write_csv("desk.csv", DESK, [["email", label(n), f"desk{n}@example.com"] for n in range(count)])
    texts = (json.dumps(connector_of(email(label(n), "other@example.com"))) for n in range(count))
    listed = http_answer(200, '{"results":[' + ",".join(texts) + "]}")
    return raw_server(lambda exchange: listed if exchange.method == "GET" else api_answer(exchange))


@pytest.mark.slow_asan
def test_many_rows_of_one_label_cost_what_as_many_labels_cost(connload, raw_server, write_csv, read_csv):
    """CPU time, by the same number of rows and connectors: with a second look at what is taken it was six times that."""
    def cost(label):
        crowd(raw_server, write_csv, 80000, label)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert connload(*SKIP, "--force").rc == 0
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert set(statuses(read_csv("desk.results.csv"))) == {"exists"}
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert cost(lambda n: "Inbox") < 3 * cost("Desk {}".format)


def test_a_signal_while_rows_and_connectors_are_compared(connload, raw_server, write_csv, read_csv, tmp_path):
    server = crowd(raw_server, write_csv, 100000, lambda n: "Inbox")
    process = connload(*SKIP, wait=False)
    until(lambda: journal(tmp_path).exists() and b"\nrow\t" in journal(tmp_path).read_bytes())
    process.signal(signal.SIGINT)
    run = process.wait()
    assert run.rc == 4 and "SIGINT" in run.err
    found = Counter(statuses(read_csv("desk.results.csv")))
    assert set(found) == {"exists", "not_attempted"} and found["exists"] + found["not_attempted"] == 100000
    assert [one.method for one in server.exchanges] == ["GET"]


def test_a_list_that_does_not_show_everything_is_no_base_for_it(connload, raw_server, desk, read_csv):
    server = raw_server(lambda exchange: http_answer(200, {"results": [{"connector_id": 7}]}))
    desk(2)
    run = connload(*SKIP)
    assert run.rc == 4 and "does not show everything" in run.err
    assert statuses(read_csv("desk.results.csv")) == ["not_attempted"] * 2
    assert [one.method for one in server.exchanges] == ["GET"]


def test_without_it_a_run_says_how_many_seem_to_exist(connload, sandbox, desk):
    box = sandbox(*LAG)
    desk(3)
    prefill(box, email("Desk 1"), email("Desk 2", "desk2@example.com"))
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 0 and re.search(r"for 2 of the rows; with --skip-existing", run.err)
    assert len(box.connectors()) == 5


def test_an_existing_result_file_keeps_a_run_from_beginning(connload, sandbox, desk, tmp_path):
    box = sandbox(*LAG)
    desk(2)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    before = (tmp_path / "desk.results.csv").read_bytes()
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 2
    for remedy in ("connload create desk.results.csv", "-o FILE", "--force"):
        assert remedy in run.err
    assert (tmp_path / "desk.results.csv").read_bytes() == before and not journal(tmp_path).exists()
    assert connload("create", "desk.csv", *QUICK, "-o", "desk.results.csv").rc == 2
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    assert len(posts(box)) == 2
    assert connload("create", "desk.csv", *QUICK, "--force").rc == 0
    assert len(posts(box)) == 4


def test_rows_that_are_deleted_or_sorted_by_hand_stay_what_they_are(connload, sandbox, desk, write_csv, read_csv):
    box = sandbox(*LAG)
    desk(6)
    assert connload("create", "desk.csv", *QUICK, "--limit", "4").rc == 1
    rows = read_csv("desk.results.csv")
    write_csv("desk.results.csv", list(rows[0]), [list(row.values()) for row in reversed(rows[1:])])
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    after = read_csv("desk.results.csv")
    assert [row["label"] for row in after] == [f"Desk {n}" for n in range(5, 0, -1)]
    ids = {row["label"]: row["connector_id"] for row in rows}
    assert all(row["connector_id"] == ids[row["label"]] for row in after[2:])
    assert labels(box.connectors()) == {f"Desk {n}": 1 for n in range(6)}


def test_a_killed_night_goes_on(connload, sandbox, desk, read_csv):
    box = sandbox(*LAG, "--latency", "20ms")
    desk(30)
    prefill(box, *(email(f"Desk {n}", f"desk{n}@example.com") for n in range(0, 30, 3)))
    process = connload(*SKIP, *BRIEF, "--concurrency", "2", wait=False)
    kill_when(process, lambda: box.stats()["created"] >= 16)
    assert connload(*SKIP).rc == 0
    assert Counter(statuses(read_csv("desk.results.csv"))) == {"exists": 10, "created": 20}
    assert labels(box.connectors()) == {f"Desk {n}": 1 for n in range(30)}


def test_what_the_run_before_left_unknown_may_still_arrive(connload, raw_server, desk, read_csv):
    """Its request was given up by --grace; the server makes the connector two seconds later."""
    made = []

    def behave(exchange):
        if exchange.method == "POST":
            made.append((time.monotonic() + 2, connector_of(exchange.json())))
            return Hang()
        return http_answer(200, {"results": [one for since, one in made if time.monotonic() >= since]})

    server = raw_server(behave)
    desk(1)
    process = connload("create", "desk.csv", *QUICK, "--grace", "10ms", wait=False)
    server.wait_for_requests(2)
    process.signal(signal.SIGINT)
    assert process.wait().rc == 4 and statuses(read_csv("desk.results.csv")) == ["unknown"]
    assert connload(*SKIP, "--timeout", "3s").rc == 0
    assert statuses(read_csv("desk.results.csv")) == ["exists"] and len(made) == 1


@pytest.mark.parametrize("option", ["--skip-existing", "--force"])
def test_it_says_that_it_waits_for_what_the_run_before_created(connload, sandbox, desk, option):
    box = sandbox(*LAG)
    desk(2)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    process = connload("create", "desk.csv", *QUICK, option, "--settle", "1h", wait=False)
    process.err.wait_for(r"connload: waiting 3\d\d\d s, until the list can show what the run before created\n")
    assert len(box.requests()) == 3
    process.signal(signal.SIGTERM)
    assert process.wait().rc == 4
    assert "waiting" not in connload("create", "desk.csv", *QUICK, option).err

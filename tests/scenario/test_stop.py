"""What stops a run before its rows are done: signals, deadline, limits. Results are written, the next run goes on."""

import signal
import time
from collections import Counter

import pytest
from conftest import Hang, connector_of, http_answer
from once import DESK, LAG, QUICK, journal, labels, once, posts, until

ROWS = 40
PATIENT = ["--timeout", "1h", "--grace", "1h"]
SLOW = [*LAG, "--latency", "30ms"]


def statuses(rows):
    return Counter(row["status"] for row in rows)


def stopped(connload, box, *args, number=signal.SIGTERM, created=8):
    """A run that is told to stop in the middle; its Process."""
    process = connload("create", "desk.csv", *QUICK, "--concurrency", "4", *args, wait=False)
    until(lambda: box.stats()["created"] >= created)
    process.signal(number)
    return process


def insist(process):
    """Tells it to stop until it has ended: only what comes half a second after the first signal is a second one."""
    while process.popen.poll() is None:
        process.signal(signal.SIGTERM)
        time.sleep(0.6)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_in_order(connload, sandbox, desk, read_csv, tmp_path, number):
    box = sandbox(*SLOW)
    desk(ROWS)
    run = stopped(connload, box, number=number).wait()
    assert run.rc == 4 and number.name in run.err, run
    rows = read_csv("desk.results.csv")
    count = statuses(rows)
    assert count["created"] == len(box.connectors()) < ROWS and count["created"] + count["not_attempted"] == ROWS
    assert all(number.name in row["error_message"] for row in rows if row["status"] == "not_attempted")
    assert not journal(tmp_path).exists()
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    once(box, read_csv("desk.results.csv"))
    assert len(posts(box)) == ROWS


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_scripts_background_job_stops_too(connload, sandbox, desk, read_csv, number):
    """A shell without job control starts its background jobs with SIGINT ignored."""
    box = sandbox(*SLOW)
    desk(ROWS)
    before = signal.signal(number, signal.SIG_IGN)
    try:
        process = connload("create", "desk.csv", *QUICK, "--concurrency", "4", wait=False)
    finally:
        signal.signal(number, before)
    until(lambda: box.stats()["created"] >= 8)
    process.signal(number)
    assert process.wait().rc == 4
    assert statuses(read_csv("desk.results.csv"))["created"] == len(box.connectors()) < ROWS


def test_nohup_holds(connload, sandbox, desk):
    box = sandbox(*SLOW)
    desk(ROWS)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        process = stopped(connload, box, number=signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert process.wait().rc == 0 and len(box.connectors()) == ROWS


def test_what_is_in_flight_finishes(connload, sandbox, desk, read_csv):
    box = sandbox("--latency", "400ms")
    desk(ROWS)
    process = connload("create", "desk.csv", *QUICK, "--no-preflight", "--concurrency", "16", wait=False)
    until(lambda: box.stats()["in_progress"] == 16)
    process.signal(signal.SIGTERM)
    assert process.wait().rc == 4
    assert statuses(read_csv("desk.results.csv")) == {"created": 16, "not_attempted": ROWS - 16}
    assert len(posts(box)) == 16


@pytest.mark.parametrize("settle", ["0s", "1h"])
def test_lost_rows_are_looked_for_once_more_and_not_waited_for(connload, sandbox, desk, read_csv, settle):
    """A run that stops asks for one list, at once: what it shows is created, what it lacks is unknown."""
    box = sandbox("--latency", "30ms", "--fault", "drop-after=100:4")
    desk(ROWS)
    assert stopped(connload, box, "--settle", settle, "--late", "1h").wait().rc == 4
    count = statuses(read_csv("desk.results.csv"))
    assert count["created"] == len(box.connectors()) and count["unknown"] == 0
    assert sum(line["method"] == "GET" for line in box.requests()) <= 3


def test_what_the_last_list_lacks_is_unknown(connload, sandbox, desk, read_csv):
    box = sandbox("--settle", "1h", "--latency", "30ms", "--fault", "drop-after=100:4")
    desk(ROWS)
    assert stopped(connload, box, "--settle", "1h", "--late", "1h").wait().rc == 4
    count = statuses(read_csv("desk.results.csv"))
    assert count["unknown"] == 4 and count["created"] == len(box.connectors()) - 4


def test_a_second_signal_ends_it_at_once_and_the_journal_covers_it(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG, "--fault", "hang-after=100")
    desk(ROWS)
    process = connload("create", "desk.csv", *QUICK, "--timeout", "5s", wait=False)
    until(lambda: box.stats()["created"] == 16)
    insist(process)
    run = process.wait()
    assert run.rc == 4 and "desk.results.csv.journal" in run.err, run
    assert journal(tmp_path).exists() and not (tmp_path / "desk.results.csv").exists()
    box.faults({})
    assert connload("create", "desk.csv", *QUICK).rc == 0
    once(box, read_csv("desk.results.csv"))
    assert len(posts(box)) == ROWS


def test_signals_that_come_at_once_are_one(connload, sandbox, desk, read_csv, tmp_path):
    """timeout(1) signals its child, and then the group that the child is in."""
    box = sandbox(*SLOW)
    desk(ROWS)
    process = connload("create", "desk.csv", *QUICK, "--concurrency", "4", wait=False)
    until(lambda: box.stats()["created"] >= 8)
    for number in [signal.SIGSTOP, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCONT]:
        process.signal(number)
    assert process.wait().rc == 4
    assert statuses(read_csv("desk.results.csv"))["created"] == len(box.connectors()) < ROWS
    assert not journal(tmp_path).exists()


def test_grace_ends_the_wait_and_what_was_in_flight_is_unknown(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG, "--fault", "hang-after=100")
    desk(ROWS)
    process = connload("create", "desk.csv", *QUICK, "--grace", "100ms", "--settle", "5s", wait=False)
    until(lambda: box.stats()["created"] == 16)
    process.signal(signal.SIGTERM)
    assert process.wait().rc == 4
    assert statuses(read_csv("desk.results.csv")) == {"unknown": 16, "not_attempted": ROWS - 16}
    assert not journal(tmp_path).exists()
    box.faults({})
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    once(box, read_csv("desk.results.csv"))
    assert len(posts(box)) == ROWS


def test_what_was_unknown_may_still_arrive_when_the_next_run_begins(connload, raw_server, desk, read_csv):
    """A server that is slower than the grace and --settle together: no first list of the next run shows the row."""
    made, lists = [], []

    def behave(exchange):
        if exchange.method == "POST":
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            made.append(connector_of(exchange.json(), created_at=now))
            return Hang()
        lists.append(exchange)
        return http_answer(200, {"results": made if len(lists) > 3 else []})

    server = raw_server(behave)
    desk(1)
    process = connload("create", "desk.csv", *QUICK, "--grace", "100ms", wait=False)
    server.wait_for_requests(2)
    process.signal(signal.SIGINT)
    assert process.wait().rc == 4
    assert statuses(read_csv("desk.results.csv")) == {"unknown": 1}
    assert connload("create", "desk.results.csv", *QUICK, "--timeout", "3s").rc == 0
    assert read_csv("desk.results.csv")[0]["connector_id"] == made[0]["connector_id"] and len(made) == 1


def test_a_signal_while_the_account_is_listed(connload, sandbox, desk, read_csv):
    box = sandbox("--fault", "list:hang-before=100")
    desk(3)
    process = connload("create", "desk.csv", *QUICK, *PATIENT, wait=False)
    until(lambda: box.stats()["in_progress"] == 1)
    process.signal(signal.SIGTERM)
    assert process.wait(15).rc == 4
    assert statuses(read_csv("desk.results.csv")) == {"not_attempted": 3} and not posts(box)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_list_at_once(connload, sandbox, tmp_path, number):
    """Nothing comes of a list that is not whole, and nothing is lost with it: there is no grace."""
    box = sandbox("--fault", "list:hang-before=100")
    process = connload("list", "-o", "all.csv", "--rate", "none", "--timeout", "1h", wait=False)
    until(lambda: box.stats()["in_progress"] == 1)
    process.signal(number)
    run = process.wait(15)
    assert run.rc == 4 and f"stopped by {number.name}" in run.err, run
    assert not list(tmp_path.iterdir())


def test_the_deadline(connload, sandbox, desk, read_csv):
    box = sandbox("--latency", "60ms")
    desk(ROWS)
    run = connload("create", "desk.csv", *QUICK, "--concurrency", "1", "--deadline", "1s")
    assert run.rc == 4 and "deadline" in run.err
    count = statuses(read_csv("desk.results.csv"))
    assert 0 < count["created"] == len(box.connectors()) < ROWS
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    once(box, read_csv("desk.results.csv"))


@pytest.mark.parametrize("most, failures", [("3", 3), ("10%", 4), ("0.1%", 1)])
def test_max_failures(connload, sandbox, desk, read_csv, most, failures):
    box = sandbox("--fault", "400-before=100")
    desk(ROWS)
    run = connload("create", "desk.csv", *QUICK, "--concurrency", "1", "--max-attempts", "1", "--max-failures", most)
    assert run.rc == 4 and "--max-failures" in run.err
    assert statuses(read_csv("desk.results.csv")) == {"rejected": failures, "not_attempted": ROWS - failures}
    assert len(posts(box)) == failures


def test_limit_sends_the_first_sendable_rows(connload, sandbox, write_csv, read_csv):
    box = sandbox()
    write_csv("desk.csv", DESK, [["email", "bad", "no address"],
                                 *(["email", f"Desk {n}", f"desk{n}@example.com"] for n in range(5))])
    assert connload("create", "desk.csv", *QUICK, "--limit", "2").rc == 1
    rows = read_csv("desk.results.csv")
    assert [row["status"] for row in rows] == ["invalid", "created", "created"] + ["not_attempted"] * 3
    assert "--limit" in rows[5]["error_message"]
    assert connload("create", "desk.results.csv", *QUICK, "--limit", "2").rc == 1
    assert labels(box.connectors()) == {f"Desk {n}": 1 for n in range(4)}


def test_strict_sends_nothing_unless_every_row_passes(connload, sandbox, write_csv, read_csv):
    box = sandbox()
    good = ["email", "good", "x@example.com"]
    write_csv("desk.csv", DESK, [good, ["email", "bad", "no address"]])
    assert connload("create", "desk.csv", *QUICK, "--strict").rc == 1
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["not_attempted", "invalid"]
    assert "--strict" in read_csv("desk.results.csv")[0]["error_message"]
    assert not box.requests()
    write_csv("good.csv", DESK, [good])
    assert connload("create", "good.csv", *QUICK, "--strict").rc == 0


def test_undo_stops_in_order_too(connload, sandbox, desk, read_csv):
    box = sandbox(*SLOW)
    desk(ROWS)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    undo = ["undo", "desk.results.csv", "--yes", "--rate", "none", "--concurrency", "2"]
    process = connload(*undo, wait=False)
    until(lambda: box.stats()["archived"] >= 4)
    process.signal(signal.SIGTERM)
    assert process.wait().rc == 4
    count = statuses(read_csv("desk.results.csv"))
    assert count["archived"] == box.stats()["archived"] < ROWS and count["created"] + count["archived"] == ROWS
    assert connload(*undo).rc == 0
    assert statuses(read_csv("desk.results.csv")) == {"archived": ROWS} and box.stats()["archived"] == ROWS


def test_results_that_go_to_a_pipe_tell_all_the_same(connload, sandbox, desk, tmp_path):
    """Such a run can't be resumed: a second signal must not take the results with it."""
    box = sandbox(*LAG, "--fault", "hang-after=100")
    desk(20)
    process = connload("create", "desk.csv", *QUICK, "-o", "-", wait=False)
    until(lambda: box.stats()["created"] == 16)
    insist(process)
    run = process.wait()
    assert run.rc == 4
    assert run.out.count(",unknown,") == 16 and run.out.count(",not_attempted,") == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk.csv"]


# What stops a run before its first row: options, environment, exit code.
BEFORE_THE_FIRST_ROW = {
    "refused key": ([], {"BIGDATA_API_KEY": "wrong"}, 4),
    "unreachable": (["--max-attempts", "1"], {"BIGDATA_API_BASE_URL": "http://127.0.0.1:1"}, 4),
    "deadline": (["--settle", "1h", "--deadline", "20ms"], {}, 4),
    "strict": (["--strict"], {}, 1),
}


@pytest.mark.parametrize("option", ["--skip-existing", "--force"])
@pytest.mark.parametrize("case", BEFORE_THE_FIRST_ROW)
def test_a_run_stopped_before_its_first_row_leaves_earlier_results(connload, sandbox, write_csv, desk, tmp_path, case,
                                                                   option):
    """They are all that tells which connectors are whose; what such a run knows is that it did nothing."""
    args, env, rc = BEFORE_THE_FIRST_ROW[case]
    box = sandbox()
    desk(3)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    before = (tmp_path / "desk.results.csv").read_bytes()
    if case == "strict":
        write_csv("desk.csv", DESK, [["email", "", "x@example.com"], ["email", "Desk 1", "desk1@example.com"]])
    for quiet in ([], ["-q"]):
        run = connload("create", "desk.csv", *QUICK, option, *args, *quiet, env=env)
        assert run.rc == rc and "nothing was sent; desk.results.csv is left as it was\n" in run.err, run
        assert (tmp_path / "desk.results.csv").read_bytes() == before
        assert not journal(tmp_path).exists() and len(posts(box)) == 3
    assert connload("create", "desk.results.csv", *QUICK).rc == 0


def test_a_signal_before_the_first_row_leaves_earlier_results(connload, sandbox, desk, tmp_path):
    box = sandbox()
    desk(3)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    before = (tmp_path / "desk.results.csv").read_bytes()
    box.faults({"list:hang-before": 100})
    process = connload("create", "desk.csv", *QUICK, "--force", "--grace", "50ms", "--settle", "0s", wait=False)
    until(lambda: box.stats()["in_progress"] == 1)
    process.signal(signal.SIGTERM)
    run = process.wait()
    assert run.rc == 4 and "desk.results.csv is left as it was" in run.err
    assert (tmp_path / "desk.results.csv").read_bytes() == before and not journal(tmp_path).exists()


def test_a_run_stopped_after_its_first_row_writes_its_own_results(connload, sandbox, desk, read_csv):
    box = sandbox()
    desk(3)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    box.faults({"400-before": 100})
    run = connload("create", "desk.csv", *QUICK, "--force", "--again", "--max-attempts", "1", "--max-failures", "1",
                   "--concurrency", "1", "--settle", "0s")
    assert run.rc == 4 and statuses(read_csv("desk.results.csv")) == {"rejected": 1, "not_attempted": 2}

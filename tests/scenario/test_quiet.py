"""--quiet: silence where all went well, and else a line or two that say what did not. Cron mails what it reads here."""

import signal

import pytest
from conftest import api_answer, http_answer
from once import LAG, QUICK, email, prefill, until

CREATE = ["create", "desk.csv", "-q", *QUICK]


def said(run):
    return run.err.splitlines()


def refusing(exchange):
    """A good API that dislikes every row."""
    return api_answer(exchange) if exchange.method == "GET" else http_answer(422, {"message": "no such broker"})


def test_rejected_rows(connload, raw_server, desk):
    raw_server(refusing)
    desk(3)
    run = connload(*CREATE)
    assert run.rc == 1 and said(run) == ["connload: desk.csv: 3 rejected; see desk.results.csv"]
    run = connload("create", "desk.results.csv", "-q", *QUICK)
    assert run.rc == 1 and said(run) == ["connload: desk.results.csv: 3 rejected"]


def test_a_refused_key(connload, sandbox, desk):
    sandbox()
    desk(2)
    run = connload(*CREATE, "--skip-existing", env={"BIGDATA_API_KEY": "wrong"})
    assert run.rc == 4 and len(said(run)) == 2
    assert said(run)[0].startswith("connload: stopped: ") and "the API key is refused" in said(run)[0]
    assert said(run)[1] == "connload: desk.csv: 2 not attempted; see desk.results.csv"


def test_an_unreachable_server(connload, raw_server, desk):
    raw_server().stop()
    desk(2)
    run = connload(*CREATE, "--max-attempts", "1")
    assert run.rc == 4 and said(run)[0].startswith("connload: stopped: ") and len(said(run)) == 2


def test_a_signal(connload, sandbox, desk):
    box = sandbox("--fault", "hang-before=100")
    desk(2)
    process = connload(*CREATE, "--concurrency", "1", "--grace", "0ms", wait=False)
    until(lambda: box.stats()["in_progress"] == 1)
    process.signal(signal.SIGTERM)
    run = process.wait()
    assert run.rc == 4 and said(run) == ["connload: stopped by SIGTERM",
                                         "connload: desk.csv: 1 unknown, 1 not attempted; see desk.results.csv"]


def test_an_undo_that_archives_nothing(connload, sandbox, raw_server, desk):
    sandbox(*LAG)
    desk(2)
    assert connload(*CREATE).rc == 0
    raw_server([http_answer(404, {"message": "gone"})])
    run = connload("undo", "desk.results.csv", "--yes", "-q", "--rate", "none")
    assert run.rc == 1 and said(run) == ["connload: desk.results.csv: 2 not archived"]


def test_standard_input_and_output(connload, raw_server):
    raw_server(refusing)
    run = connload("create", "-", "-o", "-", "-q", *QUICK, stdin=b"type,label,allowed_emails\nemail,A,a@example.com\n")
    assert run.rc == 1 and said(run) == ["connload: standard input: 1 rejected"]


@pytest.mark.parametrize("quiet", [True, False])
def test_advice_is_silent(connload, sandbox, desk, quiet):
    """That rows look like connectors of the account is no trouble: the run does what it was told to do."""
    box = sandbox(*LAG)
    desk(2)
    prefill(box, email("Desk 1"))
    run = connload("create", "desk.csv", *QUICK, *(["-q"] if quiet else []))
    assert run.rc == 0 and ("" if quiet else "the account already has") in run.err
    assert not quiet or run.err == ""

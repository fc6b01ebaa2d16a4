"""connload status says how the connectors of a result file do, and changes nothing."""

import json

import pytest
from conftest import http_answer
from once import LAG

KEY = "a-key-of-some-length-0123456789"
STATUS = ["status", "--rate", "none", "--retry-base", "10ms", "--retry-cap", "50ms"]
PATH = "/contents/v1/connectors"
FINE, BROKER, AWAY, GONE = (f"{n}0000000-0000-4000-8000-000000000000" for n in "1234")
HEADER = ("type,label,allowed_emails,user_id,user_password,last_sync_at,last_sync_error_msg,"
          "status,connector_id,inbox_email,http_status,error_code,error_message,attempts,created_at\n")


def row(kind, label, status, connector_id, error=""):
    cells = ("a@example.com", "", "") if kind == "email" else ("", "reader", "")
    return ",".join([kind, label, *cells, "2026-11-01T00:00:00Z" if error else "", error, status, connector_id,
                     "", "", "", "", "", "2026-10-01T00:00:00Z"]) + "\n"


def sheet(*rows):
    return HEADER + "".join(rows)


@pytest.fixture
def account(sandbox, tmp_path):
    """An account that holds the connectors of the rows: the sandbox."""
    def start(*rows, **kw):
        load = tmp_path / "load.csv"
        load.write_text(sheet(*rows))
        return sandbox(*LAG, "--load", load, **kw)

    return start


def test_a_line_for_each_connector_that_does_not_do_well_then_the_counts(connload, account, tmp_path):
    box = account(row("email", "Fine", "exists", FINE),
                  row("investment_research", "Broker", "exists", BROKER, "login refused"),
                  row("email", "Away", "archived", AWAY))
    path = tmp_path / "desk.results.csv"
    path.write_text(sheet(row("email", "Fine", "created", FINE), row("investment_research", "Broker", "created", BROKER),
                          row("email", "Away", "exists", AWAY), row("email", "Gone", "created", GONE),
                          row("email", "Old", "archived", AWAY), row("email", "Never", "failed", "")))
    before = path.read_bytes()
    run = connload(*STATUS, "--summary", "s.json", "--metrics", "m.prom", "--report", "r.html", "--log", "l.jsonl", path.name)
    assert run.rc == 1, run.err
    lines = run.out.splitlines()
    assert [line.split('": ', 1)[1] for line in lines[:-1]] == [
        "the last sync failed (2026-11-01T00:00:00.000000Z): login refused",
        "archived, and not by undo of this file", "missing: the account has no such connector"]
    assert [line.split('"')[0] for line in lines[:-1]] == [
        f"desk.results.csv:{n}: row {n} " for n in (3, 4, 5)]
    assert [line.split('"')[1] for line in lines[:-1]] == ["Broker", "Away", "Gone"]
    assert lines[-1] == ("4 connectors: 1 well, 1 missing, 1 archived, 1 whose last sync failed, "
                         "0 of which nobody can tell")
    asked = [(line["method"], line["path"]) for line in box.requests() if "_sandbox" not in line["path"]]
    assert asked[0] == ("GET", PATH)
    assert ("GET", f"{PATH}/{GONE}") in asked and {method for method, _ in asked} == {"GET"}
    assert len(asked) == len(set(asked))
    assert not {f"{PATH}/{FINE}", f"{PATH}/{BROKER}"} & {where for _, where in asked}
    assert path.read_bytes() == before
    assert json.loads((tmp_path / "s.json").read_text())["connectors"] == {
        "well": 1, "missing": 1, "archived": 1, "sync_failed": 1, "untold": 0}
    metrics = (tmp_path / "m.prom").read_text()
    assert 'state="sync_failed"' in metrics and "connload_run_connectors{" in metrics
    assert (tmp_path / "r.html").stat().st_size > 0 and (tmp_path / "l.jsonl").stat().st_size > 0


def test_where_all_do_well_the_exit_code_is_0(connload, account, tmp_path):
    account(row("email", "Fine", "exists", FINE))
    (tmp_path / "desk.results.csv").write_text(sheet(row("email", "Fine", "created", FINE)))
    run = connload(*STATUS, "desk.results.csv")
    assert (run.rc, run.out) == (
        0, "1 connector: 1 well, 0 missing, 0 archived, 0 whose last sync failed, 0 of which nobody can tell\n")


def test_the_servers_words_are_harmless_and_without_the_key(connload, account, tmp_path):
    account(row("investment_research", "Broker", "exists", BROKER, f"no \x1b[31m{KEY}"), key=KEY)
    (tmp_path / "desk.results.csv").write_text(sheet(row("investment_research", "Broker", "created", BROKER)))
    run = connload(*STATUS, "desk.results.csv")
    assert run.rc == 1 and "the last sync failed" in run.out
    assert KEY not in run.out and "\x1b" not in run.out


def test_one_that_can_not_be_looked_up_is_not_said_to_do_well(connload, raw_server, tmp_path):
    raw_server([http_answer(200, {"results": []}), http_answer(403, {"detail": "not yours"})])
    (tmp_path / "desk.results.csv").write_text(sheet(row("email", "New", "created", GONE)))
    run = connload(*STATUS, "desk.results.csv")
    assert run.rc == 1 and "nobody can tell: " in run.out and "1 of which nobody can tell" in run.out


def test_a_sheet_is_no_result_file(connload, sandbox, tmp_path):
    box = sandbox(*LAG)
    (tmp_path / "desk.csv").write_text("type,label,allowed_emails\nemail,A,a@example.com\n")
    run = connload(*STATUS, "desk.csv")
    assert run.rc == 3 and "is no result file" in run.err
    assert box.requests() == []


def test_a_status_tells_where_the_message_is_blank_and_no_secret_comes_back(connload, raw_server, tmp_path):
    """The words are the server's: its message, or its status; a password that still stands in the row is taken out."""
    def connector(connector_id, label, message, status):
        return {"connector_id": connector_id, "type": "investment_research", "label": label, "archived": False,
                "config": {"user_id": "reader"}, "created_at": "2026-10-01T00:00:00Z", "last_sync_status": status,
                "last_sync_error_msg": message}

    raw_server(lambda exchange: http_answer(200, {"results": [
        connector(BROKER, "Blank", "  ", "login_failed"), connector(AWAY, "Echo", "hunter2-hunter2 is wrong", "ok"),
        connector(FINE, "Fine", "", "ok")]}))
    cells = "investment_research,{},,reader,{},,,{},{},,,,,,\n"
    (tmp_path / "desk.results.csv").write_text(HEADER + cells.format("Blank", "", "created", BROKER) + cells.format(
        "Echo", "hunter2-hunter2", "unknown", AWAY) + cells.format("Fine", "", "exists", FINE))
    run = connload(*STATUS, "desk.results.csv")
    assert run.rc == 1, run
    blank, echo, _ = run.out.splitlines()
    assert blank.endswith(": the last sync failed: login_failed")
    assert "Echo" in echo and "hunter2" not in run.out + run.err

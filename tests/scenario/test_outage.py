"""A service that is away, a gateway that blocks, each kind of 403: what is sat out, is a row's own, or stops a run."""
import json
import re
import threading

import pytest

from conftest import KEY, api_answer, connector_of, http_answer

QUICK = ("--rate", "none", "--retry-base", "100ms", "--settle", "50ms")
PAGE = b"<html><head><title>403 Forbidden</title></head><body>blocked</body></html>"
NO_PATH = {"message": "Missing Authentication Token"}


class Account:
    """Keeps what it makes, and lists it; `refuse(exchange)` may answer in its place."""

    def __init__(self, refuse=lambda exchange: None):
        self.refuse, self.made, self.lock = refuse, [], threading.Lock()

    def __call__(self, exchange):
        refused = self.refuse(exchange)
        if refused is not None:
            return refused
        with self.lock:
            if exchange.method == "GET":
                return http_answer(200, {"results": list(self.made)})
            if exchange.method == "POST":
                self.made.append(connector_of(exchange.json()))
                return http_answer(200, self.made[-1])
        return api_answer(exchange)

    def labels(self):
        return sorted(connector["label"] for connector in self.made)


def posts(server):
    return [exchange for exchange in server.exchanges if exchange.method == "POST"]


def statuses(rows):
    return [row["status"] for row in rows]


def test_it_is_not_back_in_time(connload, raw_server, desk, read_csv):
    """After --max-outage the run stops: rows are not attempted, and those that may exist are unknown."""
    def refuse(exchange):
        if exchange.method == "POST" and exchange.json()["label"] == "Desk 0":
            return None
        return http_answer(503, "busy") if server.exchanges[0] is not exchange else None

    server = raw_server(Account(refuse))
    desk(30)
    run = connload("create", "desk.csv", "--concurrency", "1", "--max-outage", "1s", *QUICK)
    assert run.rc == 4
    assert re.search(r"^stopped +the service was away for 1\.0s \(--max-outage\): the server answers 503", run.err, re.M), run
    rows = statuses(read_csv("desk.results.csv"))
    assert rows[0] == "created" and rows.count("unknown") == 3 and rows.count("not_attempted") == 26
    assert len(posts(server)) == 4


def test_503_for_a_while_costs_no_row_an_attempt(connload, raw_server, desk, read_csv):
    """The lists are refused as well for a while; each row is made once, with one attempt on record."""
    def refuse(exchange):
        return http_answer(503, "busy") if 10 < exchange.index < 18 else None

    account = Account(refuse)
    raw_server(account)
    desk(40)
    run = connload("create", "desk.csv", *QUICK, "--max-attempts", "1", "--concurrency", "1")
    assert run.rc == 0, run
    assert account.labels() == sorted({f"Desk {i}" for i in range(40)})
    assert {row["attempts"] for row in read_csv("desk.results.csv")} == {"1"}


def test_one_poison_row_is_no_outage(connload, raw_server, desk, read_csv):
    """Its tries are its own, and nobody waits for it."""
    def refuse(exchange):
        poison = exchange.method == "POST" and exchange.json()["label"] == "Desk 7"
        return http_answer(504, {"message": "Endpoint request timed out"}) if poison else None

    server = raw_server(Account(refuse))
    desk(20)
    run = connload("create", "desk.csv", *QUICK, "--max-attempts", "5")
    assert run.rc == 1, run
    rows = read_csv("desk.results.csv")
    assert [(row["label"], row["attempts"]) for row in rows if row["status"] != "created"] == [("Desk 7", "5")]
    assert "away" not in run.err
    assert sum(exchange.json()["label"] == "Desk 7" for exchange in posts(server)) == 5


def test_a_probe_is_one_list_and_then_one_other_row(connload, raw_server, desk):
    """After the third failure nothing but lists, then one row that was not sent before, and then all."""
    def refuse(exchange):
        return http_answer(502, "bad") if 3 < exchange.index < 10 else None

    server = raw_server(Account(refuse))
    desk(12)
    run = connload("create", "desk.csv", "--concurrency", "1", *QUICK)
    assert run.rc == 0, run
    asked = [exchange.method if exchange.method == "GET" else exchange.json()["label"] for exchange in server.exchanges]
    assert asked[:7] == ["GET", "Desk 0", "Desk 1", "Desk 2", "Desk 3", "Desk 4", "Desk 5"]
    assert asked[7:11] == ["GET"] * 4 and asked[11] == "Desk 6"


# -- 403 --


def test_a_gateways_403_is_the_rows_own(connload, raw_server, write_csv, read_csv):
    """Others are accepted: it is rejected, in words that say who refused it; a lone row is told by the list."""
    server = raw_server(Account(lambda e: http_answer(403, PAGE) if e.method == "POST" and b"../" in e.body else None))
    write_csv("desk.csv", ["type", "label", "description", "allowed_emails"],
              [["email", f"Desk {i}", "../x" if i == 3 else "", "a@example.com"] for i in range(1, 10)])
    for night in range(2):
        run = connload("create", "desk.csv", "--skip-existing", *QUICK)
        assert run.rc == 1, run
        row = read_csv("desk.results.csv")[2]
        assert (row["status"], row["http_status"], row["attempts"]) == ("rejected", "403", "1")
        assert "a gateway in front of the API refuses this row" in row["error_message"]
    assert len(posts(server)) == 10 and len(server.behave.made) == 8


def test_a_gateways_block_is_sat_out(connload, raw_server, desk, read_csv):
    """The list is refused, too: no row is burnt."""
    account = Account(lambda e: http_answer(403, PAGE) if 20 < e.index < 28 else None)
    raw_server(account)
    desk(60)
    run = connload("create", "desk.csv", *QUICK, "--max-attempts", "1", "--concurrency", "1")
    assert run.rc == 0, run
    assert len(account.labels()) == len(set(account.labels())) == 60
    assert "connload: the service is away: the server answers 403" in run.err
    assert {row["attempts"] for row in read_csv("desk.results.csv")} == {"1"}


def test_403_in_the_apis_own_words(connload, raw_server, write_csv, read_csv):
    """One row: its own. Five in a row: the run stops, with the server's words, and the key is not blamed."""
    said = {"detail": "investment_research is not enabled for your organization"}
    raw_server(Account(lambda e: http_answer(403, said) if e.method == "POST" and "research" in e.json()["type"] else None))
    email, other = ["email", "a@example.com", "", ""], ["investment_research", "", "u", "p"]
    kinds = [other] + [email] * 5 + [other] * 60
    write_csv("desk.csv", ["type", "allowed_emails", "user_id", "user_password", "label"],
              [[*kind, f"Desk {i}"] for i, kind in enumerate(kinds)])
    run = connload("create", "desk.csv", "--concurrency", "1", *QUICK)
    assert run.rc == 4
    assert re.search(r"^stopped +5 rows in a row were answered 403, .*not enabled for your organization", run.err, re.M), run
    assert "API key" not in run.err
    assert statuses(read_csv("desk.results.csv")) == ["rejected"] + ["created"] * 5 + ["rejected"] * 5 + ["not_attempted"] * 55


@pytest.mark.parametrize("preflight", [(), ("--no-preflight",)])
@pytest.mark.parametrize("body, reason, says", [
    (NO_PATH, "unknown_path", "does not know this path, which says nothing about the key: check --base-url"),
    (PAGE, "key_refused", "the API key is refused: check BIGDATA_API_KEY"),
])
def test_403_to_everything_from_the_first_list_on(connload, raw_server, desk, read_csv, tmp_path, preflight, body, reason, says):
    raw_server(lambda exchange: http_answer(403, body))
    desk(6)
    run = connload("create", "desk.csv", *QUICK, *preflight, "--summary", "sum")
    assert run.rc == 4 and says in run.err, run
    assert json.loads((tmp_path / "sum").read_text())["stop"]["reason"] == reason
    assert set(statuses(read_csv("desk.results.csv"))) == {"not_attempted"}


# -- before anything was answered --


@pytest.mark.parametrize("preflight", [(), ("--no-preflight",)])
def test_a_name_that_is_not_found_stops_at_once(connload, desk, read_csv, preflight):
    desk(100)
    run = connload("create", "desk.csv", *preflight, env={"BIGDATA_API_BASE_URL": "https://api.invalid", "BIGDATA_API_KEY": KEY})
    assert run.rc == 4, run
    assert set(statuses(read_csv("desk.results.csv"))) == {"not_attempted"}
    assert "service is away" not in run.err and "s in all" not in run.err

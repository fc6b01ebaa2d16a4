"""A create whose answer was lost may have happened: the list decides, and no row is created twice."""

import time
from collections import Counter
from email.utils import formatdate

import pytest
from conftest import Close, connector_of, http_answer
from once import BRIEF, DESK, LAG, QUICK, email, labels, once, posts, prefill

ROWS = 12
BEFORE = ["drop-before", "hang-before", "429-html", "500-before", "502-before", "503-before", "504-before"]
AFTER = ["drop-after", "drop-reused", "hang-after", "500-after", "502-after", "503-after", "504-after", "garbage-after", "cut-after",
         "slow", "close"]


def fault_args(name):
    return [*LAG, "--fault-first", "--slow", "20ms", "--fault", f"{name}=100"]


@pytest.mark.direct
@pytest.mark.parametrize("fault", BEFORE + AFTER)
def test_each_fault_alone_on_the_first_attempt(connload, sandbox, desk, read_csv, fault):
    box = sandbox(*fault_args(fault))
    desk(ROWS)
    run = connload("create", "desk.csv", *QUICK, "--timeout", "1s" if fault.startswith("hang") else "30s")
    assert run.rc == 0, run.err
    once(box, read_csv("desk.results.csv"))
    assert len(posts(box)) == (2 * ROWS if fault in BEFORE else ROWS)


@pytest.mark.direct
def test_a_server_that_names_a_wrong_id_makes_nothing_twice(connload, sandbox, desk, read_csv):
    box = sandbox(*fault_args("wrong-id-after"))
    desk(ROWS)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"created"}
    assert labels(box.connectors()) == labels(read_csv("desk.results.csv"))


def test_a_list_that_lags_longer_than_settle_is_asked_again(connload, sandbox, desk, read_csv):
    box = sandbox("--settle", "700ms", "--fault", "drop-after=100:3")
    desk(ROWS)
    run = connload("create", "desk.csv", *QUICK, "--settle", "100ms", "--concurrency", "2")
    assert run.rc == 0, run.err
    once(box, read_csv("desk.results.csv"))
    assert len(posts(box)) == ROWS
    assert sum(line["method"] == "GET" for line in box.requests()) > 2


@pytest.mark.parametrize("seed", range(4))
def test_identical_rows_are_settled_by_count(connload, sandbox, write_csv, read_csv, seed):
    box = sandbox(*LAG, "--seed", seed, "--fault", "drop-after=50", "--fault", "drop-before=20")
    write_csv("desk.csv", DESK, [["email", "Same", "same@example.com"]] * 9)
    run = connload("create", "desk.csv", *QUICK, "--allow-duplicates", "--max-attempts", "50", "--concurrency", "3")
    assert run.rc == 0, run.err
    once(box, read_csv("desk.results.csv"))


def secrets(write_csv, path="desk.csv"):
    write_csv(path, ["type", "label", "session_id"], [["sharepoint", "S", "one"], ["sharepoint", "S", "two"]])


@pytest.mark.direct
def test_rows_that_differ_in_secrets_alone_are_not_guessed_at(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG, "--fault", "drop-after=100:2")
    secrets(write_csv)
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 1
    for row in read_csv("desk.results.csv"):
        assert (row["status"], row["error_code"]) == ("unknown", "ambiguous")
        assert "secrets" in row["error_message"] and 'labelled "S"' in row["error_message"]
    assert connload("create", "desk.results.csv", *QUICK).rc == 1
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"unknown"}
    assert len(posts(box)) == 2


@pytest.mark.direct
def test_of_two_such_rows_one_that_was_answered_leaves_the_other_plain(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG, "--fault", "drop-after=100:1")
    secrets(write_csv)
    assert connload("create", "desk.csv", *QUICK, "--concurrency", "1").rc == 0
    once(box, read_csv("desk.results.csv"))
    sent = {line["connector_id"]: line["body"]["config"]["session_id"] for line in box.requests()
            if line["method"] == "POST"}
    assert [sent[row["connector_id"]] for row in read_csv("desk.results.csv")] == ["one", "two"]


@pytest.mark.direct
@pytest.mark.parametrize("fault", ["drop-before", "drop-after"])
def test_an_older_twin_is_not_taken_for_a_lost_row(connload, sandbox, write_csv, read_csv, fault):
    box = sandbox(*LAG)
    older, = prefill(box, email("Twin"))
    box.faults({fault: "100:1"})
    write_csv("desk.csv", DESK, [["email", "Twin", "x@example.com"]])
    run = connload("create", "desk.csv", *QUICK, "--again")
    assert run.rc == 0, run.err
    row, = read_csv("desk.results.csv")
    assert row["status"] == "created" and row["connector_id"] != older
    assert labels(box.connectors()) == {"Twin": 2}


def stamp(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() + seconds))


class Account:
    """For a raw server: a list, and answers to creates by label. Its clock is right, and told in each answer."""

    def __init__(self, listed=(), answers=None, whole=True):
        self.listed, self.answers, self.whole = list(listed), answers or {}, whole

    def __call__(self, exchange):
        date = {"Date": formatdate(usegmt=True)}
        if exchange.method == "GET":
            extra = [] if self.whole else [{"connector_id": 7}]
            return http_answer(200, {"results": self.listed + extra}, date)
        answer = self.answers.get(exchange.json()["label"], [])
        if answer:
            return answer.pop(0)
        connector = connector_of(exchange.json(), created_at=stamp(0))
        self.listed.append(connector)
        return http_answer(201, connector, date)


def test_without_a_first_list_the_servers_clock_tells_what_is_older(connload, raw_server, write_csv, read_csv):
    older = connector_of(email("Twin"), created_at=stamp(-60))
    server = raw_server(Account([older], {"Twin": [Close()]}))
    write_csv("desk.csv", DESK, [["email", "Twin", "x@example.com"], ["email", "Witness", "w@example.com"]])
    run = connload("create", "desk.csv", *QUICK, "--no-preflight", "--concurrency", "1")
    assert run.rc == 0, run.err
    assert read_csv("desk.results.csv")[0]["connector_id"] != older["connector_id"]
    assert [one.json()["label"] for one in server.exchanges if one.method == "POST"] == ["Twin", "Witness", "Twin"]


def test_a_list_that_does_not_show_everything_proves_no_absence(connload, raw_server, write_csv, read_csv):
    server = raw_server(Account(answers={"Lost": [Close()]}, whole=False))
    write_csv("desk.csv", DESK, [["email", "Lost", "x@example.com"]])
    assert connload("create", "desk.csv", *QUICK).rc == 1
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["error_code"], row["attempts"]) == ("unknown", "unsettled", "1")
    assert "does not show everything" in row["error_message"] and 'labelled "Lost"' in row["error_message"]
    assert sum(one.method == "POST" for one in server.exchanges) == 1


PARTS = {
    "206": (206, {}, {}), "203": (203, {}, {}), "age": (200, {"Age": "60"}, {}), "total": (200, {"X-Total-Count": "3"}, {}),
    "range": (200, {"Content-Range": "items 0-0/9"}, {}), "rel": (200, {}, {"links": [{"rel": "next", "href": "?page=2"}]}),
    "partial": (200, {}, {"partial": True}), "last": (200, {}, {"last": False}), "limit": (200, {}, {"limit": 1, "offset": 0}),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_list_that_is_a_part_or_old_proves_no_absence(connload, raw_server, write_csv, read_csv, part):
    status, headers, members = PARTS[part]
    listed = [connector_of(email("Other"))]
    server = raw_server(lambda exchange: http_answer(status, {"results": listed, **members}, headers)
                        if exchange.method == "GET" else Close())
    write_csv("desk.csv", DESK, [["email", "Lost", "x@example.com"]])
    assert connload("create", "desk.csv", *QUICK).rc == 1
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["error_code"]) == ("unknown", "unsettled")
    assert sum(one.method == "POST" for one in server.exchanges) == 1
    assert all(one.headers.get("cache-control") == "no-cache" for one in server.exchanges if one.method == "GET")


def test_more_such_connectors_than_rows_is_ambiguous(connload, raw_server, write_csv, read_csv):
    account = Account(answers={"Lost": [Close()]})
    server = raw_server(account)
    server.behave = lambda exchange: (account.listed.extend(
        connector_of(exchange.json(), created_at=stamp(0)) for _ in range(2)) if exchange.method == "POST" else None,
        account(exchange))[1]
    write_csv("desk.csv", DESK, [["email", "Lost", "x@example.com"]])
    assert connload("create", "desk.csv", *QUICK).rc == 1
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["error_code"]) == ("unknown", "ambiguous")


def test_an_answer_with_another_rows_connector_is_not_believed(connload, raw_server, write_csv, read_csv):
    first = connector_of(email("A", "a@example.com"), created_at=stamp(0))
    account = Account([first], {"A": [http_answer(201, first)], "B": [http_answer(201, first)]})
    raw_server(account)
    write_csv("desk.csv", DESK, [["email", "A", "a@example.com"], ["email", "B", "b@example.com"]])
    assert connload("create", "desk.csv", *QUICK, "--no-preflight", "--concurrency", "1").rc == 0
    a, b = read_csv("desk.results.csv")
    assert a["connector_id"] == first["connector_id"] and b["connector_id"] == account.listed[1]["connector_id"]


KEPT = {
    "description dropped": (lambda one: one.update(description=None), "description"),
    "description's line ends": (lambda one: one.update(description="two\nlines"), "description"),
    "shared by policy": (lambda one: one.update(share_with_org=True), "share_with_org"),
    "label in title case": (lambda one: one.update(label="Desk A & B"), "label"),
    "label's blanks": (lambda one: one.update(label="desk a & b"), "label"),
    "label with entities": (lambda one: one.update(label="desk a &amp; b"), "label"),
}
ABOUT = {
    "config absent": lambda one: one.pop("config"),
    "config null": lambda one: one.update(config=None),
    "an address added": lambda one: one["config"]["allowed_emails"].append("owner@example.com"),
    "addresses as objects": lambda one: one["config"].update(allowed_emails=[{"email": "x@example.com"}]),
    "type in another case": lambda one: one.update(type="EMAIL"),
    "label with a prefix": lambda one: one.update(label="[ACME] " + one["label"]),
    "archived meanwhile": lambda one: one.update(archived=True),
}


def keeps(change, made):
    """A server that makes a connector otherwise than it was sent, and answers 500 all the same."""
    def behave(exchange):
        if exchange.method == "GET":
            return http_answer(200, {"results": made})
        made.append(connector_of(exchange.json(), created_at=stamp(0)))
        change(made[-1])
        return http_answer(500, {"message": "it broke"})
    return behave


def one_row(write_csv, label="desk a & b of research"):
    write_csv("desk.csv", [*DESK, "description"], [["email", label, "x@example.com", "two\r\nlines"]])


@pytest.mark.parametrize("how", KEPT)
def test_a_connector_is_found_as_the_server_keeps_it(connload, raw_server, write_csv, read_csv, how):
    change, column = KEPT[how]
    made = []
    server = raw_server(keeps(change, made))
    one_row(write_csv, "desk\u00a0a  & b")
    assert connload("create", "desk.csv", *QUICK).rc == 0
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["connector_id"]) == ("created", made[0]["connector_id"])
    assert f"{column}: the account has" in row["error_message"]
    assert sum(one.method == "POST" for one in server.exchanges) == 1


@pytest.mark.parametrize("how", ABOUT)
def test_a_new_connector_that_may_be_the_rows_forbids_a_second(connload, raw_server, write_csv, read_csv, how):
    made = []
    server = raw_server(keeps(ABOUT[how], made))
    one_row(write_csv)
    assert connload("create", "desk.csv", *QUICK).rc == 1
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["error_code"], row["http_status"]) == ("unknown", "ambiguous", "500")
    assert made[0]["connector_id"] in row["error_message"] and row["connector_id"] == ""
    assert sum(one.method == "POST" for one in server.exchanges) == 1

    if how == "archived meanwhile":
        return  # by now that may have been done so that the row is sent again
    assert connload("create", "desk.results.csv", *QUICK).rc == 1
    assert read_csv("desk.results.csv")[0]["error_code"] == "ambiguous"
    assert sum(one.method == "POST" for one in server.exchanges) == 1


def test_what_was_there_before_an_earlier_run_is_not_its_lost_row(connload, raw_server, write_csv, read_csv):
    """Its message tells when the answer was lost: an equal connector that is an hour older is somebody else's."""
    older = connector_of(email("Twin"), created_at=stamp(-3600))
    account = Account([older], {"Twin": [Close()] * 2})
    server = raw_server(account)
    write_csv("desk.csv", DESK, [["email", "Twin", "x@example.com"]])
    account.whole = False
    assert connload("create", "desk.csv", *QUICK, "--again").rc == 1
    assert read_csv("desk.results.csv")[0]["status"] == "unknown"
    account.whole = True
    for _ in range(2):
        assert connload("create", "desk.results.csv", *BRIEF).rc == 1
        row, = read_csv("desk.results.csv")
        assert (row["status"], row["error_code"], row["connector_id"]) == ("unknown", "ambiguous", "")
        assert "its answer was lost between 20" in row["error_message"] and "before" in row["error_message"]
    assert sum(one.method == "POST" for one in server.exchanges) == 1


@pytest.mark.direct
def test_an_older_connector_of_the_label_does_not_stand_in_the_way(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG)
    other, gone = prefill(box, email("Desk", "other@example.com"), email("Desk", "gone@example.com"))
    box.call("DELETE", f"/contents/v1/connectors/{gone}")
    box.faults({"drop-before": "100:1"})
    write_csv("desk.csv", DESK, [["email", "Desk", "x@example.com"], ["email", "Desk", "y@example.com"]])
    assert connload("create", "desk.csv", *QUICK, "--concurrency", "1").rc == 0
    assert not {other, gone} & {row["connector_id"] for row in read_csv("desk.results.csv")}
    assert labels(box.connectors()) == {"Desk": 4}


def test_an_answer_about_another_label_is_not_believed(connload, raw_server, write_csv, read_csv):
    """Answers out of step: each names the connector of the request before."""
    account = Account()

    def behave(exchange):
        answer = account(exchange)
        if exchange.method == "POST" and len(account.listed) > 1:
            return http_answer(201, account.listed[-2])
        return answer if exchange.method == "GET" else Close()

    server = raw_server(behave)
    write_csv("desk.csv", DESK, [["email", label, "x@example.com"] for label in "ABC"])
    assert connload("create", "desk.csv", *QUICK, "--concurrency", "1").rc == 0
    stored = {one["connector_id"]: one["label"] for one in account.listed}
    assert [stored[row["connector_id"]] for row in read_csv("desk.results.csv")] == ["A", "B", "C"]
    assert sum(one.method == "POST" for one in server.exchanges) == 3


def test_what_was_answered_with_another_label_is_not_sent_again(connload, raw_server, write_csv, read_csv):
    strange = connector_of(email("Quite another", "y@example.com"), created_at=stamp(0))
    server = raw_server(Account(answers={"A": [http_answer(201, strange)]}))
    write_csv("desk.csv", DESK, [["email", "A", "x@example.com"]])
    assert connload("create", "desk.csv", *QUICK).rc == 1
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["error_code"]) == ("unknown", "ambiguous")
    assert "named a connector that is not its own" in row["error_message"]
    assert row["connector_id"] == strange["connector_id"]
    assert sum(one.method == "POST" for one in server.exchanges) == 1


def test_a_list_that_writes_ids_in_upper_case_shows_what_was_created(connload, raw_server, desk, read_csv):
    made = []

    def behave(exchange):
        if exchange.method == "GET":
            return http_answer(200, {"results": [{**one, "connector_id": one["connector_id"].upper()} for one in made]})
        made.append(connector_of(exchange.json()))
        return Close() if len(made) == 2 else http_answer(200, made[-1])

    server = raw_server(behave)
    desk(3)
    assert connload("create", "desk.csv", *QUICK, "--concurrency", "1").rc == 0
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"created"}
    assert len(made) == 3 and sum(one.method == "GET" for one in server.exchanges) == 2


TOLD = {
    "errors": ({"errors": [{"message": "the plan allows no more"}]}, "error_in_answer"),
    "envelope": ({"results": None, "errors": [{"message": "the plan allows no more"}], "metadata": {}}, "error_in_answer"),
    "no success": ({"success": False, "error": {"code": "quota", "message": "the plan allows no more"}}, "quota"),
}


@pytest.mark.parametrize("kind", TOLD)
def test_an_error_in_a_200_is_told_and_costs_one_request(connload, raw_server, desk, read_csv, kind):
    body, code = TOLD[kind]
    server = raw_server(lambda exchange: http_answer(200, body if exchange.method == "POST" else {"results": []}))
    desk(2)
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 1, run
    for row in read_csv("desk.results.csv"):
        assert (row["status"], row["http_status"], row["error_code"], row["attempts"]) == ("rejected", "200", code, "1")
        assert row["error_message"] == "the server answered 200, but with an error: the plan allows no more"
    assert len([one for one in server.exchanges if one.method == "POST"]) == 2


def test_errors_beside_a_connector_are_told(connload, raw_server, desk, read_csv):
    def behave(exchange):
        if exchange.method == "GET":
            return http_answer(200, {"results": [], "errors": [], "metadata": {}})
        errors = [{"message": "not indexed yet"}] if exchange.json()["label"].endswith("1") else []
        return http_answer(200, {"results": connector_of(exchange.json()), "errors": errors, "metadata": {}})

    raw_server(behave)
    desk(2)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    assert sorted((row["status"], row["error_message"]) for row in read_csv("desk.results.csv")) == [
        ("created", ""), ("created", "the server also said: not indexed yet")]


def test_an_error_in_a_200_that_created_all_the_same(connload, raw_server, desk, read_csv):
    made = []

    def behave(exchange):
        if exchange.method == "GET":
            return http_answer(200, {"results": made})
        made.append(connector_of(exchange.json()))
        return http_answer(200, {"errors": [{"message": "indexing failed"}]})

    raw_server(behave)
    desk(1)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["connector_id"]) == ("created", made[0]["connector_id"])


@pytest.mark.direct
def test_attempts_are_limited_where_each_answer_is_lost(connload, sandbox, desk, read_csv):
    box = sandbox(*LAG, "--fault", "drop-before=100")
    desk(3)
    assert connload("create", "desk.csv", *QUICK, "--max-attempts", "2").rc == 1
    for row in read_csv("desk.results.csv"):
        assert (row["status"], row["error_code"], row["attempts"]) == ("failed", "answer_lost", "2")
    assert len(posts(box)) <= 9 and not box.connectors()  # three in a row are an outage once, and no attempt of theirs


@pytest.mark.direct
def test_the_last_answer_of_a_failed_row_is_told(connload, sandbox, desk, read_csv):
    sandbox(*LAG, "--fault", "500-before=100")
    desk(1)
    assert connload("create", "desk.csv", *QUICK, "--max-attempts", "2").rc == 1
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["error_code"], row["http_status"]) == ("failed", "answer_lost", "500")
    assert "the last answer was 500" in row["error_message"]


def lost(connload, sandbox, desk, read_csv, rows=3, extra=()):
    """A result file whose rows are `unknown`, though they exist; the sandbox has no faults any more."""
    box = sandbox(*LAG, "--fault", "drop-after=100", "--fault", "list:500-before=100", *extra)
    desk(rows)
    run = connload("create", "desk.csv", *QUICK, "--settle", "20ms", "--no-preflight")
    assert run.rc in (1, 4), run.err  # 4: three in a row are an outage, and nothing was ever answered
    for row in read_csv("desk.results.csv"):
        assert (row["status"], row["error_code"]) == ("unknown", "unsettled")
    box.faults({})
    return box


def test_unknown_rows_are_settled_by_the_next_run(connload, sandbox, desk, read_csv):
    box = lost(connload, sandbox, desk, read_csv)
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    once(box, read_csv("desk.results.csv"))
    assert len(posts(box)) == 3


def test_unknown_rows_that_do_not_exist_are_sent(connload, sandbox, desk, read_csv):
    box = lost(connload, sandbox, desk, read_csv)
    box.call("DELETE", "/contents/v1/connectors/" + box.connectors()[0]["connector_id"])
    assert connload("create", "desk.results.csv", *BRIEF).rc == 0
    assert labels(one for one in box.connectors() if not one["archived"]) == labels(read_csv("desk.results.csv"))


@pytest.mark.parametrize("args, env, code", [
    ([], {"BIGDATA_API_KEY": "wrong"}, 4),
    ([], {"BIGDATA_API_BASE_URL": "http://127.0.0.1:1"}, 4),
    (["--deadline", "1ms"], {}, 4),
], ids=["refused key", "no server", "deadline"])
def test_unknown_rows_stay_so_where_a_run_stops_before_the_list(connload, sandbox, desk, read_csv, args, env, code):
    box = lost(connload, sandbox, desk, read_csv)
    before = read_csv("desk.results.csv")
    assert connload("create", "desk.results.csv", *QUICK, "--max-attempts", "1", *args, env=env).rc == code
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["unknown"] * 3
    assert [row["error_message"] for row in read_csv("desk.results.csv")] == [row["error_message"] for row in before]
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    once(box, read_csv("desk.results.csv"))
    assert len(posts(box)) == 3


def test_unknown_rows_are_settled_where_strict_holds_everything_else_back(connload, sandbox, desk, read_csv, tmp_path):
    box = lost(connload, sandbox, desk, read_csv)
    box.call("DELETE", f"/contents/v1/connectors/{box.connectors()[0]['connector_id']}?force_delete=true")
    with open(tmp_path / "desk.results.csv", "a", encoding="utf-8") as file:
        file.write("email,No address,,,,,,,,,\nemail,New,n@example.com,,,,,,,,\n")
    assert connload("create", "desk.results.csv", *BRIEF, "--strict").rc == 1
    rows = read_csv("desk.results.csv")
    assert Counter(row["status"] for row in rows) == {"created": 2, "not_attempted": 2, "invalid": 1}
    assert all("--strict" in row["error_message"] for row in rows if row["status"] == "not_attempted")
    assert len(posts(box)) == 3


def test_limit_holds_for_unknown_rows_that_turn_out_absent(connload, sandbox, desk, read_csv):
    box = lost(connload, sandbox, desk, read_csv)
    for connector in box.connectors():
        box.call("DELETE", f"/contents/v1/connectors/{connector['connector_id']}")
    assert connload("create", "desk.results.csv", *BRIEF, "--limit", "1").rc == 1
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["created", "not_attempted", "not_attempted"]
    assert len(posts(box)) == 4


def test_a_row_like_an_unknown_one_is_its_duplicate_wherever_it_stands(connload, sandbox, desk, read_csv, tmp_path):
    """Somebody has put the rows in another order: a copy that was refused now stands before its lost original."""
    box = lost(connload, sandbox, desk, read_csv, rows=1)
    header, row = (tmp_path / "desk.results.csv").read_text().splitlines()
    copy = ",".join(row.split(",")[:3]) + ",invalid,,,,duplicate_row,,,"
    (tmp_path / "desk.results.csv").write_text("\n".join([header, copy, row]) + "\n")
    assert connload("create", "desk.results.csv", *QUICK).rc == 1
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["invalid", "created"]
    assert len(posts(box)) == 1


def test_duplicates_of_a_lost_row_stand_beside_it(connload, sandbox, write_csv, read_csv):
    """With the older of two equal connectors lost by an earlier run, whatever the order of the rows."""
    box = sandbox(*LAG, "--fault", "drop-after=100:1", "--fault", "list:500-before=100:12")
    write_csv("desk.csv", DESK, [["email", "Same", "x@example.com"]])
    assert connload("create", "desk.csv", *QUICK, "--settle", "20ms", "--no-preflight").rc == 1
    unknown, = read_csv("desk.results.csv")
    again = {**dict.fromkeys(unknown, ""), **{name: unknown[name] for name in DESK}}
    write_csv("desk.results.csv", list(unknown), [list(again.values()), list(unknown.values())])
    box.faults({"drop-after": "100:1"})
    run = connload("create", "desk.results.csv", *QUICK, "--allow-duplicates")
    assert run.rc == 0, run.err
    once(box, read_csv("desk.results.csv"))
    assert len(posts(box)) == 2


@pytest.mark.parametrize("order", [1, -1])
def test_a_duplicate_of_a_row_whose_secret_is_gone_stays_one(connload, sandbox, write_csv, read_csv, order):
    box = sandbox(*LAG)
    write_csv("desk.csv", ["type", "label", "session_id"], [["sharepoint", "S", "secret"]] * 2)
    assert connload("create", "desk.csv", *QUICK).rc == 1
    rows = read_csv("desk.results.csv")
    assert [(row["status"], row["session_id"]) for row in rows] == [("created", ""), ("invalid", "secret")]
    write_csv("desk.results.csv", list(rows[0]), [list(row.values()) for row in rows[::order]])
    assert connload("create", "desk.results.csv", *QUICK).rc == 1
    assert sorted(row["status"] for row in read_csv("desk.results.csv")) == ["created", "invalid"]
    assert connload("create", "desk.results.csv", *QUICK, "--allow-duplicates").rc == 0
    assert len(posts(box)) == 2


def test_a_row_with_another_secret_is_no_duplicate(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG, "--fault", "503-before=100")
    secrets(write_csv)
    assert connload("create", "desk.csv", *QUICK, "--max-attempts", "1").rc == 1
    box.faults({})
    assert connload("create", "desk.results.csv", *QUICK, "--limit", "1").rc == 1
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    once(box, read_csv("desk.results.csv"))


# ---- What the list does not prove ----

@pytest.mark.direct
def test_what_a_gateway_has_given_up_may_still_be_done(connload, sandbox, desk, read_csv):
    """504, and the connector comes into being later: an absence is believed only after --late."""
    box = sandbox(*LAG, "--fault-first", "--fault", "504-late=100", "--late", "600ms", "--late-jitter", "300ms")
    desk(ROWS)
    run = connload("create", "desk.csv", *QUICK, "--late", "2s")
    assert run.rc == 0, run.err
    once(box, read_csv("desk.results.csv"))
    assert len(posts(box)) == ROWS


@pytest.mark.direct
@pytest.mark.parametrize("cap", [3, 50])
def test_a_list_that_is_capped_without_a_word_makes_nothing_twice(connload, sandbox, desk, read_csv, cap):
    box = sandbox(*LAG, "--list-cap", cap, "--connectors", 60, "--fault", "drop-after=30", "--seed", 3)
    desk(ROWS)
    connload("create", "desk.csv", *QUICK, "--settle", "20ms")
    rows = read_csv("desk.results.csv")
    assert {row["status"] for row in rows} <= {"created", "unknown"}
    assert len(posts(box)) == ROWS
    ids = [row["connector_id"] for row in rows if row["connector_id"]]
    stored = {one["connector_id"]: one["label"] for one in box.connectors()}
    assert all(stored[row["connector_id"]] == row["label"] for row in rows if row["connector_id"]) and len(set(ids)) == len(ids)


@pytest.mark.parametrize("others, code", [(49, 0), (50, 1), (51, 0), (100, 1)])
def test_a_list_as_long_as_a_page_proves_no_absence(connload, raw_server, write_csv, read_csv, others, code):
    """It may be the first page of several; one that shows what the run has made proves itself."""
    listed = [connector_of(email(f"Other {n}"), created_at=stamp(-86400)) for n in range(others)]
    server = raw_server(Account(listed, {"Lost": [Close()]}))
    write_csv("desk.csv", DESK, [["email", "Lost", "x@example.com"]])
    assert connload("create", "desk.csv", *QUICK).rc == code
    assert sum(one.method == "POST" for one in server.exchanges) == (1 if code else 2)
    if code:
        row, = read_csv("desk.results.csv")
        assert row["status"] == "unknown" and "page" in row["error_message"]


class Skewed(Account):
    """created_at is five seconds behind Date."""

    def __call__(self, exchange):
        answer = super().__call__(exchange)
        if exchange.method == "POST" and not isinstance(answer, Close):
            self.listed[-1]["created_at"] = stamp(-5)
            answer = http_answer(201, self.listed[-1], {"Date": formatdate(usegmt=True)})
        return answer


@pytest.mark.parametrize("witness", [False, True])
def test_an_old_twin_is_nobodys_where_clocks_are_apart(connload, raw_server, write_csv, read_csv, witness):
    older = connector_of(email("Twin"), created_at="2020-01-01T00:00:00.000000Z")
    server = raw_server(Skewed([older], {"Twin": [Close()]}))
    write_csv("desk.csv", DESK, [["email", "Twin", "x@example.com"]] +
              [["email", "Witness", "w@example.com"]] * witness)
    run = connload("create", "desk.csv", *QUICK, "--no-preflight", "--concurrency", "1")
    row = read_csv("desk.results.csv")[0]
    assert row["connector_id"] != older["connector_id"]
    assert (run.rc, row["status"]) == ((0, "created") if witness else (1, "unknown"))


def test_nor_over_two_runs(connload, raw_server, write_csv, read_csv):
    """The first run could not list the account."""
    older = connector_of(email("Twin"), created_at="2020-01-01T00:00:00.000000Z")
    account = Skewed([older], {"Twin": [Close()]})
    server = raw_server(lambda exchange: http_answer(500, {"message": "no list"})
                        if exchange.method == "GET" and first else account(exchange))
    first = True
    write_csv("desk.csv", DESK, [["email", "Twin", "x@example.com"], ["email", "Witness", "w@example.com"]])
    assert connload("create", "desk.csv", *QUICK, "--no-preflight", "--settle", "1ms", "--concurrency", "1").rc == 1
    first = False
    for _ in range(2):
        connload("create", "desk.results.csv", *QUICK)
        assert older["connector_id"] not in {row["connector_id"] for row in read_csv("desk.results.csv")}
    assert server.exchanges


def test_a_colleagues_connector_settles_no_row(connload, raw_server, write_csv, read_csv):
    """It came into being while the row was lost, with the same payload; its user_id is another's."""
    theirs = connector_of(email("Shared"), created_at=stamp(0), user_id="a-colleague")
    account = Account(answers={"Shared": [Close()]})

    def behave(exchange):
        answer = account(exchange)
        if exchange.method == "POST" and theirs not in account.listed:
            account.listed.append(theirs)
        return answer

    server = raw_server(behave)
    write_csv("desk.csv", DESK, [["email", "Own", "x@example.com"], ["email", "Shared", "x@example.com"]])
    assert connload("create", "desk.csv", *QUICK, "--concurrency", "1").rc == 0
    row = read_csv("desk.results.csv")[1]
    assert row["status"] == "created" and row["connector_id"] != theirs["connector_id"]
    assert sum(one.method == "POST" for one in server.exchanges) == 3


def test_a_first_list_that_was_a_part_is_no_knowledge_of_before(connload, raw_server, write_csv, read_csv):
    """What it lacked is not new: an old twin comes into sight with the second list."""
    older = connector_of(email("Twin"), created_at=None)
    account = Account([], {"Twin": [Close()]}, whole=False)

    def behave(exchange):
        answer = account(exchange)
        if exchange.method == "POST":
            account.listed, account.whole = [older], True
        return answer

    raw_server(behave)
    write_csv("desk.csv", DESK, [["email", "Twin", "x@example.com"]])
    assert connload("create", "desk.csv", *QUICK).rc == 1
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["connector_id"]) == ("unknown", "")
    assert older["connector_id"] in row["error_message"]


def test_an_id_that_was_there_before_answers_no_create(connload, raw_server, write_csv, read_csv):
    older = connector_of(email("Other", "o@example.com"), created_at=stamp(-60))
    raw_server(Account([older], {"New": [http_answer(201, {**older, "label": "New"})]}))
    write_csv("desk.csv", DESK, [["email", "New", "x@example.com"]])
    assert connload("create", "desk.csv", *QUICK).rc == 0
    assert read_csv("desk.results.csv")[0]["connector_id"] != older["connector_id"]


def test_a_lost_rows_secret_that_may_have_changed_is_told(connload, raw_server, write_csv, read_csv):
    """The earlier run sent another session; the list shows neither."""
    made = []

    def behave(exchange):
        if exchange.method == "GET":
            return http_answer(200, {"results": made} if last else {"results": [7]})
        made.append(connector_of(exchange.json(), created_at=stamp(0)))
        return Close()

    raw_server(behave)
    last = False
    write_csv("desk.csv", ["type", "label", "session_id"], [["sharepoint", "Desk", "old session"]])
    assert connload("create", "desk.csv", *QUICK).rc == 1
    row, = read_csv("desk.results.csv")
    write_csv("desk.results.csv", list(row), [[*{**row, "session_id": "new session"}.values()]])
    last = True
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    row, = read_csv("desk.results.csv")
    assert row["status"] == "created" and "session_id: not compared" in row["error_message"]

"""connload list writes the account's connectors as a result file."""

import csv
import errno
import gzip
import io

import pytest
from conftest import connector_of, http_answer
from once import QUICK, email, posts, prefill

LIST = ["list", "--rate", "none", "--retry-base", "10ms", "--retry-cap", "50ms"]
HEADER = ["type", "label", "description", "share_with_org", "allowed_emails", "user_id", "user_password", "session_id",
          "owner_id", "updated_at", "files_count", "last_sync_at", "last_sync_status", "last_sync_count",
          "last_sync_error_msg", "status", "connector_id", "inbox_email", "http_status", "error_code", "error_message", "attempts",
          "created_at"]
RESEARCH = {"type": "investment_research", "label": "R", "config": {"user_id": "reader", "user_password": "hunter2"}}


def parse(text, delimiter=","):
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def account_cells(stored):
    names = ["user_id", "updated_at", "files_count", "last_sync_at", "last_sync_status", "last_sync_count",
             "last_sync_error_msg"]
    return [str(stored.get(name) or {"files_count": "0"}.get(name, "")) for name in names]


def test_each_connector_is_a_row(connload, sandbox):
    box = sandbox()
    mail, research = prefill(box, email("A, B", description="two\nlines", share_with_org=True), RESEARCH)
    box.call("DELETE", f"/contents/v1/connectors/{research}")
    stored = {one["connector_id"]: one for one in box.connectors()}
    run = connload(*LIST)
    assert run.rc == 0, run.err
    assert parse(run.out) == [
        HEADER,
        ["email", "A, B", "two\nlines", "true", "x@example.com", "", "", "", *account_cells(stored[mail]), "exists", mail,
         stored[mail]["config"]["email"], "", "", "", "", stored[mail]["created_at"]],
        ["investment_research", "R", "", "false", "", "reader", "", "", *account_cells(stored[research]), "archived", research, "", "", "", "", "",
         stored[research]["created_at"]]]
    assert "hunter2" not in run.out + run.err


def test_an_empty_account_is_a_header(connload, sandbox):
    sandbox()
    run = connload(*LIST)
    assert run.rc == 0 and parse(run.out) == [HEADER]


def test_a_file_is_replaced_by_force_alone(connload, sandbox, tmp_path):
    box = sandbox()
    prefill(box, email("A"))
    assert connload(*LIST, "-o", "all.csv").rc == 0
    first = (tmp_path / "all.csv").read_bytes()
    prefill(box, email("B"))
    run = connload(*LIST, "-o", "all.csv")
    assert run.rc == 2 and "--force" in run.err and (tmp_path / "all.csv").read_bytes() == first
    assert connload(*LIST, "-o", "all.csv", "--force").rc == 0
    assert len(parse((tmp_path / "all.csv").read_text())) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["all.csv"]


def test_delimiter_and_gzip(connload, sandbox, tmp_path):
    prefill(sandbox(), email("A;B"))
    assert connload(*LIST, "--delimiter", ";", "-o", "all.csv.gz").rc == 0
    rows = parse(gzip.decompress((tmp_path / "all.csv.gz").read_bytes()).decode(), ";")
    assert rows[0] == HEADER and rows[1][1] == "A;B"


def test_what_it_writes_is_an_input_with_nothing_left_to_do(connload, sandbox, read_csv):
    box = sandbox()
    prefill(box, email("A"), email("B"), RESEARCH)
    assert connload(*LIST, "-o", "all.csv").rc == 0
    run = connload("create", "all.csv", *QUICK)
    assert run.rc == 0, run.err
    assert {row["status"] for row in read_csv("all.csv")} == {"exists"} and len(posts(box)) == 3


def test_no_server_text_runs_in_a_spreadsheet(connload, raw_server):
    raw_server([http_answer(200, {"results": [connector_of(email("=cmd()", description="@x"))]})])
    run = connload(*LIST)
    assert run.rc == 0 and parse(run.out)[1][1:3] == ["'=cmd()", "'@x"]


@pytest.mark.direct
def test_a_list_that_fails_half_way_is_asked_for_again_and_shows_once(connload, sandbox):
    box = sandbox("--fault", "list:cut-after=100:2")
    payloads = [email(f"Desk {n}", f"d{n}@example.com") for n in range(50)]
    for payload in payloads:
        box.call("POST", "/contents/v1/connectors", payload)
    run = connload(*LIST)
    assert run.rc == 0, run.err
    assert len(parse(run.out)) == 51


def test_a_list_that_never_comes_leaves_no_file(connload, sandbox, tmp_path):
    sandbox("--fault", "list:502-before=100")
    run = connload(*LIST, "-o", "all.csv", "--max-attempts", "2")
    assert run.rc == 4, run
    assert not list(tmp_path.iterdir())


@pytest.mark.slow_asan
def test_a_full_disk_ends_it(connload, raw_server, failing, tmp_path):
    """It is no fault of the list: that is not asked for again."""
    server = raw_server([http_answer(200, {"results": [connector_of(email("x" * 1000)) for _ in range(1000)]})])
    run = connload(*LIST, "-o", "all.csv", env=failing("lseek", at=1, times=0, error=errno.ENOSPC))
    assert run.rc == 5 and "cannot write a temporary file: No space left on device" in run.err, run
    assert len(server.exchanges) == 1
    assert not list(tmp_path.iterdir())


def test_a_refused_key(connload, sandbox):
    sandbox()
    run = connload(*LIST, env={"BIGDATA_API_KEY": "wrong"})
    assert run.rc == 4 and "key is refused" in run.err and run.out == ""


PARTIAL = {
    "next page": ({"next": "/contents/v1/connectors?page=2"}, {}),
    "more than shown": ({"total_count": 3}, {}),
    "more than shown, in the header": ({}, {"X-Total-Count": "3"}),
    "link": ({}, {"Link": '</contents/v1/connectors?page=2>; rel="next"'}),
    "errors beside it": ({"errors": [{"message": "one shard is away"}]}, {}),
}


@pytest.mark.parametrize("kind", PARTIAL)
def test_a_list_that_says_it_is_partial_is_said_to_be(connload, raw_server, kind):
    beside, headers = PARTIAL[kind]
    raw_server([http_answer(200, {"results": [connector_of(email("A"))], **beside}, headers)])
    run = connload(*LIST)
    assert run.rc == 1 and "does not show everything" in run.err, run
    assert len(parse(run.out)) == 2


EMPTY = {
    "null": http_answer(200, {"results": None}),
    "null in an envelope": http_answer(200, {"results": None, "errors": [], "metadata": {}}),
    "no content": b"HTTP/1.1 204 No Content\r\n\r\n",
    "not found": http_answer(404, {"detail": "no connectors found"}),
    "BOM": http_answer(200, b'\xef\xbb\xbf{"results": []}'),
}


@pytest.mark.parametrize("kind", EMPTY)
def test_ways_to_say_that_an_account_is_empty(connload, raw_server, kind):
    raw_server([EMPTY[kind]])
    run = connload(*LIST)
    assert run.rc == 0 and parse(run.out) == [HEADER], run


@pytest.mark.parametrize("around", [{"errors": [], "metadata": {}}, {}])
def test_a_list_in_an_envelope(connload, raw_server, around):
    raw_server([http_answer(200, {"results": {"results": [connector_of(email("A"))]}, **around})])
    run = connload(*LIST)
    assert run.rc == 0 and len(parse(run.out)) == 2, run


def test_what_else_a_list_may_hold(connload, raw_server):
    """Unknown types, a description of null, no config, an id in upper case."""
    odd = connector_of({"type": "carrier_pigeon", "label": "P"}, description=None)
    del odd["config"]
    odd["connector_id"] = odd["connector_id"].upper()
    raw_server([http_answer(200, {"results": [odd, connector_of(email("A"))]})])
    run = connload(*LIST)
    assert run.rc == 0, run
    assert parse(run.out)[1][:3] == ["carrier_pigeon", "P", ""]
    assert odd["connector_id"] in parse(run.out)[1] and "exists" in parse(run.out)[1]


REFUSED = {
    "429": (http_answer(429, {"message": "Too Many Requests"}), "the server answered 429: Too Many Requests"),
    "413": (http_answer(413, {"message": "Too large"}), "the server answered 413: Too large"),
    "504": (http_answer(504, {"message": "Endpoint request timed out"}),
            "the server answered 504: Endpoint request timed out"),
    "errors": (http_answer(200, {"errors": [{"message": "the plan has no connectors"}]}),
               "the server answered 200, but with an error in place of the list: the plan has no connectors"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_list_that_is_refused_is_no_fault_of_the_way_there(connload, raw_server, desk, kind):
    answer, says = REFUSED[kind]
    raw_server(lambda exchange: answer)
    desk(1)
    run = connload("create", "desk.csv", *QUICK, "--max-attempts", "2")
    assert run.rc == 4 and says in run.err and "certificates" not in run.err and "DNS" not in run.err, run

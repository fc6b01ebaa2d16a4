"""connload create: the exact requests, the exact results, and what each answer makes of its row."""

import csv
import fcntl
import gzip
import io
import json
import os
import re
import socket
import stat
import subprocess
import sys
import termios
import time
from email.utils import formatdate

import pytest

from conftest import KEY, ROOT, Close, Hang, Reset, api_answer, clean_env, connector_of, http_answer

RESULT = ["status", "connector_id", "inbox_email", "http_status", "error_code", "error_message", "attempts", "created_at"]
PATH = "/contents/v1/connectors"
# A run after another on the same file waits as long as the list may lag behind.
AT_ONCE = ("--settle", "0s")
QUICK = ("--retry-base", "1ms", "--retry-cap", "2ms")
ID = "3f2b8c64-5a0e-4e37-9d5b-0c8f1f5f7a11"


def posts(server):
    return [exchange for exchange in server.exchanges if exchange.method == "POST"]


def bytes_in(pipe):
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def answering(*answers):
    """Answers to POSTs in order, the last one again and again; a function is called with the exchange."""
    left = list(answers)

    def behave(exchange):
        if exchange.method != "POST":
            return api_answer(exchange)
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer(exchange) if callable(answer) else answer

    return behave


def parse(data, delimiter=","):
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))


# -- requests --


def test_the_exact_requests(connload, raw_server, write_csv):
    server = raw_server()
    write_csv("desk.csv", ["type", "label", "description", "share_with_org", "allowed_emails", "user_id", "user_password", "session_id"], [
        ["EMAIL", "Rates \"A\"", "two\nlines\té\\/", "YES", "b@example.com; a@example.com", "", "", ""],
        ["Investment_Research", "Broker", "", "no", "", "nq-01", "päss\"w", ""],
        ["sharepoint", "Files", "", "", "", "", "", "sess"],
    ])
    run = connload("create", "desk.csv", "--concurrency", "1")
    assert run.rc == 0, run.err
    host = server.url.removeprefix("http://")
    first, *rest = server.exchanges
    assert re.fullmatch(rb"GET /contents/v1/connectors HTTP/1\.1\r\nHost: " + host.encode() +
                        rb"\r\nUser-Agent: connload/[\d.]+\r\nX-API-KEY: sandbox\r\nAccept: application/json\r\n"
                        rb"(Accept-Encoding: [a-z, ]+\r\n)?\r\n", first.raw) or \
        {"host": host, "x-api-key": KEY}.items() <= first.headers.items(), first.raw
    assert "content-type" not in first.headers and first.body == b""
    for exchange in rest:
        assert (exchange.method, exchange.path, exchange.version) == ("POST", PATH, "HTTP/1.1")
        assert exchange.headers["x-api-key"] == KEY and exchange.headers["content-type"] == "application/json"
        assert exchange.headers["content-length"] == str(len(exchange.body))
        assert exchange.headers["user-agent"].startswith("connload/")
        assert not {"expect", "transfer-encoding", "cookie", "authorization", "referer"} & set(exchange.headers)
    assert [exchange.body for exchange in rest] == [
        b'{"type":"email","label":"Rates \\"A\\"","description":"two\\nlines\\t\xc3\xa9\\\\/","share_with_org":true,'
        b'"config":{"allowed_emails":["b@example.com","a@example.com"]}}',
        b'{"type":"investment_research","label":"Broker","config":{"user_id":"nq-01","user_password":"p\xc3\xa4ss\\"w"}}',
        b'{"type":"sharepoint","label":"Files","config":{"session_id":"sess"}}',
    ]


def test_a_large_request_waits_for_no_100_continue(connload, raw_server, write_csv):
    server = raw_server()
    write_csv("desk.csv", ["type", "label", "allowed_emails", "description"], [["email", "A", "a@example.com", "x" * 60000]])
    run = connload("create", "desk.csv")
    assert run.rc == 0, run.err
    assert "expect" not in posts(server)[0].headers


def test_a_base_url_with_a_path(connload, raw_server, desk):
    server = raw_server()
    desk(1)
    run = connload("create", "desk.csv", "--base-url", server.url + "/proxy/v2/")
    assert run.rc == 0, run.err
    assert {exchange.path for exchange in server.exchanges} == {"/proxy/v2/contents/v1/connectors"}


def test_one_list_request_goes_before_the_first_row(connload, raw_server, desk):
    server = raw_server()
    desk(3)
    assert connload("create", "desk.csv").rc == 0
    assert [exchange.method for exchange in server.exchanges] == ["GET", "POST", "POST", "POST"]


def test_no_preflight_leaves_it_out(connload, raw_server, desk):
    server = raw_server()
    desk(3)
    assert connload("create", "desk.csv", "--no-preflight").rc == 0
    assert [exchange.method for exchange in server.exchanges] == ["POST"] * 3


def test_the_key_from_a_file(connload, raw_server, desk, tmp_path):
    server = raw_server()
    desk(1)
    (tmp_path / "key").write_text("  file-key\r\n")
    (tmp_path / "key").chmod(0o600)
    run = connload("create", "desk.csv", "--api-key-file", "key", env={"BIGDATA_API_KEY": None})
    assert run.rc == 0, run.err
    assert {exchange.headers["x-api-key"] for exchange in server.exchanges} == {"file-key"}
    run = connload("create", "desk.results.csv", "--api-key-file", "key")
    assert run.rc == 0


# -- results --


def test_the_exact_results(connload, raw_server, tmp_path):
    """In input order, every byte: cells as they came, created, rejected, failed, invalid."""
    def behave(exchange):
        label = exchange.json()["label"]
        if label == "Second":
            return http_answer(422, {"detail": [{"loc": ["body", "label"], "msg": "label is taken, choose \"another\""}]})
        if label == "Third":
            return http_answer(429, "busy")
        return http_answer(201, connector_of(exchange.json(), connector_id=ID.replace("3f", f"{exchange.index:02}"),
                                             created_at="2026-11-24T09:00:00.123456Z"))

    server = raw_server(answering(behave))
    (tmp_path / "desk.csv").write_bytes(
        b"\xef\xbb\xbfDesk;type;label;allowed_emails;\"note\"\r\n"
        b"Rates;email;\"First\";a@example.com;\"a;b\"\r\n"
        b"Rates;email;Second;b@example.com;=1+1\r\n"
        b"\r\n"
        b"FX;email;Third;c@example.com\r\n"
        b"FX;email;;d@example.com;\"two\r\nlines\"\r\n"
        b"FX;email;Fifth;e@example.com; x ")
    run = connload("create", "desk.csv", "--concurrency", "1", "--max-attempts", "2", *QUICK)
    assert run.rc == 1
    order = [exchange.json()["label"] for exchange in posts(server)]
    assert sorted(order) == ["Fifth", "First", "Second", "Third", "Third"]
    fifth = 1 + order.index("Fifth")
    assert (tmp_path / "desk.results.csv").read_bytes() == (
        b"\xef\xbb\xbfDesk;type;label;allowed_emails;\"note\";status;connector_id;inbox_email;http_status;error_code;error_message;"
        b"attempts;created_at\r\n"
        b"Rates;email;\"First\";a@example.com;\"a;b\";created;012b8c64-5a0e-4e37-9d5b-0c8f1f5f7a11;abc123@inbox.example.com;201;;;1;"
        b"2026-11-24T09:00:00.123456Z\r\n"
        b"Rates;email;Second;b@example.com;=1+1;rejected;;;422;http_422;\"body.label: label is taken, choose \"\"another\"\"\";1;\r\n"
        b"FX;email;Third;c@example.com;;failed;;;429;http_429;busy;2;\r\n"
        b"FX;email;;d@example.com;\"two\r\nlines\";invalid;;;;missing_label;"
        b"\"column C \"\"label\"\": empty, every connector needs one\";0;\r\n"
        + f"FX;email;Fifth;e@example.com; x ;created;{fifth:02}2b8c64-5a0e-4e37-9d5b-0c8f1f5f7a11;".encode() +
        b"abc123@inbox.example.com;201;;;1;2026-11-24T09:00:00.123456Z\r\n")


@pytest.mark.parametrize("name, results", [
    ("desk.csv", "desk.results.csv"), ("desk.csv.gz", "desk.results.csv.gz"), ("DESK.CSV", "DESK.results.csv"),
    ("desk", "desk.results.csv"), ("desk.txt", "desk.results.csv"), ("my desk.v2.csv", "my desk.v2.results.csv"),
])
def test_the_default_name(connload, sandbox, tmp_path, name, results):
    sandbox()
    text = b"type,label,allowed_emails\nemail,A,a@example.com\n"
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    run = connload("create", name)
    assert run.rc == 0, run.err
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, results])
    data = (tmp_path / results).read_bytes()
    assert (data[:2] == b"\x1f\x8b") == results.endswith(".gz")
    rows = parse(gzip.decompress(data) if results.endswith(".gz") else data)
    assert rows[0][-8:] == RESULT and rows[1][3] == "created"


def test_output_names_the_file(connload, sandbox, desk, tmp_path, read_csv):
    sandbox()
    desk(1)
    (tmp_path / "out").mkdir()
    assert connload("create", "desk.csv", "-o", "out/elsewhere.csv").rc == 0
    assert read_csv("out/elsewhere.csv")[0]["status"] == "created"
    assert not (tmp_path / "desk.results.csv").exists()


def test_output_to_standard_output(connload, sandbox, desk, tmp_path):
    sandbox()
    desk(2)
    run = connload("create", "desk.csv", "-o", "-")
    assert run.rc == 0, run.err
    assert [row[3] for row in parse(run.out_bytes)] == ["status", "created", "created"]
    assert ("connload: results that go to standard output can't be resumed: if this run is interrupted, what it created is not "
            "on record\n") in run.err
    assert [path.name for path in tmp_path.iterdir()] == ["desk.csv"]


def test_standard_input_needs_an_output(connload, raw_server):
    server = raw_server()
    run = connload("create", "-", stdin=b"type,label,allowed_emails\nemail,A,a@example.com\n")
    assert (run.rc, run.err) == (2, "connload: the input is standard input: name the result file with -o FILE (or -o - for "
                                    "standard output)\n")
    assert server.exchanges == []
    run = connload("create", "-", "-o", "-", "-q", stdin=b"type,label,allowed_emails\nemail,A,a@example.com\n")
    assert run.rc == 0 and run.out.splitlines()[1].startswith("email,A,a@example.com,created,")


def test_a_file_that_exists_is_not_replaced(connload, raw_server, desk, tmp_path):
    server = raw_server()
    desk(1)
    (tmp_path / "desk.results.csv").write_text("precious")
    run = connload("create", "desk.csv")
    assert (run.rc, run.err) == (2, "connload: desk.results.csv exists: an earlier run of these rows wrote it. To send those "
                                    "that are not done: connload create desk.results.csv. To write elsewhere: -o FILE. To create all of "
                                    "them once more: --force --again\n")
    assert (tmp_path / "desk.results.csv").read_text() == "precious"
    assert server.received == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk.csv", "desk.results.csv"]
    assert connload("create", "desk.csv", "-o", "desk.results.csv").rc == 2
    run = connload("create", "desk.csv", "--force", *AT_ONCE)
    assert run.rc == 0, run.err
    assert (tmp_path / "desk.results.csv").read_text().startswith("type,label,")


@pytest.mark.parametrize("args, words", [
    (["-o", "desk.csv"], "the results would replace the input desk.csv, which is no result file; name another file with -o"),
    (["-o", "desk.csv", "--force"], "the results would replace the input desk.csv, which is no result file"),
    (["-o", "."], ". is a folder; name a file with -o"),
])
def test_places_that_no_result_may_take(connload, raw_server, desk, args, words):
    server = raw_server()
    desk(1)
    run = connload("create", "desk.csv", *args)
    assert run.rc == 2 and words in run.err
    assert server.received == []


@pytest.mark.parametrize("args", [["-o", "nowhere/out.csv"], ["--log", "nowhere/log"], ["--summary", "nowhere/s"],
                                  ["--metrics", "nowhere/m"], ["--report", "nowhere/r"]])
def test_local_trouble_comes_before_the_first_request(connload, raw_server, desk, args, tmp_path):
    server = raw_server()
    desk(1)
    run = connload("create", "desk.csv", *args)
    assert run.rc == 5, run
    assert "nowhere" in run.err and run.err.count("\n") == 1
    assert posts(server) == []
    assert [path.name for path in tmp_path.iterdir()] == ["desk.csv"]


def test_results_as_input_again(connload, sandbox, write_csv, read_csv, tmp_path):
    """Finished rows are carried over as they are, the rest is sent, and the file is replaced in place."""
    box = sandbox()
    write_csv("desk.csv", ["desk", "type", "label", "allowed_emails"],
              [["x", "email", "A", "a@example.com"], ["y", "email", "B", "b@"], ["z", "email", "C", "c@example.com"]])
    assert connload("create", "desk.csv").rc == 1
    first = (tmp_path / "desk.results.csv").read_text()
    (tmp_path / "desk.results.csv").write_text(first.replace("b@,", "b@example.com,"))
    run = connload("create", "desk.results.csv")
    assert run.rc == 0, run.err
    assert "2 of them were finished by an earlier run" in run.err
    rows = read_csv("desk.results.csv")
    assert [row["status"] for row in rows] == ["created"] * 3
    lines = (tmp_path / "desk.results.csv").read_text().splitlines()
    assert [lines[1], lines[3]] == [first.splitlines()[1], first.splitlines()[3]]
    assert (rows[1]["error_code"], rows[1]["error_message"], rows[1]["attempts"]) == ("", "", "1")
    assert box.stats()["created"] == 3
    # and once more: nothing is left to do, nothing is sent, nothing changes
    before = (tmp_path / "desk.results.csv").read_bytes(), box.stats()["requests"]
    assert connload("create", "desk.results.csv").rc == 0
    assert ((tmp_path / "desk.results.csv").read_bytes(), box.stats()["requests"]) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk.csv", "desk.results.csv"]


@pytest.mark.parametrize("status, sent", [("created", False), ("exists", False), ("archived", False), ("invalid", True),
                                          ("rejected", True), ("failed", True), ("not_attempted", True), ("", True)])
def test_what_is_sent_again(connload, sandbox, write_csv, read_csv, status, sent):
    box = sandbox()
    finished = status in ("created", "exists", "archived")
    write_csv("d.results.csv", ["type", "label", "allowed_emails", *RESULT],
              [["email", "A", "a@example.com", status, ID if finished else "", "", "201" if finished else "", "", "", "1", ""]])
    run = connload("create", "d.results.csv")
    assert run.rc == 0, run.err
    assert box.stats()["created"] == int(sent)
    assert read_csv("d.results.csv")[0]["status"] == ("created" if sent else status)


@pytest.mark.parametrize("status", ["done", "CREATED?", "creatd"])
def test_a_status_that_is_none_is_refused(connload, raw_server, write_csv, status):
    server = raw_server()
    write_csv("d.results.csv", ["type", "label", "allowed_emails", *RESULT],
              [["email", "A", "a@example.com", status, "", "", "", "", "", "", ""]])
    run = connload("create", "d.results.csv")
    assert run.rc == 3
    assert f'd.results.csv:2: row 2: the status "{status}" is none that connload writes' in run.err
    assert server.exchanges == []


@pytest.mark.parametrize("finished", [0, 1])
def test_a_twin_of_a_finished_row_is_the_duplicate(connload, sandbox, write_csv, read_csv, finished):
    """Wherever it stands: the finished one has its connector."""
    box = sandbox()
    rows = [["email", "A", "a@example.com", *[""] * 8], ["email", "A", "a@example.com", *[""] * 8]]
    rows[finished][3:5] = ["created", ID]
    write_csv("d.results.csv", ["type", "label", "allowed_emails", *RESULT], rows)
    run = connload("create", "d.results.csv")
    assert run.rc == 1
    found = read_csv("d.results.csv")
    assert (found[finished]["status"], found[1 - finished]["status"]) == ("created", "invalid")
    assert found[1 - finished]["error_message"].startswith(f"the same payload as row {finished + 2}; ")
    assert box.stats()["requests"] == 0


def test_results_of_results_into_another_file(connload, sandbox, desk, read_csv, tmp_path):
    sandbox()
    desk(2)
    assert connload("create", "desk.csv").rc == 0
    before = (tmp_path / "desk.results.csv").read_bytes()
    assert connload("create", "desk.results.csv", "-o", "copy.csv").rc == 0
    assert (tmp_path / "copy.csv").read_bytes() == before == (tmp_path / "desk.results.csv").read_bytes()


def test_gz_results_are_an_input_too(connload, sandbox, tmp_path):
    box = sandbox()
    (tmp_path / "desk.csv.gz").write_bytes(gzip.compress(b"type,label,allowed_emails\nemail,A,a@example.com\nemail,,b@example.com\n"))
    assert connload("create", "desk.csv.gz").rc == 1
    assert connload("create", "desk.results.csv.gz").rc == 1
    rows = parse(gzip.decompress((tmp_path / "desk.results.csv.gz").read_bytes()))
    assert [row[3] for row in rows] == ["status", "created", "invalid"]
    assert box.stats()["created"] == 1


# -- what each answer makes of a row --


@pytest.mark.parametrize("status, body, code, message", [
    (400, {"errors": [{"message": "no such type"}]}, "http_400", "no such type"),
    (404, {"statusCode": 404, "message": "gone", "errorCode": "not_found", "requestId": "r1"}, "not_found", "gone"),
    (409, {"detail": "label exists"}, "http_409", "label exists"),
    (422, {"detail": [{"loc": ["body", "label"], "msg": "too long"}]}, "http_422", "body.label: too long"),
    (413, {"type": "about:blank", "title": "Too large", "detail": "65 KiB at most"}, "about:blank", "Too large: 65 KiB at most"),
    (451, "<html><head><title>451 No</title></head><body><h1>451 No</h1></body></html>", "http_451", "451 No"),
    (418, b"", "http_418", "the server answered 418"),
])
def test_refused_for_good_is_rejected_after_one_request(connload, raw_server, desk, read_csv, status, body, code, message):
    server = raw_server(answering(http_answer(status, body, {"Location": "/elsewhere"})))
    desk(1)
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 1
    row = read_csv("desk.results.csv")[0]
    assert (row["status"], row["http_status"], row["attempts"]) == ("rejected", str(status), "1")
    assert row["error_message"] == message
    if code != "about:blank":
        assert row["error_code"] == code
    assert len(posts(server)) == 1 and len(server.exchanges) == 2


@pytest.mark.parametrize("status, attempts", [(429, None), (429, 1), (429, 3)])
def test_certainly_not_created_is_sent_again_so_often(connload, raw_server, desk, read_csv, status, attempts):
    server = raw_server(answering(http_answer(status, "not now")))
    desk(1)
    args = ["--max-attempts", str(attempts)] if attempts else []
    run = connload("create", "desk.csv", *QUICK, *args)
    assert run.rc == 1
    row = read_csv("desk.results.csv")[0]
    assert (row["status"], row["http_status"], row["attempts"]) == ("failed", str(status), str(attempts or 5))
    assert row["error_message"] == "not now"
    assert len(posts(server)) == (attempts or 5)


def test_a_retry_that_succeeds_counts_its_attempts(connload, raw_server, desk, read_csv):
    server = raw_server(answering(http_answer(429, "busy"), http_answer(429, "busy"), api_answer))
    desk(1)
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 0, run.err
    row = read_csv("desk.results.csv")[0]
    assert (row["status"], row["http_status"], row["attempts"], row["error_code"]) == ("created", "200", "3", "")
    bodies = {exchange.body for exchange in posts(server)}
    assert len(posts(server)) == 3 and len(bodies) == 1


def test_no_connection_is_tried_again_and_is_certainly_nothing(connload, raw_server, desk, read_csv):
    """The server goes away after the list: further connections are refused, so that nothing can have been created."""
    def behave(exchange):
        server.listener.shutdown(socket.SHUT_RDWR)
        server.listener.close()
        return Close(http_answer(200, {"results": []}, {"Connection": "close"}))

    server = raw_server(behave)
    desk(2)
    run = connload("create", "desk.csv", *QUICK, "--max-attempts", "3", "--max-outage", "1s")
    assert run.rc == 4 and "connection refused" in run.err, run
    for row in read_csv("desk.results.csv"):
        assert (row["status"], row["http_status"]) == ("not_attempted", ""), row
    assert posts(server) == []


def test_nobody_listens(connload, desk, read_csv):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    desk(2)
    run = connload("create", "desk.csv", *QUICK, "--max-attempts", "2",
                   env={"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": f"http://127.0.0.1:{port}"})
    assert run.rc == 4
    assert re.search(r"^stopped +.*refused", run.err, re.M), run.err
    rows = read_csv("desk.results.csv")
    assert [(row["status"], row["attempts"]) for row in rows] == [("not_attempted", "0")] * 2


@pytest.mark.parametrize("answer", [
    http_answer(500, {"message": "boom"}), http_answer(502, "<html>"), http_answer(504, b""), http_answer(201, "not json"),
    http_answer(200, {"connector_id": "x"}), http_answer(200, [1]), http_answer(200, {"results": None}),
    Close(b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{\"connector_id\": \""), Close(b""), Reset(b""),
    Close(b"HTTP/1.1 201 Cre"), b"garbage\r\n\r\n",
], ids=lambda answer: repr(bytes(answer)[:20]))
def test_a_lost_answer_is_never_a_second_request_by_itself(connload, raw_server, desk, read_csv, answer):
    """No list shows it either, and the list can't be had at all: `unknown`."""
    def behave(exchange):
        if exchange.method == "GET" and exchange.index > 0:
            return http_answer(400, {"message": "no list today"})
        return answer if exchange.method == "POST" else api_answer(exchange)

    server = raw_server(behave)
    desk(1)
    run = connload("create", "desk.csv", "--settle", "1ms", *QUICK)
    assert run.rc == 1
    row = read_csv("desk.results.csv")[0]
    assert row["status"] == "unknown" and row["error_message"] != ""
    assert len(posts(server)) == 1


def test_a_timeout_is_a_lost_answer(connload, raw_server, desk, read_csv):
    def behave(exchange):
        if exchange.method == "GET":
            return api_answer(exchange) if exchange.index == 0 else http_answer(400, {"message": "no list today"})
        return Hang(b"")

    server = raw_server(behave)
    desk(1)
    run = connload("create", "desk.csv", "--settle", "1ms", "--timeout", "100ms", *QUICK)
    assert run.rc == 1
    assert read_csv("desk.results.csv")[0]["status"] == "unknown"
    assert len(posts(server)) == 1


def test_a_refused_key_stops_the_run_and_burns_no_row(connload, raw_server, desk, read_csv):
    """The gateway answers in HTML: one request, every row not_attempted, exit 4, and what to do."""
    page = "<html><head><title>401 Authorization Required</title></head><body><h1>401 Authorization Required</h1></body></html>"
    for status in (401, 403):
        server = raw_server([http_answer(status, page)])
        desk(20)
        run = connload("create", "desk.csv", "--force", *AT_ONCE)
        assert run.rc == 4
        assert len(server.exchanges) == 1 and server.exchanges[0].method == "GET"
        assert f"the server answered {status}" in run.err and "check BIGDATA_API_KEY or --api-key-file" in run.err
        rows = read_csv("desk.results.csv")
        assert [(row["status"], row["attempts"]) for row in rows] == [("not_attempted", "0")] * 20
        assert all("BIGDATA_API_KEY" in row["error_message"] for row in rows)


def test_a_key_refused_without_a_preflight(connload, raw_server, desk, read_csv):
    server = raw_server([http_answer(401, "<html><title>401</title></html>")])
    desk(5)
    run = connload("create", "desk.csv", "--no-preflight", "--concurrency", "1")
    assert run.rc == 4
    assert len(server.exchanges) == 1
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"not_attempted"}


def test_a_key_that_is_revoked_in_the_middle(connload, raw_server, desk, read_csv):
    server = raw_server(answering(api_answer, api_answer, http_answer(401, "<html>")))
    desk(6)
    run = connload("create", "desk.csv", "--concurrency", "1")
    assert run.rc == 4
    assert len(posts(server)) == 3
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["created"] * 2 + ["not_attempted"] * 4


def test_a_403_in_json_is_the_rows_own(connload, raw_server, desk, read_csv):
    def behave(exchange):
        if exchange.json()["label"] == "Desk 1":
            return http_answer(403, {"message": "Forbidden"})
        return api_answer(exchange)

    raw_server(answering(behave))
    desk(3)
    run = connload("create", "desk.csv", "--concurrency", "1")
    assert run.rc == 1, run
    rows = read_csv("desk.results.csv")
    assert [row["status"] for row in rows] == ["created", "rejected", "created"]
    assert rows[1]["http_status"] == "403" and rows[1]["error_message"].startswith("Forbidden; "), rows[1]


def test_a_preflight_that_finds_something_else(connload, raw_server, desk, read_csv):
    """A wrong URL: a page, a redirect, an answer that is no list. No row is sent."""
    no_list = "the answer is not a list of connectors; is the base URL the API's?; asked "
    for answer, words in ((http_answer(200, "<html>Welcome</html>"), no_list), (http_answer(200, {"data": []}), no_list),
                          (http_answer(404, {"message": "no route"}), "the server answered 404: no route; the base URL "),
                          (http_answer(404), "the server answered 404; the base URL "),
                          (http_answer(302, b"", {"Location": "http://127.0.0.1:1/"}),
                           "the server answered 302, and redirects are not followed; check --base-url; asked ")):
        server = raw_server([answer])
        desk(2)
        run = connload("create", "desk.csv", "--force", *AT_ONCE, *QUICK, "--max-attempts", "2")
        assert run.rc == 4 and words in run.err, run
        assert posts(server) == []
        assert {row["status"] for row in read_csv("desk.results.csv")} == {"not_attempted"}


def test_a_dead_proxy_is_told_from_a_dead_server(connload, desk):
    desk(1)
    env = {"BIGDATA_API_KEY": "k", "BIGDATA_API_BASE_URL": "https://api.example.invalid"}
    run = connload("create", "desk.csv", *QUICK, "--max-attempts", "1", "--proxy", "http://127.0.0.1:1", env=env)
    assert run.rc == 4 and "could not connect to the proxy 127.0.0.1:1: connection refused" in run.err and "check --proxy, or HTTPS_PROXY" in run.err, run


# -- text from the server in a spreadsheet --


@pytest.mark.parametrize("text, cell", [
    ("=HYPERLINK(\"http://evil\")", "'=HYPERLINK(\"http://evil\")"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"),
    ("plain =1", "plain =1"), ("'quoted", "'quoted"),
])
def test_a_servers_text_is_no_formula(connload, raw_server, desk, read_csv, text, cell):
    raw_server(answering(http_answer(422, {"message": text, "errorCode": text})))
    desk(1)
    assert connload("create", "desk.csv").rc == 1
    row = read_csv("desk.results.csv")[0]
    assert row["error_message"] == cell
    assert row["error_code"] in (cell, "http_422")
    # carried through another run it gets no second mark
    again = connload("create", "desk.results.csv", "--limit", "1", "--strict", "--no-preflight")
    assert read_csv("desk.results.csv")[0]["error_message"] == cell and again.rc == 1


@pytest.mark.parametrize("inbox", ["=1+1@evil.example", "\t=1@evil.example", "\r=1@evil.example", "@evil.example"])
def test_an_inbox_is_no_formula(connload, raw_server, desk, tmp_path, inbox):
    def behave(exchange):
        payload = exchange.json()
        return http_answer(201, connector_of(payload, config={**payload["config"], "email": inbox}))

    raw_server(answering(behave))
    desk(1)
    assert connload("create", "desk.csv").rc == 0
    cell = parse((tmp_path / "desk.results.csv").read_bytes())[1][5]
    assert cell == "" or cell[0] not in "=+-@\t\r"
    before = (tmp_path / "desk.results.csv").read_bytes()
    assert connload("create", "desk.results.csv").rc == 0
    assert (tmp_path / "desk.results.csv").read_bytes() == before


def test_the_users_own_formulas_are_left_alone(connload, sandbox, write_csv, read_csv):
    box = sandbox()
    write_csv("desk.csv", ["type", "label", "allowed_emails", "total", "description"],
              [["email", "=A1", "a@example.com", "=SUM(A1:A9)", "+49 30"]])
    assert connload("create", "desk.csv").rc == 0
    row = read_csv("desk.results.csv")[0]
    assert (row["label"], row["total"], row["description"]) == ("=A1", "=SUM(A1:A9)", "+49 30")
    assert box.connectors()[0]["label"] == "=A1"


# -- secrets in the results --


SECRETS = ["type", "label", "allowed_emails", "user_id", "user_password", "session_id"]
SECRET_ROWS = [["investment_research", "A", "", "u", "hunter2", ""], ["sharepoint", "B", "", "", "", "s3ss10n"],
               ["investment_research", "", "", "u", "kept-for-later", ""], ["email", "D", "d@example.com", "", "", ""]]


def test_secrets_of_finished_rows_are_emptied(connload, sandbox, write_csv, read_csv, tmp_path):
    sandbox()
    write_csv("desk.csv", SECRETS, SECRET_ROWS)
    assert connload("create", "desk.csv").rc == 1
    rows = read_csv("desk.results.csv")
    assert [(row["status"], row["user_password"], row["session_id"]) for row in rows] == [
        ("created", "", ""), ("created", "", ""), ("invalid", "kept-for-later", ""), ("created", "", "")]
    assert stat.S_IMODE((tmp_path / "desk.results.csv").stat().st_mode) == 0o600
    # what was kept is what a later run needs
    text = (tmp_path / "desk.results.csv").read_text()
    (tmp_path / "desk.results.csv").write_text(text.replace("investment_research,,", "investment_research,C,"))
    assert connload("create", "desk.results.csv").rc == 0
    assert [row["user_password"] for row in read_csv("desk.results.csv")] == [""] * 4


def test_redact_empties_all(connload, sandbox, write_csv, read_csv):
    sandbox()
    write_csv("desk.csv", SECRETS, SECRET_ROWS)
    assert connload("create", "desk.csv", "--redact").rc == 1
    assert {(row["user_password"], row["session_id"]) for row in read_csv("desk.results.csv")} == {("", "")}


@pytest.mark.parametrize("status", ["exists", "archived", "created"])
def test_a_secret_that_came_back_into_a_finished_row_is_emptied(connload, raw_server, write_csv, read_csv, status):
    raw_server()
    write_csv("d.results.csv", [*SECRETS, *RESULT], [[*SECRET_ROWS[0], status, ID, "", "201", "", "", "1", ""]])
    connload("create", "d.results.csv")
    assert read_csv("d.results.csv")[0]["user_password"] == ""


def test_a_secret_column_of_another_name(connload, sandbox, write_csv, tmp_path, read_csv):
    sandbox()
    write_csv("desk.csv", ["type", "label", "user_id", "Kennwort"], [["investment_research", "A", "u", "hunter2"]])
    run = connload("create", "desk.csv", "--map", "user_password=Kennwort")
    assert run.rc == 0, run.err
    assert read_csv("desk.results.csv")[0]["Kennwort"] == ""
    assert stat.S_IMODE((tmp_path / "desk.results.csv").stat().st_mode) == 0o600


@pytest.mark.parametrize("header", ["user_password", "session_id", "User Password"])
@pytest.mark.parametrize("name", ["out.csv", "out.csv.gz"])
def test_a_file_with_a_secret_column_is_for_its_owner_alone(connload, sandbox, write_csv, tmp_path, header, name):
    sandbox()
    write_csv("desk.csv", ["type", "label", "allowed_emails", header], [["email", "A", "a@example.com", ""]])
    assert connload("create", "desk.csv", "-o", name).rc == 0
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    (tmp_path / name).chmod(0o644)
    assert connload("create", "desk.csv", "-o", name, "--force", "--again", *AT_ONCE).rc == 0
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_file_without_secrets_follows_the_umask(connload, sandbox, desk, tmp_path):
    sandbox()
    desk(1)
    mask = os.umask(0)
    os.umask(mask)
    assert connload("create", "desk.csv").rc == 0
    assert stat.S_IMODE((tmp_path / "desk.results.csv").stat().st_mode) == 0o666 & ~mask


# -- pace --


@pytest.mark.direct
@pytest.mark.parametrize("rate, rows", [("5/500ms", 18), ("1/50ms", 12), ("20/s", 45)])
def test_the_rate_is_never_exceeded_and_never_refused(connload, sandbox, desk, rate, rows):
    """As the server counts them: in any rolling window, list request included. And it is used."""
    box = sandbox("--rate", rate, "--jitter", "20ms")
    desk(rows)
    run = connload("create", "desk.csv", "--rate", rate)
    assert run.rc == 0, run.err
    stats = box.stats()
    most = int(rate.split("/")[0])
    assert stats["rate_limited"] == 0 and stats["created"] == rows and stats["requests"] >= rows + 1
    assert stats["most_in_window"] <= most
    assert stats["most_in_window"] == most
    assert f"(limit {rate})" in run.err


@pytest.mark.direct
@pytest.mark.parametrize("offset", ["-30s", "30s"])
def test_a_servers_wrong_clock_hides_no_request_of_the_run_before(connload, sandbox, desk, offset):
    box = sandbox("--rate", "10/2s", "--clock-offset", offset)
    desk(9)
    for force in [], ["--force", "--again"]:
        assert connload("create", "desk.csv", "--rate", "10/2s", "--settle", "10ms", *force).rc == 0
    assert box.stats()["rate_limited"] == 0 and box.stats()["most_in_window"] == 10


@pytest.mark.direct
def test_a_full_window_goes_out_at_once(connload, sandbox, desk):
    """50 of 50 an hour: one every 72 s would take an hour."""
    box = sandbox("--rate", "50/h")
    desk(49)
    assert connload("create", "desk.csv", "--rate", "50/h", timeout=60).rc == 0
    assert box.stats()["requests"] == 50


def test_the_rate_from_the_environment(connload, sandbox, desk):
    sandbox()
    desk(2)
    run = connload("create", "desk.csv", env={"BIGDATA_RATE_LIMIT_PER_MINUTE": "7"})
    assert run.rc == 0 and "(limit 7/m)" in run.err
    run = connload("create", "desk.csv", "--rate", "9/m", "--force", "--again", *AT_ONCE, env={"BIGDATA_RATE_LIMIT_PER_MINUTE": "7"})
    assert run.rc == 0 and "(limit 9/m)" in run.err
    run = connload("create", "desk.csv", "--force", "--again", *AT_ONCE)
    assert "(limit 500/m)" in run.err
    run = connload("create", "desk.csv", "--force", "--again", *AT_ONCE,
                   env={"BIGDATA_RATE_LIMIT_PER_MINUTE": "70", "BIGDATA_RATE_LIMIT_SAFETY_MARGIN": "20"})
    assert "(limit 50/m)" in run.err


def test_several_limits_are_kept_to_at_once(connload, sandbox, desk):
    """Each of them: the wide one allows 12 in its window, of which the narrow one lets 5 go at once."""
    box = sandbox("--rate", "12/2s,5/500ms")
    desk(24)
    run = connload("create", "desk.csv", "--rate", "12/2s,5/500ms")
    assert run.rc == 0 and box.stats()["rate_limited"] == 0, run.err
    assert "(limit 12/2s,5/500ms)" in run.err


@pytest.mark.direct
@pytest.mark.parametrize("concurrency", [1, 3, None])
def test_so_many_are_in_flight_and_connections_are_kept(connload, sandbox, desk, concurrency):
    box = sandbox("--latency", "30ms")
    desk(64)
    args = [] if concurrency is None else ["--concurrency", str(concurrency)]
    assert connload("create", "desk.csv", "--rate", "none", *args).rc == 0
    stats = box.stats()
    most = concurrency or 16
    # the stats request itself is a connection, too
    assert stats["most_at_once"] == most
    assert stats["connections"] <= most + 2
    assert stats["created"] == 64


@pytest.mark.parametrize("status, form", [(429, "seconds"), (429, "date"), (503, "seconds")])
def test_retry_after_holds_all_rows(connload, raw_server, desk, read_csv, status, form):
    """One row is refused: no request at all arrives before the time that the answer names."""
    until, arrived, made = [], [], []

    def behave(exchange):
        now = time.time()
        if exchange.method == "GET" or until:
            arrived.append(now)
        if exchange.method == "GET":
            return http_answer(200, {"results": made})
        if until:
            made.append(connector_of(exchange.json()))
            return http_answer(200, made[-1])
        if form == "seconds":
            until.append(now + 2)
            return http_answer(status, "slow", {"Retry-After": "2"})
        until.append(int(now) + 2)
        return http_answer(status, "slow", {"Retry-After": formatdate(int(now) + 2, usegmt=True),
                                            "Date": formatdate(int(now), usegmt=True)})

    server = raw_server(behave)
    desk(8)
    run = connload("create", "desk.csv", "--rate", "none", "--concurrency", "1", "--retry-base", "1ms",
                   "--settle", "100ms", "--late", "100ms")
    assert run.rc == 0, run.err
    # the list, and then every row (and what settles a 503); a date is as coarse as a second
    assert len(arrived) - len(made) <= (1 if status == 429 else 4) and min(arrived[1:]) >= until[0] - 0.05
    assert sorted(int(row["attempts"]) for row in read_csv("desk.results.csv")) == [1] * 7 + [2]
    assert len(posts(server)) == 9


def test_a_429_from_elsewhere_costs_few_requests(connload, sandbox, desk):
    """The server takes less than we were told: obeyed, the pace adapts, all rows end created."""
    box = sandbox("--rate", "10/500ms")
    desk(40)
    run = connload("create", "desk.csv", "--rate", "none", *QUICK, "--max-attempts", "50")
    assert run.rc == 0, run.err
    stats = box.stats()
    assert stats["created"] == 40 and stats["duplicate_payloads"] == 0
    assert stats["rate_limited"] < 40


# -- which rows --


def test_strict_sends_nothing_unless_every_row_passes(connload, raw_server, write_csv, read_csv):
    server = raw_server()
    write_csv("desk.csv", ["type", "label", "allowed_emails"],
              [["email", "A", "a@example.com"], ["email", "", "b@example.com"], ["email", "C", "c@example.com"]])
    run = connload("create", "desk.csv", "--strict")
    assert run.rc == 1
    assert server.exchanges == []
    rows = read_csv("desk.results.csv")
    assert [row["status"] for row in rows] == ["not_attempted", "invalid", "not_attempted"]
    assert rows[0]["error_message"] == "held back: another row fails the checks (--strict)"
    assert "\nstopped  nothing was sent: 1 row fails the checks (--strict)\n" in run.err
    assert run.err.endswith("         connload create desk.results.csv --strict\n")
    run = connload("create", "desk.csv", "--strict", "--force", "-q")
    assert run.err.splitlines()[1:] == [
        "connload: nothing was sent: 1 row fails the checks (--strict)",
        "connload: desk.csv: 1 invalid, 2 not attempted; nothing was sent; desk.results.csv is left as it was"]
    run = connload("create", "desk.csv", "--strict", "--force")
    assert run.err.endswith("next     correct these rows, then the same command\n")
    write_csv("desk.csv", ["type", "label", "allowed_emails"], [["email", "A", "a@example.com"]])
    assert connload("create", "desk.csv", "--strict", "--force", *AT_ONCE).rc == 0


def test_limit_sends_the_first_sendable_rows(connload, sandbox, write_csv, read_csv):
    box = sandbox()
    write_csv("desk.csv", ["type", "label", "allowed_emails"],
              [["email", "", "x@example.com"]] + [["email", f"L{n}", "a@example.com"] for n in range(4)])
    run = connload("create", "desk.csv", "--limit", "2")
    assert run.rc == 1
    rows = read_csv("desk.results.csv")
    assert [row["status"] for row in rows] == ["invalid", "created", "created", "not_attempted", "not_attempted"]
    assert rows[3]["error_message"] == "beyond --limit"
    # the next run takes it from there
    run = connload("create", "desk.results.csv", "--limit", "1")
    assert [row["status"] for row in read_csv("desk.results.csv")][1:] == ["created"] * 3 + ["not_attempted"]
    assert box.stats()["created"] == 3


def test_the_same_columns_need_the_same_options_again(connload, sandbox, tmp_path, read_csv):
    box = sandbox()
    (tmp_path / "desk.csv").write_text("kind,Name,label,allowed_emails\nemail,A,x,a@example.com\nemail,B,y,\n")
    maps = ("--map", "type=kind", "--map", "label=Name")
    assert connload("create", "desk.csv", *maps).rc == 1
    run = connload("create", "desk.results.csv", *maps, "--default", "allowed_emails=b@example.com")
    assert run.rc == 0, run.err
    assert [connector["label"] for connector in box.connectors()] == ["A", "B"]


# -- exit codes and what is said --


def test_exit_codes(connload, sandbox, raw_server, desk, write_csv, tmp_path):
    sandbox()
    desk(2)
    assert connload("create", "desk.csv").rc == 0
    assert connload("check", "desk.csv").rc == 0
    write_csv("bad.csv", ["type", "label", "allowed_emails"], [["email", "", "a@example.com"]])
    assert connload("check", "bad.csv").rc == 1
    assert connload("create", "bad.csv").rc == 1
    assert connload("create", "desk.csv").rc == 2
    (tmp_path / "empty.csv").touch()
    assert connload("create", "empty.csv").rc == 3
    assert connload("create", "desk.csv", "--force", *AT_ONCE, env={"BIGDATA_API_KEY": "wrong"}).rc == 4
    assert connload("create", "desk.csv", "-o", "/dev/full", "--again", env={"TMPDIR": str(tmp_path)}).rc == 5


def test_a_standard_output_that_takes_nothing(sandbox, desk, bin_dir, tmp_path, read_csv):
    """A full one, and one that nobody reads: local trouble, and the results are kept in a file that is named."""
    box = sandbox()
    desk(1)
    (tmp_path / "kept").mkdir()
    env = clean_env({"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": box.direct_url, "TMPDIR": tmp_path / "kept"})
    reading, writing = os.pipe()
    os.close(reading)
    with open("/dev/full", "wb") as full, os.fdopen(writing, "wb") as broken:
        for out in (full, broken):
            done = subprocess.run([bin_dir / "connload", "create", "desk.csv", "--again", "-o", "-"], env=env, cwd=tmp_path, stdout=out,
                                  stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False)
            assert done.returncode == 5 and "cannot write standard output" in done.stderr, done
            told = re.search(r"^connload: 1 connector was created; the results are in (\S+) instead$", done.stderr, re.M)
            assert told and "same command" not in done.stderr, done
            assert [row["status"] for row in read_csv(told.group(1))] == ["created"]
    assert len(list((tmp_path / "kept").iterdir())) == 2


@pytest.mark.direct
def test_results_that_a_stream_did_not_take_are_gone_on_with(connload, sandbox, write_csv, read_csv, tmp_path):
    """What the stream has not taken is a result file like any: counted once, as secret as its sheet, and an input."""
    box = sandbox("--fault", "503-before=100:1")
    write_csv("desk.csv", ["type", "label", "allowed_emails", "user_id", "user_password"],
              [["investment_research", "A", "", "nq", "hunter2"]] + [["email", f"L{i}", f"l{i}@example.com", "", ""] for i in range(4000)])
    (tmp_path / "kept").mkdir()
    env = {"TMPDIR": str(tmp_path / "kept")}
    once = ("--max-attempts", "1", "--concurrency", "1", "--rate", "none", "--settle", "0s")
    run = connload("create", "desk.csv", "-o", "/dev/full", "--limit", "3000", *once, "--summary", "run.json", "--report", "run.html", env=env)
    kept = next((tmp_path / "kept").iterdir())
    assert run.rc == 5 and f"2999 connectors were created; the results are in {kept} instead" in run.err, run
    assert f"results  {kept}\n" in run.err and f"connload create {kept} --max-attempts" in run.err and "hunter2" in kept.read_text()
    assert re.search(r"^4001 rows in \S+: 2999 created, 1 failed, 1001 not attempted$", run.err, re.M), run
    summary = json.loads((tmp_path / "run.json").read_text())
    assert summary["exit_code"] == 5 and summary["results"]["path"] == str(kept) and stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert (tmp_path / "run.html").read_text().count("investment_research") == 1
    assert connload("create", kept, *once, env=env).rc == 0 and len(box.connectors()) == 4001
    assert [row["status"] for row in read_csv(kept)] == ["created"] * 4001


@pytest.mark.parametrize("args", [["create", "desk.csv", "-o", "-"], ["create", "desk.csv", "--dry-run"]])
def test_a_standard_output_that_does_not_block_is_waited_for(sandbox, desk, bin_dir, tmp_path, args):
    """Node and others set their pipes so: a reader that is slower than the program loses nothing."""
    box = sandbox()
    desk(2000)
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(writing, False)
    env = clean_env({"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": box.direct_url})
    with subprocess.Popen([bin_dir / "connload", *args, "--rate", "none", "-q"], env=env, cwd=tmp_path, stdout=writing,
                          stdin=subprocess.DEVNULL) as run, os.fdopen(reading, "rb") as pipe:
        os.close(writing)
        while run.poll() is None and bytes_in(pipe) < 4096:
            pass
        lines = pipe.read().splitlines()
    assert run.returncode == 0 and len(lines) == 2001


@pytest.mark.direct
def test_results_that_could_not_be_written_are_no_reason_to_create_all_again(connload, raw_server, sandbox, desk, read_csv, tmp_path):
    """There is no journal to go on from, nor a place for a file: the commands that are named create nothing twice."""
    (tmp_path / "kept").mkdir()

    def behave(exchange):
        if exchange.method == "POST" and (tmp_path / "kept").exists():
            (tmp_path / "kept").rmdir()
        return api_answer(exchange)

    raw_server(behave)
    desk(4)
    run = connload("create", "desk.csv", "-o", "/dev/full", "--settle", "0s", env={"TMPDIR": str(tmp_path / "kept")})
    told = re.search(r"^connload: 4 connectors were created, but the ids could not be written\. .*: "
                     r"connload (list -o account\.csv)\. .*: connload (create --skip-existing desk\.csv .*)$", run.err, re.M)
    assert run.rc == 5 and told and "same command" not in run.err, run
    box = sandbox()
    assert connload("create", "desk.csv", "-o", "/dev/null", "--limit", "3").rc == 1
    assert connload(*told.group(1).split()).rc == 0 and len(read_csv("account.csv")) == 3
    assert connload(*told.group(2).split()).rc == 0 and len(box.connectors()) == 4
    assert [row["status"] for row in read_csv("desk.results.csv")].count("exists") == 3


@pytest.mark.direct
def test_the_end_says_what_where_and_what_next(connload, sandbox, write_csv):
    sandbox()
    write_csv("my desk.csv", ["type", "label", "allowed_emails"], [["email", "A", "a@example.com"], ["email", "", "b@example.com"]])
    run = connload("create", "my desk.csv")
    assert run.rc == 1 and run.out == ""
    assert re.search(r"^2 rows in \S+: 1 created, 1 invalid$", run.err, re.M)
    assert re.search(r"^at most 2 requests in any window \(limit 500/m\)$", run.err, re.M)
    assert run.err.count("missing_label") == 1  # each error once
    assert "results  my desk.results.csv\n" in run.err
    assert "next     correct the rows in that file (error_message says how), then:\n         connload create 'my desk.results.csv'\n" in run.err


def test_quiet_says_only_what_is_wrong(connload, sandbox, desk, write_csv):
    sandbox()
    desk(3)
    run = connload("create", "desk.csv", "-q")
    assert (run.rc, run.out, run.err) == (0, "", "")
    write_csv("bad.csv", ["type", "label", "allowed_emails"], [["email", "", "a@example.com"]])
    run = connload("create", "bad.csv", "-q")
    assert run.err == ('bad.csv:2: row 2: column B "label": empty, every connector needs one (missing_label)\n'
                       "connload: bad.csv: 1 invalid; see bad.results.csv\n")
    run = connload("check", "bad.csv", "-q")
    assert run.err.splitlines()[1:] == ["connload: bad.csv: 1 invalid"]


def test_create_and_check_say_the_same_of_the_sample(connload, sandbox, read_csv, tmp_path):
    """samples/desk.csv, the one of the README: its honest mistakes are found, the rest is created."""
    box = sandbox()
    (tmp_path / "desk.csv").write_bytes((ROOT / "samples/desk.csv").read_bytes())
    (tmp_path / "desk.csv").chmod(0o600)  # with passwords: no warning
    check = connload("check", "desk.csv")
    create = connload("create", "desk.csv", "--rate", "none")
    assert check.rc == create.rc == 1
    found = [line for line in check.err.splitlines() if line.startswith("desk.csv:")]
    assert found == [line for line in create.err.splitlines() if line.startswith("desk.csv:")] and len(found) >= 4
    rows = read_csv("desk.results.csv")
    assert sum(row["status"] == "invalid" for row in rows) == len(found)
    assert sum(row["status"] == "created" for row in rows) == box.stats()["created"] == len(rows) - len(found)
    by_id = {connector["connector_id"]: connector for connector in box.connectors()}
    for row in rows:
        if row["status"] == "created":
            made = by_id[row["connector_id"]]
            assert (made["label"], made["type"]) == (row["Label"], row["Type"])
            assert row["inbox_email"] == made["config"].get("email", "") and row["created_at"] == made["created_at"]
            assert row["http_status"] == "201" and row["attempts"] == "1"


def test_requests_that_never_left_are_not_called_sent(connload, raw_server, desk):
    raw_server().stop()
    desk(2)
    run = connload("create", "desk.csv", "--max-attempts", "2", *QUICK)
    assert run.rc == 4 and "\n2 of 2 requests could not be sent\n" in run.err, run


@pytest.mark.direct
def test_refusals_without_a_word_end_by_attempts(connload, sandbox, desk, read_csv):
    """The wait after such a 429 is a backoff, and --retry-cap its longest step."""
    box = sandbox("--rate", "none", faults={"429-html": 100})
    desk(3)
    run = connload("create", "desk.csv", *QUICK, "--max-attempts", "4")
    assert run.rc == 1 and box.stats()["created"] == 0, run
    assert [(row["status"], row["http_status"], row["attempts"]) for row in read_csv("desk.results.csv")] == [("failed", "429", "4")] * 3


@pytest.mark.direct
def test_answers_429_are_in_the_summary(connload, sandbox, desk):
    sandbox("--rate", "none", faults={"429-html": "100:1"})
    desk(3)
    run = connload("create", "desk.csv", "--concurrency", "1", *QUICK)
    assert run.rc == 0, run
    assert "\n1 answer 429: the server's limit is lower than --rate 500/m, or shared\n" in run.err, run


@pytest.mark.direct
def test_a_limit_that_was_found_is_told_as_it_can_be_named(connload, sandbox, desk, tmp_path):
    sandbox("--rate", "20/2s")
    desk(70)
    run = connload("create", "desk.csv", *QUICK, "--rate", "none", "--summary", "summary.json")
    assert run.rc == 0, run
    found = json.loads((tmp_path / "summary.json").read_text())["found"]
    assert 8 <= found["requests"] * 1000 / found["window_ms"] <= 10.5, found
    assert f"next time: --rate {found['limit']}\n" in run.err and "the server took about " in run.err, run


def test_attempts_are_tries(connload, desk, read_csv):
    """Where nothing was ever answered, --max-attempts ends the run: no row is failed, and each shows what was tried."""
    desk(2)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    run = connload("create", "desk.csv", *QUICK, "--no-preflight", "--max-attempts", "3", "--base-url", url,
                   env={"BIGDATA_API_KEY": KEY})
    assert run.rc == 4 and "connection refused" in run.err, run
    rows = read_csv("desk.results.csv")
    assert [row["status"] for row in rows] == ["not_attempted"] * 2
    assert all(int(row["attempts"]) <= 3 and "refused" in row["error_message"] for row in rows), rows


def test_verbose_tells_of_what_is_sent_again(connload, raw_server, desk):
    raw_server(answering(http_answer(429, {"message": "busy"}), api_answer))
    desk(1)
    run = connload("create", "desk.csv", "-v", *QUICK)
    assert run.rc == 0 and 'desk.csv:2: row 2 "Desk 0": busy; to be sent again\n' in run.err, run
    raw_server().stop()
    run = connload("create", "desk.csv", "-v", "--force", "--no-preflight", "--max-attempts", "2", *QUICK)
    assert run.rc == 1 and re.search(r'desk.csv:2: row 2 "Desk 0": could not connect to .*; to be sent again', run.err), run


def test_a_long_message_shows_that_it_is_cut(connload, raw_server, desk, tmp_path):
    raw_server(answering(http_answer(422, {"message": "€" * 200})))
    desk(1)
    assert connload("create", "desk.csv", "--summary", "run.json", *QUICK).rc == 1
    assert json.loads((tmp_path / "run.json").read_text())["errors"][0]["message"] == "€" * 132 + "…"


def test_counts_of_one(connload, raw_server, desk):
    raw_server(answering(http_answer(422, {"message": "no"})))
    desk(1)
    run = connload("create", "desk.csv", "--max-failures", "1", *QUICK)
    assert run.rc == 4 and "1 row has failed (--max-failures)" in run.err, run


def test_a_result_file_that_is_not_there_yet(connload, desk, tmp_path):
    """Its journal tells of the interrupted run that was to write it."""
    (tmp_path / "desk.results.csv.journal").write_text("x")
    run = connload("create", "desk.results.csv", env={"BIGDATA_API_KEY": "k"})
    assert run.rc == 3 and "desk.results.csv.journal does: the run that was to write it was interrupted" in run.err, run
    assert connload("create", "other.csv", env={"BIGDATA_API_KEY": "k"}).err == "connload: other.csv does not exist; check the name and the folder\n"

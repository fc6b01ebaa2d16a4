"""A killed run leaves its journal; the same command goes on from it, and any other is refused."""

import gzip
import os
import re
import subprocess
import sys
import time
import zlib
from datetime import datetime
from email.utils import formatdate

import pytest
from conftest import KEY, Hang, clean_env, connector_of, http_answer
from once import BRIEF, DESK, LAG, QUICK, journal, kill_when, labels, once, posts, prefill, email, until

ROWS = 40
SLOW = [*LAG, "--latency", "20ms"]


def interrupt(connload, box, *args, created=10, **more):
    """Starts a run and kills it in the middle."""
    process = connload("create", *args, *BRIEF, "--concurrency", "4", wait=False, **more)
    kill_when(process, lambda: box.stats()["created"] >= created)


def go_on(connload, box, rows, *args, **more):
    run = connload("create", *args, *QUICK, **more)
    assert run.rc == 0, run.err
    assert "going on with the interrupted run" in run.err
    once(box, rows())


def test_a_killed_run_goes_on(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*SLOW)
    desk(ROWS)
    interrupt(connload, box, "desk.csv")
    assert journal(tmp_path).exists() and not (tmp_path / "desk.results.csv").exists()
    go_on(connload, box, lambda: read_csv("desk.results.csv"), "desk.csv")
    assert len(posts(box)) == ROWS
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk.csv", "desk.results.csv"]
    assert all(int(row["attempts"]) >= 1 for row in read_csv("desk.results.csv"))


def test_a_run_that_is_killed_again_and_again_goes_on(connload, sandbox, desk, read_csv):
    box = sandbox(*SLOW)
    desk(ROWS)
    for created in (5, 6, 15, 30):
        interrupt(connload, box, "desk.csv", created=created)
    go_on(connload, box, lambda: read_csv("desk.results.csv"), "desk.csv")
    assert len(posts(box)) == ROWS


def test_it_goes_on_with_gzip(connload, sandbox, desk, tmp_path, write_csv, read_csv):
    box = sandbox(*SLOW)
    (tmp_path / "desk.csv.gz").write_bytes(gzip.compress(desk(ROWS).read_bytes()))
    interrupt(connload, box, "desk.csv.gz")

    def rows():
        (tmp_path / "unpacked.csv").write_bytes(gzip.decompress((tmp_path / "desk.results.csv.gz").read_bytes()))
        return read_csv("unpacked.csv")

    go_on(connload, box, rows, "desk.csv.gz")


def test_it_goes_on_from_standard_input(connload, sandbox, desk, read_csv):
    box = sandbox(*SLOW)
    sheet = desk(ROWS).read_bytes()
    interrupt(connload, box, "-", "-o", "out.csv", stdin=sheet)
    go_on(connload, box, lambda: read_csv("out.csv"), "-", "-o", "out.csv", stdin=sheet)


def test_it_goes_on_with_a_shard(connload, sandbox, desk, read_csv):
    box = sandbox(*SLOW)
    desk(ROWS)
    interrupt(connload, box, "desk.csv", "--shard", "2/2", created=8)
    go_on(connload, box, lambda: read_csv("desk.2-of-2.results.csv"), "desk.csv", "--shard", "2/2")
    assert labels(box.connectors()) == {f"Desk {n}": 1 for n in range(ROWS // 2, ROWS)}


@pytest.mark.parametrize("form", ["csv", "gz"])
def test_it_goes_on_in_place(connload, sandbox, desk, read_csv, tmp_path, form):
    box = sandbox(*SLOW)
    desk(ROWS)
    assert connload("create", "desk.csv", *QUICK, "--limit", "5").rc == 1
    name = "desk.results.csv"
    if form == "gz":
        (tmp_path / f"{name}.gz").write_bytes(gzip.compress((tmp_path / name).read_bytes()))
        name += ".gz"

    def rows():
        if form == "gz":
            (tmp_path / "desk.results.csv").write_bytes(gzip.decompress((tmp_path / name).read_bytes()))
        return read_csv("desk.results.csv")

    interrupt(connload, box, name, created=15)
    go_on(connload, box, rows, name)
    assert len(posts(box)) == ROWS


def test_it_goes_on_over_a_result_file_that_it_replaces(connload, sandbox, desk, read_csv):
    box = sandbox(*SLOW)
    desk(ROWS)
    assert connload("create", "desk.csv", *QUICK, "--limit", "1").rc == 1
    interrupt(connload, box, "desk.csv", "--force", "--again", created=15)
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 0, run.err
    assert labels(box.connectors()) == {**{f"Desk {n}": 1 for n in range(1, ROWS)}, "Desk 0": 2}
    assert len({row["connector_id"] for row in read_csv("desk.results.csv")}) == ROWS


def test_limit_counts_what_the_interrupted_run_has_sent(connload, sandbox, desk, read_csv):
    box = sandbox(*SLOW)
    desk(ROWS)
    interrupt(connload, box, "desk.csv", "--limit", "20", created=5)
    assert connload("create", "desk.csv", *QUICK, "--limit", "20").rc == 1
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["created"] * 20 + ["not_attempted"] * 20
    assert len(box.connectors()) == 20


def test_strict_settles_what_the_interrupted_run_has_sent(connload, sandbox, write_csv, read_csv, tmp_path):
    """It holds every other row back, and throws nothing away: what was sent and what was not is told by the list."""
    box = sandbox(*LAG, "--latency", "50ms")
    good = [["email", f"Desk {n}", f"desk{n}@example.com"] for n in range(12)]
    write_csv("desk.csv", DESK, [["email", "bad", "no address"], *good])
    process = connload("create", "desk.csv", *BRIEF, "--concurrency", "3", wait=False)
    kill_when(process, lambda: box.stats()["created"] == 3)
    assert connload("create", "desk.csv", *QUICK, "--strict").rc == 1
    rows = read_csv("desk.results.csv")
    made = box.connectors()
    assert rows[0]["status"] == "invalid" and len(made) == len(posts(box))
    assert {row["connector_id"] for row in rows[1:] if row["status"] == "created"} == {one["connector_id"] for one in made}
    assert all("--strict" in row["error_message"] for row in rows[1 + len(made):])
    assert connload("create", "desk.results.csv", *QUICK).rc == 1
    once(box, read_csv("desk.results.csv")[1:])


def test_strict_asks_whose_account_it_is_before_it_writes_anything(connload, sandbox, write_csv, tmp_path):
    box = sandbox(*SLOW, "--api-key", "another-account")
    write_csv("desk.csv", DESK, [["email", "bad", "no address"],
                                 *(["email", f"Desk {n}", f"desk{n}@example.com"] for n in range(ROWS))])
    interrupt(connload, box, "desk.csv")
    refuse(connload, box, tmp_path, "desk.csv", "--strict", says="begun with another API key",
           env={"BIGDATA_API_KEY": "another-account"})


def test_an_older_twin_is_known_to_the_run_that_goes_on(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG)
    older, = prefill(box, email("Twin"))
    box.faults({"hang-before": 100})
    write_csv("desk.csv", DESK, [["email", "Twin", "x@example.com"]])
    process = connload("create", "desk.csv", *BRIEF, "--again", wait=False)
    kill_when(process, lambda: box.stats()["methods"]["POST"] == 2)
    box.faults({})
    assert connload("create", "desk.csv", *QUICK).rc == 0
    row, = read_csv("desk.results.csv")
    assert row["status"] == "created" and row["connector_id"] != older


class Slow:
    """
    A server that is slower with the first create than its client is patient: the connector shows from the list numbered
    `shown` on (never where that is 0), whether or not anybody still waits for it. All else is done at once.
    """

    def __init__(self, shown):
        self.shown, self.lists, self.made, self.first, self.seen = shown, 0, [], None, {}

    def __call__(self, exchange):
        self.seen[exchange.index] = time.monotonic()
        if exchange.method == "GET":
            self.lists += 1
            if self.lists == self.shown:
                self.made.append(self.first)
            return http_answer(200, {"results": self.made})
        connector = connector_of(exchange.json())
        if self.first is None:
            self.first = connector
            return Hang()
        self.made.append(connector)
        return http_answer(201, connector)


def killed_at_the_first_create(connload, raw_server, desk, shown, timeout, rows=1):
    """A run that is killed while its first create is under way; its server, and when it was killed."""
    server = raw_server(Slow(shown))
    desk(rows)
    process = connload("create", "desk.csv", *QUICK, "--timeout", timeout, wait=False)
    server.wait_for_requests(1 + rows)
    process.kill()
    return server, time.monotonic()


def test_what_a_killed_run_has_sent_may_still_be_acted_on(connload, raw_server, desk, read_csv):
    """The first list after the kill does not show the connector, the second one does."""
    server, _ = killed_at_the_first_create(connload, raw_server, desk, shown=3, timeout="3s")
    assert connload("create", "desk.csv", *QUICK, "--late", "1s").rc == 0
    row, = read_csv("desk.results.csv")
    assert row["connector_id"] == server.behave.first["connector_id"]
    assert [one.method for one in server.exchanges] == ["GET", "POST", "GET", "GET"]


def test_what_a_killed_run_has_made_is_found_at_once(connload, raw_server, desk, read_csv):
    server, _ = killed_at_the_first_create(connload, raw_server, desk, shown=2, timeout="1h")
    assert connload("create", "desk.csv", *QUICK, timeout=30).rc == 0
    assert read_csv("desk.results.csv")[0]["connector_id"] == server.behave.first["connector_id"]
    assert len(server.exchanges) == 3


@pytest.mark.parametrize("step", [0, 3600, -3600])
def test_an_absence_is_believed_late_after_the_resumption_whatever_the_clocks_did(connload, raw_server, desk, read_csv,
                                                                                  tmp_path, step):
    """The journal's time, which is all that tells when the killed run was last heard of, may be anything."""
    server, _ = killed_at_the_first_create(connload, raw_server, desk, shown=0, timeout="1h")
    at = time.time() + step
    os.utime(journal(tmp_path), (at, at))
    began = time.monotonic()
    assert connload("create", "desk.csv", *QUICK, "--late", "2s", timeout=60).rc == 0
    second = [one for one in server.exchanges if one.method == "POST"][1]
    assert server.behave.seen[second.index] - began > 2.3
    assert read_csv("desk.results.csv")[0]["status"] == "created"


def test_a_row_that_may_still_arrive_does_not_keep_its_equals_apart(connload, raw_server, write_csv, read_csv):
    """Two equal rows, one of them found: the other is not sent before the list's silence can be believed."""
    server = raw_server(Slow(shown=3))
    write_csv("desk.csv", DESK, [["email", "Same", "x@example.com"]] * 2)
    args = ["create", "desk.csv", *QUICK, "--allow-duplicates", "--timeout", "3s", "--late", "1s"]
    process = connload(*args, wait=False)
    server.wait_for_requests(3)
    process.kill()
    assert connload(*args).rc == 0
    assert sum(one.method == "POST" for one in server.exchanges) == 2
    assert {row["connector_id"] for row in read_csv("desk.results.csv")} == {
        one["connector_id"] for one in server.behave.made}


def test_what_stayed_unsettled_says_when_the_killed_run_lost_it(connload, raw_server, desk, read_csv):
    begun = time.time() - 1
    server, _ = killed_at_the_first_create(connload, raw_server, desk, shown=0, timeout="200ms")
    before = time.time()
    server.behave = lambda exchange: http_answer(200, {"results": [{"connector_id": 7}]})
    assert connload("create", "desk.csv", *QUICK).rc == 1
    row, = read_csv("desk.results.csv")
    lost = re.search(r"its answer was lost between (\S+Z) and (\S+Z);", row["error_message"]).groups()
    first, last = (datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() for time in lost)
    assert row["status"] == "unknown" and begun <= first <= before <= last


@pytest.mark.direct  # a gateway's Date is its own
@pytest.mark.parametrize("offset, created", [("0s", 0), ("0s", 15), ("-30s", 15), ("30s", 15)])
def test_what_a_killed_run_has_sent_counts_for_the_rate(connload, sandbox, desk, read_csv, offset, created):
    """Its requests in flight and its list, which have no outcome, and the rows that it created, whatever the clock."""
    box = sandbox("--rate", "16/2s", "--latency", "100ms" if created else "300ms", "--clock-offset", offset)
    desk(80)
    args = ["create", "desk.csv", "--rate", "16/2s", "--settle", "300ms", "--timeout", "1s",
            "--concurrency", "4" if created else "16"]
    process = connload(*args, wait=False)
    kill_when(process, lambda: box.stats()["in_progress"] + box.stats()["created"] >= 15 and
              (created == 0 or box.stats()["created"] == created))
    assert connload(*args).rc == 0
    once(box, read_csv("desk.results.csv"))
    stats = box.stats()
    assert stats["rate_limited"] == 0 and stats["most_in_window"] == 16


def rewrite_journal(path, pattern, replacement):
    """Changes the head of a journal, and its checksum with it."""
    head, _, rest = path.read_bytes().partition(b"\n")
    body = head[:-8]
    changed = re.sub(pattern, replacement, body)
    assert changed != body
    path.write_bytes(changed + b"%08x\n" % zlib.crc32(changed) + rest)


def record(*fields):
    """A record of a journal, with its checksum."""
    body = "".join(f"{field}\t" for field in fields).encode()
    return body + b"%08x\n" % zlib.crc32(body)


def test_what_is_known_of_a_row_is_never_taken_back(connload, sandbox, desk, read_csv, tmp_path):
    """Of several records of a row the first that does not say `unknown` holds."""
    box = sandbox(*SLOW)
    desk(ROWS)
    interrupt(connload, box, "desk.csv")
    path = journal(tmp_path)
    text = path.read_bytes()
    known = re.search(rb"^row\t(\d+)\tcreated\t.*\n", text, re.M)
    row = known.group(1).decode()
    unknown = record("row", row, "unknown", "", "", 0, "unsettled", "may exist", 1, "")
    failed = record("row", row, "failed", "", "", 0, "answer_lost", "gone", 5, "")
    path.write_bytes(text[:known.start()] + unknown + known.group() + unknown + failed + text[known.end():])
    go_on(connload, box, lambda: read_csv("desk.results.csv"), "desk.csv")
    assert len(posts(box)) == ROWS


def test_what_an_interrupted_run_has_made_is_not_older_than_it(connload, raw_server, desk, read_csv, tmp_path):
    """Killed before a single answer had come, so that the journal knows nothing of the server's clock yet."""
    made, date = [], lambda: {"Date": formatdate(usegmt=True)}

    def stamp(seconds):
        return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(time.time() + seconds))

    def silent(exchange):
        made.append(connector_of(exchange.json(), created_at=stamp(-20)))
        return Hang()

    def answering(exchange):
        if exchange.method == "GET":
            return http_answer(200, {"results": made}, date())
        made.append(connector_of(exchange.json(), created_at=stamp(0)))
        return http_answer(201, made[-1], date())

    server = raw_server(silent)
    desk(80)
    process = connload("create", "desk.csv", *BRIEF, "--no-preflight", "--concurrency", "8", wait=False)
    server.wait_for_requests(8)
    process.kill()
    rewrite_journal(journal(tmp_path), rb"started=[^\t]+", b"started=" + stamp(-30).replace("000000Z", "000Z").encode())
    server.behave = answering
    assert connload("create", "desk.csv", *QUICK, "--no-preflight").rc == 0
    assert labels(made) == {f"Desk {n}": 1 for n in range(80)}
    assert [row["connector_id"] for row in read_csv("desk.results.csv")[:8]] == [
        next(one["connector_id"] for one in made if one["label"] == f"Desk {n}") for n in range(8)]


def refuse(connload, box, tmp_path, *args, code=2, says="", **more):
    """A command that is not the interrupted one: nothing is sent, and the journal stays as it is."""
    before, sent = journal(tmp_path).read_bytes(), len(posts(box))
    run = connload("create", *args, *QUICK, **more)
    assert run.rc == code and re.search(says, run.err), run
    assert journal(tmp_path).read_bytes() == before and len(posts(box)) == sent
    assert not (tmp_path / "desk.results.csv").exists()


def test_any_other_command_is_refused(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*SLOW, "--api-key", "another-account")
    sheet = desk(ROWS)
    text = sheet.read_text()
    interrupt(connload, box, "desk.csv", created=ROWS // 2)
    sheet.write_text(text + "email,New,new@example.com\n")
    refuse(connload, box, tmp_path, "desk.csv", says="its input .*/desk.csv has changed since; restore")
    sheet.write_text(text)
    refuse(connload, box, tmp_path, "desk.csv", "--base-url", "http://127.0.0.1:1", says="begun with the base URL")
    refuse(connload, box, tmp_path, "desk.csv", "--default", "description=x", says="other options")
    refuse(connload, box, tmp_path, "desk.csv", "--skip-existing", "--base-url", "http://127.0.0.1:1",
           says="begun with the base URL")
    key = {"BIGDATA_API_KEY": "another-account"}
    refuse(connload, box, tmp_path, "desk.csv", says="begun with another API key", env=key)
    go_on(connload, box, lambda: read_csv("desk.results.csv"), "desk.csv")


def test_another_input_is_told_which_command_finishes_the_run(connload, sandbox, desk):
    """Nothing was changed there, so there is nothing to restore; and the command that is named finds this journal."""
    box = sandbox(*SLOW)
    desk(ROWS)
    assert connload("create", "desk.csv", *QUICK, "--limit", "1").rc == 1
    interrupt(connload, box, "desk.results.csv")
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 2 and re.search(r"to finish it, .*: connload create /\S*/desk\.results\.csv\. With --skip-existing", run.err), run
    assert "changed" not in run.err
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    assert labels(box.connectors()) == {f"Desk {n}": 1 for n in range(ROWS)}


def test_the_command_that_finishes_a_run_names_its_results(connload, sandbox, desk, read_csv):
    box = sandbox(*SLOW)
    desk(ROWS)
    desk(1, "other.csv")
    interrupt(connload, box, "desk.csv", "-o", "out.csv")
    run = connload("create", "other.csv", "-o", "out.csv", *QUICK)
    command = re.search(r": connload (create \S*/desk\.csv -o out\.csv)\. With --skip-existing", run.err)
    assert run.rc == 2 and command, run
    go_on(connload, box, lambda: read_csv("out.csv"), *command.group(1).split()[1:])


@pytest.mark.parametrize("org_id", ["org-1", "o" * 79, "o" * 80, "o" * 320], ids=len)
def test_another_key_of_the_same_account_goes_on(connload, raw_server, desk, read_csv, org_id):
    made = []

    def behave(exchange):
        if exchange.method == "GET":
            return http_answer(200, {"results": made})
        if len(made) == 10:
            return Hang()
        made.append(connector_of(exchange.json(), org_id=org_id))
        return http_answer(201, made[-1])

    server = raw_server(behave)
    desk(ROWS)
    process = connload("create", "desk.csv", *BRIEF, "--concurrency", "1", wait=False)
    server.wait_for_requests(12)
    process.kill()
    made.append(connector_of(email("Other", "o@example.com"), org_id=org_id))
    run = connload("create", "desk.csv", *QUICK, env={"BIGDATA_API_KEY": "rotated-key"})
    assert run.rc == 0, run.err
    assert labels(made) == {**labels(read_csv("desk.results.csv")), "Other": 1}


def test_another_key_that_the_server_refuses_leaves_the_journal(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*SLOW)
    desk(ROWS)
    interrupt(connload, box, "desk.csv")
    refuse(connload, box, tmp_path, "desk.csv", code=4, says="the API key is refused", env={"BIGDATA_API_KEY": "wrong"})
    go_on(connload, box, lambda: read_csv("desk.results.csv"), "desk.csv")


def test_a_secret_that_is_gone_is_named(connload, raw_server, write_csv, read_csv, tmp_path):
    """Of a row that may have been sent: it must neither be lost nor be sent without its secret."""
    server = raw_server(lambda exchange: Hang() if exchange.method == "POST" else http_answer(200, {"results": []}))
    write_csv("desk.csv", ["type", "label", "session_id"], [["sharepoint", "A", "plain"], ["sharepoint", "S", "env:DESK_SESSION"]])
    process = connload("create", "desk.csv", *BRIEF, "--secret-refs", wait=False, env={"DESK_SESSION": "s"})
    server.wait_for_requests(3)
    process.kill()
    before = journal(tmp_path).read_bytes()
    run = connload("create", "desk.csv", *BRIEF, "--secret-refs")
    assert run.rc == 2 and "the secret that the cell of desk.csv:3: row 3 \"S\" refers to (--secret-refs) can't be read now" in run.err
    assert journal(tmp_path).read_bytes() == before
    server.behave = lambda exchange: http_answer(201, connector_of(exchange.json())) if exchange.method == "POST" else http_answer(
        200, {"results": []})
    assert connload("create", "desk.csv", *BRIEF, "--secret-refs", env={"DESK_SESSION": "s"}).rc == 0


def test_a_torn_last_record_is_cut_off(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*SLOW)
    desk(ROWS)
    interrupt(connload, box, "desk.csv")
    path = journal(tmp_path)
    path.write_bytes(path.read_bytes()[:-5])
    go_on(connload, box, lambda: read_csv("desk.results.csv"), "desk.csv")


def test_other_damage_stops(connload, sandbox, desk, tmp_path):
    box = sandbox(*SLOW)
    desk(ROWS)
    interrupt(connload, box, "desk.csv")
    path = journal(tmp_path)
    data = path.read_bytes()
    at = data.index(b"\trow\t") if b"\trow\t" in data else data.index(b"\nrow\t") + 2
    path.write_bytes(data[:at] + b"X" + data[at + 1:])
    refuse(connload, box, tmp_path, "desk.csv", code=5, says=r"damaged at byte \d+")


def test_the_journal_holds_no_secret(connload, sandbox, write_csv, tmp_path):
    box = sandbox(*LAG, "--fault", "hang-after=100")
    write_csv("desk.csv", ["type", "label", "user_id", "user_password", "session_id"],
              [["sharepoint", "S", "", "", "sess10n"], ["investment_research", "R", "reader", "hunter2", ""]])
    process = connload("create", "desk.csv", *QUICK, wait=False, env={"BIGDATA_API_KEY": KEY})
    kill_when(process, lambda: box.stats()["created"] == 2)
    data = journal(tmp_path).read_bytes()
    assert journal(tmp_path).stat().st_mode & 0o777 == 0o600
    assert b"sess10n" not in data and b"hunter2" not in data


@pytest.mark.parametrize("command", [["create", "desk.csv"], ["create", "--no-preflight", "desk.csv"]])
def test_a_journal_that_promised_nothing_is_no_way_around_the_result_file(connload, sandbox, desk, read_csv, tmp_path,
                                                                         command):
    """A rerun in place was killed before it sent anything; then somebody presses arrow-up once too often."""
    box = sandbox(*LAG)
    desk(3)
    assert connload("create", "desk.csv", *QUICK, "--limit", "2").rc == 1
    box.faults({"list:hang-before": 100})
    process = connload("create", "desk.results.csv", *QUICK, wait=False)
    kill_when(process, lambda: box.stats()["methods"]["GET"] == 2)
    box.faults({})
    assert journal(tmp_path).exists()
    run = connload(*command, *QUICK)
    assert run.rc == 2 and "desk.results.csv exists" in run.err
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    once(box, read_csv("desk.results.csv"))


def test_an_empty_journal_opens_none_either(connload, sandbox, desk, tmp_path):
    box = sandbox()
    desk(2)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    journal(tmp_path).touch()
    assert connload("create", "desk.csv", *QUICK).rc == 2
    assert len(posts(box)) == 2


@pytest.mark.slow_asan
def test_rows_that_an_interrupted_run_left_unknown_and_nobody_can_date_stay_so(connload, sandbox, desk, read_csv, failing, tmp_path):
    box = sandbox(*LAG, "--fault", "drop-after=100", "--fault", "list:500-before=100")
    desk(2)
    run = connload("create", "desk.csv", *QUICK, "--settle", "20ms", "--no-preflight", env=failing("rename", at=2))
    assert run.rc == 5 and journal(tmp_path).exists(), run
    box.faults({})
    run = connload("create", "desk.csv", *QUICK, "--no-preflight")
    assert run.rc == 1 and len(posts(box)) == 2, run
    for row, made in zip(read_csv("desk.results.csv"), box.connectors()):
        assert row["status"] == "unknown" and "its answer was lost" in row["error_message"]
    assert made["connector_id"] in row["error_message"]  # made within the second that Date leaves out


def test_undo_and_create_keep_off_each_others_journals(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*SLOW)
    desk(ROWS)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    process = connload("undo", "--yes", "desk.results.csv", "--rate", "none", "--concurrency", "2", wait=False)
    kill_when(process, lambda: box.stats()["archived"] >= 5)
    run = connload("create", "desk.results.csv", *QUICK)
    assert run.rc == 2 and "interrupted `undo`" in run.err
    assert connload("undo", "--yes", "desk.results.csv", "--rate", "none").rc == 0
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"archived"}


@pytest.mark.slow_asan
@pytest.mark.direct
def test_a_hundred_thousand_rows_resume_within_64_mib(bin_dir, sandbox, desk, read_csv, tmp_path):
    rows = 100_000
    box = sandbox("--settle", "50ms")
    desk(rows)
    env = clean_env({"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": box.url})
    command = [bin_dir / "connload", "create", "-q", "desk.csv", *QUICK, "--timeout", "5s", "--concurrency", "64"]
    first = subprocess.Popen(command, cwd=tmp_path, env=env)
    until(lambda: box.stats()["created"] >= rows // 2)
    first.kill()
    first.wait()
    measured = ("import resource, subprocess, sys; code = subprocess.call(sys.argv[1:]); "
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(code)")
    second = subprocess.run([sys.executable, "-c", measured, *map(str, command)], cwd=tmp_path, env=env,
                            stdout=subprocess.PIPE, check=True)
    assert int(second.stdout) <= 64 * 1024, f"{int(second.stdout)} KiB"
    assert box.stats()["created"] == rows == len(posts(box))
    once(box, read_csv("desk.results.csv"))


@pytest.mark.parametrize("linked", [False, True], ids=["file", "link"])
def test_a_journal_is_seen_where_the_results_really_go(connload, sandbox, desk, read_csv, tmp_path, linked):
    """A run that was killed after its results had got their name, and before its journal was gone, is gone on with."""
    box = sandbox(*SLOW)
    desk(ROWS)
    (tmp_path / "real").mkdir()
    if linked:
        (tmp_path / "out.csv").symlink_to("real/out.csv")
    out = "out.csv" if linked else "real/out.csv"
    interrupt(connload, box, "desk.csv", "-o", out)
    assert journal(tmp_path, "real/out.csv").exists()
    (tmp_path / "real/out.csv").write_text("as if\n")
    run = connload("create", "desk.csv", "-o", out, *QUICK)
    assert run.rc == 0, run
    once(box, read_csv("real/out.csv"))

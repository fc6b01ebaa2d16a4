"""--skip-existing makes nothing twice, night after night; and a result file that stands keeps a run from beginning."""

import json
import os
import pty
import re
import resource
import signal
import subprocess
import time
from collections import Counter

import pytest

from conftest import TIMEOUT, Hang, api_answer, clean_env, connector_of, http_answer
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
    """CPU time, by the same number of rows and connectors: a second look at what is taken made it six times that."""
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


def test_without_it_a_run_says_how_many_have_a_connector_of_their_label(connload, sandbox, desk):
    box = sandbox(*LAG)
    desk(3)
    prefill(box, email("Desk 1"), email("Desk 2"))
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 0 and re.search(r"for 2 of the rows, .*; with --skip-existing", run.err)
    assert len(box.connectors()) == 5


def refused(run, tmp_path):
    return run.rc == 2 and "nothing was sent" in run.err and not journal(tmp_path).exists() and not (
        tmp_path / "desk.results.csv").exists()


def test_a_desk_whose_results_are_lost_is_not_made_twice(connload, sandbox, desk, tmp_path):
    box = sandbox(*LAG)
    desk(5)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    until(lambda: len(box.call("GET", "/contents/v1/connectors")["results"]) == 5)
    (tmp_path / "desk.results.csv").rename(tmp_path / "moved.csv")
    run = connload("create", "desk.csv", *QUICK)
    assert refused(run, tmp_path), run
    assert ('exact twin of 5 of the rows that are to be sent (desk.csv:2: row 2 "Desk 0", desk.csv:3: row 3 "Desk 1", '
            'desk.csv:4: row 4 "Desk 2", …)') in run.err
    assert "--skip-existing" in run.err and "--again" in run.err
    assert refused(connload("create", "desk.csv", *QUICK, "--force"), tmp_path)
    run = connload("create", "desk.csv", *QUICK, "-o", "-")
    assert run.rc == 2 and run.out == ""
    assert len(posts(box)) == 5
    run = connload("create", "desk.csv", *QUICK, "--again")
    assert run.rc == 0 and "exact twin of 5 of the rows; they are created all the same (--again)" in run.err
    assert len(posts(box)) == 10


def test_twins_of_rows_that_are_not_to_be_sent_are_no_question(connload, sandbox, desk):
    box = sandbox(*LAG)
    desk(3)
    prefill(box, email("Desk 2", "desk2@example.com"), email("Desk 0", "desk0@example.com"))
    gone, = prefill(box, email("Desk 1", "desk1@example.com"))
    box.call("DELETE", f"/contents/v1/connectors/{gone}")
    assert connload("create", "desk.csv", *QUICK, "-o", "one.csv", "--limit", "1").rc == 2
    assert connload("create", "desk.csv", *QUICK, "-o", "one.csv", "--limit", "1", "--again").rc == 1
    assert connload("create", "one.csv", *QUICK, "--limit", "1").rc == 1
    assert labels(box.connectors()) == {"Desk 0": 2, "Desk 1": 2, "Desk 2": 1}
    run = connload("create", "one.csv", *QUICK)
    assert run.rc == 2 and 'exact twin of 1 of the rows that are to be sent (one.csv:4: row 4 "Desk 2")' in run.err


def test_the_connector_of_an_unknown_row_is_no_twin_of_another(connload, sandbox, write_csv, read_csv):
    """Two rows of one payload: the second was lost and done, and the account's connector is its own."""
    box = sandbox(*LAG, "--fault", "drop-after=100", "--fault", "list:500-before=100")
    write_csv("desk.csv", DESK, [["email", "A", "a@example.com"]])
    assert connload("create", "desk.csv", *QUICK, "--settle", "20ms", "--no-preflight").rc == 1
    box.faults({})
    unknown, = read_csv("desk.results.csv")
    new = {**dict.fromkeys(unknown, ""), "type": "email", "label": "A", "allowed_emails": "a@example.com"}
    write_csv("desk.results.csv", list(unknown), [list(new.values()), list(unknown.values())])
    run = connload("create", "desk.results.csv", *QUICK, "--allow-duplicates")
    assert run.rc == 0, run
    assert statuses(read_csv("desk.results.csv")) == ["created", "created"] and len(posts(box)) == 2


@pytest.mark.parametrize("again", [[], ["--again"]], ids=["", "again"])
def test_a_dry_run_says_which_rows_have_a_twin(connload, sandbox, desk, again):
    box = sandbox(*LAG)
    desk(2)
    prefill(box, email("Desk 1", "desk1@example.com"))
    run = connload("create", "desk.csv", *QUICK, "--dry-run", *again)
    assert run.rc == 0 and run.out.splitlines()[:2] == [
        'desk.csv:2: row 2 "Desk 0": create email',
        'desk.csv:3: row 3 "Desk 1": ' + ("create once more, the account has its exact twin:" if again else
                          "ask or refuse, the account has its exact twin (--skip-existing, --again):")
        + " email"]
    assert "the account already has an exact twin of 1 of these rows" in run.out
    assert len(posts(box)) == 1


@pytest.mark.parametrize("answer, rc, made", [("y", 0, 2), ("n", 1, 1), ("", 1, 1)])
def test_on_a_terminal_it_asks_whether_twins_are_wanted(bin_dir, sandbox, desk, tmp_path, answer, rc, made):
    box = sandbox(*LAG)
    desk(1)
    prefill(box, email("Desk 0", "desk0@example.com"))
    env = clean_env({"BIGDATA_API_KEY": box.key, "BIGDATA_API_BASE_URL": box.url, "SSL_CERT_FILE": box.cafile, "TERM": "dumb"})
    terminal, side = pty.openpty()
    try:
        process = subprocess.Popen([bin_dir / "connload", "create", "desk.csv", *QUICK], cwd=tmp_path, env=env, stdin=side,
                                   stdout=subprocess.DEVNULL, stderr=side)
        os.write(terminal, f"{answer}\n".encode())
        assert process.wait(TIMEOUT) == rc
        assert b'(desk.csv:2: row 2 "Desk 0"). Create it once more? [y/N]' in os.read(terminal, 65536)
    finally:
        os.close(terminal)
        os.close(side)
    assert len(posts(box)) == made and not journal(tmp_path).exists()


def test_a_run_that_goes_on_does_not_ask(connload, sandbox, desk, read_csv):
    box = sandbox(*LAG, "--latency", "20ms")
    desk(80)
    prefill(box, email("Desk 79", "desk79@example.com"))
    process = connload("create", "desk.csv", *BRIEF, "--again", "--concurrency", "2", wait=False)
    kill_when(process, lambda: box.stats()["created"] >= 8)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    assert set(statuses(read_csv("desk.results.csv"))) == {"created"}
    assert labels(box.connectors()) == {**{f"Desk {n}": 1 for n in range(79)}, "Desk 79": 2}


# -- what the replaced result file names --


class Capped:
    """An API whose list shows the newest `cap` connectors, and does not say so; `kept` is what it makes of labels."""

    def __init__(self, cap=10 ** 6, kept=lambda label: label):
        self.cap, self.kept, self.made, self.gets = cap, kept, [], {}

    def __call__(self, exchange):
        if exchange.method == "POST":
            one = connector_of(exchange.json())
            one["label"] = self.kept(one["label"])
            self.made.append(one)
            return http_answer(200, one)
        wanted = exchange.path.rpartition("/")[2]
        if wanted == "connectors":
            return http_answer(200, {"results": self.made[max(0, len(self.made) - self.cap):]})
        answer = self.gets.get(wanted)
        if answer is not None:
            return answer
        found = [one for one in self.made if one["connector_id"] == wanted]
        return http_answer(200, found[0]) if found else http_answer(404, {"message": "no such connector"})


NIGHT = ["create", "desk.csv", "--skip-existing", "--rate", "none", "--settle", "0s", "--retry-base", "1ms"]


def test_a_list_that_is_capped_without_a_word_makes_nothing_twice(connload, raw_server, desk, read_csv):
    account = Capped(cap=10)
    server = raw_server(account)
    desk(25)
    assert connload(*NIGHT).rc == 0
    ids = [row["connector_id"] for row in read_csv("desk.results.csv")]
    for _ in range(2):
        before = len(server.exchanges)
        assert connload(*NIGHT).rc == 0
        rows = read_csv("desk.results.csv")
        assert statuses(rows) == ["exists"] * 25 and [row["connector_id"] for row in rows] == ids
        asked = [one.path.rpartition("/")[2] for one in server.exchanges[before:]]
        assert asked[0] == "connectors" and sorted(asked[1:]) == sorted(one["connector_id"] for one in account.made[:15])
    assert len(account.made) == 25


@pytest.mark.parametrize("kept", [str.upper, lambda label: label.replace("&", "&amp;"), lambda label: label[:5]])
def test_a_label_that_the_account_keeps_otherwise_makes_nothing_twice(connload, raw_server, write_csv, read_csv, kept):
    """Whether the first answer is believed is another matter; the ids that the first night wrote down are known."""
    account = Capped(kept=kept)
    raw_server(account)
    write_csv("desk.csv", DESK, [["email", "Plain", "p@example.com"], ["email", "M&A notes", "m@example.com"]])
    assert connload(*NIGHT, "--concurrency", "1").rc in (0, 1)
    rows, ids = read_csv("desk.results.csv"), [one["connector_id"] for one in account.made]
    for row, named in zip(rows, ids):
        row["status"], row["connector_id"] = "created", named
    write_csv("desk.results.csv", list(rows[0]), [list(row.values()) for row in rows])
    for _ in range(2):
        assert connload(*NIGHT).rc == 0
        rows = read_csv("desk.results.csv")
        assert [(row["status"], row["connector_id"]) for row in rows] == [("exists", named) for named in ids]
        assert [row["error_message"] == "" for row in rows] == [kept(row["label"]) == row["label"] for row in rows]
    assert len(account.made) == 2


def one_named(connload, account, desk, write_csv, read_csv, count=1):
    desk(count)
    assert connload(*NIGHT).rc == 0
    account.cap = 0
    return [row["connector_id"] for row in read_csv("desk.results.csv")]


@pytest.mark.parametrize("how", ["404", "archived"])
def test_a_named_connector_that_is_gone_is_made_again(connload, raw_server, desk, write_csv, read_csv, how):
    account = Capped()
    raw_server(account)
    named, = one_named(connload, account, desk, write_csv, read_csv)
    if how == "404":
        account.made.clear()
    else:
        account.made[0]["archived"] = True
    assert connload(*NIGHT).rc == 0
    row, = read_csv("desk.results.csv")
    assert row["status"] == "created" and row["connector_id"] != named


@pytest.mark.parametrize("answer", [http_answer(500), http_answer(403, {"message": "not yours"}), http_answer(200, "<html>")],
                         ids=["500", "403", "html"])
def test_a_named_connector_that_nobody_can_tell_of_is_not_made_again(connload, raw_server, desk, write_csv, read_csv, answer):
    """The row keeps the id: the next night asks again."""
    account = Capped()
    server = raw_server(account)
    named, = one_named(connload, account, desk, write_csv, read_csv)
    account.gets[named] = answer
    for _ in range(2):
        assert connload(*NIGHT, "--max-attempts", "2").rc == 1
        row, = read_csv("desk.results.csv")
        assert (row["status"], row["connector_id"], row["error_code"]) == ("unknown", named, "lookup_failed")
        assert "not sent" in row["error_message"]
    account.gets.clear()
    assert connload(*NIGHT).rc == 0
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["connector_id"]) == ("exists", named)
    assert sum(one.method == "POST" for one in server.exchanges) == 1


def test_a_named_connector_goes_to_the_row_of_its_payload_first(connload, raw_server, write_csv, read_csv):
    account = Capped()
    raw_server(account)
    write_csv("desk.csv", DESK, [["email", "A", "one@example.com"], ["email", "A", "two@example.com"]])
    assert connload(*NIGHT).rc == 0
    one, two = [row["connector_id"] for row in read_csv("desk.results.csv")]
    for each in account.made:
        each["label"] = "renamed by hand"
    write_csv("desk.csv", DESK, [["email", "A", "new@example.com"], ["email", "A", "one@example.com"]])
    assert connload(*NIGHT).rc == 0
    rows = read_csv("desk.results.csv")
    assert [row["connector_id"] for row in rows] == [two, one]
    assert 'label: the account has "renamed by hand"' in rows[1]["error_message"]
    assert len(account.made) == 2


def test_connectors_whose_rows_left_the_sheet_are_counted_and_named(connload, raw_server, desk, read_csv, tmp_path):
    account = Capped()
    raw_server(account)
    desk(5)
    assert connload(*NIGHT).rc == 0
    ids = [row["connector_id"] for row in read_csv("desk.results.csv")]
    next(one for one in account.made if one["label"] == "Desk 4")["archived"] = True  # of that one nothing is left
    desk(2)
    run = connload(*NIGHT, "--log", "log", "--summary", "summary.json")
    assert run.rc == 0 and "2 connectors of the replaced result file have no row in the sheet any more" in run.err
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted((line["connector_id"], line["label"], line["earlier_line"]) for line in lines
                  if line["event"] == "left_sheet") == sorted([(ids[2], "Desk 2", 4), (ids[3], "Desk 3", 5)])
    assert json.loads((tmp_path / "summary.json").read_text())["left_sheet"] == 2


# -- rows that name a connector and would be sent --


def put_row(write_csv, read_csv, **cells):
    row, = read_csv("desk.results.csv")
    row.update(cells)
    write_csv("desk.results.csv", list(row), [list(row.values())])


MEND = ["create", "desk.results.csv", "--rate", "none", "--settle", "0s", "--retry-base", "1ms", "--max-attempts", "2"]


@pytest.mark.parametrize("status, ends", [("unknown", "created"), ("rejected", "exists"), ("failed", "exists"),
                                          ("not_attempted", "exists"), ("invalid", "exists"), ("", "exists")])
def test_an_id_beside_a_status_that_would_be_sent_is_looked_up(connload, raw_server, desk, read_csv, write_csv, status, ends):
    account = Capped()
    server = raw_server(account)
    desk(1)
    assert connload(*NIGHT).rc == 0
    named = account.made[0]["connector_id"]
    put_row(write_csv, read_csv, status=status)
    before = len(server.exchanges)
    run = connload(*MEND)
    assert run.rc == 0, run
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["connector_id"]) == (ends, named)
    assert [one.path.rpartition("/")[2] for one in server.exchanges[before:]][0] == named
    assert len(account.made) == 1


@pytest.mark.parametrize("status, how, ends", [
    ("unknown", "gone", "unknown"), ("failed", "gone", "created"), ("", "gone", "created"),
    ("unknown", "archived", "unknown"), ("failed", "archived", "created"),
    ("unknown", "another's", "unknown"), ("failed", "another's", "unknown"), ("", "another's", "created"),
    ("unknown", "403", "unknown"), ("failed", "403", "unknown")])
def test_an_id_that_is_not_the_rows(connload, raw_server, desk, read_csv, write_csv, status, how, ends):
    account = Capped()
    raw_server(account)
    desk(1)
    assert connload(*NIGHT).rc == 0
    one = account.made[0]
    if how == "gone":
        account.made.clear()
    elif how == "archived":
        one["archived"] = True
    elif how == "403":
        account.gets[one["connector_id"]] = http_answer(403, {"message": "no"})
    else:
        one.update(label="Somebody's inbox", config={"allowed_emails": ["b@example.com"], "email": "b@inbox.example.com"})
    made = len(account.made)
    put_row(write_csv, read_csv, status=status)
    assert connload(*MEND).rc == (0 if ends == "created" else 1)
    row, = read_csv("desk.results.csv")
    assert row["status"] == ends and (row["connector_id"] == one["connector_id"]) == (ends == "unknown")
    assert len(account.made) == made + (ends == "created")


def test_a_row_that_is_not_sent_keeps_the_id_that_it_names(connload, raw_server, desk, read_csv, write_csv):
    account = Capped()
    raw_server(account)
    desk(1)
    assert connload(*NIGHT).rc == 0
    named = account.made[0]["connector_id"]
    put_row(write_csv, read_csv, status="rejected", allowed_emails="no address")
    assert connload(*MEND).rc == 1
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["connector_id"]) == ("invalid", named) and len(account.made) == 1


# -- colleagues --


def account_of(*connectors):
    return lambda exchange: http_answer(200, {"results": list(connectors)}) if exchange.method == "GET" else api_answer(exchange)


def test_ones_own_connectors_come_before_a_colleagues(connload, raw_server, write_csv, read_csv):
    """A list shows what is one's own, and what colleagues share: so what is not shared tells who one is."""
    theirs = connector_of(email("A", "a@example.com", share_with_org=True), user_id="user-2")
    mine = connector_of(email("A", "a@example.com", share_with_org=True))
    raw_server(account_of(theirs, mine, connector_of(email("mine"))))
    write_csv("desk.csv", [*DESK, "share_with_org"], [["email", "A", "a@example.com", "yes"]])
    assert connload(*NIGHT).rc == 0
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["connector_id"], row["error_message"]) == ("exists", mine["connector_id"], "")


@pytest.mark.parametrize("known", [True, False])
def test_a_colleagues_connector_is_said_to_be_one(connload, raw_server, write_csv, read_csv, known):
    theirs = connector_of(email("A", "a@example.com", share_with_org=True), user_id="user-2")
    raw_server(account_of(theirs, *([connector_of(email("mine"))] if known else [])))
    write_csv("desk.csv", [*DESK, "share_with_org"], [["email", "A", "a@example.com", "yes"]])
    assert connload(*NIGHT).rc == 0
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["connector_id"]) == ("exists", theirs["connector_id"])
    assert ("a colleague's" if known else "perhaps by a colleague") in row["error_message"] and "user-2" in row["error_message"]


@pytest.mark.parametrize("row, field", [
    (["investment_research", "A", "nq", "hunter2-hunter2", ""], "user_password"),
    (["sharepoint", "A", "", "", "a-session-of-ours"], "session_id"),
])
def test_a_secret_is_said_not_to_be_compared(connload, raw_server, write_csv, read_csv, row, field):
    payload = {"type": row[0], "label": "A", "config": {"user_id": row[2]} if row[2] else {}}
    raw_server(account_of(connector_of(payload)))
    write_csv("desk.csv", ["type", "label", "user_id", "user_password", "session_id"], [row])
    assert connload(*NIGHT).rc == 0
    found, = read_csv("desk.results.csv")
    assert found["status"] == "exists" and found[field] == ""
    assert found["error_message"].startswith(f"{field}: not compared") and "archive this connector" in found["error_message"]


def test_an_existing_result_file_keeps_a_run_from_beginning(connload, sandbox, desk, tmp_path):
    box = sandbox(*LAG)
    desk(2)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    before = (tmp_path / "desk.results.csv").read_bytes()
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 2
    for remedy in ("connload create desk.results.csv", "-o FILE", "--force --again"):
        assert remedy in run.err
    assert (tmp_path / "desk.results.csv").read_bytes() == before and not journal(tmp_path).exists()
    assert connload("create", "desk.csv", *QUICK, "-o", "desk.results.csv").rc == 2
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    assert len(posts(box)) == 2
    assert connload("create", "desk.csv", *QUICK, "--force").rc == 2
    assert len(posts(box)) == 2
    assert connload("create", "desk.csv", *QUICK, "--force", "--again").rc == 0
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


def test_what_somebody_made_since_a_killed_night_is_not_made_again(connload, sandbox, desk, read_csv):
    """The killed run had promised the first 64 rows; somebody has created the last ones in the morning."""
    box = sandbox(*LAG, "--latency", "20ms")
    desk(100)
    process = connload(*SKIP, *BRIEF, "--concurrency", "2", wait=False)
    kill_when(process, lambda: box.stats()["created"] >= 5)
    prefill(box, *(email(f"Desk {n}", f"desk{n}@example.com") for n in range(90, 100)))
    plan = connload(*SKIP, "--dry-run")
    assert plan.out.count("keep, the account has it:") == 10, plan
    run = connload(*SKIP)
    assert run.rc == 0, run
    assert statuses(read_csv("desk.results.csv")) == ["created"] * 90 + ["exists"] * 10
    assert labels(box.connectors()) == {f"Desk {n}": 1 for n in range(100)}


def test_what_the_run_before_left_unknown_may_still_arrive(connload, raw_server, desk, read_csv):
    """Its request was given up by --grace; the server makes the connector two seconds later."""
    made = []

    def behave(exchange):
        if exchange.method == "POST":
            stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            made.append((time.monotonic() + 2, connector_of(exchange.json(), created_at=stamp)))
            return Hang()
        return http_answer(200, {"results": [one for since, one in made if time.monotonic() >= since]})

    server = raw_server(behave)
    desk(1)
    process = connload("create", "desk.csv", *QUICK, "--grace", "10ms", wait=False)
    server.wait_for_requests(2)
    process.signal(signal.SIGINT)
    assert process.wait().rc == 4 and statuses(read_csv("desk.results.csv")) == ["unknown"]
    assert connload(*SKIP, "--late", "4s").rc == 0
    assert statuses(read_csv("desk.results.csv")) == ["created"] and len(made) == 1


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


# ---- A killed night, and another version of the sheet ----

def grown(write_csv, rows, first="New 0"):
    """The sheet of the next night: one row more, at its top, so that all rows move."""
    write_csv("desk.csv", DESK, [["email", first, "new@example.com"]] +
              [["email", f"Desk {n}", f"desk{n}@example.com"] for n in range(rows)])


@pytest.mark.parametrize("cap", [[], ["--list-cap", 4]], ids=["whole lists", "capped lists"])
def test_a_killed_night_is_closed_by_the_next_though_the_sheet_has_grown(connload, sandbox, desk, write_csv, read_csv,
                                                                        tmp_path, cap):
    box = sandbox(*LAG, *cap, "--latency", "30ms", "--fault", "504-late=30", "--late", "500ms", "--seed", 5)
    desk(20)
    nightly = ["create", "desk.csv", "--skip-existing", *QUICK, "--late", "1s", "--concurrency", "4"]
    process = connload(*nightly, wait=False)
    kill_when(process, lambda: box.stats()["created"] >= 8)
    for night in range(3):
        grown(write_csv, 20, f"New {night}")
        if night == 0:
            process = connload(*nightly, wait=False)
            kill_when(process, lambda: box.stats()["methods"]["GET"] >= 3 or process.popen.poll() is not None)
            continue
        run = connload(*nightly)
        assert run.rc in (0, 1) and not journal(tmp_path).exists(), run
        statuses = {row["status"] for row in read_csv("desk.results.csv")}
        assert statuses <= ({"created", "exists"} if not cap else {"created", "exists", "unknown"})
    made = labels(box.connectors())
    assert max(made.values()) == 1 and all(made[f"Desk {n}"] == 1 for n in range(20) if not cap), made


def test_without_skip_existing_it_is_refused_and_says_what_to_type(connload, sandbox, desk, write_csv, tmp_path):
    box = sandbox(*LAG, "--latency", "30ms")
    desk(20)
    process = connload("create", "desk.csv", *QUICK, wait=False)
    kill_when(process, lambda: box.stats()["created"] >= 8)
    grown(write_csv, 20)
    before = len(posts(box))
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 2 and "With --skip-existing a run settles what that one has left" in run.err
    assert len(posts(box)) == before and journal(tmp_path).exists()
    assert connload("create", "desk.csv", "--skip-existing", *QUICK).rc == 0
    assert max(labels(box.connectors()).values()) == 1


def test_what_was_sent_of_a_row_that_has_changed_is_waited_for(connload, raw_server, write_csv, read_csv):
    """The row has another description now: the connector of its label is its own as soon as the list shows it."""
    shown = []

    def behave(exchange):
        if exchange.method == "GET":
            return http_answer(200, {"results": shown if len(server.exchanges) > 2 else []})
        shown.append(connector_of(exchange.json()))
        return Hang()

    server = raw_server(behave)
    write_csv("desk.csv", DESK, [["email", "Desk", "x@example.com"]])
    nightly = ["create", "desk.csv", "--skip-existing", *QUICK, "--late", "1s", "--timeout", "1h"]
    process = connload(*nightly, wait=False)
    server.wait_for_requests(2)
    process.kill()
    write_csv("desk.csv", [*DESK, "description"], [["email", "Desk", "x@example.com", "changed"]])
    run = connload(*nightly)
    assert run.rc == 0 and "waiting 2 s, for what an interrupted run may have sent of rows that have changed" in run.err, run
    assert read_csv("desk.results.csv")[0]["status"] == "exists"
    assert sum(one.method == "POST" for one in server.exchanges) == 1

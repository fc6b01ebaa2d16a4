"""--dry-run: the same path without the sends."""

import re

import pytest
from once import DESK, LAG, QUICK, email, journal, kill_when, posts, prefill

DRY = ["create", "--dry-run", *QUICK]


def sheet(write_csv):
    write_csv("desk.csv", DESK, [["email", "Known", "k@example.com"], ["email", "bad", "no address"],
                                 ["email", "New", "n@example.com"]])


def test_it_says_what_a_run_would_do(connload, sandbox, write_csv, tmp_path):
    box = sandbox(*LAG)
    prefill(box, email("Known", "k@example.com"))
    sheet(write_csv)
    run = connload(*DRY, "--skip-existing", "desk.csv")
    assert run.rc == 1
    assert run.out.splitlines()[:3] == [
        'desk.csv:2: row 2 "Known": keep, the account has it: email',
        'desk.csv:3: row 3 "bad": leave out, it fails the checks: email',
        'desk.csv:4: row 4 "New": create email']
    assert re.match(r"2 requests \(1 to create, 1 to list\)", run.out.splitlines()[3])
    assert len(posts(box)) == 1 and [path.name for path in tmp_path.iterdir()] == ["desk.csv"]


@pytest.mark.parametrize("out", ["-", "/dev/stdout"])
def test_results_on_standard_output_stand_alone_there(connload, sandbox, write_csv, out):
    sandbox(*LAG)
    sheet(write_csv)
    run = connload(*DRY, "desk.csv", "-o", out)
    lines = run.out.splitlines()
    assert run.rc == 1 and lines[0].endswith("attempts,created_at") and len(lines) == 4, run
    assert 'desk.csv:4: row 4 "New": create email\n' in run.err


def test_it_needs_neither_key_nor_server(connload, desk):
    desk(2)
    run = connload(*DRY, "desk.csv", "--base-url", "http://127.0.0.1:1", env={"BIGDATA_API_KEY": None})
    assert run.rc == 0, run.err
    assert "no API key" in run.err and run.out.count("create email") == 2
    run = connload(*DRY, "desk.csv", "--base-url", "http://127.0.0.1:1", "--max-attempts", "1",
                   env={"BIGDATA_API_KEY": "key-of-nobody"})
    assert run.rc == 0 and "can't be listed" in run.err


def test_it_writes_a_result_file_only_where_one_is_named(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG)
    known, = prefill(box, email("Known", "k@example.com"))
    sheet(write_csv)
    assert connload(*DRY, "--skip-existing", "-o", "plan.csv", "desk.csv").rc == 1
    rows = read_csv("plan.csv")
    assert [row["status"] for row in rows] == ["exists", "invalid", "not_attempted"]
    assert rows[0]["connector_id"] == known and "--dry-run" in rows[2]["error_message"]
    assert len(posts(box)) == 1


def test_the_time_it_names_is_the_rate_limits(connload, sandbox, desk):
    sandbox()
    desk(11)
    run = connload("create", "--dry-run", "desk.csv", "--rate", "5/s")
    assert run.rc == 0
    assert re.search(r"^12 requests \(11 to create, 1 to list\); at 5/s that takes at least 2(\.0)?s$", run.out, re.M)


@pytest.mark.parametrize("args, key, says", [
    (["--api-key-file", "absent"], None, "--api-key-file absent: No such file or directory"),
    (["--api-key-file", "empty"], None, "empty does not hold an API key"),
    ([], "k\u00e9y", "BIGDATA_API_KEY does not hold an API key"),
    ([], "k" * 5000, "BIGDATA_API_KEY does not hold an API key"),
], ids=["no such file", "an empty file", "no header's value", "too long"])
def test_a_key_that_is_none_is_refused(connload, sandbox, desk, tmp_path, args, key, says):
    """Only where none is named at all is the account not listed."""
    box = sandbox()
    desk(1)
    (tmp_path / "empty").touch(0o600)
    run = connload(*DRY, "desk.csv", *args, env={"BIGDATA_API_KEY": key})
    assert run.rc == 2 and says in run.err and run.out == "", run
    assert not box.requests()


def test_limit(connload, sandbox, desk):
    sandbox()
    desk(3)
    run = connload(*DRY, "desk.csv", "--limit", "1")
    assert run.out.count(": create ") == 1 and run.out.count("(--limit)") == 2


def test_it_replaces_no_result_file(connload, sandbox, desk, tmp_path):
    """It would say `not_attempted` of rows that have their connector, and the next run would believe it."""
    sandbox(*LAG)
    desk(3)
    assert connload("create", "desk.csv", *QUICK, "--limit", "2").rc == 1
    before = (tmp_path / "desk.results.csv").read_bytes()
    for args in (["desk.csv"], ["desk.csv", "--skip-existing"], ["desk.results.csv"]):
        run = connload(*DRY, "-o", "desk.results.csv", *args)
        assert run.rc == 2, run
    assert (tmp_path / "desk.results.csv").read_bytes() == before


def test_unknown_rows_stay_unknown(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG, "--fault", "drop-after=100", "--fault", "list:500-before=100")
    desk(1)
    assert connload("create", "desk.csv", *QUICK, "--settle", "20ms", "--no-preflight").rc == 1
    box.faults({})
    run = connload(*DRY, "desk.results.csv", "-o", "plan.csv")
    assert run.rc == 0 and "settle by the list, then perhaps create" in run.out
    assert read_csv("plan.csv") == read_csv("desk.results.csv") and read_csv("plan.csv")[0]["status"] == "unknown"
    assert len(posts(box)) == 1


def test_it_leaves_an_interrupted_run_alone(connload, sandbox, desk, tmp_path):
    box = sandbox(*LAG, "--latency", "20ms")
    desk(40)
    process = connload("create", "desk.csv", *QUICK, "--concurrency", "2", wait=False)
    kill_when(process, lambda: box.stats()["created"] >= 5)
    before, sent = journal(tmp_path).read_bytes(), len(posts(box))
    assert connload(*DRY, "desk.csv").rc == 0
    assert journal(tmp_path).read_bytes() == before and len(posts(box)) == sent
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk.csv", "desk.results.csv.journal"]


def outcomes(folder):
    """The rows that a journal has an outcome of, by their index."""
    return {int(line.split("\t")[1]) for line in journal(folder).read_text().splitlines() if line.startswith("row\t")}


@pytest.mark.parametrize("limit", [[], ["--limit", "66"]])
def test_it_goes_on_from_an_interrupted_run_as_the_run_would(connload, sandbox, desk, read_csv, tmp_path, limit):
    """What has its outcome is kept, what may have been sent is settled, the others (here from row 64) are created."""
    box = sandbox(*LAG, "--latency", "20ms")
    desk(70)
    process = connload("create", "desk.csv", *QUICK, "--concurrency", "2", *limit, wait=False)
    kill_when(process, lambda: box.stats()["created"] >= 5)
    done = outcomes(tmp_path)
    run = connload(*DRY, "desk.csv", "-o", "plan.csv", *limit)
    assert run.rc == 0 and f"{len(done)} of 70 rows have their outcome" in run.err, run
    lines, rows = run.out.splitlines(), read_csv("plan.csv")
    for index in range(70):
        does = "keep, it is finished:" if index in done else "settle by the list, then perhaps create"
        does = does if index < 64 else "create" if not limit or index < 66 else "leave for later (--limit)"
        assert lines[index] == f'desk.csv:{index + 2}: row {index + 2} "Desk {index}": {does} email'
        assert rows[index]["status"] == ("created" if index in done else "unknown" if index < 64 else "not_attempted")
    ids = {one["connector_id"] for one in box.connectors()}
    assert {rows[index]["connector_id"] for index in done} <= ids


def test_it_is_refused_where_the_run_would_be(connload, sandbox, desk, tmp_path):
    box = sandbox(*LAG, "--latency", "20ms")
    sheet = desk(40)
    process = connload("create", "desk.csv", *QUICK, "--concurrency", "2", wait=False)
    kill_when(process, lambda: box.stats()["created"] >= 5)
    run = connload(*DRY, "desk.csv", "--skip-existing")
    assert run.rc == 2 and "begun with other options" in run.err and run.out == ""
    sheet.write_text(sheet.read_text() + "email,New,new@example.com\n")
    run = connload(*DRY, "desk.csv")
    assert run.rc == 2 and "has changed since" in run.err and run.out == ""


def test_the_time_it_names_knows_of_the_run_before(connload, sandbox, desk):
    sandbox()
    desk(8)
    assert connload("create", "desk.csv", "--rate", "10/m").rc == 0  # with its list, and that of the dry run: full
    run = connload("create", "--dry-run", "desk.csv", "--rate", "10/m", "--limit", "1")
    assert re.search(r"that takes at least (5\d\.\ds|1m00s)$", run.out, re.M), run.out


def test_a_row_without_a_type_leaves_no_hole(connload, sandbox, write_csv):
    sandbox()
    write_csv("desk.csv", DESK, [["fax", "Credit events", ""]])
    run = connload(*DRY, "desk.csv")
    assert run.out.splitlines()[0] == 'desk.csv:2: row 2 "Credit events": leave out, it fails the checks'


def test_strict_sends_nothing_and_says_so(connload, sandbox, write_csv):
    box = sandbox()
    sheet(write_csv)
    run = connload(*DRY, "--strict", "desk.csv")
    assert run.rc == 1
    assert run.out.splitlines() == [
        'desk.csv:2: row 2 "Known": hold back, another row fails the checks (--strict): email',
        'desk.csv:3: row 3 "bad": leave out, it fails the checks: email',
        'desk.csv:4: row 4 "New": hold back, another row fails the checks (--strict): email',
        "nothing would be sent: a row fails the checks (--strict)"]
    assert box.requests() == []


def test_a_refused_key_ends_it_as_it_would_the_run(connload, sandbox, desk):
    box = sandbox()
    desk(1)
    run = connload(*DRY, "desk.csv", env={"BIGDATA_API_KEY": "key-of-nobody"})
    assert (run.rc, run.out) == (4, "") and len(box.requests()) == 1
    assert "stopped  the server answered 401" in run.err
    assert "next     mend the key first: check BIGDATA_API_KEY or --api-key-file; then:\n         connload create --dry-run " in run.err


@pytest.mark.direct
def test_the_next_command_does_what_was_shown(connload, sandbox, desk, read_csv):
    """It has all the options, but not -o: that file would be in the way."""
    box = sandbox()
    desk(3)
    run = connload("create", "-n", "-o", "plan.csv", "--limit", "2", "--rate", "none", "desk.csv")
    assert run.err.splitlines()[-2:] == ["next     do it:", "         connload create desk.csv --limit 2 --rate none"]
    assert re.search(r"^3 requests \(2 to create, 1 to list\)$", run.out, re.M)
    assert connload(*run.err.splitlines()[-1].split()[1:]).rc == 1
    assert box.stats()["created"] == 2


def test_nothing_to_do_has_no_next(connload, sandbox, desk):
    sandbox(*LAG)
    desk(1)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    run = connload("create", "-n", "desk.results.csv")
    assert run.rc == 0 and "next" not in run.err
    assert run.out.splitlines()[-1] == "0 requests (0 to create, 0 to list); at 500/m the limit does not slow it"

"""connload undo archives what a result file names as created, and nothing else."""

import os
import pty
import subprocess

import pytest
from conftest import TIMEOUT, Hang, clean_env, connector_of, http_answer
from once import LAG, QUICK, email, journal, kill_when, prefill

UNDO = ["undo", "desk.results.csv", "--rate", "none", "--settle", "150ms", "--retry-base", "10ms", "--retry-cap", "50ms"]


def deletes(box):
    return [line["path"] for line in box.requests() if line["method"] == "DELETE"]


def created(connload, desk, read_csv, rows=3, *args):
    desk(rows)
    connload("create", "desk.csv", *QUICK, *args)
    return [row["connector_id"] for row in read_csv("desk.results.csv")]


def archived(box):
    return {one["connector_id"] for one in box.connectors() if one["archived"]}


def test_it_archives_created_rows_alone(connload, sandbox, desk, write_csv, read_csv):
    box = sandbox(*LAG)
    other, = prefill(box, email("Desk 0", "desk0@example.com"))
    ids = created(connload, desk, read_csv, 5, "--skip-existing", "--limit", "3")
    before = read_csv("desk.results.csv")
    assert [row["status"] for row in before] == ["exists", "created", "created", "created", "not_attempted"]
    run = connload(*UNDO, "--yes")
    assert run.rc == 0, run.err
    after = read_csv("desk.results.csv")
    assert [row["status"] for row in after] == ["exists", "archived", "archived", "archived", "not_attempted"]
    assert [row["connector_id"] for row in after] == ids and ids[0] == other
    assert archived(box) == set(ids[1:4])
    assert sorted(deletes(box)) == sorted(f"/contents/v1/connectors/{one}" for one in ids[1:4])
    assert connload(*UNDO, "--yes").rc == 0
    assert len(deletes(box)) == 3


def test_nothing_to_archive_is_said(connload, sandbox, desk, read_csv):
    sandbox(*LAG)
    created(connload, desk, read_csv, 1)
    assert connload(*UNDO, "--yes").rc == 0
    run = connload(*UNDO, "--yes")
    assert run.rc == 0 and "desk.results.csv: no row is created: nothing to archive\n" in run.err


def test_rows_that_no_undo_can_archive_have_no_command(connload, sandbox, desk, read_csv, tmp_path):
    sandbox(*LAG)
    ids = created(connload, desk, read_csv, 2)
    text = (tmp_path / "desk.results.csv").read_text()
    (tmp_path / "desk.results.csv").write_text(text.replace(ids[0], "1.9E+35").replace(ids[1], ids[1][:-4] + "0000"))
    run = connload(*UNDO, "--yes")
    assert run.rc == 1
    assert run.err.splitlines()[-1] == "next     look at these rows: error_message says why they can't be archived"


def test_the_next_undo_needs_no_question_either(connload, sandbox, desk, read_csv):
    sandbox(*LAG, faults={"delete:502-before": 100})
    created(connload, desk, read_csv, 1)
    run = connload(*UNDO, "--yes", "--max-attempts", "1")
    assert run.rc == 1 and run.err.splitlines()[-2] == "next     archive the rest:"
    assert " --yes" in run.err.splitlines()[-1]


def test_where_nobody_can_be_asked_it_needs_yes(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG)
    created(connload, desk, read_csv)
    run = connload(*UNDO)
    assert run.rc == 2 and "--yes" in run.err
    assert not deletes(box) and not journal(tmp_path).exists()


def test_a_dry_run_says_what_it_would_archive(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG)
    ids = created(connload, desk, read_csv)
    before = (tmp_path / "desk.results.csv").read_bytes()
    run = connload(*UNDO, "--dry-run")
    assert run.rc == 0 and all(one in run.out for one in ids)
    assert not deletes(box) and (tmp_path / "desk.results.csv").read_bytes() == before


def test_a_dry_run_quotes_no_cell_that_is_no_id(connload, sandbox, desk, read_csv, tmp_path):
    sandbox(*LAG)
    ids = created(connload, desk, read_csv)
    path = tmp_path / "desk.results.csv"
    path.write_text(path.read_text().replace(ids[1], "\x1b]0;pa55w0rd\x07"))
    run = connload(*UNDO, "--dry-run")
    assert run.rc == 0
    assert run.out.splitlines()[:3] == [
        f'desk.results.csv:2: row 2 "Desk 0": archive {ids[0]}',
        'desk.results.csv:3: row 3 "Desk 1": no connector_id that could be archived',
        f'desk.results.csv:4: row 4 "Desk 2": archive {ids[2]}']


@pytest.mark.direct
@pytest.mark.parametrize("fault", ["drop-before", "drop-after", "500-after", "502-before", "503-before", "429-html",
                                   "cut-after", "garbage-after", "hang-after"])
def test_lost_answers_are_asked_for_again(connload, sandbox, desk, read_csv, fault):
    box = sandbox(*LAG)
    ids = created(connload, desk, read_csv)
    box.faults({f"delete:{fault}": "100:2"})
    run = connload(*UNDO, "--yes", "--timeout", "300ms")
    assert run.rc == 0, run.err
    assert archived(box) == set(ids)
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"archived"}


def test_what_cannot_be_archived_stays_created(connload, sandbox, desk, read_csv):
    box = sandbox()
    ids = created(connload, desk, read_csv)
    box.call("DELETE", f"/contents/v1/connectors/{ids[1]}?force_delete=true")
    assert connload(*UNDO, "--yes").rc == 1
    rows = read_csv("desk.results.csv")
    assert [row["status"] for row in rows] == ["archived", "created", "archived"]
    assert (rows[1]["connector_id"], rows[1]["http_status"]) == (ids[1], "404")
    assert "deleted" in rows[1]["error_message"]


# What a DELETE is answered with that was acted on.
TAKEN = {
    "says that it is not": lambda one: http_answer(200, {**one, "archived": False}),
    "envelope": lambda one: http_answer(200, {"results": {**one, "archived": False}, "errors": [], "metadata": {}}),
    "accepted": lambda one: http_answer(202),
    "no content": lambda one: b"HTTP/1.1 204 No Content\r\n\r\n",
    "page": lambda one: http_answer(200, "<html>done</html>"),
}


def account(answer, shown=True):
    """Takes DELETEs, answers them by `answer`, and GET shows that a connector is archived, or not, or gone (None)."""
    def behave(exchange):
        one = connector_of(email("Desk 1", "desk1@example.com"), connector_id=exchange.path.rsplit("/", 1)[1],
                           archived=bool(shown))
        if exchange.method == "DELETE":
            return answer(one)
        return http_answer(404, {"detail": "Not found"}) if shown is None else http_answer(200, one)

    return behave


def methods(server):
    return [one.method for one in server.exchanges]


@pytest.mark.parametrize("shown", [True, None], ids=["archived", "gone"])
@pytest.mark.parametrize("how", TAKEN)
def test_one_get_decides_where_the_answer_does_not_say_archived(connload, sandbox, raw_server, desk, read_csv, how, shown):
    sandbox(*LAG)
    created(connload, desk, read_csv, 2)
    server = raw_server(account(TAKEN[how], shown))
    run = connload(*UNDO, "--yes")
    assert run.rc == 0, run.err
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"archived"}
    assert methods(server) == ["DELETE"] * 2 + ["GET"] * 2


@pytest.mark.parametrize("how", TAKEN)
def test_what_the_get_shows_as_not_archived_stays_created(connload, sandbox, raw_server, desk, read_csv, how):
    sandbox(*LAG)
    ids = created(connload, desk, read_csv, 1)
    server = raw_server(account(TAKEN[how], False))
    assert connload(*UNDO, "--yes").rc == 1
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["connector_id"], row["error_code"]) == ("created", ids[0], "not_archived")
    assert methods(server) == ["DELETE", "GET"]
    server.behave = account(TAKEN[how], True)
    assert connload(*UNDO, "--yes").rc == 0
    assert read_csv("desk.results.csv")[0]["status"] == "archived"


def test_an_error_in_the_answer_to_a_delete_is_told(connload, sandbox, raw_server, desk, read_csv):
    sandbox(*LAG)
    created(connload, desk, read_csv, 1)
    raw_server(account(lambda one: http_answer(200, {"results": None, "errors": [{"message": "it is syncing"}]}), False))
    assert connload(*UNDO, "--yes").rc == 1
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["error_code"]) == ("created", "error_in_answer") and "it is syncing" in row["error_message"]


def test_what_cannot_be_checked_stays_created(connload, sandbox, raw_server, desk, read_csv):
    sandbox(*LAG)
    created(connload, desk, read_csv, 1)
    server = raw_server(lambda exchange: http_answer(202 if exchange.method == "DELETE" else 500))
    assert connload(*UNDO, "--yes", "--max-attempts", "3").rc == 1
    row, = read_csv("desk.results.csv")
    assert (row["status"], row["error_code"]) == ("created", "not_checked") and "500" in row["error_message"]
    assert methods(server) == ["DELETE", "GET", "GET"]


def test_gone_behind_a_delete_whose_answer_was_lost_is_archived(connload, sandbox, raw_server, desk, read_csv):
    sandbox(*LAG)
    created(connload, desk, read_csv, 1)
    server = raw_server([http_answer(502), http_answer(404, {"detail": "Not found"})])
    assert connload(*UNDO, "--yes").rc == 0
    assert read_csv("desk.results.csv")[0]["status"] == "archived" and methods(server) == ["DELETE"] * 2


def test_gone_behind_a_delete_of_a_killed_run_is_archived(connload, sandbox, raw_server, desk, read_csv):
    sandbox(*LAG)
    created(connload, desk, read_csv, 1)
    server = raw_server([Hang()])
    process = connload(*UNDO, "--yes", wait=False)
    server.wait_for_requests(1)
    process.kill()
    server.behave = lambda exchange: http_answer(404, {"detail": "Not found"})
    assert connload(*UNDO, "--yes").rc == 0
    assert read_csv("desk.results.csv")[0]["status"] == "archived"


@pytest.mark.parametrize("body", [{"detail": "not yours"}, "<html>Forbidden</html>"], ids=["api", "gateway"])
def test_a_403_is_that_connectors_own(connload, sandbox, raw_server, desk, read_csv, body):
    sandbox(*LAG)
    ids = created(connload, desk, read_csv, 3)

    def behave(exchange):
        if exchange.path.endswith(ids[1]):
            return http_answer(403, body)
        return account(lambda one: http_answer(200, {**one, "archived": True}))(exchange)

    raw_server(behave)
    assert connload(*UNDO, "--yes").rc == 1
    rows = read_csv("desk.results.csv")
    assert [row["status"] for row in rows] == ["archived", "created", "archived"] and rows[1]["http_status"] == "403"


def test_attempts_are_limited(connload, sandbox, desk, read_csv):
    box = sandbox(*LAG)
    ids = created(connload, desk, read_csv)
    box.faults({"delete:500-before": 100})
    assert connload(*UNDO, "--yes", "--max-attempts", "2").rc == 1
    rows = read_csv("desk.results.csv")
    assert [(row["status"], row["connector_id"], row["http_status"]) for row in rows] == [
        ("created", one, "500") for one in ids]
    assert len(deletes(box)) == 6
    box.faults({})
    assert connload(*UNDO, "--yes").rc == 0
    assert archived(box) == set(ids)


def test_what_a_killed_undo_has_sent_counts_for_the_rate(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox("--rate", "16/s", "--latency", "300ms")
    desk(40)
    rate = ["--rate", "16/s", "--timeout", "1s"]
    assert connload("create", "desk.csv", *rate).rc == 0
    process = connload("undo", "desk.results.csv", "--yes", *rate, wait=False)
    kill_when(process, lambda: box.stats()["archived"] > 0 and journal(tmp_path).read_bytes().count(b"\nrow\t") >= 16)
    assert connload("undo", "desk.results.csv", "--yes", *rate).rc == 0
    stats = box.stats()
    assert stats["archived"] == 40 and stats["rate_limited"] == 0 and stats["most_in_window"] == 16


def test_a_killed_undo_goes_on(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG, "--latency", "20ms")
    ids = created(connload, desk, read_csv, 30)
    process = connload(*UNDO, "--yes", "--concurrency", "2", wait=False)
    kill_when(process, lambda: box.stats()["archived"] >= 10)
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"created"}
    assert connload(*UNDO, "--yes").rc == 0
    assert archived(box) == set(ids)
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"archived"}
    assert not journal(tmp_path).exists()
    assert len(deletes(box)) < 30 + 10


def test_what_a_killed_undo_could_not_archive_counts(connload, sandbox, raw_server, desk, read_csv):
    """The run that goes on ends with 1, too."""
    sandbox(*LAG)
    ids = created(connload, desk, read_csv, 2)
    server = raw_server([http_answer(500), Hang()])
    process = connload(*UNDO, "--yes", "--max-attempts", "1", "--concurrency", "1", wait=False)
    server.wait_for_requests(2)
    process.kill()
    server.behave = lambda exchange: http_answer(200, {"connector_id": ids[1], "archived": True})
    assert connload(*UNDO, "--yes").rc == 1
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["created", "archived"]
    assert len(server.exchanges) == 3


def test_a_refused_key_stops_with_the_file_as_it_was(connload, sandbox, desk, read_csv):
    box = sandbox(*LAG)
    ids = created(connload, desk, read_csv)
    run = connload(*UNDO, "--yes", "--concurrency", "1", env={"BIGDATA_API_KEY": "wrong"})
    assert run.rc == 4 and "key is refused" in run.err
    assert [(row["status"], row["connector_id"]) for row in read_csv("desk.results.csv")] == [
        ("created", one) for one in ids]
    assert not archived(box)


def test_it_takes_result_files_alone(connload, sandbox, desk, tmp_path):
    sandbox()
    desk(1)
    run = connload("undo", "desk.csv", "--yes")
    assert run.rc == 3 and "no result file" in run.err
    assert connload("undo", "-", "--yes", stdin=b"x").rc == 2
    assert connload("undo", "missing.csv", "--yes").rc == 3
    assert [path.name for path in tmp_path.iterdir()] == ["desk.csv"]


def test_an_id_that_a_spreadsheet_has_changed_is_told(connload, sandbox, desk, read_csv, write_csv):
    box = sandbox(*LAG)
    created(connload, desk, read_csv, 2)
    rows = read_csv("desk.results.csv")
    rows[0]["connector_id"] = "1.2E+35"
    write_csv("desk.results.csv", list(rows[0]), [list(row.values()) for row in rows])
    assert connload(*UNDO, "--yes").rc == 1
    first, second = read_csv("desk.results.csv")
    assert (first["status"], first["connector_id"], first["error_code"]) == ("created", "1.2E+35", "no_id")
    assert second["status"] == "archived" and len(deletes(box)) == 1


def test_secrets_go_with_the_connector(connload, sandbox, write_csv, read_csv):
    sandbox(*LAG)
    write_csv("desk.csv", ["type", "label", "session_id"], [["sharepoint", "S", "sess10n"]])
    assert connload("create", "desk.csv", *QUICK).rc == 0
    assert connload(*UNDO, "--yes").rc == 0
    row, = read_csv("desk.results.csv")
    assert row["status"] == "archived" and row["session_id"] == ""


@pytest.mark.parametrize("header, cells, options", [
    (["label", "allowed_emails"], ["A", "a@example.com"], ["--default", "type=email"]),
    (["kind", "label", "Label", "allowed_emails"], ["email", "A", "B", "a@example.com"], ["--map", "type=kind", "--map", "label=label"]),
])
def test_it_needs_the_eight_columns_alone(connload, sandbox, write_csv, read_csv, header, cells, options):
    """What --map and --default said of the sheet is no matter when its connectors are archived."""
    box = sandbox(*LAG)
    write_csv("desk.csv", header, [cells])
    assert connload("create", "desk.csv", *QUICK, *options).rc == 0
    run = connload(*UNDO, "--yes")
    assert (run.rc, read_csv("desk.results.csv")[0]["status"]) == (0, "archived"), run
    assert len(archived(box)) == 1 and "is not read" not in run.err


def test_a_mapped_secret_is_emptied(connload, sandbox, write_csv, read_csv, tmp_path):
    sandbox(*LAG)
    write_csv("desk.csv", ["type", "label", "Code"], [["sharepoint", "S", "sess10n"], ["sharepoint", "", "other"]])
    assert connload("create", "desk.csv", *QUICK, "--map", "session_id=Code").rc == 1
    created_row, invalid = read_csv("desk.results.csv")
    assert (created_row["Code"], invalid["Code"]) == ("", "other")
    created_row["Code"] = "typed again"
    write_csv("desk.results.csv", list(invalid), [list(created_row.values()), list(invalid.values())])
    assert connload(*UNDO, "--yes", "--map", "session_id=Code").rc == 0
    assert [(row["status"], row["Code"]) for row in read_csv("desk.results.csv")] == [("archived", ""), ("invalid", "other")]
    assert connload(*UNDO, "--yes", "--redact", "--map", "session_id=Code").rc == 0
    assert [row["Code"] for row in read_csv("desk.results.csv")] == ["", ""]
    assert (tmp_path / "desk.results.csv").stat().st_mode & 0o777 == 0o600
    assert connload(*UNDO, "--yes", "--map", "session_id=Nope").rc == 2


def test_an_archived_row_is_not_created_again(connload, sandbox, desk, read_csv):
    box = sandbox(*LAG)
    created(connload, desk, read_csv)
    assert connload(*UNDO, "--yes").rc == 0
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    assert len(box.connectors()) == 3


@pytest.mark.parametrize("answer, rc, status", [("y", 0, "archived"), ("Y", 0, "archived"), ("n", 1, "created"), ("", 1, "created")])
def test_on_a_terminal_it_asks(connload, bin_dir, sandbox, desk, read_csv, tmp_path, answer, rc, status):
    box = sandbox(*LAG)
    created(connload, desk, read_csv)
    env = clean_env({"BIGDATA_API_KEY": box.key, "BIGDATA_API_BASE_URL": box.url, "SSL_CERT_FILE": box.cafile, "TERM": "dumb"})
    terminal, side = pty.openpty()
    try:
        process = subprocess.Popen([bin_dir / "connload", *UNDO], cwd=tmp_path, env=env, stdin=side, stdout=subprocess.DEVNULL, stderr=side)
        os.write(terminal, f"{answer}\n".encode())
        assert process.wait(TIMEOUT) == rc
        assert b"Archive 3 connectors that desk.results.csv names as created? [y/N]" in os.read(terminal, 65536)
    finally:
        os.close(terminal)
        os.close(side)
    assert {row["status"] for row in read_csv("desk.results.csv")} == {status}
    assert len(deletes(box)) == (3 if rc == 0 else 0)


@pytest.mark.parametrize("keep", [0, 2])
def test_rows_without_an_id_end_the_run_as_others_do(connload, sandbox, desk, write_csv, read_csv, keep):
    """Such a row is no request: where nothing else is in flight, there is no answer to wake up for."""
    box = sandbox(*LAG)
    created(connload, desk, read_csv)
    rows = read_csv("desk.results.csv")
    for row in rows[keep:]:
        row["connector_id"] = ""
    write_csv("desk.results.csv", list(rows[0]), [list(row.values()) for row in rows])
    run = connload(*UNDO, "--yes", "-q", wait=False).wait(timeout=20)
    assert run.rc == 1, run
    assert [row["error_code"] for row in read_csv("desk.results.csv")] == [""] * keep + ["no_id"] * (3 - keep)
    assert len(archived(box)) == keep

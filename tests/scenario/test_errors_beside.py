"""`check -o FILE` and `create -n -o FILE`: what is wrong with a row stands beside it, and no result file is lost."""

import os
import stat

import pytest
from once import DESK, LAG, QUICK, email, journal, kill_when, posts, prefill, until

HEADER = ["type", "label", "allowed_emails", "user_id", "user_password", "Notes"]
ROWS = [["email", "Rates", "r@example.com", "", "", "keep me"],
        ["email", "Fax", "nobody", "", "", ""],
        ["investment_research", "Broker", "", "u", "hunter2", "x;y"]]
FINISHED = ("type,label,allowed_emails,user_id,user_password,status,connector_id,inbox_email,http_status,error_code,error_message,"
            "attempts,created_at\n"
            "email,Old,o@example.com,,,created,3f2b8c1e-7a4d-4c8e-9b1f-2d6e5a7c8b90,o@in.example,201,,,1,2026-11-01T10:00:00Z\n"
            "email,Lost,l@example.com,,,unknown,,,,unsettled,may exist,1,\n"
            "email,Bad,nobody,,,rejected,,,422,invalid,no,1,\n"
            "email,Next,n@example.com,,,rejected,,,422,invalid,no,1,\n")


def test_check_writes_the_errors_beside_the_rows(connload, write_csv, read_csv, tmp_path):
    write_csv("desk.csv", HEADER, ROWS)
    run = connload("check", "desk.csv", "-o", "errors.csv")
    assert run.rc == 1, run
    assert "2 pass, 1 invalid" in run.err and "results  errors.csv" in run.err
    assert "connload check errors.csv" in run.err
    lines = (tmp_path / "errors.csv").read_text().splitlines()
    assert lines[0] == ",".join(HEADER) + ",status,connector_id,inbox_email,http_status,error_code,error_message,attempts,created_at"
    assert lines[1] == "email,Rates,r@example.com,,,keep me,not_attempted,,,,,,0,"
    assert lines[3] == "investment_research,Broker,,u,hunter2,x;y,not_attempted,,,,,,0,"
    bad = read_csv("errors.csv")[1]
    assert (bad["status"], bad["error_code"]) == ("invalid", "invalid_email")
    assert "(invalid_email)" in run.err and bad["error_message"] in run.err
    assert stat.S_IMODE(os.stat(tmp_path / "errors.csv").st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["desk.csv", "errors.csv"]


def test_the_corrected_file_is_created(connload, sandbox, write_csv, read_csv, tmp_path):
    box = sandbox(*LAG)
    write_csv("desk.csv", HEADER, ROWS)
    assert connload("check", "desk.csv", "-o", "errors.csv").rc == 1
    corrected = (tmp_path / "errors.csv").read_text().replace("nobody", "f@example.com", 1)
    (tmp_path / "errors.csv").write_text(corrected)
    run = connload("check", "errors.csv")
    assert run.rc == 0 and "3 rows" in run.err, run
    assert connload("create", "errors.csv", *QUICK).rc == 0
    assert [row["status"] for row in read_csv("errors.csv")] == ["created"] * 3 and len(posts(box)) == 3


def test_finished_rows_are_carried_over(connload, read_csv, tmp_path):
    (tmp_path / "desk.results.csv").write_text(FINISHED)
    run = connload("check", "desk.results.csv", "-o", "errors.csv")
    assert run.rc == 1, run
    before, after = read_csv("desk.results.csv"), read_csv("errors.csv")
    assert [row["status"] for row in after] == ["created", "unknown", "invalid", "not_attempted"]
    assert after[:2] == before[:2] and after[2]["error_code"] == "invalid_email" and after[3]["error_code"] == ""


def test_every_row_passes(connload, desk, read_csv):
    desk(2)
    run = connload("check", "desk.csv", "-o", "errors.csv")
    assert run.rc == 0 and "2 pass" in run.err and "connload create desk.csv" in run.err
    assert [row["status"] for row in read_csv("errors.csv")] == ["not_attempted"] * 2


@pytest.mark.parametrize("out", ["-", "/dev/stdout"])
def test_standard_output(connload, write_csv, out, tmp_path):
    write_csv("desk.csv", HEADER, ROWS)
    for args in (["desk.csv"], ["-"]):
        run = connload("check", *args, "-o", out, stdin=(tmp_path / "desk.csv").read_bytes())
        assert run.rc == 1 and [line.split(",")[6] for line in run.out.splitlines()] == [
            "status", "not_attempted", "invalid", "not_attempted"], run


@pytest.mark.parametrize("command", [["check"], ["create", "-n", *QUICK]], ids=["check", "dry run"])
@pytest.mark.parametrize("name", ["desk.csv", "./desk.csv", "link.csv", "hard.csv", "done.results.csv"])
def test_the_input_is_never_written(connload, sandbox, write_csv, tmp_path, command, name):
    sandbox(*LAG)
    write_csv("desk.csv", HEADER, ROWS)
    (tmp_path / "link.csv").symlink_to("desk.csv")
    (tmp_path / "hard.csv").hardlink_to(tmp_path / "desk.csv")
    (tmp_path / "done.results.csv").write_text(FINISHED)
    source = "done.results.csv" if name == "done.results.csv" else "desk.csv"
    for more in ([], ["--force"]):
        before = (tmp_path / source).read_bytes()
        run = connload(*command, source, "-o", name, *more)
        assert run.rc == 2 and "name another file with -o" in run.err, run
        assert (tmp_path / source).read_bytes() == before


@pytest.mark.parametrize("command", [["check"], ["create", "-n", *QUICK]], ids=["check", "dry run"])
def test_a_file_that_is_there_is_replaced_by_force_alone(connload, sandbox, desk, read_csv, tmp_path, command):
    sandbox(*LAG)
    desk(1)
    (tmp_path / "errors.csv").write_text(FINISHED)
    run = connload(*command, "desk.csv", "-o", "errors.csv")
    assert run.rc == 2 and "errors.csv exists" in run.err and "--force" in run.err, run
    assert (tmp_path / "errors.csv").read_text() == FINISHED
    assert connload(*command, "desk.csv", "-o", "errors.csv", "--force").rc == 0
    assert [row["status"] for row in read_csv("errors.csv")] == ["not_attempted"]


def test_check_writes_what_the_sheet_is_written_in(connload, tmp_path):
    """Delimiter, line ends, byte order mark, gzip, and without the secrets where --redact asks for it."""
    sheet = "\ufefftype;label;allowed_emails;user_id;user_password\r\ninvestment_research;A;;u;hunter2\r\n"
    (tmp_path / "desk.csv").write_bytes(sheet.encode())
    assert connload("check", "desk.csv", "-o", "errors.csv", "--redact").rc == 0
    assert (tmp_path / "errors.csv").read_bytes().decode().splitlines(keepends=True)[1] == (
        "investment_research;A;;u;;not_attempted;;;;;;0;\r\n")
    assert (tmp_path / "errors.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert connload("check", "desk.csv", "-o", "errors.csv.gz").rc == 0
    assert (tmp_path / "errors.csv.gz").read_bytes().startswith(b"\x1f\x8b")


def test_a_place_that_takes_no_file(connload, desk, tmp_path):
    desk(1)
    (tmp_path / "folder").mkdir()
    assert connload("check", "desk.csv", "-o", "folder").rc == 2
    run = connload("check", "desk.csv", "-o", "absent/errors.csv")
    assert run.rc == 5 and "absent" in run.err, run


def test_a_runs_results_are_left_to_it(connload, sandbox, desk, tmp_path):
    """While it runs, and where it was interrupted."""
    box = sandbox(*LAG, "--latency", "20ms")
    desk(200)
    process = connload("create", "desk.csv", *QUICK, "--concurrency", "1", wait=False)
    until(lambda: box.stats()["created"] > 0)
    run = connload("check", "desk.csv", "-o", "desk.results.csv", "--force")
    assert run.rc != 0 and str(process.pid) in run.err, run
    kill_when(process, lambda: box.stats()["created"] >= 5)
    left = journal(tmp_path).read_bytes()
    run = connload("check", "desk.csv", "-o", "desk.results.csv", "--force")
    assert run.rc == 2 and "an interrupted `create` has left" in run.err, run
    assert journal(tmp_path).read_bytes() == left and not (tmp_path / "desk.results.csv").exists()


def test_an_unusable_input_writes_nothing(connload, tmp_path):
    (tmp_path / "desk.csv").write_text("label\nA\n")
    assert connload("check", "desk.csv", "-o", "errors.csv").rc == 3
    assert not (tmp_path / "errors.csv").exists()


def test_a_dry_run_says_what_stands_and_what_would_be_sent(connload, sandbox, write_csv, read_csv, tmp_path):
    box = sandbox(*LAG)
    known, = prefill(box, email("Known", "k@example.com"))
    write_csv("desk.csv", DESK, [["email", "Known", "k@example.com"], ["email", "Bad", "nobody"], ["email", "New", "n@example.com"]])
    run = connload("create", "-n", "--skip-existing", *QUICK, "-o", "plan.csv", "desk.csv")
    assert run.rc == 1, run
    rows = read_csv("plan.csv")
    assert [row["status"] for row in rows] == ["exists", "invalid", "not_attempted"]
    assert rows[0]["connector_id"] == known and rows[1]["error_code"] == "invalid_email"
    (tmp_path / "done.results.csv").write_text(FINISHED.replace("unknown", "rejected"))
    assert connload("create", "-n", *QUICK, "-o", "plan2.csv", "done.results.csv").rc == 1
    before, after = read_csv("done.results.csv"), read_csv("plan2.csv")
    assert after[0] == before[0] and [row["status"] for row in after] == ["created", "not_attempted", "invalid", "not_attempted"]
    assert len(posts(box)) == 1

"""No file that a run writes may be one that it reads, or writes otherwise: refused before anything is done."""

import os

import pytest
from once import QUICK, journal, posts

REPORTS = ["--log", "--summary", "--metrics", "--report"]
HELD = {"desk.csv": "the input", "desk.results.csv": "the result file", "desk.results.csv.journal": "the result file's journal",
        "desk.csv.journal": "the input's journal", "key": "the key's file (--api-key-file)",
        "ca.pem": "the authorities' file (--cacert)", "./desk.csv": "the input", "link": "the input", "hard": "the input"}


@pytest.fixture
def folder(tmp_path, desk):
    desk(2)
    (tmp_path / "key").write_text("sandbox\n")
    os.chmod(tmp_path / "key", 0o600)
    (tmp_path / "ca.pem").write_text("no authority\n")
    (tmp_path / "link").symlink_to("desk.csv")
    os.link(tmp_path / "desk.csv", tmp_path / "hard")
    return tmp_path


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def refused(run, folder, before, box=None):
    assert run.rc == 2, run
    assert run.err.count("\n") == 1 and run.err.endswith("; name another file\n")
    assert contents(folder) == before
    assert box is None or posts(box) == []


@pytest.mark.parametrize("option", REPORTS)
@pytest.mark.parametrize("path", HELD)
def test_a_report_in_the_place_of(connload, sandbox, folder, option, path):
    box, before = sandbox(), contents(folder)
    run = connload("create", "desk.csv", *QUICK, "--api-key-file", "key", "--cacert", "ca.pem", option, path)
    refused(run, folder, before, box)
    assert f"{option} {path} is {HELD[path]};" in run.err


@pytest.mark.parametrize("one", REPORTS)
@pytest.mark.parametrize("other", REPORTS)
def test_two_reports_in_one_place(connload, sandbox, folder, one, other):
    if one != other:
        sandbox()
        before = contents(folder)
        refused(connload("create", "desk.csv", *QUICK, one, "x", other, "./x"), folder, before)


@pytest.mark.parametrize("path, what", [("desk.csv.journal", "the input's journal"), ("key", "the key's file")])
def test_results_in_the_place_of(connload, sandbox, folder, path, what):
    box, before = sandbox(), contents(folder)
    run = connload("create", "desk.csv", *QUICK, "--api-key-file", "key", "-o", path, "--force")
    refused(run, folder, before, box)
    assert f"-o {path} is {what}" in run.err


def test_other_commands(connload, sandbox, folder):
    sandbox()
    assert connload("create", "desk.csv", *QUICK).rc == 0
    before = contents(folder)
    for option in REPORTS:
        refused(connload("check", "desk.csv", option, "desk.csv"), folder, before)
        refused(connload("check", "desk.csv", option, "desk.results.csv"), folder, before)
        refused(connload("undo", "desk.results.csv", "--yes", option, "desk.results.csv"), folder, before)
        refused(connload("list", "-o", "account.csv", option, "account.csv"), folder, before)


def test_the_log_of_undo_may_have_the_name_of_other_results(connload, sandbox, folder):
    sandbox()
    assert connload("create", "desk.csv", *QUICK, "-o", "made.csv").rc == 0
    assert connload("undo", "made.csv", "--yes", "--rate", "none", "--log", "made.results.csv").rc == 0


def test_where_the_earlier_results_are_kept(connload, sandbox, folder):
    box = sandbox()
    kept, nightly = "desk.results.csv~", ["create", "desk.csv", *QUICK, "--skip-existing"]
    before = contents(folder)
    for option in REPORTS:
        run = connload(*nightly, option, kept)
        refused(run, folder, before, box)
        assert f"{option} {kept} is the copy of the earlier results;" in run.err
    (folder / kept).write_bytes((folder / "desk.csv").read_bytes())
    before = contents(folder)
    run = connload("create", kept, *QUICK, "--skip-existing", "-o", "desk.results.csv")
    refused(run, folder, before, box)
    assert f"the copy of the earlier results {kept} is the input;" in run.err
    refused(connload(*nightly, "--api-key-file", kept), folder, before, box)


def test_streams_may_be_shared(connload, sandbox, folder):
    sandbox()
    streams = [word for option in REPORTS for word in (option, "/dev/null")]
    assert connload("create", "desk.csv", *QUICK, *streams).rc == 0
    assert not journal(folder).exists()

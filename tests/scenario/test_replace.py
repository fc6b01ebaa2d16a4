"""Results that can't be put in their place: known before the first request, or, too late, by the run."""

import os
import subprocess

import pytest
from once import DESK, LAG, QUICK, journal, once, posts, until

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: mount, chattr, chown")
UNDO = ["--yes", "--rate", "none"]
COMMANDS = [["create", "desk.csv", *QUICK, "--force"], ["create", "desk.csv", *QUICK, "--skip-existing"],
            ["create", "desk.results.csv", *QUICK], ["undo", "desk.results.csv", *UNDO],
            ["list", "-o", "desk.results.csv", "--force", "--rate", "none"]]


@pytest.fixture
def begun(connload, sandbox, desk):
    """A result file with a row that is done and one that is not; the sandbox."""
    box = sandbox(*LAG)
    desk(2)
    assert connload("create", "desk.csv", *QUICK, "--limit", "1").rc == 1
    return box


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def refused(connload, box, folder, *words):
    """Every command refuses with these words before it sends anything, and leaves everything as it was."""
    before, sent = files(folder), len(box.requests())
    for command in COMMANDS:
        run = connload(*command)
        assert run.rc == 5 and run.err.count("\n") == 1, run
        assert all(word in run.err for word in words), run
    assert files(folder) == before and len(box.requests()) == sent


def mount(*args):
    if subprocess.run(["mount", *args], capture_output=True).returncode != 0:
        pytest.skip("nothing can be mounted here")


@root_only
def test_a_file_that_is_mounted_by_itself(connload, begun, read_csv, tmp_path):
    place = tmp_path / "desk.results.csv"
    os.rename(place, tmp_path / "host.csv")
    place.touch()
    mount("--bind", tmp_path / "host.csv", place)
    try:
        refused(connload, begun, tmp_path, "desk.results.csv is mounted by itself", "mount its folder")
        run = connload("create", "desk.results.csv", *QUICK, "-o", "other.csv")
        assert run.rc == 0, run
    finally:
        subprocess.run(["umount", place], check=True)
    once(begun, read_csv("other.csv"))


@root_only
def test_a_folder_that_is_mounted_is_fine(connload, begun, read_csv, tmp_path):
    (tmp_path / "box").mkdir()
    mount("--bind", tmp_path, tmp_path / "box")
    try:
        assert connload("create", "desk.results.csv", *QUICK, cwd=tmp_path / "box").rc == 0
    finally:
        subprocess.run(["umount", tmp_path / "box"], check=True)
    once(begun, read_csv("desk.results.csv"))


@root_only
@pytest.mark.parametrize("flag, word", [("i", "immutable"), ("a", "append-only")])
@pytest.mark.parametrize("what", ["desk.results.csv", "."])
def test_attributes(connload, begun, read_csv, tmp_path, flag, word, what):
    if subprocess.run(["chattr", f"+{flag}", tmp_path / what], capture_output=True).returncode != 0:
        pytest.skip("the file system has no such attributes")
    try:
        if what == "." and flag == "i":
            run = connload(*COMMANDS[0])
            assert run.rc == 5 and not (tmp_path / "desk.results.csv.journal").exists(), run
        elif what == ".":
            run = connload(*COMMANDS[0])
            assert run.rc == 5 and "the folder . is append-only" in run.err and "chattr -a" in run.err, run
        else:
            refused(connload, begun, tmp_path, f"desk.results.csv is {word}", f"chattr -{flag}")
    finally:
        subprocess.run(["chattr", f"-{flag}", tmp_path / what], check=True)
    assert len(posts(begun)) == 1
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    once(begun, read_csv("desk.results.csv"))


@root_only
def test_somebody_elses_file_in_a_sticky_folder(as_user, sandbox, write_csv, read_csv, group_folder):
    box = sandbox(*LAG)
    sheet = write_csv("group/desk.csv", DESK, [["email", "A", "a@example.com"]])
    sheet.chmod(0o664)
    assert as_user(1001, box, group_folder, "create", "desk.csv", *QUICK).rc == 0
    with open(sheet, "a") as file:
        file.write("email,B,b@example.com\n")
    sent = len(box.requests())
    for command in (["create", "desk.csv", *QUICK, "--skip-existing"], ["undo", "desk.results.csv", *UNDO]):
        run = as_user(1002, box, group_folder, *command)
        assert run.rc == 5 and run.err.count("\n") == 1, run
        assert "desk.results.csv belongs to another user (uid 1001)" in run.err and "chmod -t" in run.err
    assert len(box.requests()) == sent and sorted(os.listdir(group_folder)) == ["desk.csv", "desk.results.csv"]
    assert as_user(1001, box, group_folder, "create", "desk.csv", *QUICK, "--skip-existing").rc == 0
    with open(sheet, "a") as file:
        file.write("email,C,c@example.com\n")
    group_folder.chmod(0o770)
    run = as_user(1002, box, group_folder, "create", "desk.csv", *QUICK, "--skip-existing")
    assert run.rc == 0, run
    rows = read_csv("group/desk.results.csv")
    assert [row["status"] for row in rows] == ["exists", "exists", "created"] and len(posts(box)) == 3


@pytest.mark.slow_asan
def test_results_that_could_not_get_their_name_stand_beside_it(connload, sandbox, desk, read_csv, failing, tmp_path):
    box = sandbox(*LAG)
    desk(3)
    (tmp_path / "desk.results.csv.new").write_text("something of the user's\n")
    run = connload("create", "desk.csv", *QUICK, env=failing("rename", at=2))
    assert run.rc == 5 and "cannot replace desk.results.csv" in run.err, run
    assert "the results are in desk.results.csv.new2; the same command puts them in their place" in run.err
    assert not (tmp_path / "desk.results.csv").exists() and journal(tmp_path).exists()
    once(box, read_csv("desk.results.csv.new2"))
    assert (tmp_path / "desk.results.csv.new").read_text() == "something of the user's\n"
    assert connload("create", "desk.csv", *QUICK).rc == 0
    assert (tmp_path / "desk.results.csv").read_bytes() == (tmp_path / "desk.results.csv.new2").read_bytes()
    assert not journal(tmp_path).exists() and len(posts(box)) == 3


@pytest.mark.slow_asan
def test_undo_that_could_not_rewrite_the_file(connload, begun, read_csv, failing, tmp_path):
    before = (tmp_path / "desk.results.csv").read_bytes()
    run = connload("undo", "desk.results.csv", *UNDO, env=failing("rename", at=2))
    assert run.rc == 5 and "the results are in desk.results.csv.new; the same command puts them in" in run.err, run
    assert (tmp_path / "desk.results.csv").read_bytes() == before and journal(tmp_path).exists()
    assert read_csv("desk.results.csv.new")[0]["status"] == "archived"
    assert connload("undo", "desk.results.csv", *UNDO).rc == 0
    assert read_csv("desk.results.csv")[0]["status"] == "archived" and begun.stats()["archived"] == 1


@pytest.mark.slow_asan
def test_a_list_that_could_not_get_its_name(connload, begun, read_csv, failing, tmp_path):
    until(lambda: begun.call("GET", "/contents/v1/connectors")["results"])
    run = connload("list", "-o", "account.csv", "--rate", "none", env=failing("rename", at=2))
    assert run.rc == 5 and "the list is in account.csv.new\n" in run.err, run
    assert len(read_csv("account.csv.new")) == 1 and not (tmp_path / "account.csv").exists()


# -- what a nightly run replaces --

NIGHTLY = ["create", "desk.csv", *QUICK, "--skip-existing"]


def test_the_results_that_a_nightly_run_replaces_are_kept(connload, begun, desk, tmp_path):
    place, kept = tmp_path / "desk.results.csv", tmp_path / "desk.results.csv~"
    place.chmod(0o640)
    for night in range(2):
        before = place.read_bytes()
        desk(2 + night)
        assert connload(*NIGHTLY).rc == 0
        assert kept.read_bytes() == before and place.read_bytes() != before
        assert kept.stat().st_mode & 0o777 == 0o640 and kept.stat().st_ino != place.stat().st_ino
    assert not list(tmp_path.glob(".*"))


def test_no_secret_is_readable_in_what_is_kept(connload, sandbox, write_csv, tmp_path):
    sandbox(*LAG)
    write_csv("desk.csv", ["type", "label", "user_id", "user_password"], [["investment_research", "A", "u", "hunter2"]])
    assert connload(*NIGHTLY, "--limit", "1").rc == 0
    (tmp_path / "desk.results.csv").chmod(0o644)
    assert connload(*NIGHTLY).rc == 0
    assert (tmp_path / "desk.results.csv~").stat().st_mode & 0o777 == 0o600


def test_only_where_results_are_replaced(connload, begun, tmp_path):
    assert connload("create", "desk.csv", *QUICK, "--force", "--again").rc == 0
    assert connload("create", "desk.results.csv", *QUICK, "--skip-existing").rc == 0
    assert connload("create", "desk.csv", *QUICK, "--skip-existing", "-o", "other.csv").rc == 0
    assert connload("create", "desk.csv", *QUICK, "--skip-existing", "-n").rc == 0
    assert not list(tmp_path.glob("*~"))


def test_a_place_for_it_is_looked_for_first(connload, begun, tmp_path):
    (tmp_path / "desk.results.csv~").mkdir()
    sent = len(begun.requests())
    run = connload(*NIGHTLY)
    assert run.rc == 5 and "desk.results.csv~: Is a directory" in run.err, run
    assert len(begun.requests()) == sent


@pytest.mark.slow_asan
@pytest.mark.parametrize("at", [3, 4, 5])
def test_a_run_that_goes_on_keeps_the_earlier_results_all_the_same(connload, begun, desk, failing, tmp_path, at):
    """The renames: two tries, what is kept, the results; then the journal's end, which fails."""
    place, before = tmp_path / "desk.results.csv", (tmp_path / "desk.results.csv").read_bytes()
    desk(3)
    call = {"call": "rename", "at": at} if at < 5 else {"call": "unlink", "at": 3}
    run = connload(*NIGHTLY, env=failing(**call, times=10))
    assert run.rc == 5 and journal(tmp_path).exists(), run
    assert connload(*NIGHTLY).rc == 0
    assert (tmp_path / "desk.results.csv~").read_bytes() == before and place.read_bytes() != before
    assert not journal(tmp_path).exists()

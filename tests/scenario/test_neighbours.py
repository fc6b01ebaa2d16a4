"""Other users of the machine, in a folder that all may write to: what they plant is not followed, and not believed."""

import os

import pytest
from once import QUICK, journal, posts, until

NOBODY = 65534

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to plant another user's files")


@pytest.fixture
def shared(tmp_path):
    """A folder like /tmp, and a file outside that a planted link could lead to."""
    os.chmod(tmp_path, 0o1777)
    victim = tmp_path.parent / f"{tmp_path.name}.victim"
    victim.write_text("precious\n")
    return victim


def plant(path, target, owner=NOBODY):
    os.symlink(target, path)
    os.chown(path, owner, owner, follow_symlinks=False)


@pytest.mark.parametrize("option", ["-o", "--log", "--summary", "--metrics", "--report"])
def test_a_planted_link_is_not_followed(connload, sandbox, desk, tmp_path, shared, option):
    box = sandbox()
    desk(2)
    plant(tmp_path / "out", shared)
    run = connload("create", "desk.csv", *QUICK, option, "out", *(["--force"] if option == "-o" else []))
    assert run.rc == 5
    assert "out is a symbolic link that another user (uid 65534) has put into a folder that all may write to" in run.err
    assert shared.read_text() == "precious\n"
    assert posts(box) == [] and not (tmp_path / "desk.results.csv").exists()


@pytest.mark.parametrize("option", ["--log", "--summary", "-o"])
def test_our_own_link_is(connload, sandbox, desk, tmp_path, shared, option):
    sandbox()
    desk(2)
    plant(tmp_path / "out", shared, owner=0)
    assert connload("create", "desk.csv", *QUICK, option, "out", *(["--force"] if option == "-o" else [])).rc == 0
    assert len(shared.read_text()) > 100 and (tmp_path / "out").is_symlink()


def test_a_link_that_is_planted_during_the_run(connload, sandbox, desk, tmp_path, shared):
    box = sandbox("--fault", "hang-before=100:1")
    desk(2)
    process = connload("create", "desk.csv", *QUICK, "--timeout", "1s", "--settle", "1ms", wait=False)
    until(lambda: box.stats()["methods"]["POST"] == 2)
    plant(tmp_path / "desk.results.csv", shared)
    run = process.wait()
    assert run.rc == 5 and "another user" in run.err
    assert shared.read_text() == "precious\n" and journal(tmp_path).exists()
    os.unlink(tmp_path / "desk.results.csv")
    assert connload("create", "desk.csv", *QUICK).rc == 0
    assert len(box.connectors()) == 2


def test_a_planted_journal_is_not_used(connload, sandbox, desk, tmp_path, shared):
    box = sandbox()
    desk(2)
    journal(tmp_path).touch(mode=0o666)
    os.chown(journal(tmp_path), NOBODY, NOBODY)
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 5 and "desk.results.csv.journal belongs to another user (uid 65534)" in run.err
    assert posts(box) == []


def test_a_journal_with_another_name_is_not_used(connload, sandbox, desk, tmp_path, shared):
    box = sandbox()
    desk(2)
    journal(tmp_path).touch(mode=0o600)
    os.link(journal(tmp_path), tmp_path / "hook")
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 5 and "has other names (hard links, " in run.err
    assert posts(box) == []

"""What a key has used of its windows counts for the next run, whatever its command and its sheet."""

import os
import stat
import time

import pytest

HEADER = ["type", "label", "allowed_emails"]


@pytest.fixture
def sheet(write_csv):
    def write(name, rows):
        write_csv(f"{name}.csv", HEADER, [["email", f"{name} {i}", f"{name}{i}@example.com"] for i in range(rows)])
        return f"{name}.csv"

    return write


def within(box, most):
    stats = box.stats()
    return stats["rate_limited"] == 0 and stats["most_in_window"] <= most


def test_three_sheets_one_after_another(connload, sandbox, sheet):
    box = sandbox("--rate", "40/4s")
    for name in "one", "two", "three":
        run = connload("create", sheet(name, 30), "--rate", "40/4s")
        assert run.rc == 0, run
    assert within(box, 40), box.stats()


def test_lists_and_dry_runs_count(connload, sandbox, sheet):
    box = sandbox("--rate", "20/2s")
    desk = sheet("desk", 10)
    for i in range(8):
        assert connload("list", "-o", f"account{i}.csv", "--rate", "20/2s").rc == 0
        assert connload("create", "--dry-run", desk, "--rate", "20/2s").rc == 0
    assert connload("create", desk, "--rate", "20/2s").rc == 0
    assert within(box, 20), box.stats()


def test_a_killed_run_of_another_sheet_counts(connload, sandbox, sheet):
    box = sandbox("--rate", "30/4s")
    process = connload("create", sheet("one", 100), "--rate", "30/4s", wait=False)
    while box.stats()["created"] < 29:
        assert process.popen.poll() is None
        time.sleep(0.05)
    time.sleep(1)  # as far as the history may be behind
    process.kill()
    assert connload("create", sheet("two", 10), "--rate", "30/4s").rc == 0
    assert within(box, 30), box.stats()


def test_another_key_or_url_does_not_share(connload, sandbox, sheet):
    sandbox("--rate", "none")
    assert connload("create", sheet("one", 40), "--rate", "41/m").rc == 0
    sandbox("--rate", "none")
    started = time.monotonic()
    assert connload("create", sheet("two", 40), "--rate", "41/m").rc == 0
    box = sandbox("--rate", "none", "--api-key", "other")
    assert connload("create", sheet("three", 40), "--rate", "41/m", env={"BIGDATA_API_KEY": "other"}, to=box).rc == 0
    assert time.monotonic() - started < 50


def history(folder):
    return next((folder / "connload").iterdir())


def test_the_file_is_the_owners_alone_and_holds_no_secret(connload, sandbox, sheet, state_folder):
    sandbox("--rate", "none", "--api-key", "k3y-of-the-desk")
    assert connload("create", sheet("one", 3), env={"BIGDATA_API_KEY": "k3y-of-the-desk"}).rc == 0
    file = history(state_folder)
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert len(file.name) == 64 and "k3y" not in file.read_text()
    assert sum(int(line.split()[2]) for line in file.read_text().splitlines()) == 4  # the list and three rows


# What the damaged file said, one list, is lost.
@pytest.mark.parametrize("damage", [b"\0\xff" * 30, b"connload 9\nsent 1 2\nsent 99999999999999 x 1 1\nsent 12",
                                    b"sent 9007199254740991 7 7 3\nfound 1 1 9007199254740991\n"])
def test_a_damaged_file_is_made_anew(connload, sandbox, sheet, state_folder, damage):
    box = sandbox("--rate", "21/2s")
    assert connload("list", "-o", "account.csv").rc == 0
    history(state_folder).write_bytes(damage)
    assert connload("create", sheet("one", 15), "--rate", "20/2s").rc == 0
    assert connload("create", sheet("two", 15), "--rate", "20/2s").rc == 0
    assert within(box, 21)
    times = [int(line.split()[1]) for line in history(state_folder).read_text().splitlines() if line.startswith("sent")]
    assert times and max(times) <= time.time() * 1000


def goes_on_without(connload, sheet, **env):
    run = connload("create", "-v", sheet("one", 2), env=env)
    return run.rc == 0 and "is not remembered between runs" in run.err


def test_what_is_not_ours_is_left_alone(connload, sandbox, sheet, state_folder):
    sandbox("--rate", "none")
    (state_folder / "elsewhere").mkdir()
    (state_folder / "connload").symlink_to(state_folder / "elsewhere")
    assert goes_on_without(connload, sheet)
    assert not list((state_folder / "elsewhere").iterdir())


@pytest.mark.parametrize("kind", ["symlink", "fifo", "folder"])
def test_something_else_in_its_place(connload, sandbox, sheet, state_folder, kind):
    sandbox("--rate", "none")
    assert connload("list", "-o", "account.csv").rc == 0
    file = history(state_folder)
    file.unlink()
    {"symlink": lambda: file.symlink_to("/dev/full"), "fifo": lambda: os.mkfifo(file), "folder": file.mkdir}[kind]()
    assert goes_on_without(connload, sheet)


def test_without_a_folder(connload, sandbox, sheet):
    sandbox("--rate", "none")
    assert goes_on_without(connload, sheet, XDG_STATE_HOME=None, HOME=None)


def test_a_folder_that_cannot_be_written(connload, sandbox, sheet):
    sandbox("--rate", "none")
    assert goes_on_without(connload, sheet, XDG_STATE_HOME="/proc/none")


def test_files_that_were_not_used_for_a_month_go(connload, sandbox, sheet, state_folder):
    sandbox("--rate", "none")
    folder = state_folder / "connload"
    folder.mkdir(0o700)
    for name, days in ("a" * 64, 32), ("b" * 64, 29), ("notes", 99):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - days * 86400,) * 2)
    assert connload("create", sheet("one", 1)).rc == 0
    names = {file.name for file in folder.iterdir()}
    assert "a" * 64 not in names and {"b" * 64, "notes"} < names


def test_the_first_state_directory_comes_first(connload, sandbox, sheet, tmp_path):
    sandbox("--rate", "none")
    assert connload("create", sheet("one", 1), env={"STATE_DIRECTORY": f"{tmp_path}/service:/nowhere"}).rc == 0
    assert history(tmp_path / "service").is_file()

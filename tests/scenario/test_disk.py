"""A disk that fills at any write loses nothing: exit 5, and the same command finishes the job."""

import os
import subprocess

import pytest
from conftest import KEY, SANITIZER, TIMEOUT, clean_env
from once import BRIEF, LAG, QUICK, journal, once, posts

ROWS = 120


def limited(bin_dir, box, folder, size, *args):
    """connload with a limit on the size of each file that it writes."""
    env = clean_env({"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": box.url, "SSL_CERT_FILE": box.cafile,
                     "TMPDIR": folder.parent,
                     "GCOV_PREFIX": folder.parent / "gcov"})  # `make coverage`: cut counts would spoil all others
    run = subprocess.run(["prlimit", f"--fsize={size}", bin_dir / "connload", *args], cwd=folder, env=env,
                         capture_output=True, timeout=TIMEOUT)
    assert not SANITIZER.search(run.stderr.decode()), run.stderr.decode()
    return run


def finish(connload, box, read_csv, tmp_path, *args):
    run = connload("create", *args, *BRIEF)
    assert run.rc == 0, run.err
    once(box, read_csv("desk.results.csv"))
    assert not list(tmp_path.glob("*.journal")) and not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("size", [0, 100, 300, 1000, 4000, 9000, 14000])
def test_a_limit_on_file_sizes(connload, bin_dir, sandbox, desk, read_csv, tmp_path, size):
    box = sandbox(*LAG, "--fault", "drop-after=10")
    desk(ROWS)
    run = limited(bin_dir, box, tmp_path, size, "create", "desk.csv", *BRIEF)
    assert run.returncode == 5, run.stderr.decode()
    assert "limit on file sizes" in run.stderr.decode() or "temporary file" in run.stderr.decode()
    assert not (tmp_path / "desk.results.csv").exists()
    finish(connload, box, read_csv, tmp_path, "desk.csv")
    assert len(posts(box)) == ROWS


@pytest.mark.parametrize("size", [300, 9000, 15000])
def test_in_place_the_old_file_stays(connload, bin_dir, sandbox, desk, read_csv, tmp_path, size):
    box = sandbox(*LAG)
    desk(ROWS)
    assert connload("create", "desk.csv", *BRIEF, "--limit", "20").rc == 1
    before = (tmp_path / "desk.results.csv").read_bytes()
    run = limited(bin_dir, box, tmp_path, size, "create", "desk.results.csv", *BRIEF)
    assert run.returncode == 5, run.stderr.decode()
    assert (tmp_path / "desk.results.csv").read_bytes() == before
    finish(connload, box, read_csv, tmp_path, "desk.results.csv")
    assert len(posts(box)) == ROWS


def test_undo(connload, bin_dir, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG)
    desk(ROWS)
    assert connload("create", "desk.csv", *BRIEF).rc == 0
    undo = ["undo", "desk.results.csv", "--yes", "--rate", "none"]
    run = limited(bin_dir, box, tmp_path, 9000, *undo)
    assert run.returncode == 5, run.stderr.decode()
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"created"}
    assert connload(*undo).rc == 0
    assert {row["status"] for row in read_csv("desk.results.csv")} == {"archived"}
    assert not journal(tmp_path).exists()


@pytest.fixture
def small_disk(tmp_path):
    """small_disk(bytes) mounts a file system of that size at tmp_path/disk."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = []

    def mount(size):
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True)
        if done.returncode != 0:
            pytest.skip("a tmpfs can't be mounted here")
        mounted.append(folder)
        return folder

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a tmpfs")
@pytest.mark.parametrize("free", [1, 2, 4, 6, 8])
def test_a_full_disk(connload, sandbox, desk, read_csv, small_disk, free):
    """With room for so many pages: from the journal's head to the result file."""
    box = sandbox(*LAG, "--fault", "drop-after=10")
    folder = small_disk("128k")
    (folder / "desk.csv").write_bytes(desk(ROWS).read_bytes())
    used = os.statvfs(folder)
    (folder / "ballast").write_bytes(b"x" * (used.f_bavail * used.f_bsize - free * 4096))
    run = connload("create", "desk.csv", *BRIEF, cwd=folder)
    assert run.rc == 5 and "make room" in run.err, run
    (folder / "ballast").unlink()
    run = connload("create", "desk.csv", *BRIEF, cwd=folder)
    assert run.rc == 0, run.err
    once(box, read_csv("disk/desk.results.csv"))
    assert len(posts(box)) == ROWS
    assert sorted(os.listdir(folder)) == ["desk.csv", "desk.results.csv"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to mount a tmpfs")
def test_a_log_that_cannot_be_written_stops_the_run(connload, sandbox, desk, read_csv, small_disk):
    box = sandbox(*LAG)
    folder = small_disk("16k")
    desk(ROWS)
    run = connload("create", "desk.csv", *BRIEF, "--log", folder / "log")
    assert run.rc == 5, run
    assert connload("create", "desk.csv", *BRIEF).rc == 0
    once(box, read_csv("desk.results.csv"))
    assert len(posts(box)) == ROWS


@pytest.mark.slow_asan
@pytest.mark.parametrize("call", ["write", "fsync", "fdatasync", "ftruncate", "rename", "fchmod", "unlink"])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_each_call_may_fail(connload, sandbox, desk, read_csv, failing, tmp_path, call, at):
    box = sandbox(*LAG)
    desk(20)
    run = connload("create", "desk.csv", *BRIEF, env=failing(call, at=at, times=1000))
    assert run.rc in (0, 5), run
    if run.rc == 5 and not (tmp_path / "desk.results.csv").exists():
        assert connload("create", "desk.csv", *BRIEF).rc == 0
    elif journal(tmp_path).exists():
        assert connload("create", "desk.csv", *BRIEF).rc == 0
    once(box, read_csv("desk.results.csv"))
    assert len(posts(box)) == 20


# -- too few open files --

def with_files(bin_dir, box, folder, files, *args):
    """connload with a limit on open files: "SOFT:HARD"."""
    env = clean_env({"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": box.url, "SSL_CERT_FILE": box.cafile})
    run = subprocess.run(["prlimit", f"--nofile={files}", bin_dir / "connload", *args], cwd=folder, env=env,
                         capture_output=True, timeout=TIMEOUT, text=True)
    assert not SANITIZER.search(run.stderr), run.stderr
    return run


@pytest.mark.parametrize("files, args, words", [
    ("30:30", ("create", "desk.csv"), "40 open files are needed, and 30 are allowed: raise that limit (ulimit -n), or lower --concurrency"),
    ("30:39", ("create", "desk.csv"), "40 open files are needed, and 39 are allowed: raise that limit (ulimit -n), or lower --concurrency"),
    ("24:24", ("create", "desk.csv", "--concurrency", "1"), "25 open files are needed, and 24 are allowed: raise that limit (ulimit -n)"),
    ("12:12", ("list",), "25 open files are needed, and 12 are allowed: raise that limit (ulimit -n)"),
])
def test_too_few_open_files_are_told_of_before_anything_is_sent(bin_dir, sandbox, desk, tmp_path, files, args, words):
    box = sandbox()
    desk(1)
    run = with_files(bin_dir, box, tmp_path, files, *args)
    assert (run.returncode, run.stdout, run.stderr) == (5, "", f"connload: {words}\n")
    assert [path.name for path in tmp_path.iterdir()] == ["desk.csv"] and box.requests() == []


@pytest.mark.parametrize("files, concurrency", [("16:4096", 16), ("40:40", 16), ("30:30", 6), ("64:4096", 300)],
                         ids=["raised", "just enough", "fewer at once", "many at once"])
def test_enough_open_files(bin_dir, sandbox, desk, tmp_path, files, concurrency):
    """The soft limit is raised as far as the hard one lets it."""
    box = sandbox("--latency", "2s" if concurrency > 100 else "100ms")  # long enough for all of them to be on their way
    desk(500)
    run = with_files(bin_dir, box, tmp_path, files, "create", "desk.csv", "--concurrency", str(concurrency), *QUICK)
    assert run.returncode == 0, run.stderr
    assert box.stats()["most_at_once"] == concurrency and box.stats()["created"] == 500


def test_check_needs_few_files(bin_dir, sandbox, desk, tmp_path):
    desk(1)
    run = with_files(bin_dir, sandbox(), tmp_path, "10:10", "check", "desk.csv")
    assert run.returncode == 0, run.stderr

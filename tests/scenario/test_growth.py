"""What a long run must not do: gather memory or descriptors; and what valgrind says of short ones."""

import os
import shutil
import threading

import pytest

from conftest import KEY, Process, clean_env
from once import QUICK

pytestmark = [pytest.mark.slow_asan, pytest.mark.direct]

ROWS = 100000
SETTLED = 0.25  # the share of a run after which nothing grows any more


class Watch:
    """Samples a process's resident pages and descriptors while it runs."""

    def __init__(self, pid):
        self.pid, self.rss, self.fds = pid, [], []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._sample, daemon=True)
        self.thread.start()

    def _sample(self):
        while not self.over.wait(0.05):
            try:
                with open(f"/proc/{self.pid}/statm", encoding="ascii") as file:
                    self.rss.append(int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024)
                self.fds.append(len(os.listdir(f"/proc/{self.pid}/fd")))  # root alone may: the process is not dumpable
            except (OSError, IndexError):
                pass

    def stop(self):
        self.over.set()
        self.thread.join()


def late(samples):
    return samples[int(len(samples) * SETTLED):]


@pytest.mark.parametrize("faults", [{}, {"drop-after": 0.2, "503-before": 1, "close": 5}], ids=["smooth", "faults"])
def test_nothing_grows_over_100000_rows(bin_dir, sandbox, desk, tmp_path, faults):
    """32 descriptors are enough from the first row to the last, and so is the memory of the first quarter."""
    box = sandbox(faults=faults)
    desk(ROWS)
    env = {"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": box.direct_url}
    script = f"ulimit -n 48; exec '{bin_dir}/connload' create desk.csv --rate none -q --settle 300ms --late 1s --retry-base 1ms --retry-cap 5ms"
    process = Process(["/bin/bash", "-c", script], clean_env(env), tmp_path)
    watch = Watch(process.pid)
    run = process.wait()
    watch.stop()
    assert run.rc == 0, run
    assert box.stats()["created"] == ROWS and len(watch.rss) > 10
    rss = late(watch.rss)
    assert max(rss) < 64 * 1024 and max(rss) - rss[0] < 4 * 1024, rss
    assert not watch.fds or max(late(watch.fds)) <= 32, watch.fds


def test_undo_of_100000_rows_grows_nothing(bin_dir, connload, sandbox, desk, tmp_path):
    box = sandbox()
    desk(ROWS)
    assert connload("create", "desk.csv", "--rate", "none", "-q").rc == 0
    env = {"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": box.direct_url}
    script = f"ulimit -n 48; exec '{bin_dir}/connload' undo desk.results.csv --yes --rate none -q"
    process = Process(["/bin/bash", "-c", script], clean_env(env), tmp_path)
    watch = Watch(process.pid)
    run = process.wait()
    watch.stop()
    assert run.rc == 0, run
    assert box.stats()["archived"] == ROWS
    rss = late(watch.rss)
    assert max(rss) < 64 * 1024 and max(rss) - rss[0] < 4 * 1024, rss


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="no valgrind")
def test_valgrind_has_nothing_to_say(bin_dir, sandbox, write_csv, tmp_path):
    """check, create with lost answers and secrets, in place, list, undo."""
    box = sandbox("--settle", "50ms", faults={"drop-after": "100:2", "garbage-after": 0})
    write_csv("desk.csv", ["type", "label", "allowed_emails", "user_id", "user_password", "session_id"],
              [["email", f"D{n}", f"{n}@example.com", "", "", ""] for n in range(6)] +
              [["investment_research", "R", "", "u", "hunter2", ""], ["sharepoint", "S", "", "", "", "s"], ["email", "", "x", "", "", ""]])
    env = clean_env({"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": box.direct_url})
    steps = [(["check", "desk.csv"], 1), (["create", "desk.csv", *QUICK, "--limit", "4", "--log", "log", "--summary", "s", "--report", "r"], 1),
             (["create", "desk.results.csv", *QUICK], 1), (["create", "desk.csv", "-n", *QUICK], 1), (["list", "-o", "list.csv"], 0),
             (["undo", "--yes", "desk.results.csv", "--rate", "none"], 0)]
    for args, code in steps:
        command = ["valgrind", "-q", "--error-exitcode=77", "--leak-check=full", "--errors-for-leak-kinds=definite,indirect",
                   "--track-fds=yes", bin_dir / "connload", *args]
        run = Process(command, env, tmp_path).wait(300)
        assert run.rc == code and "== " not in run.err.replace("FILE DESCRIPTORS", ""), run


def test_the_key_leaves_the_environment(connload, raw_server, desk):
    """It is read once and overwritten where it stood: /proc/PID/environ has none while requests carry it."""
    hold = threading.Event()

    def behave(exchange):
        hold.wait(60)
        return b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n"

    server = raw_server(behave)
    desk(1)
    process = connload("create", "desk.csv", env={"BIGDATA_API_KEY": "k3y-in-the-environment"}, wait=False)
    server.wait_for_requests(1)
    try:
        with open(f"/proc/{process.pid}/environ", "rb") as file:
            environ = file.read()
    except PermissionError:
        environ = b""
    hold.set()
    assert process.wait().rc == 4
    assert server.exchanges[0].headers["x-api-key"] == "k3y-in-the-environment"
    assert b"k3y-in-the-environment" not in environ

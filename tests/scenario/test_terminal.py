"""What a person at a terminal sees: the live line and the summary, in a pseudo-terminal."""

import fcntl
import os
import re
import signal
import struct
import subprocess
import termios
import threading
import unicodedata

import pytest
from conftest import KEY, SANITIZER, TIMEOUT, clean_env

SGR = re.compile(r"\x1b\[[0-9;]*m")


def columns(text):
    """How many columns of a terminal a text takes."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) != 0 for char in text)


class Terminal:
    """connload with a terminal of `width` columns as its standard error, which passes bytes through as they are."""

    def __init__(self, command, cwd, width, env):
        self.master, slave = os.openpty()
        mode = termios.tcgetattr(slave)
        mode[1] &= ~termios.OPOST
        termios.tcsetattr(slave, termios.TCSANOW, mode)
        self.resize(width)
        self.data, self.ended, self.changed = b"", False, threading.Condition()

        def control():
            os.setsid()
            fcntl.ioctl(2, termios.TIOCSCTTY, 0)

        self.popen = subprocess.Popen(list(map(str, command)), cwd=cwd, env=clean_env({"TERM": "xterm", **env}),
                                      stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave, preexec_fn=control)
        os.close(slave)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self):
        while True:
            try:
                piece = os.read(self.master, 65536)
            except OSError:  # the terminal has no other end any more
                piece = b""
            with self.changed:
                self.data += piece
                self.ended = not piece
                self.changed.notify_all()
            if not piece:
                return

    def resize(self, width):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))

    def text(self):
        return self.data.decode("utf-8", "surrogateescape")

    def wait_for(self, pattern, start=0):
        """Waits until a regular expression is in what came after `start`; the match."""
        def found():
            return re.compile(pattern).search(self.text(), start)

        with self.changed:
            self.changed.wait_for(lambda: found() or self.ended, TIMEOUT)
            assert found(), f"no {pattern!r} in {self.text()!r}"
            return found()

    def wait(self):
        assert self.popen.wait(TIMEOUT) is not None
        self.thread.join(TIMEOUT)
        assert not SANITIZER.search(self.text()), self.text()
        return self.popen.returncode

    def close(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()
        self.thread.join(TIMEOUT)
        os.close(self.master)

    def frames(self):
        """The live lines in the order in which they were drawn, without what erases the rest of the line."""
        return [frame.replace("\x1b[K", "") for frame in re.findall(r"\r([^\r\n]+)", self.text())
                if "rows/s" in frame or re.search(r"\d/\d", frame)]

    def screen(self):
        """The lines that are left on the screen in the end, with colours: `\\r`, `\\n` and `\\x1b[K` are obeyed."""
        lines = []
        for line in self.text().split("\n"):
            shown = ""
            for part in line.split("\r"):
                if part.startswith("\x1b[K"):
                    shown, part = "", part[3:]
                part = part.replace("\x1b[K", "")
                shown = part + shown[len(part):]
            lines.append(shown)
        return lines


@pytest.fixture
def terminal(bin_dir, tmp_path):
    """terminal(box, width, *args, env={}) runs connload in a terminal and gives a Terminal."""
    opened = []

    def start(box, width, *args, env=None):
        given = {"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": box.direct_url, **(env or {})}
        opened.append(Terminal([bin_dir / "connload", *args], tmp_path, width, given))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_live_line(terminal, sandbox, desk, width):
    box = sandbox("--rate", "none", "--latency", "200ms")
    desk(24)
    run = terminal(box, width, "create", "desk.csv", "--rate", "none", "--concurrency", "4")
    assert run.wait() == 0, run.text()
    frames = [SGR.sub("", frame) for frame in run.frames()]
    assert len(frames) >= 3, run.text()
    assert all(columns(frame) < width for frame in frames), frames
    assert re.search(r"\d+/24", frames[-1])
    if width >= 40:
        assert any("created" in frame for frame in frames)
    if width >= 80:
        assert re.match(r"creating  [━─]+  \d+/24  \d+ created  ", frames[-1])
    screen = run.screen()
    assert not any(re.search(r"\d+/24", line) for line in screen), screen
    assert screen[0].startswith("\x1b[1m24 rows in ")
    assert [line.strip() for line in screen if line][-1] == "results  desk.results.csv"


@pytest.mark.parametrize("width", [40, 200])
def test_summary_fits(terminal, sandbox, write_csv, width):
    box = sandbox("--rate", "none")
    write_csv("desk.csv", ["type", "label", "allowed_emails"],
              [["email", "日本語" * 30, "a@example.com"], ["email", "B", "日本語" * 30 + "@"]])
    run = terminal(box, width, "create", "desk.csv", "--rate", "none")
    assert run.wait() == 1
    summary = SGR.sub("", run.text()[run.text().index("2 rows in "):])
    messages, _, end = summary.partition("\nresults  ")
    assert all(columns(line) <= width for line in messages.split("\n")), messages
    assert end.endswith("\n         connload create desk.results.csv --rate none\n")


def test_a_429_that_names_no_time_has_not_asked(terminal, sandbox, desk):
    box = sandbox("--rate", "none", faults={"429-html": "100:3"})
    desk(2)
    run = terminal(box, 120, "create", "desk.csv", "--concurrency", "1", "--rate", "none")
    assert run.wait() == 0
    assert "answers 429:" in run.text() and "as the server asks" not in run.text()


def test_why_it_waits(terminal, sandbox, desk):
    box = sandbox("--rate", "none")
    desk(12)
    run = terminal(box, 120, "create", "desk.csv", "--rate", "10/3s")
    run.wait_for(r"9/12  .*waiting [23] s.*for the rate limit.*  [23] s left")
    assert run.wait() == 0


@pytest.mark.direct
def test_why_the_first_list_waits(terminal, connload, sandbox, desk):
    box = sandbox("--rate", "none")
    desk(9)
    assert connload("create", "desk.csv", "--rate", "10/3s").rc == 0
    run = terminal(box, 120, "create", "desk.csv", "--rate", "10/3s", "--force", "--again", "--settle", "10ms")
    run.wait_for(r"listing the account[^\r]*waiting [23] s.*for the rate limit")
    assert run.wait() == 0


def test_width_is_looked_up_each_time(terminal, sandbox, desk):
    box = sandbox("--rate", "none", "--latency", "100ms")
    desk(200)
    run = terminal(box, 120, "create", "desk.csv", "--rate", "none", "--concurrency", "4")
    run.wait_for(r"\r\x1b\[1mcreating")
    run.resize(30)
    start = len(run.text())
    run.wait_for(r"\r[^\r]*K\r[^\r]*K\r", start)
    late = [SGR.sub("", frame) for frame in run.frames()[-1:]]
    assert all(columns(frame) < 30 for frame in late), late
    os.kill(run.popen.pid, signal.SIGTERM)
    assert run.wait() == 4
    assert "stopped  " in run.text() and "by SIGTERM" in run.text()


@pytest.mark.parametrize("env", [{"NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": None}])
def test_no_escape_sequence(terminal, sandbox, desk, env):
    box = sandbox("--rate", "none", "--latency", "200ms")
    desk(12)
    run = terminal(box, 80, "create", "desk.csv", "--rate", "none", "--concurrency", "4", env=env)
    assert run.wait() == 0
    assert "\x1b" not in run.text()
    if "NO_COLOR" in env:
        assert run.frames()
        assert not any(re.search(r"\d+/12", line) for line in run.screen())
    else:
        assert "\r" not in run.text()


def test_messages_leave_no_trace_of_it(terminal, sandbox, desk):
    """A message in the middle of the run stands on a line of its own."""
    box = sandbox("--rate", "none", "--latency", "150ms", faults={"500-after": 30})
    desk(16)
    run = terminal(box, 80, "create", "desk.csv", "--rate", "none", "--concurrency", "2", "-v", "--settle", "10ms")
    assert run.wait() == 0, run.text()
    told = [line for line in run.screen() if "may exist" in line]
    assert told and all(line.startswith("desk.csv:") for line in told), run.screen()


def test_quiet_on_a_terminal(terminal, sandbox, desk):
    box = sandbox("--rate", "none", "--latency", "200ms")
    desk(12)
    run = terminal(box, 80, "create", "desk.csv", "-q", "--rate", "none", "--concurrency", "4")
    assert run.wait() == 0
    assert run.text() == ""


def test_plain_lines_elsewhere(connload, sandbox, desk):
    sandbox("--rate", "none")
    desk(12)
    run = connload("create", "desk.csv", "--rate", "8/6s", "--no-preflight")
    assert run.rc == 0, run.err
    assert "\x1b" not in run.err and "\r" not in run.err
    lines = run.err.splitlines()
    assert re.fullmatch(r"connload: creating: 8 of 12 rows, 8 created, .*waiting \d s for the rate limit, \d s left", lines[0])
    assert lines[1].startswith("12 rows in ")


def test_hostile_text_is_harmless(connload, write_csv):
    write_csv("desk.csv", ["type", "label", "allowed_emails"], [["email", "A", "\x1b]0;owned\x07\u202e@"]])
    run = connload("check", "desk.csv")
    assert run.rc == 1
    assert "\x1b" not in run.err and "\x07" not in run.err and "\u202e" not in run.err
    assert r'"\x1B]0" and "owned\x07\u{202E}@"' in run.err


@pytest.mark.direct
def test_next_command_is_what_to_type(connload, sandbox, write_csv, tmp_path):
    """The last line of a summary, given to a shell, goes on with the work."""
    sandbox("--rate", "none")
    write_csv("it's a desk.csv", ["type", "label", "allowed_emails"], [["email", "A", "a@example.com"], ["email", "B", "b@"]])
    run = connload("create", "it's a desk.csv", "--rate", "none")
    assert run.rc == 1
    command = run.err.splitlines()[-1].strip()
    words = subprocess.run(["sh", "-c", f"printf '%s\\n' {command}"], capture_output=True, text=True).stdout.splitlines()
    assert words == ["connload", "create", "it's a desk.results.csv", "--rate", "none"]
    path = tmp_path / words[2]
    path.write_text(path.read_text().replace("b@,", "b@example.com,"))
    assert connload(*words[1:], "--rate", "none").rc == 0


def seconds_left(line):
    """The time that a progress line tells, in seconds."""
    hours, minutes, seconds = re.search(r"(?:(\d+)h ?)?(?:(\d+)m ?)?(?:(\d+) ?s)? left", line).groups()
    return int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)


def test_the_time_left_knows_a_server_that_is_slower_than_the_limit(connload, sandbox, desk):
    """The limit would let all rows go within a minute; the server takes a third of a second for each."""
    sandbox("--rate", "none", "--latency", "300ms")
    desk(900)
    process = connload("create", "desk.csv", "--concurrency", "1", "--no-preflight", wait=False)
    line = process.err.wait_for(r"connload: creating: .* left").group(0)
    process.kill()
    assert 220 < seconds_left(line) < 500, line


def test_the_time_left_is_the_limits_where_the_server_is_quick(connload, sandbox, desk):
    """Ten rows in a moment, then a pause: the pauses are the limit's, and count once."""
    sandbox("--rate", "none")
    desk(40)
    process = connload("create", "desk.csv", "--rate", "10/20s", "--no-preflight", wait=False)
    line = process.err.wait_for(r"connload: creating: .* left").group(0)
    process.kill()
    assert 50 < seconds_left(line) <= 60, line

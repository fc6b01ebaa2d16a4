"""What machines read: --log, --summary and --metrics."""

import gzip
import hashlib
import html
import json
import os
import re
import shutil
import stat
import subprocess
from collections import Counter
from datetime import datetime

import pytest
from conftest import ROOT, api_answer

STATUSES = ["created", "exists", "updated", "archived", "invalid", "rejected", "failed", "unknown", "not_attempted"]
HEADER = ["type", "label", "allowed_emails"]


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def unescape(value):
    return re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match.group(1), match.group(1)), value)


def read_metrics(text):
    """
    {(name, frozenset of labels): value} of a text in the Prometheus format; AssertionError where it breaks a rule that
    promtool or the textfile collector knows.
    """
    assert text.endswith("\n") and "\r" not in text
    helps, types, samples, closed, current = {}, {}, {}, set(), None
    for line in text.splitlines():
        comment = re.fullmatch(r"# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)", line)
        if comment:
            kind, name, rest = comment.groups()
            known = helps if kind == "HELP" else types
            assert name not in known, f"second {kind} of {name}"
            assert name not in closed, f"{name} is not in one piece"
            known[name] = rest
            if current not in (None, name):
                closed.add(current)
            current = name
            continue
        sample = re.fullmatch(r'([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_]\w*="(?:[^"\\]|\\[\\"n])*",?)*)\})? (\S+)', line)
        assert sample, line
        name, labels, value = sample.groups()
        family = re.sub(r"_(bucket|sum|count)$", "", name) if types.get(current) == "histogram" else name
        assert family == current and family in helps and family in types, f"{name} without HELP and TYPE before it"
        assert types[family] in ("gauge", "counter", "histogram")
        assert (types[family] == "counter") == name.endswith("_total"), name
        pairs = re.findall(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"', labels or "")
        assert len(dict(pairs)) == len(pairs), f"a label twice: {line}"
        key = (name, frozenset((label, unescape(text)) for label, text in pairs))
        assert key not in samples, f"twice: {line}"
        samples[key] = float(value)
    assert samples and set(helps) == set(types)
    for family in (name for name, kind in types.items() if kind == "histogram"):
        check_histogram(family, samples)
    return samples


def check_histogram(family, samples):
    buckets = sorted((float(dict(labels)["le"]), value) for (name, labels), value in samples.items() if name == family + "_bucket")
    assert buckets[-1][0] == float("inf")
    assert [value for _, value in buckets] == sorted(value for _, value in buckets)
    [count] = [value for (name, _), value in samples.items() if name == family + "_count"]
    assert buckets[-1][1] == count


def pick(samples, name, **labels):
    """The value of the one sample of that name with these labels among its own."""
    found = [value for (other, own), value in samples.items() if other == name and labels.items() <= dict(own).items()]
    assert len(found) == 1, (name, labels, found)
    return found[0]


@pytest.fixture
def run_desk(connload, sandbox, write_csv):
    """run_desk(faults, *args) creates 60 rows, of which 2 are invalid, with all three reports; Sandbox and Result."""
    def run(faults, *args):
        box = sandbox("--rate", "none", faults=faults)
        rows = [["email", f"Desk {n}", f"desk{n}@example.com" if n not in (3, 50) else "nobody"] for n in range(60)]
        write_csv("desk.csv", HEADER, rows)
        return box, connload("create", "desk.csv", "--rate", "1000/s", "--log", "run.log", "--summary", "run.json",
                             "--metrics", "run.prom", "--settle", "10ms", "--retry-base", "1ms", "--retry-cap", "5ms", *args)

    return run


def test_they_agree_with_the_server(run_desk, read_csv, tmp_path):
    box, run = run_desk({"429-html": 30, "500-after": 10}, "--max-attempts", "2")
    assert run.rc == 1, run.err
    stats = box.stats()
    rows = read_csv("desk.results.csv")
    summary = json.loads((tmp_path / "run.json").read_text())
    metrics = read_metrics((tmp_path / "run.prom").read_text())
    lines = [json.loads(line) for line in (tmp_path / "run.log").read_text().splitlines()]

    by_status = Counter(row["status"] for row in rows)
    assert summary["status"] == {status: by_status[status] for status in STATUSES}
    assert summary["status"]["created"] == stats["created"]
    assert summary["status"]["invalid"] == 2
    assert sum(summary["requests"].values()) == len(box.requests()) == sum(summary["answers"].values())
    assert summary["answers"]["429"] == sum(line.get("http_status") == 429 for line in lines if line["event"] == "attempt")
    assert summary["lost"]["rows"] == summary["lost"]["created"] == summary["answers"]["500"] > 0
    assert summary["latency_ms"]["count"] == len(box.requests())
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p99"] <= summary["latency_ms"]["max"]
    assert summary["exit_code"] == 1 and summary["stop"] is None

    for status in STATUSES:
        assert pick(metrics, "connload_run_rows", status=status) == by_status[status]
    assert pick(metrics, "connload_run_requests", kind="create") == summary["requests"]["create"]
    assert pick(metrics, "connload_run_answers", code="429") == summary["answers"]["429"]
    assert pick(metrics, "connload_run_request_duration_seconds_count") == len(box.requests())
    assert pick(metrics, "connload_run_success", command="create", input="desk.csv") == 0
    assert pick(metrics, "connload_run_retries") == summary["retries"]

    attempts = [line for line in lines if line["event"] == "attempt"]
    assert len(attempts) == summary["requests"]["create"]
    assert {line["row"] for line in attempts} == {n for n in range(2, 62) if n not in (5, 52)}
    assert all(line["line"] == line["row"] and line["request_id"] for line in attempts)
    outcomes = {line["row"]: line["status"] for line in lines if line["event"] == "row"}
    assert outcomes == {n: row["status"] for n, row in enumerate(rows, 2)}
    assert lines[0]["event"] == "start" and lines[0]["base_url"] == box.url and lines[0]["pid"] == lines[-1]["pid"]
    assert lines[-1]["event"] == "end" and lines[-1]["created"] == stats["created"]


def test_summary_for_an_audit(run_desk, connload, tmp_path):
    box, run = run_desk({})
    assert run.rc == 1, run.err
    summary = json.loads((tmp_path / "run.json").read_text())
    assert summary["command"] == "create" and summary["base_url"] == box.url
    assert summary["input"] == {"path": "desk.csv", "sha256": sha256(tmp_path / "desk.csv")}
    assert summary["results"] == {"path": "desk.results.csv", "sha256": sha256(tmp_path / "desk.results.csv")}
    assert f"connload {summary['connload']}\n" in connload("--version").out
    assert set(summary["libraries"].values()) <= set(connload("--version").out.splitlines())
    started, ended = (datetime.fromisoformat(summary[name].replace("Z", "+00:00")) for name in ("started", "ended"))
    assert abs((ended - started).total_seconds() * 1000 - summary["duration_ms"]) < 5  # two clocks
    assert summary["rate"] == {"limit": "1000/s", "requests": 1000, "window_ms": 1000}
    assert summary["rows"] == 60 and summary["carried"] == 0
    [error] = summary["errors"]
    assert (error["status"], error["code"], error["count"], error["lines"]) == ("invalid", "invalid_email", 2, [5, 52])
    assert len(error["rows"]) == len(error["labels"]) == 2
    assert "nobody" in error["message"]


def test_a_result_file_as_input(run_desk, connload, tmp_path):
    """The checksum of the input is of what was read, though the results have taken its place."""
    run_desk({})
    before = sha256(tmp_path / "desk.results.csv")
    run = connload("create", "desk.results.csv", "--summary", "again.json")
    assert run.rc == 1
    summary = json.loads((tmp_path / "again.json").read_text())
    assert summary["input"]["sha256"] == before
    assert summary["carried"] == 58 and summary["requests"]["create"] == 0


def test_a_check_counts_the_rows_that_pass(connload, write_csv, tmp_path):
    write_csv("desk.csv", ["type", "label", "allowed_emails"], [["email", "A", "a@b.example"], ["email", "B", "b@b.example"], ["email", "C", ""]])
    assert connload("check", "desk.csv", "--summary", "run.json", "--metrics", "run.prom").rc == 1
    status = json.loads((tmp_path / "run.json").read_text())["status"]
    assert (status["passed"], status["invalid"]) == (2, 1)
    assert re.search(r'^connload_run_rows\{.*status="passed"\} 2$', (tmp_path / "run.prom").read_text(), re.M)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("change", ["added", "replaced"])
def test_the_checksum_is_of_the_sheet_that_was_read(connload, raw_server, desk, tmp_path, packed, change):
    """Whatever has its name when the run is over."""
    sheet = desk(2)
    if packed:
        sheet.write_bytes(gzip.compress(sheet.read_bytes()))
    before = sha256(sheet)

    def behave(exchange):
        if exchange.method == "POST" and exchange.json()["label"] == "Desk 0":
            if change == "replaced":
                sheet.unlink()
            with open(sheet, "a") as file:
                file.write("email,New,new@example.com\n")
        return api_answer(exchange)

    raw_server(behave)
    run = connload("create", "desk.csv", "--rate", "none", "--summary", "run.json")
    assert run.rc == 0, run
    assert json.loads((tmp_path / "run.json").read_text())["input"] == {"path": "desk.csv", "sha256": before}
    assert sha256(sheet) != before


@pytest.mark.parametrize("args", [["check", "desk.csv"], ["list", "-o", "all.csv"], ["create", "-n", "desk.csv"],
                                  ["undo", "--yes", "desk.results.csv"]])
def test_other_commands(run_desk, connload, tmp_path, args):
    run_desk({})
    run = connload(*args, "--summary", "other.json", "--metrics", "other.prom", "--log", "other.log", "--report", "other.html")
    assert run.rc in (0, 1), run.err
    summary = json.loads((tmp_path / "other.json").read_text())
    assert summary["command"] == args[0] and summary["exit_code"] == run.rc
    metrics = read_metrics((tmp_path / "other.prom").read_text())
    assert pick(metrics, "connload_run_success", command=args[0]) == (run.rc == 0)
    assert all(json.loads(line)["event"] for line in (tmp_path / "other.log").read_text().splitlines())
    assert "</html>" in (tmp_path / "other.html").read_text()


def test_stopped(run_desk, tmp_path):
    _, run = run_desk({"400-before": 100}, "--max-attempts", "1", "--max-failures", "5")
    assert run.rc == 4, run.err
    summary = json.loads((tmp_path / "run.json").read_text())
    assert summary["stop"]["reason"] == "max_failures" and "--max-failures" in summary["stop"]["message"]
    assert pick(read_metrics((tmp_path / "run.prom").read_text()), "connload_run_exit_code") == 4


FAILURES = {
    # what the sheet is, the options, the exit code, why
    "a workbook": (b"PK\x03\x04 and so on", [], 3, "input"),
    "no sheet": (None, [], 3, "input"),
    "a column is missing": (b"label\nA\n", [], 3, "input"),
    "a folder that is not there": (b"type,label\nemail,A\n", ["--log", "no/such/folder/log"], 5, "local_trouble"),
}


@pytest.mark.parametrize("command", ["check", "create", "undo"])
@pytest.mark.parametrize("failure", FAILURES)
def test_a_run_that_could_not_begin_is_told_of(connload, sandbox, tmp_path, command, failure):
    sheet, options, code, reason = FAILURES[failure]
    sandbox()
    if sheet is not None:
        (tmp_path / "desk.csv").write_bytes(sheet)
    for name in ("run.json", "run.prom", "run.html"):
        (tmp_path / name).write_text("of the night before\n")
    run = connload(command, "desk.csv", "--summary", "run.json", "--metrics", "run.prom", "--report", "run.html", *options)
    assert run.rc == code, run
    summary = json.loads((tmp_path / "run.json").read_text())
    assert (summary["exit_code"], summary["stop"]["reason"]) == (code, reason)
    assert f"connload: {summary['stop']['message']}\n" in run.err
    metrics = read_metrics((tmp_path / "run.prom").read_text())
    assert pick(metrics, "connload_run_success", command=command, input="desk.csv") == 0
    assert pick(metrics, "connload_run_exit_code") == code
    assert summary["results"] is None
    assert html.escape(summary["stop"]["message"])[:30] in (tmp_path / "run.html").read_text()


def test_wrong_usage_leaves_them_as_they_were(connload, desk, tmp_path):
    desk(1)
    for name in ("run.json", "run.prom"):
        (tmp_path / name).write_text("of the night before\n")
    (tmp_path / "desk.results.csv").write_text("in the way\n")
    for wrong in (["--rate", "fast"], []):  # the second: results are there
        assert connload("create", "desk.csv", "--summary", "run.json", "--metrics", "run.prom", *wrong).rc == 2
    assert {(tmp_path / name).read_text() for name in ("run.json", "run.prom")} == {"of the night before\n"}


def test_no_descriptors_are_local_trouble_that_is_told_of(bin_dir, desk, tmp_path):
    desk(1)
    run = subprocess.run(["prlimit", "--nofile=25:25", bin_dir / "connload", "create", "desk.csv", "--summary", "run.json",
                          "--metrics", "run.prom"], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 5 and "open files" in run.stderr
    assert json.loads((tmp_path / "run.json").read_text())["stop"]["reason"] == "local_trouble"
    assert pick(read_metrics((tmp_path / "run.prom").read_text()), "connload_run_exit_code", input="desk.csv") == 5


@pytest.mark.parametrize("extra, code", [([], 0), (["-n"], 0)])
def test_an_undo_is_told_of_dry_or_not(connload, sandbox, desk, tmp_path, extra, code):
    sandbox()
    desk(2)
    assert connload("create", "desk.csv").rc == 0
    assert connload("undo", "--yes", "desk.results.csv", "--summary", "run.json", "--metrics", "run.prom", *extra).rc == code
    summary = json.loads((tmp_path / "run.json").read_text())
    assert (summary["dry_run"], summary["exit_code"]) == (bool(extra), code)
    assert pick(read_metrics((tmp_path / "run.prom").read_text()), "connload_run_exit_code") == code


def test_modes(run_desk, tmp_path):
    """The collector must be able to read the metrics; the log is its owner's."""
    run_desk({})
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((tmp_path / "run.prom").stat().st_mode) == 0o666 & ~umask
    assert stat.S_IMODE((tmp_path / "run.log").stat().st_mode) == 0o600


def test_log_is_appended_to(connload, desk, tmp_path):
    desk(1)
    (tmp_path / "run.log").write_text('{"event":"earlier"}\n')
    assert connload("check", "desk.csv", "--log", "run.log").rc == 0
    events = [json.loads(line)["event"] for line in (tmp_path / "run.log").read_text().splitlines()]
    assert events[0] == "earlier" and events[-1] == "end"


def test_label_values_are_escaped(connload, write_csv, tmp_path):
    name = 'a "desk"\\\n.csv'
    write_csv(name, HEADER, [["email", "A", "a@example.com"]])
    assert connload("check", name, "--metrics", "run.prom").rc == 0
    assert pick(read_metrics((tmp_path / "run.prom").read_text()), "connload_run_success", input=name) == 1


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool(run_desk, tmp_path):
    run_desk({"503-before": 20})
    checked = subprocess.run(["promtool", "check", "metrics"], input=(tmp_path / "run.prom").read_bytes(), capture_output=True)
    assert checked.returncode == 0 and checked.stdout + checked.stderr == b""


@pytest.mark.parametrize("option", ["--log", "--summary", "--metrics", "--report"])
def test_unwritable_before_anything_is_sent(connload, sandbox, desk, option):
    box = sandbox("--rate", "none")
    desk(1)
    run = connload("create", "desk.csv", option, "no/such/folder/file")
    assert run.rc == 5
    assert "no/such/folder/file" in run.err
    assert box.requests() == []


@pytest.mark.parametrize("option", ["--log", "--summary", "--metrics", "--report"])
def test_full_disk(connload, desk, option):
    desk(1)
    run = connload("check", "desk.csv", option, "/dev/full")
    assert run.rc == 5
    assert "/dev/full" in run.err and "No space left" in run.err


@pytest.mark.slow_asan
def test_a_clock_that_is_set_back_makes_no_run_shorter(connload, desk, tmp_path):
    """Durations are the monotonic clock's."""
    desk(3)
    run = connload("check", "desk.csv", "--summary", "summary", "--metrics", "metrics", "--report", "report",
                   env={"LD_PRELOAD": ROOT / "build/interpose/stepping.so"})
    summary = json.loads((tmp_path / "summary").read_text())
    assert summary["ended"] < summary["started"], "the clock was not set back"
    assert 0 <= summary["duration_ms"] < 60000
    seconds = pick(read_metrics((tmp_path / "metrics").read_text()), "connload_run_duration_seconds")
    assert 0 <= seconds < 60
    assert re.match(r"3 rows in [\d.]+m?s:", run.err), run
    assert re.search(r"<dt>time</dt><dd>[\d.]+m?s</dd>", (tmp_path / "report").read_text())

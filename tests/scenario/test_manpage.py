"""src/connload.1 against the program: options, codes, statuses, and every member that a report file has."""

import json
import re
import shutil
import subprocess
import uuid

import pytest

from conftest import ROOT

PAGE = ROOT / "src/connload.1"
COMMANDS = ["check", "create", "update", "undo", "list", "status"]
HELP_OPTION = re.compile(r"^  (?:-(\w),|   ) --([\w-]+)(?: (\S+))?(?:  +(.*))?$")
PAGE_OPTION = re.compile(r"^\.It (?:Fl (\w) , )?Fl -([\w-]+)(?: Ar (\S+))?$")


def section(name):
    """The lines of one section of the page."""
    lines = PAGE.read_text().splitlines()
    start = lines.index(f".Sh {name}") + 1
    end = next((i for i in range(start, len(lines)) if lines[i].startswith(".Sh ")), len(lines))
    return lines[start:end]


def page_options():
    """{option: (letter, argument, group, text)} of the page, in its order."""
    options, group, name = {}, None, None
    for line in section("OPTIONS"):
        found = PAGE_OPTION.match(line)
        if line.startswith(".Ss "):
            group, name = line[4:], None
        elif found:
            name = found.group(2)
            assert name not in options, f"--{name} is there twice"
            options[name] = [found.group(1), found.group(3), group, ""]
        elif name:
            options[name][3] += line + "\n"
    return options


def help_options(text):
    """{option: [letter, argument, group, help]} of a --help, in its order."""
    options, group, name = {}, None, None
    for line in text.splitlines():
        found = HELP_OPTION.match(line)
        if found:
            name = found.group(2)
            options[name] = [found.group(1), found.group(3), group, found.group(4) or ""]
        elif re.match(r"^[A-Z][^:]*$", line):
            group, name = line, None
        elif name and line.startswith(" " * 30):
            options[name][3] += line.strip()
    return options


def words(name):
    return set(re.findall(r"[\w]+", "\n".join(section(name))))


def test_the_page_is_clean():
    done = subprocess.run(["mandoc", "-Tlint", "-W", "warning", PAGE], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_page_has_the_options_of_the_help_in_its_order(connload):
    page, shown = page_options(), help_options(connload("--help").out)
    assert list(page) == list(shown)
    for name, (letter, argument, group, _) in shown.items():
        assert page[name][:3] == [letter, argument, group], name


@pytest.mark.parametrize("command", COMMANDS)
def test_no_command_has_an_option_that_the_page_lacks(connload, command):
    page = page_options()
    for name, (letter, argument, group, _) in help_options(connload(command, "--help").out).items():
        assert page[name][:3] == [letter, argument, group], name


def test_the_page_has_the_defaults_of_the_help(connload):
    page, checked = page_options(), 0
    for name, (_, _, _, text) in help_options(connload("--help").out).items():
        default = re.search(r"\((\d\S*)\)$", text)
        if default:
            assert default.group(1) in page[name][3], f"--{name} {default.group(1)}"
            checked += 1
    assert checked >= 8


def test_the_page_names_every_code_of_the_checks():
    codes = re.findall(r'\[CHECK_\w+\] = "(\w+)"', (ROOT / "src/model/check.c").read_text())
    assert len(codes) == 16
    named = [line.split()[-1] for line in section("DESCRIPTION") if re.match(r"^\.It Li [a-z_]+$", line)]
    assert named == codes


def test_the_page_names_every_status_and_column():
    text = (ROOT / "src/model/outcome.c").read_text()
    statuses = re.findall(r'\[STATUS_\w+\] = "(\w+)"', text)
    columns = re.findall(r'\[RESULT_\w+\] = "(\w+)"', text)
    assert (len(statuses), len(columns)) == (9, 8)
    lines = section("DESCRIPTION")
    assert [line.split()[-1] for line in lines if re.match(r"^\.It Cm [a-z_]+$", line)][-9:] == statuses
    start = lines.index(".It Va status")
    assert [line.split()[-1] for line in lines[start:] if re.match(r"^\.It Va [a-z_]+$", line)] == columns


def test_the_page_names_every_code_for_an_answer_that_is_lost():
    text = (ROOT / "src/net/transport_error.c").read_text()
    codes = set(re.findall(r'\[TRANSPORT_ERROR_\w+\] = \{(?:\.code = )?"(\w+)"', text))
    assert "connection_lost" in codes
    assert codes <= words("DESCRIPTION")


@pytest.fixture
def reports(sandbox, connload, desk, tmp_path):
    """A run with a row of each kind of end, and what it wrote: (log lines, summary, metrics)."""
    box = sandbox(faults={"drop-after": "100:1"})
    with open(desk(3), "a") as sheet:
        sheet.write("email,No address,\n")
    run = connload("create", "desk.csv", "--log", "run.jsonl", "--summary", "run.json", "--metrics", "run.prom",
                   "--settle", "10ms", "--concurrency", "1")
    assert run.rc == 1, run.err
    results = (tmp_path / "desk.results.csv").read_text()
    first = re.search(r"created,([0-9a-f-]{36}),", results).group(1)
    (tmp_path / "fewer.results.csv").write_text(results.replace(first, str(uuid.uuid4())))
    desk(2, "fewer.csv")
    night = connload("create", "fewer.csv", "--skip-existing", "--log", "run.jsonl", "--settle", "10ms")
    assert night.rc == 0, night.err
    box.faults({"503-before": "100:3"})
    away = connload("create", desk(3, "away.csv"), "--again", "--log", "run.jsonl", "--settle", "10ms", "--concurrency", "1")
    assert away.rc == 0, away.err
    (tmp_path / "desk.results.csv").write_text(results.replace("Desk 0", "Desk 0!", 1))
    updated = connload("update", "desk.results.csv", "--log", "run.jsonl", "--settle", "1s")
    assert updated.rc == 0, updated.err
    undone = connload("undo", "--yes", "desk.results.csv", "--log", "run.jsonl")
    assert undone.rc == 0, undone.err
    return ([json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()],
            json.loads((tmp_path / "run.json").read_text()), (tmp_path / "run.prom").read_text())


def members(value):
    """The names of all members, at any depth; those that are data (HTTP statuses) left out."""
    if isinstance(value, dict):
        return {name for name in value if not name.isdigit()}.union(*map(members, value.values()))
    return set().union(*map(members, value)) if isinstance(value, list) else set()


def test_the_page_names_every_member_of_the_log(reports):
    lines = reports[0]
    entries, event = {}, None
    for line in section("LOG"):
        if line.startswith(".It Li "):
            event = line[7:]
            entries[event] = set()
        elif event and line.startswith(".Va "):
            entries[event].add(line.split()[1])
    assert {line["event"] for line in lines} == set(entries)
    for line in lines:
        assert set(line) - {"time", "event"} <= entries[line["event"]], line


def test_the_page_names_every_member_of_the_summary(reports):
    assert members(reports[1]) - words("SUMMARY") - words("DESCRIPTION") == set()
    top = [name for line in section("SUMMARY") if line.startswith(".It Va ") for name in line[7:].split(" , ")]
    assert sorted(top) == sorted(reports[1])


def test_the_page_names_every_reason_to_stop():
    reasons = re.findall(r'\[STOP_\w+\] = "(\w+)"', (ROOT / "src/api/stop.c").read_text())
    lines = section("SUMMARY")
    start = lines.index(".It Va stop")
    end = next(i for i in range(start + 1, len(lines)) if lines[i].startswith(".It "))
    assert len(reasons) > 5
    assert [line.split()[1] for line in lines[start:end] if line.startswith(".Li ")] == reasons


def test_the_page_names_every_metric(reports, connload, tmp_path):
    connload("status", "desk.results.csv", "--metrics", "status.prom")
    written = reports[2] + (tmp_path / "status.prom").read_text()
    names = set(re.findall(r"^# TYPE (\w+)", written, re.M))
    listed = {name for line in section("METRICS") if line.startswith(".It Li ")
              for name in re.findall(r"connload_\w+", line)}
    assert names == listed


def examples(name):
    """The literal blocks of a section, as a reader sees them."""
    blocks = re.findall(r"^\.Bd [^\n]*\n(.*?)\n\.Ed$", "\n".join(section(name)), re.M | re.S)
    return [block.replace("\\e", "\\") for block in blocks]


@pytest.mark.parametrize("name, file", [("LOG", "run.jsonl"), ("SUMMARY", "run.json"), ("METRICS", "run.prom"),
                                        ("REPORT", "run.json")])
def test_the_jq_examples_work(reports, tmp_path, name, file):
    if not shutil.which("jq"):
        pytest.skip("jq is not installed")
    command = examples(name)[0]
    assert file in command or name == "METRICS"
    (tmp_path / "connload.prom").write_text(reports[2])
    done = subprocess.run(["bash", "-c", "set -o pipefail; " + command], cwd=tmp_path, capture_output=True, text=True)
    if name == "SUMMARY":
        assert done.stdout == "desk.results.csv: FAILED\n"  # the undo has rewritten what the run wrote
        return
    assert done.returncode == 0, done.stderr
    assert {"LOG": "latency_ms", "METRICS": '"name"', "REPORT": "missing_allowed_emails"}[name] in done.stdout


def test_the_examples_use_options_of_their_commands(connload):
    lines = "\n".join(examples("EXAMPLES")).replace("\\\n", " ").splitlines()
    used = [(command, option) for line in lines for command, rest in re.findall(r"connload (\w+) ([^|]*)", line)
            for option in re.findall(r"--([\w-]+)", rest)]
    assert len(used) > 5
    for command, option in used:
        assert option in help_options(connload(command, "--help").out), f"{command} --{option}"


def test_what_the_sandbox_takes_as_json_is_shown_as_json():
    """mdoc takes quotes at a word's ends for its own."""
    done = subprocess.run(["mandoc", "-Tutf8", ROOT / "src/connload-sandbox.1"], capture_output=True, text=True)
    text = re.sub(r"\s+", " ", re.sub(r".\x08", "", done.stdout))
    for order in ({"drop-after": 50, "list:slow": "100:1"}, {"rate": "50/3s"}):
        assert json.dumps(order) in text


def test_the_verdicts_in_the_log_are_the_events_own(connload, sandbox, desk, tmp_path):
    sandbox()
    desk(1)
    assert connload("create", "desk.csv", "--log", "log").rc == 0
    assert connload("undo", "--yes", "desk.results.csv", "--log", "log").rc == 0
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert {line["event"]: line["verdict"] for line in lines if "verdict" in line} == {
        "list": "ok", "attempt": "created", "archive": "archived"}

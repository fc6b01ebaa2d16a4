"""The command line: what it offers, what it refuses, and that it is the contract's."""

import os
import re
import subprocess

import pytest

from conftest import ROOT, clean_env
from hostile import is_harmless

# Every option that users may rely on, and the commands that take it.
SHEET, NET, ALL = {"check", "create"}, {"create", "update", "undo", "list", "status"}, {"check", "create", "update", "undo", "list", "status"}
OPTIONS = {
    "--output": {"create", "list"}, "--quiet": ALL, "--verbose": ALL, "--dry-run": {"create", "update"}, "--help": ALL,
    "--version": ALL, "--delimiter": SHEET, "--map": SHEET, "--default": SHEET, "--allow-duplicates": SHEET,
    "--force": {"create"}, "--skip-existing": {"create"}, "--again": {"create", "update"}, "--redact": {"create"}, "--concurrency": {"create", "undo"},
    "--http2": NET, "--rate": NET, "--max-attempts": NET, "--retry-base": NET, "--retry-cap": NET,
    "--settle": {"create"}, "--strict": {"create"}, "--limit": {"create"}, "--max-failures": {"create"},
    "--no-preflight": {"create"}, "--grace": {"create", "undo"}, "--timeout": NET, "--connect-timeout": NET,
    "--deadline": NET, "--cacert": NET, "--proxy": NET, "--api-key-file": NET, "--base-url": NET,
    "--secret-refs": SHEET, "--yes": {"undo"}, "--log": ALL, "--summary": ALL, "--metrics": ALL, "--report": ALL,
}
SHORT = {"-o": "--output", "-q": "--quiet", "-v": "--verbose", "-n": "--dry-run", "-h": "--help"}


def options_of(text):
    """{long: short or None} as --help shows them."""
    found = re.findall(r"^  (?:(-\w),|   ) (--[a-z0-9-]+)", text, re.M)
    return {long: short or None for short, long in found}


def test_help_has_the_contracts_options(connload):
    run = connload("--help")
    assert (run.rc, run.err) == (0, "")
    shown = options_of(run.out)
    assert set(OPTIONS) <= set(shown)
    assert {short: long for long, short in shown.items() if short} == SHORT
    for command in ALL:
        assert re.search(rf"^  connload {command}\b", run.out, re.M)


@pytest.mark.parametrize("command", sorted(ALL))
def test_help_of_a_command_shows_what_goes_with_it(connload, command):
    run = connload(command, "--help")
    assert (run.rc, run.err) == (0, "")
    shown = set(options_of(run.out))
    assert {option for option, commands in OPTIONS.items() if command in commands} <= shown
    assert connload("-h", command).out == run.out


def test_help_is_short_grouped_and_has_an_example(connload):
    text = connload("--help").out
    assert len(text.splitlines()) < 80 and max(map(len, text.splitlines())) <= 120
    assert [line for line in text.splitlines() if re.match(r"[A-Z]", line)][:3] == ["Input", "Results",
                                                                                "Which rows, and when to stop"]
    assert re.search(r"^Example: +connload check desk.csv", text, re.M)
    assert "Exit codes: 0 all done" in text


def test_version_names_the_libraries(connload):
    run = connload("--version")
    version = re.search(r'CONNLOAD_VERSION "(.*)"', (ROOT / "src/base/version.h").read_text()).group(1)
    assert (run.rc, run.err) == (0, "")
    assert run.out.splitlines()[0] == f"connload {version}"
    for library in (r"libcurl/\d", r"OpenSSL/\d", r"zlib/\d", r"libcsv \d", r"cJSON \d"):
        assert re.search(library, run.out)


@pytest.mark.parametrize("args", [["create", "--help", "nowhere.csv"], ["--version", "create"], ["create", "-h", "-o"]])
def test_help_and_version_look_at_nothing_else(connload, args, tmp_path):
    run = connload(*args)
    # a missing argument is still a mistake
    assert run.rc == (2 if args[-1] == "-o" else 0)
    assert list(tmp_path.iterdir()) == []


def test_help_that_can_not_be_written_is_local_trouble(connload, bin_dir):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([bin_dir / "connload", "--help"], stdout=full, stderr=subprocess.PIPE, env=clean_env(),
                              check=False)
    assert done.returncode == 5
    assert done.stderr == b"connload: standard output can't be written\n"


@pytest.mark.parametrize("args, sentence", [
    ([], "connload needs a command: check, create, update, undo, list or status; see connload --help"),
    (["chek", "desk.csv"], 'there is no command "chek"; the commands are check, create, update, undo, list and status; did you mean check?'),
    (["check"], "`connload check` needs the sheet (- is standard input) to work on; see connload --help"),
    (["undo"], "`connload undo` needs the result file to work on; see connload --help"),
    (["check", "a.csv", "b.csv"], '`connload check` takes one file; "b.csv" is one argument too many'),
    (["list", "a.csv"], '`connload list` takes no file; "a.csv" is one argument too many'),
    (["create", "--concurency", "3", "a.csv"], "there is no option --concurency; did you mean --concurrency?"),
    (["create", "--frobnicate", "a.csv"], "there is no option --frobnicate; see connload --help"),
    (["create", "--api-key", "k3y", "a.csv"], "there is no option --api-key; did you mean --api-key-file?"),
    (["create", "--dry", "a.csv"], "there is no option --dry; did you mean --dry-run?"),
    (["create", "--out=x", "a.csv"], "there is no option --out; did you mean --output?"),
    (["create", "--fault", "x", "a.csv"], "there is no option --fault; see connload --help"),
    (["create", "--re", "a.csv"], "there is no option --re; did you mean --redact?"),
    (["create", "-z", "a.csv"], "there is no option -z; see connload --help"),
    (["create", "a.csv", "-o"], "-o needs an argument; see connload --help"),
    (["create", "a.csv", "--rate"], "--rate needs an argument; see connload --help"),
    (["create", "--quiet=yes", "a.csv"], "--quiet takes no argument"),
    (["check", "-q", "-v", "a.csv"], "--quiet and --verbose exclude each other"),
    (["check", "--strict", "a.csv"], "--strict does not go with `connload check`"),
    (["check", "-n", "a.csv"], "--dry-run does not go with `connload check`"),
    (["create", "--yes", "a.csv"], "--yes does not go with `connload create`"),
    (["undo", "--skip-existing", "a.csv"], "--skip-existing does not go with `connload undo`"),
    (["create", "--concurrency", "0", "a.csv"], '--concurrency "0": needs a whole number from 1 to 1000'),
    (["create", "--concurrency", "4x", "a.csv"], '--concurrency "4x": needs a whole number from 1 to 1000'),
    (["create", "--limit", "-1", "a.csv"], '--limit "-1": needs a whole number from 1 to 4294967295'),
    (["create", "--max-attempts", "0", "a.csv"], '--max-attempts "0": needs a whole number from 1 to 100'),
    (["create", "--max-failures", "0", "a.csv"],
     '--max-failures "0": needs a number of rows, or a percentage above 0, like 10 or 2.5%'),
    (["create", "--max-failures", "101%", "a.csv"],
     '--max-failures "101%": needs a number of rows, or a percentage above 0, like 10 or 2.5%'),
    (["create", "--rate", "500", "a.csv"], '--rate "500": needs a rate, like 500/m, 20/s, 50/3s, or none'),
    (["create", "--rate", "0/m", "a.csv"], '--rate "0/m": needs a rate, like 500/m, 20/s, 50/3s, or none'),
    (["create", "--rate", "5/0s", "a.csv"], '--rate "5/0s": needs a rate, like 500/m, 20/s, 50/3s, or none'),
    (["create", "--timeout", "30", "a.csv"], '--timeout "30": needs a duration, like 250ms, 30s, 5m or 2h'),
    (["create", "--timeout", "0s", "a.csv"], '--timeout "0s": must be more than nothing'),
    (["create", "--retry-base", "-1s", "a.csv"], '--retry-base "-1s": needs a duration, like 250ms, 30s, 5m or 2h'),
    (["create", "-", "-o", "x", "--api-key-file", "-"],
     "INPUT and --api-key-file can't both be standard input; name a file for one of them"),
    (["create", "--retry-base", "5s", "--retry-cap", "1s", "a.csv"], "--retry-cap is below --retry-base"),
    (["create", "--skip-existing", "--again", "a.csv"], "--again creates what --skip-existing leaves out; give one of them"),
    (["create", "--skip-existing", "--no-preflight", "a.csv"],
     "--skip-existing needs the list that --no-preflight leaves out"),
    (["check", "--delimiter", "||", "a.csv"],
     '--delimiter "||": needs one ASCII character, or comma, semicolon or tab; not a quote or a line end'),
    (["check", "--delimiter", '"', "a.csv"],
     '--delimiter """: needs one ASCII character, or comma, semicolon or tab; not a quote or a line end'),
    (["check", "--map", "label", "a.csv"], '--map "label": needs FIELD=COLUMN'),
    (["check", "--map", "lable=Desk", "a.csv"], '--map "lable=Desk": there is no such field; did you mean label?'),
    (["check", "--map", "label=", "a.csv"], '--map "label=": the column\'s name is missing'),
    (["check", "--map", "label=A", "--map", "Label=B", "a.csv"], '--map "Label=B": the field is mapped twice'),
    (["check", "--default", "type", "a.csv"], '--default "type": needs FIELD=VALUE'),
    (["check", "--default", "type=emial", "a.csv"],
     '--default "type=emial": not a type (email, investment_research or sharepoint), did you mean email?'),
    (["check", "--default", "user_password=hunter2", "a.csv"],
     "--default user_password=…: a secret does not belong on the command line; use --secret-refs and env:NAME or file:PATH"),
    (["check", "--default", "session_id=env:SESSION", "a.csv"], "--default session_id=env:SESSION needs --secret-refs"),
])
def test_bad_usage_is_one_sentence_and_exit_2(connload, tmp_path, args, sentence):
    run = connload(*args)
    assert (run.rc, run.out) == (2, "")
    assert run.err == f"connload: {sentence}\n"
    assert list(tmp_path.iterdir()) == []


EVIL = "\x1b]0;owned\x07\u202e\x9b2J\n\udcff"  # a terminal's escapes, and a byte that is no character
SHOWN = "\\x1B]0;owned\\x07\\u{202E}\\x9B2J\\n\\xFF"


@pytest.mark.parametrize("args, part", [
    ([EVIL], f'there is no command "{SHOWN}"'),
    (["create", "--" + EVIL, "a.csv"], f"there is no option --{SHOWN}"),
    (["create", "-\x1b", "a.csv"], "there is no option -\\x1B"),
    (["create", "a.csv", EVIL], f'"{SHOWN}" is one argument too many'),
    (["create", "--rate", EVIL, "a.csv"], f'--rate "{SHOWN}"'),
    (["--completion", EVIL], f'not for "{SHOWN}"'),
    (["create", "a.csv", "ü" * 100], '"' + "ü" * 30 + '" is one argument too many'),
    (["create", "a.csv", "x" + "ü" * 100], '"x' + "ü" * 29 + '" is one argument too many'),
], ids=["command", "option", "letter", "argument", "value", "completion", "long", "long-and-odd"])
def test_what_stands_on_the_command_line_is_shown_harmlessly(connload, args, part):
    run = connload(*args)
    assert (run.rc, run.out) == (2, "") and part in run.err and run.err.count("\n") == 1
    assert is_harmless(run.err_bytes)


@pytest.mark.parametrize("env, sentence", [
    ({"BIGDATA_API_KEY": None}, "no API key; set BIGDATA_API_KEY, or name a file that holds it with --api-key-file FILE"),
    ({"BIGDATA_API_KEY": ""}, "no API key; set BIGDATA_API_KEY, or name a file that holds it with --api-key-file FILE"),
    ({"BIGDATA_API_KEY": "two words"}, "BIGDATA_API_KEY does not hold an API key: it needs one line of visible characters"),
    ({"BIGDATA_API_KEY": "a\r\nX-Evil: 1"},
     "BIGDATA_API_KEY does not hold an API key: it needs one line of visible characters"),
    ({"BIGDATA_RATE_LIMIT_PER_MINUTE": "many"},
     "BIGDATA_RATE_LIMIT_PER_MINUTE is not a whole number of requests from 1 to 10000000; correct it, or give --rate"),
    ({"BIGDATA_RATE_LIMIT_PER_MINUTE": "20", "BIGDATA_RATE_LIMIT_SAFETY_MARGIN": "20"},
     "BIGDATA_RATE_LIMIT_SAFETY_MARGIN leaves nothing of BIGDATA_RATE_LIMIT_PER_MINUTE; correct one, or give --rate"),
    ({"BIGDATA_RATE_LIMIT_PER_MINUTE": "20", "BIGDATA_RATE_LIMIT_SAFETY_MARGIN": "some"},
     "BIGDATA_RATE_LIMIT_SAFETY_MARGIN is not a whole number of requests from 0 to 10000000; correct it, or give --rate"),
    ({"BIGDATA_RATE_LIMIT_PER_MINUTE": "0"},
     "BIGDATA_RATE_LIMIT_PER_MINUTE is not a whole number of requests from 1 to 10000000; correct it, or give --rate"),
])
def test_a_bad_environment_is_bad_usage(connload, raw_server, desk, env, sentence):
    server = raw_server()
    desk(1)
    run = connload("create", "desk.csv", env=env)
    assert (run.rc, run.err) == (2, f"connload: {sentence}\n")
    assert server.exchanges == [] and server.received == []


def test_the_environments_rate_is_read_where_it_counts(connload, sandbox, desk):
    sandbox()
    desk(1)
    env = {"BIGDATA_RATE_LIMIT_PER_MINUTE": "many"}
    assert connload("check", "desk.csv", env=env).rc == 0
    assert connload("create", "desk.csv", "--rate", "5/s", env=env).rc == 0
    assert connload("list", env=env).rc == 2


@pytest.mark.parametrize("options", [["--retry-cap", "100ms"], ["--retry-base", "90s"], ["--retry-cap", "0s"]])
def test_a_backoffs_default_gives_way(connload, sandbox, desk, options):
    sandbox()
    desk(1)
    assert connload("create", "desk.csv", "--rate", "none", *options).rc == 0


def test_options_may_stand_anywhere(connload, sandbox, desk, read_csv):
    sandbox()
    desk(1)
    run = connload("create", "desk.csv", "-q", "--rate=none", "-oout.csv")
    assert run.rc == 0, run.err
    assert read_csv("out.csv")[0]["status"] == "created"


def test_a_file_that_begins_with_a_dash(connload, write_csv):
    write_csv("-x.csv", ["type", "label", "allowed_emails"], [["email", "A", "a@example.com"]])
    assert connload("check", "--", "-x.csv").rc == 0
    assert connload("check", "./-x.csv").rc == 0


def test_the_manual_has_every_option(connload):
    """Both ways: what --help shows stands in the man page with the same argument, and the page invents none."""
    page = ROOT / "src/connload.1"
    if not page.exists():
        pytest.skip("the man page is not written yet")
    manual = set(re.findall(r"^\.It .*?Fl -([a-z0-9-]+)", page.read_text(), re.M))
    shown = {name[2:] for name in options_of(connload("--help").out)}
    assert shown <= manual
    assert manual - {"completion"} <= shown


@pytest.mark.parametrize("shell, check", [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])])
def test_completions_are_of_the_shells_syntax(connload, tmp_path, shell, check):
    run = connload("--completion", shell)
    assert (run.rc, run.err) == (0, "")
    missing = [name for name, commands in OPTIONS.items()
               if f"{name}" not in run.out and f"-l {name[2:]}" not in run.out]
    assert missing == []
    if not any(os.access(f"{folder}/{check[0]}", os.X_OK) for folder in os.environ["PATH"].split(":")):
        pytest.skip(f"no {shell} here")
    script = tmp_path / "completion"
    script.write_text(run.out)
    assert subprocess.run([*check, script], capture_output=True, check=False).returncode == 0


def test_no_completions_for_other_shells(connload):
    run = connload("--completion", "csh")
    assert (run.rc, run.err) == (2, 'connload: there are completions for bash, zsh and fish, not for "csh"\n')

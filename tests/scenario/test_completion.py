"""What --completion prints: it names every option, the shells take it, and bash completes with it."""

import re
import shutil
import subprocess

import pytest

COMMANDS = ["check", "create", "update", "undo", "list", "status"]


def options_of(connload, command):
    """The long options that a command's help names."""
    return set(re.findall(r"^  (?:-\w,|   ) --([\w-]+)", connload(command, "--help").out, re.M))


@pytest.fixture
def script(connload, tmp_path):
    """script(shell) writes the completions for it and gives the path."""
    def write(shell):
        run = connload("--completion", shell)
        assert run.rc == 0 and run.out, run.err
        path = tmp_path / f"completion.{shell}"
        path.write_bytes(run.out_bytes)
        return path

    return write


@pytest.fixture
def complete(script, tmp_path):
    """complete(*words): what bash offers for the last of the words."""
    path = script("bash")

    def offers(*words):
        done = subprocess.run(
            ["bash", "--norc", "-c",
             'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
             '"$(complete -p connload | sed "s/.*-F \\([^ ]*\\).*/\\1/")"; printf "%s\\n" "${COMPREPLY[@]}"',
             "bash", path, "connload", *words],
            cwd=tmp_path, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        return [line for line in done.stdout.split("\n") if line]

    return offers


def test_bash_offers_the_commands(complete):
    assert complete("") == COMMANDS
    assert complete("cr") == ["create"]


@pytest.mark.parametrize("command", COMMANDS)
def test_bash_offers_every_option_of_a_command(connload, complete, command):
    offered = complete(command, "--")
    assert len(offered) == len(set(offered))
    assert {word.lstrip("-") for word in offered} == options_of(connload, command)


def test_bash_offers_options_by_their_beginning_and_after_others(complete):
    assert complete("create", "--skip-existing", "--max-") == ["--max-failures", "--max-attempts", "--max-outage"]
    assert complete("--he") == ["--help"]
    assert complete("list", "--yes") == []


def test_bash_offers_files(complete, tmp_path):
    (tmp_path / "two words.csv").touch()
    (tmp_path / "desk.csv").touch()
    assert complete("create", "de") == ["desk.csv"]
    assert complete("create", "two") == ["two words.csv"]
    assert complete("create", "--output", "de") == ["desk.csv"]
    assert complete("list", "-o", "de") == ["desk.csv"]


def test_bash_offers_what_follows_an_equals_sign(complete, tmp_path):
    """bash makes three words of --output=de."""
    (tmp_path / "desk.csv").touch()
    assert complete("create", "--output", "=", "de") == ["desk.csv"]
    assert "desk.csv" in complete("create", "--output", "=")
    assert complete("create", "--map", "=", "la") == ["label="]
    assert complete("create", "--map", "label", "=", "de") == []


def test_bash_offers_files_for_files_alone(complete, tmp_path):
    (tmp_path / "desk.csv").touch()
    for option in ("--rate", "--limit", "--base-url"):
        assert complete("create", option, "de") == []
    assert complete("create", "--map", "user") == ["user_id=", "user_password="]
    assert complete("check", "--default", "ty") == ["type="]
    assert complete("check", "--delimiter", "") == ["comma", "semicolon", "tab"]


def test_zsh_knows_the_short_options(connload):
    text = connload("--completion", "zsh").out
    part = re.search(r"^        create\)\n(.*?);;", text, re.M | re.S).group(1)
    for letter, name in ("o", "output"), ("q", "quiet"), ("v", "verbose"), ("n", "dry-run"), ("h", "help"):
        assert f"'(-{letter} --{name})'{{-{letter},--{name}}}'[" in part
    assert ":FIELD=COLUMN:compadd -S = - type label" in part and ":_files'" in part


@pytest.mark.parametrize("command", COMMANDS)
def test_zsh_names_every_option_of_a_command(connload, command):
    text = connload("--completion", "zsh").out
    part = re.search(rf"^        {command}\)\n(.*?);;", text, re.M | re.S).group(1)
    named = set(re.findall(r"'\*?(?:\([^)]*\))?--([\w-]+)\[", part)) | set(re.findall(r"\{-\w,--([\w-]+)\}", part))
    assert named == options_of(connload, command)


@pytest.mark.parametrize("command", COMMANDS)
def test_fish_names_every_option_of_a_command(connload, command):
    named = set()
    for line in connload("--completion", "fish").out.splitlines():
        seen = re.match(r"complete -c connload -n '__fish_seen_subcommand_from ([^']*)' -l ([\w-]+)", line)
        if seen and command in seen.group(1).split():
            named.add(seen.group(2))
    assert named == options_of(connload, command)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_itself_takes_its_completions(script, shell):
    path = script(shell)
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    assert subprocess.run([shell, "-n", path], capture_output=True, text=True).stderr == ""


def test_another_shell_is_refused(connload):
    run = connload("--completion", "tcsh")
    assert (run.rc, run.out) == (2, "")
    assert "bash, zsh and fish" in run.err

"""Result files as spreadsheets and people hand them back, and paths that are no plain files."""

import csv
import fcntl
import io
import json
import os
import re
import signal
import stat
import sys
import termios
from pathlib import Path

import pytest

from conftest import KEY, Process, api_answer, clean_env
from hostile import is_harmless
from once import QUICK

RESULT = ["status", "connector_id", "inbox_email", "http_status", "error_code", "error_message", "attempts", "created_at"]
COLUMNS = ["Desk", "type", "label", "allowed_emails", "share_with_org", "user_id", "user_password"]
ROWS = [["x", "email", "A", "a@example.com", "TRUE", "", ""], ["x", "email", "B", "b@", "", "", ""],
        ["y", "investment_research", "C", "", "", "nq", "hunter2"], ["y", "email", "D", "d@example.com", "", "", ""],
        ["z", "email", "E", "e@example.com; f@example.com", "no", "", ""]]
AT = {name: at for at, name in enumerate(COLUMNS + RESULT)}


def parse(data, delimiter=","):
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), delimiter=delimiter))


def save(rows, delimiter=",", eol="\n", quoting=csv.QUOTE_MINIMAL):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=eol, quoting=quoting).writerows(rows)
    return out.getvalue().encode()


def on_rows(change):
    """An edit of a result file's rows, its header among them."""
    return lambda data: save(change(parse(data)))


def put(column, cell, row=1):
    """A cell of a row (1 is A, created) changed; None: of every row."""
    def change(rows):
        for at in [row] if row else range(1, len(rows)):
            rows[at][AT[column]] = cell(rows[at][AT[column]]) if callable(cell) else cell
        return rows

    return on_rows(change)


def columns(order):
    return on_rows(lambda rows: [[row[AT[name]] for name in order] for row in rows])


def swapped(names, one, other):
    names = list(names)
    at, to = names.index(one), names.index(other)
    names[at], names[to] = names[to], names[at]
    return names


# What a spreadsheet does without being asked, or a tidy colleague: the run goes on as if nothing had happened.
HARMLESS = {
    "untouched": lambda data: data,
    "sorted": on_rows(lambda rows: [rows[0], *sorted(rows[1:], key=lambda row: row[AT["label"]], reverse=True)]),
    "sorted-by-status": on_rows(lambda rows: [rows[0], *sorted(rows[1:], key=lambda row: row[AT["status"]])]),
    "input-columns-moved": columns(COLUMNS[::-1] + RESULT),
    "input-column-added": on_rows(lambda rows: [[*row[:3], "note" if at == 0 else "=1+1", *row[3:]] for at, row in enumerate(rows)]),
    "other-column-removed": columns(COLUMNS[1:] + RESULT),
    "a-created-row-deleted": on_rows(lambda rows: rows[:1] + rows[2:]),
    "a-created-row-twice": on_rows(lambda rows: rows + [rows[1]]),
    "two-files-in-one": lambda data: data + data.split(b"\n", 1)[0] + b"\n",
    "all-quoted": lambda data: save(parse(data), quoting=csv.QUOTE_ALL),
    "semicolons": lambda data: save(parse(data), delimiter=";"),
    "tabs": lambda data: save(parse(data), delimiter="\t"),
    "crlf": lambda data: save(parse(data), eol="\r\n"),
    "cr": lambda data: save(parse(data), eol="\r"),
    "bom": lambda data: b"\xef\xbb\xbf" + data,
    "utf-16": lambda data: data.decode().encode("utf-16"),
    "unicode-text": lambda data: save(parse(data), "\t", "\r\n").decode().encode("utf-16"),
    "sep-line": lambda data: b"sep=;\r\n" + save(parse(data), ";", "\r\n"),
    "blank-lines": lambda data: data.replace(b"\n", b"\n\n"),
    "empty-rows-below": lambda data: data + b"," * 14 + b"\n" + b"," * 14 + b"\n",
    "empty-cells-beside": on_rows(lambda rows: [rows[0]] + [row + ["", ""] for row in rows[1:]]),
    "empty-columns-beside": on_rows(lambda rows: [row + ["", "", ""] for row in rows]),
    "short-rows": on_rows(lambda rows: [rows[0]] + [row[:AT["error_code"] if row[AT["status"]] == "created" else None] for row in rows[1:]]),
    "blanks-around": on_rows(lambda rows: [rows[0]] + [row[:7] + [f" {cell} " if cell else "" for cell in row[7:]] for row in rows[1:]]),
    "blanks-around-names": on_rows(lambda rows: [[f" {cell} " for cell in rows[0]]] + rows[1:]),
    "id-in-upper-case": put("connector_id", str.upper),
    "id-as-a-number": put("connector_id", "1.9E+35"),
    "id-lost": put("connector_id", ""),
    "id-with-another's": on_rows(lambda rows: [rows[0], rows[1], rows[2], rows[3][:8] + [rows[1][8]] + rows[3][9:], *rows[4:]]),
    "status-in-capitals": put("status", str.upper, row=None),
    "status-with-blanks": put("status", lambda cell: f"\u00a0{cell} ", row=None),
    "times-as-dates": put("created_at", lambda cell: "24.11.2026 09:00" if cell else "", row=None),
    "numbers-as-numbers": put("http_status", lambda cell: "201,00" if cell else "", row=None),
    "attempts-gone": put("attempts", "", row=None),
    "inbox-as-link": put("inbox_email", lambda cell: f"mailto:{cell}" if cell else "", row=None),
    "booleans-translated-where-created": put("share_with_org", "WAHR"),
    "label-changed-where-created": put("label", "A, renamed"),
    "secret-put-back-where-created": put("user_password", "hunter2", row=3),
    "guards-gone": put("error_message", "=HYPERLINK(\"http://evil.example\")", row=3),
    "message-of-100-kib": put("error_message", "x" * 100000, row=3),
}


@pytest.fixture
def finished(connload, sandbox, write_csv, tmp_path):
    """A desk that was run: A, C, D, E created, B invalid. Gives the sandbox."""
    box = sandbox()
    write_csv("desk.csv", COLUMNS, ROWS)
    assert connload("create", "desk.csv", *QUICK).rc == 1
    (tmp_path / "desk.csv").unlink()
    return box


def mend(path):
    """Puts B's address right, whatever the file looks like by now."""
    data = path.read_bytes()
    encoding = "utf-16" if data[:2] == b"\xff\xfe" else "utf-8"
    text = data.decode(encoding)
    fixed = re.sub(r"(?<![\w.])b@(?!\w)", "b@example.com", text, count=1)
    assert fixed != text
    path.write_bytes(fixed.encode(encoding))


@pytest.mark.parametrize("name", HARMLESS)
def test_an_edited_result_file_goes_on_without_a_second_create(connload, finished, tmp_path, name):
    path = tmp_path / "desk.results.csv"
    path.write_bytes(HARMLESS[name](path.read_bytes()))
    mend(path)
    run = connload("create", "desk.results.csv", *QUICK)
    assert run.rc == 0, run
    assert is_harmless(run.err_bytes), run.err
    stats = finished.stats()
    assert stats["created"] == 5 and stats["duplicate_payloads"] == 0
    assert sorted(one["label"] for one in finished.connectors()) == ["A", "B", "C", "D", "E"]
    data = path.read_bytes()
    delimiter = ";" if b"sep=" in data or name == "semicolons" else "\t" if b"\t" in data.split(b"label")[1] else ","
    rows = [row for row in parse(data.removeprefix(b"sep=;\r\n"), delimiter) if row]
    header = [cell.strip() for cell in rows[0]]
    assert [cell for cell in header if cell][-8:] == RESULT
    status = header.index("status")
    assert {row[status].strip().lower() for row in rows[1:] if any(row)} == {"created"}
    assert all(row[status + 5][:1] not in ("=", "+", "-", "@") for row in rows[1:] if len(row) > status + 5)
    # and again: nothing is left to do
    before = path.read_bytes()
    assert connload("create", "desk.results.csv", *QUICK).rc == 0
    assert path.read_bytes() == before and finished.stats()["created"] == 5


# What can't be understood any more is refused whole: the sentence says where, and what to do; nothing is sent.
REFUSED = {
    "result-columns-first": (columns(RESULT + COLUMNS), "put its last eight columns back"),
    "result-columns-swapped": (columns(COLUMNS + swapped(RESULT, "status", "connector_id")), "put its last eight columns back"),
    "result-column-removed": (columns(COLUMNS + RESULT[:1] + RESULT[2:]), "put its last eight columns back"),
    "last-result-column-removed": (columns(COLUMNS + RESULT[:-1]), "put its last eight columns back"),
    "status-column-removed": (columns(COLUMNS + RESULT[1:]), "put its last eight columns back"),
    "all-but-the-id-removed": (columns([*COLUMNS, "connector_id"]), "put its last eight columns back"),
    "a-column-after-them": (on_rows(lambda rows: [row + ["note" if at == 0 else "x"] for at, row in enumerate(rows)]),
                            "put its last eight columns back"),
    "a-column-between-them": (on_rows(lambda rows: [row[:10] + ["note" if at == 0 else "x"] + row[10:] for at, row in enumerate(rows)]),
                              "put its last eight columns back"),
    "a-result-name-changed": (on_rows(lambda rows: [rows[0][:-8] + ["State", *RESULT[1:]]] + rows[1:]), "put its last eight columns back"),
    "names-translated-but-one": (on_rows(lambda rows: [rows[0][:-8] + ["Status", "ID", "connector_id", "HTTP", "Fehler", "Text", "Mal", "Wann"]]
                                         + rows[1:]), "put its last eight columns back"),
    "status-translated": (put("status", "erstellt"), "desk.results.csv:2: row 2: the status is none that connload writes"),
    "status-misspelt": (put("status", "creatd"), "desk.results.csv:2: row 2: the status is none that connload writes"),
    "status-mangled": (put("status", "#NAME?"), "desk.results.csv:2: row 2: the status is none that connload writes"),
    "status-evil": (put("status", "\x1b]0;owned\x07\u202e\n"), "desk.results.csv:2: row 2: the status is none that connload writes"),
    "status-failed-beside-what-is-no-id": (lambda data: put("connector_id", "1.2E+11")(put("status", "failed")(data)),
                                           "desk.results.csv:2: row 2: the row names a connector"),
    "cells-shifted-right": (on_rows(lambda rows: [rows[0], ["new", *rows[1]], *rows[2:]]), "desk.results.csv:2: row 2: the row has 16 cells, the header 15"),
    "cells-shifted-left": (on_rows(lambda rows: [rows[0], rows[1][1:], *rows[2:]]), "desk.results.csv:2: "),
    "title-above": (lambda data: b"Desk of November\n" + data, "desk.results.csv:1: none of these columns is known"),
    "one-cell-a-row": (on_rows(lambda rows: [[",".join(row)] for row in rows]), "none of these columns is known"),
    "windows-1252": (lambda data: data.replace(b",A,", b",\xc4,"), "is not UTF-8"),
    "cut-in-a-quote": (lambda data: data[:data.rindex(b'"')], "is never closed"),
}


@pytest.mark.parametrize("command", ["create", "undo"])
@pytest.mark.parametrize("name", REFUSED)
def test_a_result_file_that_makes_no_sense_is_refused_whole(connload, finished, tmp_path, name, command):
    edit, words = REFUSED[name]
    path = tmp_path / "desk.results.csv"
    path.write_bytes(edit(path.read_bytes()))
    before, requests = path.read_bytes(), finished.stats()["requests"]
    run = connload(command, "desk.results.csv", "--rate", "none", *(["--yes"] if command == "undo" else []))
    assert run.rc == 3 and words in run.err, run
    assert run.err.count("\n") <= 3 and is_harmless(run.err_bytes)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["desk.results.csv"]
    assert finished.stats()["requests"] == requests


@pytest.mark.parametrize("name", ["desk.results.csv", "copy.csv"])
@pytest.mark.parametrize("form", ["removed", "upper-case", "title-case", "spaced"])
def test_a_result_file_does_not_pass_for_a_sheet(connload, finished, tmp_path, name, form):
    """Without its result columns it is a sheet again, and only its name tells; renamed, they are still known."""
    path = tmp_path / "desk.results.csv"
    data = path.read_bytes()
    if form == "removed":
        path.write_bytes(columns(COLUMNS)(data))
        run = connload("create", "desk.results.csv", *QUICK)
        assert run.rc == 2 and "which is no result file" in run.err
    else:
        change = {"upper-case": str.upper, "title-case": str.title, "spaced": lambda name: name.title().replace("_", " ")}[form]
        edited = on_rows(lambda rows: [rows[0][:-8] + list(map(change, rows[0][-8:]))] + rows[1:])(data)
        path.rename(tmp_path / name)
        (tmp_path / name).write_bytes(edited)
        run = connload("create", name, *QUICK)
        assert run.rc == 1, run
        assert (tmp_path / name).read_text().splitlines()[0].endswith(",".join(RESULT))
    assert finished.stats()["created"] == 4


def test_a_changed_id_is_left_alone_by_undo(connload, finished, read_csv, tmp_path):
    path = tmp_path / "desk.results.csv"
    path.write_bytes(put("connector_id", "1.9E+35")(path.read_bytes()))
    run = connload("undo", "desk.results.csv", "--yes", "--rate", "none")
    assert run.rc == 1
    rows = read_csv("desk.results.csv")
    assert [row["status"] for row in rows] == ["created", "invalid", "archived", "archived", "archived"]
    assert rows[0]["connector_id"] == "1.9E+35" and rows[0]["error_code"] == "no_id"
    assert sorted(one["label"] for one in finished.connectors() if not one["archived"]) == ["A"]


@pytest.mark.parametrize("evil", ["../../x", "/etc/passwd", "a?force_delete=true", "x/y", "\r\nX-Evil: 1", "%2e%2e", "\x1b[2J"])
def test_an_id_is_no_path(connload, raw_server, finished, read_csv, tmp_path, evil):
    """An id goes into the URL of a DELETE: what is none is never sent."""
    server = raw_server()
    path = tmp_path / "desk.results.csv"
    path.write_bytes(put("connector_id", lambda cell: cell and evil, row=None)(path.read_bytes()))
    run = connload("undo", "desk.results.csv", "--yes", "--rate", "none")
    assert run.rc == 1 and server.exchanges == [] and is_harmless(run.err_bytes)


# -- texts of the sheet on a terminal --


EVIL = "\x1b]0;owned\x07\x1b[2J\x1b[31m\u202egnp\x9b1A\x7f"


@pytest.mark.parametrize("command", ["check", "create"])
def test_escapes_in_cells_are_made_harmless(connload, raw_server, write_csv, command, tmp_path):
    server = raw_server()
    write_csv("desk.csv", ["type", "label", "allowed_emails", "share_with_org", f"desciption{EVIL}"],
              [[f"email{EVIL}", f"A{EVIL}", f"a{EVIL}@example.com", EVIL, EVIL], ["email", EVIL, f"b@{EVIL}", "", ""]])
    extra = ["--report", "report.html"] if command == "create" else []
    run = connload(command, "desk.csv", "-v", *extra)
    assert run.rc == 1 and server.exchanges == []
    assert "\\x1B[2J" in run.err and is_harmless(run.err_bytes), run.err_bytes
    if extra:
        assert not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", (tmp_path / "report.html").read_bytes())


@pytest.mark.parametrize("header", [f"type,label,label{EVIL},allowed_emails", f"type,label,a{EVIL},a{EVIL},allowed_emails",
                                    f"typ{EVIL},label,allowed_emails", f"\"type,{EVIL}", f"type,\"label\"{EVIL},allowed_emails"])
def test_escapes_in_the_header_are_made_harmless(connload, tmp_path, header):
    (tmp_path / "desk.csv").write_text(header + "\nemail,A,a@example.com\n")
    run = connload("check", "desk.csv")
    assert run.rc in (0, 1, 3) and is_harmless(run.err_bytes), run.err_bytes


@pytest.mark.parametrize("name", ["\x1b[31mred.csv", "two\nlines.csv", "bell\x07.csv", "bidi\u202evsc.csv", "c1\x9b2J.csv", "-n.csv", "-",
                                  "it's \"it\" $(x) `y` ;z.csv", "\udcff\udcfe.csv", "x" * 220 + ".csv"], ids=lambda name: repr(name)[:20])
def test_file_names_of_every_kind(connload, sandbox, write_csv, tmp_path, name):
    """Shown harmlessly, and found: check, create, create again, and a name that isn't there."""
    box = sandbox()
    (tmp_path / name).write_bytes(b"type,label,allowed_emails\nemail,A,a@example.com\nemail,,b@example.com\n")
    path = "./" + name
    runs = [connload("check", path), connload("create", path, *QUICK), connload("create", path, *QUICK),
            connload("check", path + "x"), connload("create", path + "/x"), connload("create", path, "-o", path),
            connload("create", path, "-o", f"nowhere/{name}"), connload("create", path, "--log", f"nowhere/{name}")]
    assert [run.rc for run in runs[:3]] == [1, 1, 2]
    assert [run.rc for run in runs[3:6]] == [3, 3, 2] and [run.rc for run in runs[6:]] == [5, 5]
    for run in runs:
        assert is_harmless(run.err_bytes), run.err_bytes
    assert box.stats()["created"] == 1


def test_a_name_too_long_for_what_stands_beside_it(connload, sandbox, tmp_path):
    """There is room for the results, but not for their journal: told before the first request."""
    box = sandbox()
    name = "x" * 238 + ".csv"
    (tmp_path / name).write_text("type,label,allowed_emails\nemail,A,a@example.com\n")
    run = connload("create", name)
    assert run.rc == 5 and "choose a shorter name" in run.err and box.stats()["requests"] == 0
    assert connload("create", name, "-o", "out.csv").rc == 0


# -- paths that are no plain files --


@pytest.fixture
def sheet(sandbox, desk, tmp_path):
    """A sandbox, and desk.csv with two rows."""
    box = sandbox()
    desk(2)
    return box


def test_results_through_a_symbolic_link(connload, sheet, read_csv, tmp_path):
    """What the link leads to is replaced, and the link stays; a dangling one leads to a new file."""
    (tmp_path / "real").mkdir()
    (tmp_path / "out.csv").symlink_to("real/out.csv")
    for args in (["desk.csv", "-o", "out.csv"], ["out.csv"]):
        run = connload("create", *args, *QUICK)
        assert run.rc == 0, run
        assert os.readlink(tmp_path / "out.csv") == "real/out.csv"
        assert [row["status"] for row in read_csv("real/out.csv")] == ["created"] * 2
    assert sheet.stats()["created"] == 2 and os.listdir(tmp_path / "real") == ["out.csv"]


@pytest.mark.parametrize("link", ["symbolic", "hard", "chain"])
@pytest.mark.parametrize("force", [[], ["--force"], ["--skip-existing"]], ids=" ".join)
def test_results_never_replace_their_sheet(connload, sheet, tmp_path, link, force):
    if link == "hard":
        os.link(tmp_path / "desk.csv", tmp_path / "out.csv")
    else:
        (tmp_path / "out.csv").symlink_to("middle.csv" if link == "chain" else "desk.csv")
        (tmp_path / "middle.csv").symlink_to(tmp_path / "desk.csv")
    before = (tmp_path / "desk.csv").read_bytes()
    run = connload("create", "desk.csv", "-o", "out.csv", *QUICK, *force)
    assert run.rc == 2 and "would replace the input desk.csv" in run.err
    assert (tmp_path / "desk.csv").read_bytes() == before and sheet.stats()["requests"] == 0


@pytest.mark.parametrize("link", ["symbolic", "hard"])
def test_a_result_file_by_two_names_is_one_run(connload, sheet, read_csv, tmp_path, link):
    assert connload("create", "desk.csv", *QUICK, "--limit", "1").rc == 1
    if link == "hard":
        os.link(tmp_path / "desk.results.csv", tmp_path / "again.csv")
    else:
        (tmp_path / "again.csv").symlink_to("desk.results.csv")
    run = connload("create", "desk.results.csv", "-o", "again.csv", *QUICK)
    assert run.rc == 0, run
    assert [row["status"] for row in read_csv("again.csv")] == ["created"] * 2 and sheet.stats()["created"] == 2


def test_links_in_a_circle(connload, sheet, tmp_path):
    (tmp_path / "out.csv").symlink_to("circle.csv")
    (tmp_path / "circle.csv").symlink_to("out.csv")
    run = connload("create", "desk.csv", "-o", "out.csv", *QUICK)
    assert run.rc == 5 and "symbolic link" in run.err and sheet.stats()["requests"] == 0
    assert connload("check", "circle.csv").rc == 3


def test_a_results_fifo(connload, sheet, tmp_path):
    """A stream like standard output: written as it is, and its run can't be resumed."""
    os.mkfifo(tmp_path / "pipe")
    process = connload("create", "desk.csv", "-o", "pipe", *QUICK, wait=False)
    with open(tmp_path / "pipe", "rb") as pipe:
        rows = parse(pipe.read())
    run = process.wait()
    assert run.rc == 0 and "can't be resumed" in run.err
    assert [row[3] for row in rows] == ["status", "created", "created"]
    assert not (tmp_path / "pipe.journal").exists()


def test_a_sheet_from_a_fifo_has_no_checksum(connload, sheet, tmp_path):
    """What was read of it can't be read again: nothing waits for a second writer, and no checksum is made up."""
    os.mkfifo(tmp_path / "pipe")
    process = connload("create", "pipe", "-o", "out.csv", "--summary", "summary", *QUICK, wait=False)
    with open(tmp_path / "pipe", "wb") as pipe:
        pipe.write((tmp_path / "desk.csv").read_bytes())
    run = process.wait(60)
    assert run.rc == 0, run
    summary = json.loads((tmp_path / "summary").read_text())
    assert not re.search(r"e3b0c44298fc1c14", json.dumps(summary)) and sheet.stats()["created"] == 2


def test_results_to_nowhere(connload, sheet):
    run = connload("create", "desk.csv", "-o", "/dev/null", *QUICK)
    assert run.rc == 0 and "can't be resumed" in run.err
    assert sheet.stats()["created"] == 2 and not os.path.exists("/dev/null.journal")


def test_results_to_a_full_device_are_told_of(connload, sheet, tmp_path):
    """The connectors are there: local trouble, in words, and their ids in a file."""
    (tmp_path / "kept").mkdir()
    run = connload("create", "desk.csv", "-o", "/dev/full", *QUICK, env={"TMPDIR": str(tmp_path / "kept")})
    assert run.rc == 5 and "No space left on device" in run.err and "/dev/full" in run.err
    assert sorted(os.listdir(tmp_path)) == ["desk.csv", "kept"] and len(os.listdir(tmp_path / "kept")) == 1


@pytest.mark.parametrize("option", ["--log", "--summary", "--metrics", "--report"])
def test_reports_to_a_full_device(connload, sheet, read_csv, tmp_path, option):
    """Results come first: where a report can't be written, they are, or the same command goes on."""
    run = connload("create", "desk.csv", option, "/dev/full", *QUICK)
    assert run.rc == 5 and "/dev/full" in run.err, run
    assert run.err.count("No space left on device") == 1
    if (tmp_path / "desk.results.csv").exists():
        assert [row["status"] for row in read_csv("desk.results.csv")] == ["created"] * 2
    else:
        assert connload("create", "desk.csv", *QUICK).rc == 0
    assert sheet.stats()["created"] == 2


@pytest.mark.parametrize("option", ["--log", "--summary", "--metrics", "--report"])
def test_reports_to_devices_and_folders(connload, sheet, tmp_path, option):
    (tmp_path / "folder").mkdir()
    assert connload("create", "desk.csv", option, "/dev/null", "--limit", "1", *QUICK).rc == 1
    run = connload("create", "desk.results.csv", option, "folder", *QUICK)
    assert run.rc == 5 and "folder" in run.err and sheet.stats()["created"] == 1


@pytest.mark.parametrize("path, words", [("/dev/null", "is empty"), ("/dev/zero", "NUL|not text|binary"), ("/dev", "is a folder"),
                                         ("/proc/self/mem", ".")])
@pytest.mark.parametrize("command", ["check", "create"])
def test_devices_as_input(connload, raw_server, tmp_path, path, words, command):
    server = raw_server()
    run = connload(command, path, *(["-o", "out.csv"] if command == "create" else []), timeout=60)
    assert run.rc in (3, 5) and re.search(words, run.err) and server.received == []
    assert run.err.count("\n") == 1 and os.listdir(tmp_path) == []


def test_an_endless_input_is_bounded(bin_dir, tmp_path):
    """`yes` for ever: the limit on a file's size ends the copying."""
    script = (f"ulimit -f 20000; {{ echo type,label,allowed_emails; yes email,A,a@example.com; }} | "
              f"'{bin_dir}/connload' check --allow-duplicates -")
    run = Process(["/bin/bash", "-c", script], clean_env({"GCOV_PREFIX": tmp_path}), tmp_path).wait(100)
    assert run.rc == 5 and "File too large" in run.err and run.err.count("\n") == 1, run


def test_a_closed_pipe_is_no_signal(bin_dir, sandbox, desk, tmp_path):
    """`connload create … -o - | head -1`: the reader leaves, the run says so."""
    box = sandbox()
    desk(3000)
    script = f"'{bin_dir}/connload' create desk.csv -o - --rate none | head -1; echo ${{PIPESTATUS[0]}}"
    env = {"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": box.direct_url, "TMPDIR": tmp_path}
    run = Process(["/bin/bash", "-c", script], clean_env(env), tmp_path).wait(100)
    assert run.out.splitlines()[-1] in ("0", "5"), run
    assert box.stats()["created"] == 3000


@pytest.mark.parametrize("command, words", [
    ("create desk.csv -o - >&-", "standard output.*closed"),
    ("create desk.csv -o - >/dev/null 1</dev/null", "standard output.*closed"),
    ("create desk.csv --log - >&-", "the log - can't be written"),
    ("create desk.csv --dry-run --no-preflight >&-", "standard output can't be written"),
    ("create - -o out.csv <&-", "standard input is closed"),
    ("list >&-", "standard output.*closed"),
    ("--version >&-", "standard output can't be written"),
    ("create --help >&-", "standard output can't be written"),
])
def test_closed_descriptors_are_no_place_for_results(bin_dir, sheet, tmp_path, command, words):
    env = {"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": sheet.direct_url}
    run = Process(["/bin/bash", "-c", f"exec '{bin_dir}/connload' {command}"], clean_env(env), tmp_path).wait()
    assert run.rc == (3 if "<&-" in command else 5) and re.search(words, run.err), run
    assert sheet.stats()["requests"] == 0 and os.listdir(tmp_path) == ["desk.csv"]


def test_the_name_of_a_closed_standard_output_is_no_place_either(bin_dir, sheet, tmp_path):
    env = {"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": sheet.direct_url}
    script = f"exec '{bin_dir}/connload' create desk.csv -o /dev/stdout >&-"
    run = Process(["/bin/bash", "-c", script], clean_env(env), tmp_path).wait()
    assert run.rc == 2 and "/dev/stdout is a folder" in run.err and sheet.stats()["requests"] == 0


def test_a_run_whose_words_nobody_hears_still_writes_its_results(bin_dir, sheet, read_csv, tmp_path):
    env = {"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": sheet.direct_url}
    script = f"exec '{bin_dir}/connload' create desk.csv <&- >&- 2>&-"
    assert Process(["/bin/bash", "-c", script], clean_env(env), tmp_path).wait().rc == 0
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["created"] * 2


@pytest.mark.direct
@pytest.mark.parametrize("args", [["create", "desk.csv"], ["list"]])
def test_a_stream_is_open_before_anything_is_sent(connload, raw_server, desk, tmp_path, args):
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writers = []

    def behave(exchange):
        try:
            writers.append(os.read(reading, 1) != b"")
        except BlockingIOError:  # empty, and somebody has it open for writing
            writers.append(True)
        return api_answer(exchange)

    server = raw_server(behave)
    desk(2)
    assert connload(*args, "-o", "pipe", "--rate", "none").rc == 0
    assert writers == [True] * len(server.exchanges) and parse(os.read(reading, 65536))
    os.close(reading)


@pytest.mark.parametrize("args", [["create", "desk.csv"], ["list"]])
def test_a_fifo_without_a_reader_is_waited_for_until_a_signal(connload, sheet, tmp_path, args):
    os.mkfifo(tmp_path / "pipe")
    process = connload(*args, "-o", "pipe", "--rate", "none", wait=False)
    while Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "SZ":
        pass
    process.signal(signal.SIGTERM)
    assert process.wait().rc == -signal.SIGTERM and sheet.stats()["requests"] == 0


@pytest.mark.parametrize("args", [["create", "desk.csv"], ["list"]])
@pytest.mark.parametrize("path, rc, words", [("socket", 2, "socket is a socket"), (".", 2, ". is a folder"),
                                             ("/dev/tty", 5, "cannot write to /dev/tty: No such device")])
def test_what_can_not_be_opened_is_refused_before_anything_is_sent(bin_dir, sheet, tmp_path, args, path, rc, words):
    """/dev/tty: to a process without a terminal it is there, but can't be opened."""
    os.mknod(tmp_path / "socket", stat.S_IFSOCK | 0o600)
    env = {"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": sheet.direct_url}
    run = Process(["setsid", "-w", bin_dir / "connload", *args, "-o", path], clean_env(env), tmp_path).wait()
    assert run.rc == rc and words in run.err and sheet.stats()["requests"] == 0, run


@pytest.mark.parametrize("args", [["create", "desk.csv", "--again"], ["list"]])
def test_a_reader_that_stopped_reading_does_not_hold_a_run_that_is_told_to_end(connload, sandbox, desk, tmp_path, args):
    box = sandbox()
    desk(2000)
    assert connload("create", "desk.csv", "-o", "/dev/null", "--rate", "none").rc == 0
    (tmp_path / "kept").mkdir()
    os.mkfifo(tmp_path / "pipe")
    reading = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    full = fcntl.fcntl(reading, fcntl.F_GETPIPE_SZ)
    process = connload(*args, "-o", "pipe", "--rate", "none", env={"TMPDIR": str(tmp_path / "kept")}, wait=False)
    while int.from_bytes(fcntl.ioctl(reading, termios.FIONREAD, bytes(4)), sys.byteorder) < full:
        assert process.popen.poll() is None
    process.signal(signal.SIGTERM)
    run = process.wait()
    os.close(reading)
    assert run.rc == 5 and "a signal came before its reader had taken all of it" in run.err, run
    kept = [parse(path.read_bytes()) for path in (tmp_path / "kept").iterdir()]
    assert [len(rows) for rows in kept] == ([2001] if args[0] == "create" else [])
    assert box.stats()["created"] == (4000 if args[0] == "create" else 2000)

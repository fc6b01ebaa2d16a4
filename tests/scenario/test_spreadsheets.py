"""Sheets as real programs write them, and other projects' CSV cases: what is read, sent and given back."""

import csv
import gzip
import io
import json
import shutil

import pytest

from conftest import ROOT

SHEETS = ROOT / "tests/data/spreadsheets"
CASES = ROOT / "tests/data/csv"
RESULT = ["status", "connector_id", "inbox_email", "http_status", "error_code", "error_message", "attempts", "created_at"]

# Every connector that the sheets name: the same four, however a program wrote them.
CREATED = [
    {"type": "email", "label": "Morning notes", "description": 'Everything before the open, "as is"',
     "share_with_org": True, "config": {"allowed_emails": ["ana@northquay.example", "desk@northquay.example"]}},
    {"type": "investment_research", "label": "Broker feed", "description": "two\nlines",
     "config": {"user_id": "nq-01", "user_password": "=not-a-formula"}},
    {"type": "sharepoint", "label": "Model library", "share_with_org": True, "config": {"session_id": "sp-7f3a"}},
    {"type": "email", "label": "Crédit & co;",
     "config": {"allowed_emails": ["a@northquay.example", "b@northquay.example"]}},
]
DIALECTS = [
    ("libreoffice-comma.csv", "utf-8", ",", "\n"),
    ("libreoffice-semicolon.csv", "utf-8", ";", "\n"),
    ("libreoffice-tab-utf16.csv", "utf-16", "\t", "\n"),
    ("gnumeric-comma.csv", "utf-8", ",", "\n"),
    ("gnumeric-comma-cr.csv", "utf-8", ",", "\r"),
    ("gnumeric-semicolon-crlf.txt", "utf-8", ";", "\r\n"),
    ("gnumeric-tab-utf16.txt", "utf-16", "\t", "\n"),
]


def bodies(box):
    return [request["body"] for request in box.requests() if request["method"] == "POST"]


def parse(text, delimiter):
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


@pytest.mark.parametrize("name, encoding, delimiter, eol", DIALECTS)
def test_a_programs_file_is_read_and_given_back_in_its_dialect(connload, sandbox, tmp_path, name, encoding, delimiter, eol):
    box = sandbox()
    shutil.copy(SHEETS / name, tmp_path)
    run = connload("create", name, "--rate", "none", "--concurrency", "1")
    assert run.rc == 0, run.err
    sent = bodies(box)
    # LibreOffice drops the tab of a cell, so that this description is the one that differs
    assert sent[3].pop("description") in ("tab\tinside", "tabinside")
    assert sent == CREATED

    raw = (tmp_path / (name.rsplit(".", 1)[0] + ".results.csv")).read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf") == (encoding == "utf-16")
    results = raw.decode("utf-8-sig")
    text = (SHEETS / name).read_bytes().decode(encoding)
    given = parse(text, delimiter)
    got = parse(results, delimiter)
    width = len(given[0])
    assert got[0] == given[0] + RESULT
    secrets = {given[0].index("User password"), given[0].index("Session ID")}
    for before, after in zip(given[1:], got[1:], strict=True):
        assert after[:width] == ["" if at in secrets else cell for at, cell in enumerate(before)]
        assert after[width] == "created"
    # the header comes back byte for byte, and every record ends as the input's do
    header = text[:text.index(eol)]
    assert results.startswith(header + delimiter + delimiter.join(RESULT) + eol)
    assert results.endswith(eol)


@pytest.mark.parametrize("name", [name for name, _, _, _ in DIALECTS])
def test_the_same_through_gzip(connload, tmp_path, name):
    (tmp_path / "sheet.csv.gz").write_bytes(gzip.compress((SHEETS / name).read_bytes()))
    run = connload("check", "sheet.csv.gz")
    summary = [line for line in run.err.splitlines() if not line.startswith("sheet.csv.gz:")]  # without warnings
    assert (run.rc, summary[0].split(" in ")[0]) == (0, "4 rows")


@pytest.mark.parametrize("name, words", [
    ("gnumeric.xlsx", "is an Excel workbook (.xlsx); save the sheet as CSV first"),
    ("gnumeric.xls", "is an old Excel workbook (.xls) or one with a password; save the sheet as CSV first"),
    ("libreoffice.ods", "is a LibreOffice workbook (.ods); save the sheet as CSV first"),
    ("libreoffice-booleans.fods", "is an XML document; open it in a spreadsheet; save the sheet as CSV first"),
    ("libreoffice-windows-1252.csv", ":2: row 2: column A: byte 0xFC is not UTF-8 (in Windows-1252 it would be \"ü\"); name what it "
                                     "is (--encoding windows-1252), or save the sheet as UTF-8"),
])
def test_a_file_that_must_be_saved_otherwise_first(connload, tmp_path, name, words):
    shutil.copy(SHEETS / name, tmp_path)
    run = connload("check", name)
    assert run.rc == 3
    assert f"{name}{'' if words[0] == ':' else ' '}{words}" in run.err and run.err.count("\n") == 1
    assert 'in Excel: File > Save As > "CSV UTF-8 (Comma delimited) (*.csv)"' in run.err


def test_booleans_of_other_languages_are_refused_by_name(connload, tmp_path):
    shutil.copy(SHEETS / "libreoffice-booleans.csv", tmp_path)
    run = connload("check", "libreoffice-booleans.csv")
    remedy = "is neither true nor false (write true/false, yes/no, y/n or 1/0, empty is false) (invalid_boolean)"
    assert run.rc == 1
    assert run.err.splitlines()[:2] == [
        f'libreoffice-booleans.csv:3: row 3 "B": column D "share_with_org": "VRAI" {remedy}',
        f'libreoffice-booleans.csv:4: row 4 "C": column D "share_with_org": "FALSCH" {remedy}',
    ]


@pytest.mark.parametrize("first, delimiter", [("sep=;", ";"), ('"sep=;"', ";"), ("SEP=,", ","), ("sep=\t", "\t"), ("sep=|", "|")])
def test_excels_sep_line(connload, sandbox, tmp_path, first, delimiter):
    """Excel writes it so that another Excel finds the delimiter: it is obeyed, and comes back in the results."""
    box = sandbox()
    rows = [["type", "label", "allowed_emails"], ["email", "A", "a@example.com"]]
    text = first + "\r\n" + "".join(delimiter.join(row) + "\r\n" for row in rows)
    (tmp_path / "desk.csv").write_bytes(text.encode())
    run = connload("create", "desk.csv")
    assert run.rc == 0, run.err
    assert bodies(box) == [{"type": "email", "label": "A", "config": {"allowed_emails": ["a@example.com"]}}]
    lines = (tmp_path / "desk.results.csv").read_bytes().decode().split("\r\n")
    assert lines[0] == f"sep={delimiter}"
    assert lines[1] == delimiter.join(rows[0] + RESULT)
    assert lines[2].startswith(delimiter.join(rows[1]) + delimiter + "created")
    again = connload("create", "desk.results.csv")
    assert again.rc == 0, again.err
    assert (tmp_path / "desk.results.csv").read_bytes().decode().split("\r\n") == lines
    assert len(bodies(box)) == 1


def test_a_sep_lines_mistakes_name_the_physical_line(connload, tmp_path):
    (tmp_path / "desk.csv").write_text("sep=;\ntype;label;allowed_emails\nemail;;a@example.com\n")
    run = connload("check", "desk.csv")
    assert run.err.startswith('desk.csv:3: row 2: column B "label": empty, every connector needs one (missing_label)\n')


def test_trailing_empty_columns_and_rows(connload, sandbox, tmp_path):
    """A used range that is larger than the sheet: nameless columns, rows of nothing but delimiters."""
    sandbox()
    (tmp_path / "desk.csv").write_bytes(b"type,label,allowed_emails,,\r\nemail,A,a@example.com,,\r\n,,,,\r\n,,,,\r\n\r\n")
    run = connload("create", "desk.csv")
    assert run.rc == 0, run.err
    lines = (tmp_path / "desk.results.csv").read_bytes().split(b"\r\n")
    assert lines[0] == b"type,label,allowed_emails,,," + ",".join(RESULT).encode()
    assert lines[1].startswith(b"email,A,a@example.com,,,created,")
    assert lines[2:] == [b""]


def test_a_spreadsheets_result_with_empty_columns_behind_is_a_result_file(connload, sandbox, tmp_path):
    """Results opened and saved again may get empty cells at the end of every row."""
    box = sandbox()
    (tmp_path / "desk.csv").write_text("type,label,allowed_emails\nemail,A,a@example.com\n")
    assert connload("create", "desk.csv").rc == 0
    saved = "".join(line + ",,\n" for line in (tmp_path / "desk.results.csv").read_text().splitlines())
    (tmp_path / "desk.results.csv").write_text(saved)
    run = connload("create", "desk.results.csv")
    assert run.rc == 0, run.err
    assert len(bodies(box)) == 1


# -- collections of cases --


def load(name):
    return json.loads((CASES / name).read_text(encoding="utf-8"))


def rows_of(case):
    """A case's rows with a header of our own before them, and what a reader must find."""
    rows = case["rows"]
    width = max(map(len, rows))
    head = case["delimiter"].join(f"c{n}" for n in range(width)) + "\n"
    return head + case["input"], [row + [""] * (width - len(row)) for row in rows], [f"c{n}" for n in range(width)]


def spectrum_of(case):
    objects = case["objects"] if isinstance(case["objects"], list) else [case["objects"]]
    names = parse(case["input"], case["delimiter"])[0]
    return case["input"], [[row[name] for name in names] for row in objects], names


PARSED = ([pytest.param(spectrum_of(case), case["delimiter"], id="spectrum-" + case["description"])
           for case in load("csv-spectrum.json")] +
          [pytest.param(rows_of(case), case["delimiter"], id=case["description"])
           for case in load("papaparse.json") if "rows" in case])


@pytest.mark.direct
@pytest.mark.parametrize("case, delimiter", PARSED)
def test_a_collections_case_is_read_as_its_authors_say(connload, sandbox, tmp_path, case, delimiter):
    """Each column in turn becomes the description, so that the requests show what was read; the results keep all."""
    text, rows, names = case
    (tmp_path / "case.csv").write_bytes(text.encode())
    box = sandbox()
    for at, name in enumerate(names):
        before = len(bodies(box))
        run = connload("create", "case.csv", "--map", f"description={name}", "--default", "type=email", "--default",
                       "label=L", "--default", "allowed_emails=a@example.com", "--delimiter", delimiter,
                       "--allow-duplicates", "--concurrency", "1", "--no-preflight", "-o", "out.csv", "--force")
        assert run.rc == 0, run.err
        found = [body.get("description", "") for body in bodies(box)[before:]]
        assert found == [row[at] if row[at].strip() else "" for row in rows]
    results = parse((tmp_path / "out.csv").read_bytes().decode(), delimiter)
    assert [row[:len(names)] for row in results] == [names, *rows]


@pytest.mark.parametrize("case", [case for case in load("papaparse.json") if "refused" in case],
                         ids=lambda case: case["description"])
def test_blanks_after_a_closing_quote_are_refused_with_the_place(connload, tmp_path, case):
    (tmp_path / "case.csv").write_bytes(b"type,label,description,allowed_emails\n" + case["input"].encode())
    run = connload("check", "case.csv")
    assert run.rc == 3
    assert run.err.startswith("connload: case.csv:") and " a blank follows the closing quote in column " in run.err

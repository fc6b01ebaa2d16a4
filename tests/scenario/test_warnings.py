"""What is no error and most likely a mistake: said, with the row and the cell, and the rows are sent all the same."""

import pytest
from once import LAG, QUICK, posts

HEADER = ["type", "label", "description", "allowed_emails", "user_id", "user_password"]


def warnings(run):
    return [line for line in run.err.splitlines() if ": warning: " in line]


@pytest.mark.parametrize("cell, says", [
    ("1.23457E+11", "is a number that a spreadsheet has rounded"),
    ("#REF!", "is an error that a spreadsheet shows"),
    ("#N/A", "is an error that a spreadsheet shows"),
    ('="00123"', "is a formula, and is sent as it stands"),
    ("'00123", "begins with an apostrophe"),
])
def test_values_that_a_spreadsheet_has_spoilt(connload, write_csv, cell, says):
    write_csv("desk.csv", HEADER, [["investment_research", "Two\nlines", "", "", "u", "p"],
                                   ["investment_research", "Broker", "", "", cell, "p"]])
    run = connload("check", "desk.csv")
    quoted = cell.replace('"', '\\"')
    line, = [line for line in warnings(run) if "column" in line]
    assert run.rc == 0 and line.startswith('desk.csv:4: row 3 "Broker": warning: column E "user_id": ')
    assert says in line and (f'"{cell}"' in line or f'"{quoted}"' in line)


def test_every_field_that_is_sent_and_no_secret(connload, write_csv):
    write_csv("desk.csv", HEADER, [["investment_research", "#REF!", "'x", "", "u", "'hunter2"]])
    run = connload("check", "desk.csv")
    lines = [line for line in warnings(run) if "column" in line]
    assert [line.split(": warning: ")[1].split(":")[0] for line in lines] == [
        'column B "label"', 'column C "description"', 'column F "user_password"']
    assert "hunter2" not in run.err and "apostrophe" not in lines[2]


def test_they_are_sent(connload, sandbox, write_csv):
    box = sandbox(*LAG)
    write_csv("desk.csv", HEADER, [["email", "'Rates", "", "r@example.com", "", ""]])
    run = connload("create", "desk.csv", *QUICK)
    assert run.rc == 0 and len(warnings(run)) == 1 and posts(box)[0]["label"] == "'Rates"
    assert warnings(connload("check", "desk.results.csv")) == []
    assert warnings(connload("check", "-q", "desk.csv")) == []


def test_many_are_counted(connload, write_csv):
    write_csv("desk.csv", HEADER, [["email", f"'{n}", "", f"a{n}@example.com", "", ""] for n in range(30)])
    lines = warnings(connload("check", "desk.csv"))
    assert len(lines) == 21 and lines[-1] == "desk.csv: warning: 10 more such cells"


def test_a_label_that_two_rows_share(connload, write_csv):
    write_csv("desk.csv", HEADER, [["email", "Rates", "", "a@example.com", "", ""], ["email", "FX", "", "a@example.com", "", ""],
                                   ["email", " Rates ", "", "b@example.com", "", ""], ["email", "rates", "", "a@example.com", "", ""],
                                   ["investment_research", "FX", "", "", "u", "p"], ["email", "Rates", "", "a@example.com", "", ""]])
    run = connload("check", "desk.csv")
    assert [line for line in warnings(run) if "column" in line] == [
        'desk.csv:4: row 4 "Rates": warning: column B "label": "Rates" is the label of row 2, too; the documents of both get the same '
        "tag",
        'desk.csv:6: row 6 "FX": warning: column B "label": "FX" is the label of row 3, too; the documents of both get the same tag']
    assert run.rc == 1 and "duplicate_row" in run.err


def test_a_shard_warns_of_its_own_rows(connload, write_csv):
    write_csv("desk.csv", HEADER, [["email", f"'{n}", "", f"a{n}@example.com", "", ""] for n in range(4)])
    lines = warnings(connload("check", "--shard", "2/2", "desk.csv"))
    assert [line.split(":")[1] for line in lines] == ["4", "5"]


@pytest.mark.parametrize("mode, password, args, warns", [
    (0o644, "hunter2", [], True),
    (0o640, "hunter2", [], False),
    (0o600, "hunter2", [], False),
    (0o644, "", ["--default", "user_password=env:HOME", "--secret-refs"], False),
    (0o644, "env:HOME", ["--secret-refs"], False),
])
def test_a_sheet_with_passwords_that_others_can_read(connload, write_csv, tmp_path, mode, password, args, warns):
    write_csv("desk.csv", HEADER, [["investment_research", "Broker", "", "", "u", password]])
    (tmp_path / "desk.csv").chmod(mode)
    run = connload("check", "desk.csv", *args)
    assert run.rc == 0, run
    assert bool(warnings(run)) == warns and "hunter2" not in run.err
    if warns:
        assert "every user of this machine can read it" in run.err and "chmod" in run.err


def test_they_come_in_the_order_of_the_sheet(connload, write_csv):
    """Labels that rows share among cells that a spreadsheet changed; with more of both than are said, the first."""
    write_csv("desk.csv", HEADER, [["email", f"FX {n // 2}", "" if n % 3 else "'x", f"a{n}@example.com", "", ""] for n in range(40)])
    lines = warnings(connload("check", "desk.csv"))
    found = [(n + 2, column) for n in range(40) for column in ([] if n % 2 == 0 else ["B"]) + ([] if n % 3 else ["C"])]
    expected = sorted(found, key=lambda one: (one[0], one[1] == "B"))
    assert [(int(line.split(":")[1]), line.split("column ")[1][0]) for line in lines[:20]] == expected[:20]
    assert lines[20:] == [f"desk.csv: warning: {len(found) - 20} more such cells"]

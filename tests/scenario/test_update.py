"""connload update makes the connectors of a result file what its rows say."""

import csv

import pytest
from conftest import connector_of, http_answer
from once import LAG, QUICK, email, journal, kill_when, prefill, until

UPDATE = ["update", "--rate", "none", "--settle", "150ms", "--retry-base", "10ms", "--retry-cap", "50ms"]
LIST = ["list", "--rate", "none", "-o", "account.csv"]
RESEARCH = {"type": "investment_research", "label": "R", "config": {"user_id": "reader", "user_password": "hunter2"}}


def puts(box):
    return [(line["path"].rsplit("/", 1)[1], line["body"]) for line in box.requests() if line["method"] == "PUT"]


def edit(path, change):
    """Rewrites a CSV: `change` gets each row as a dict, and may change it, or return False to drop it."""
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        names, rows = reader.fieldnames, list(reader)
    rows = [row for row in rows if change(row) is not False]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def drop_columns(path, *dropped):
    with open(path, newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name not in dropped]
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, lineterminator="\n", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def account(connload, sandbox, tmp_path):
    """An account and its list: the sandbox, the ids, the file."""
    def start(*payloads, faults=None):
        box = sandbox(*LAG)
        ids = prefill(box, *payloads)
        assert connload(*LIST).rc == 0
        if faults:
            box.faults(faults)
        return box, ids, tmp_path / "account.csv"

    return start


def stored(box):
    return {one["connector_id"]: one for one in box.connectors()}


def test_what_differs_is_put_right_and_nothing_else(connload, account, read_csv):
    box, (first, second, third), path = account(
        email("A", "a@example.com", description="old", share_with_org=True), email("B", "b@example.com"), RESEARCH)

    def change(row):
        if row["connector_id"] == first:
            row.update(label="A2", description="")
        if row["connector_id"] == second:
            row.update(allowed_emails="c@example.com; B@EXAMPLE.com")

    edit(path, change)
    run = connload(*UPDATE, "account.csv")
    assert run.rc == 0, run.err
    assert sorted(puts(box)) == sorted([
        (first, {"label": "A2", "description": "", "share_with_org": True,
                 "config": {"allowed_emails": ["a@example.com"]}}),
        (second, {"label": "B", "description": "", "share_with_org": False,
                  "config": {"allowed_emails": ["c@example.com", "B@EXAMPLE.com"]}})])
    rows = {row["connector_id"]: row for row in read_csv("account.csv")}
    assert [rows[one]["status"] for one in (first, second, third)] == ["updated", "updated", "exists"]
    assert rows[first]["error_message"].startswith('changed: label: "A" → "A2"; description: "old" → ""')
    assert rows[second]["error_message"].startswith('changed: allowed_emails: + "c@example.com"')
    assert stored(box)[first]["label"] == "A2"
    assert connload(*UPDATE, "account.csv").rc == 0 and len(puts(box)) == 2


def test_what_was_updated_can_be_edited_again(connload, account, read_csv):
    box, (first,), path = account(email("A"))
    for label in ("B", "C"):
        edit(path, lambda row, label=label: row.update(label=label))
        assert connload(*UPDATE, "account.csv", "--settle", "0s").rc == 0
        assert stored(box)[first]["label"] == label
        while box.call("GET", "/contents/v1/connectors")["results"][0]["label"] != label:
            pass
    assert [row["status"] for row in read_csv("account.csv")] == ["updated"]


def test_a_field_without_a_column_stays_as_the_account_has_it(connload, account):
    box, (first,), path = account(email("A", "a@example.com", description="kept", share_with_org=True))
    edit(path, lambda row: row.update(label="A2"))
    drop_columns(path, "type", "description", "share_with_org", "allowed_emails")
    assert connload(*UPDATE, "account.csv").rc == 0
    assert puts(box) == [(first, {"label": "A2", "description": "kept", "share_with_org": True,
                                  "config": {"allowed_emails": ["a@example.com"]}})]


def test_blanks_case_of_addresses_and_normalisation_are_no_change(connload, account):
    box, _, path = account(email("Caf\u00e9", "a@example.com", description="x"))
    edit(path, lambda row: row.update(label=" Cafe\u0301 ", description="x ", allowed_emails="A@Example.COM"))
    assert connload(*UPDATE, "account.csv").rc == 0
    assert not puts(box)


def test_the_guard_of_a_list_is_no_part_of_a_text(connload, account):
    box, (first,), path = account(email("=A", description="@old"))
    assert "'=A" in path.read_text() and "'@old" in path.read_text()
    assert connload(*UPDATE, "account.csv").rc == 0 and not puts(box)
    edit(path, lambda row: row.update(description="new"))
    assert connload(*UPDATE, "account.csv").rc == 0
    assert puts(box)[0][1]["label"] == "=A"


def test_created_rows_stay_created(connload, sandbox, desk, read_csv, tmp_path):
    box = sandbox(*LAG)
    desk(2)
    assert connload("create", "desk.csv", *QUICK).rc == 0
    edit(tmp_path / "desk.results.csv", lambda row: row.update(label=row["label"] + "!"))
    assert connload(*UPDATE, "desk.results.csv").rc == 0
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["created", "created"]
    assert len(puts(box)) == 2 and sorted(one["label"] for one in box.connectors()) == ["Desk 0!", "Desk 1!"]


def test_a_dry_run_shows_each_change_and_sends_none(connload, account):
    box, (first, second), path = account(email("A", description="old"), email("B"))
    edit(path, lambda row: row["label"] == "A" and row.update(label="A2", description="new"))
    before = path.read_bytes()
    run = connload(*UPDATE, "-n", "account.csv")
    assert run.rc == 0, run.err
    where = run.out.splitlines()[0].split(": label:")[0]
    assert where.startswith("account.csv:")
    assert run.out.splitlines() == [f'{where}: label: "A" → "A2"', f'{where}: description: "old" → "new"',
                                    "2 requests (1 to change, 1 to list, 0 to look up)"]
    assert not puts(box) and path.read_bytes() == before


def test_two_rows_with_one_id_are_refused(connload, account):
    box, (first, second), path = account(email("A"), email("B"))
    edit(path, lambda row: row.update(connector_id=first.upper() if row["label"] == "B" else first))
    run = connload(*UPDATE, "account.csv")
    assert run.rc == 3 and "connector_id" in run.err and "row 2" in run.err
    assert not puts(box)


def test_rows_without_an_id_and_archived_ones_are_left(connload, account, read_csv):
    box, (first, second), path = account(email("A"), email("B"))

    def change(row):
        row.update(label="X")
        row.update(**({"connector_id": "", "status": ""} if row["connector_id"] == first else {"status": "archived"}))

    edit(path, change)
    run = connload(*UPDATE, "account.csv")
    assert run.rc == 0 and "2 rows name no connector" in run.err
    assert not puts(box)


def test_what_changed_meanwhile_is_not_overwritten(connload, account, read_csv):
    box, (first,), path = account(email("A"))
    box.call("PUT", f"/contents/v1/connectors/{first}", {"label": "theirs", "config": {"allowed_emails": ["t@x.com"]}})
    while box.call("GET", "/contents/v1/connectors")["results"][0]["label"] != "theirs":
        pass
    edit(path, lambda row: row.update(label="mine"))
    run = connload(*UPDATE, "account.csv")
    row, = read_csv("account.csv")
    assert run.rc == 1 and (row["status"], row["error_code"]) == ("exists", "changed_meanwhile")
    assert stored(box)[first]["label"] == "theirs"
    assert connload(*UPDATE, "account.csv", "--again").rc == 0
    row, = read_csv("account.csv")
    assert stored(box)[first]["label"] == "mine" and (row["status"], row["error_code"]) == ("updated", "")


def test_what_cannot_be_changed_says_so(connload, account, read_csv):
    box, (first,), path = account(RESEARCH)
    edit(path, lambda row: row.update(user_id="other"))
    assert connload(*UPDATE, "account.csv").rc == 1
    row, = read_csv("account.csv")
    assert (row["status"], row["error_code"]) == ("exists", "fixed_at_creation") and not puts(box)
    edit(path, lambda row: row.update(label="R2"))
    assert connload(*UPDATE, "account.csv").rc == 1
    row, = read_csv("account.csv")
    assert (row["status"], row["error_code"]) == ("updated", "fixed_at_creation")
    assert puts(box) == [(first, {"label": "R2", "description": "", "share_with_org": False})]


@pytest.mark.parametrize("cells, code", [
    ({"label": ""}, "missing_label"), ({"allowed_emails": ""}, "missing_allowed_emails"),
    ({"allowed_emails": "nobody"}, "invalid_email"), ({"share_with_org": "perhaps"}, "invalid_boolean"),
    ({"type": "sharepoint"}, "field_not_for_type")])
def test_a_row_that_no_connector_can_be_is_left(connload, account, read_csv, cells, code):
    box, _, path = account(email("A"))
    edit(path, lambda row: row.update(cells))
    assert connload(*UPDATE, "account.csv").rc == 1
    row, = read_csv("account.csv")
    assert (row["status"], row["error_code"]) == ("exists", code) and not puts(box)


def test_what_is_gone_or_archived_keeps_its_status(connload, account, read_csv):
    box, (first, second), path = account(email("A"), email("B"))
    box.call("DELETE", f"/contents/v1/connectors/{first}")
    box.call("DELETE", f"/contents/v1/connectors/{second}?force_delete=true")
    until(lambda: [one["archived"] for one in box.call("GET", "/contents/v1/connectors")["results"]] == [True])
    edit(path, lambda row: row.update(label="X" + row["label"]))
    assert connload(*UPDATE, "account.csv").rc == 1
    assert {row["connector_id"]: (row["status"], row["error_code"]) for row in read_csv("account.csv")} == {
        first: ("exists", "archived"), second: ("exists", "missing")}
    assert not puts(box)


def test_a_row_without_a_status_keeps_its_id(connload, account, read_csv):
    """Whether its connector is put right or refused, and where another row is what the file is rewritten for."""
    box, (first, second), path = account(email("A"), email("B"))
    edit(path, lambda row: row.update(status="", label=row["label"] + "!"))
    box.faults({"put:422-before": "100:1"})
    assert connload(*UPDATE, "--concurrency", "1", "account.csv").rc == 1
    rows = {row["connector_id"]: row["status"] for row in read_csv("account.csv")}
    assert set(rows) == {first, second} and sorted(rows.values()) == ["", "updated"]
    assert connload(*UPDATE, "account.csv").rc == 0
    assert {row["connector_id"] for row in read_csv("account.csv")} == {first, second}
    edit(path, lambda row: row.update(status=""))
    assert connload("undo", "--yes", "--rate", "none", "account.csv").rc == 0
    assert {row["connector_id"] for row in read_csv("account.csv")} == {first, second}


def test_a_403_is_that_row_s_own(connload, raw_server, write_csv, read_csv):
    mine = connector_of(email("A"))
    theirs = connector_of(email("B"))
    write_csv("a.csv", ["label", "status", "connector_id", "inbox_email", "http_status", "error_code", "error_message",
                        "attempts", "created_at"],
              [[one["label"] + "!", "exists", one["connector_id"], "", "", "", "", "", ""] for one in (mine, theirs)])

    def behave(exchange):
        if exchange.method == "GET":
            return http_answer(200, {"results": [mine, theirs]})
        if theirs["connector_id"] in exchange.path:
            return http_answer(403, {"detail": "not yours"})
        return http_answer(200, {**mine, **exchange.json()})

    raw_server(behave)
    assert connload(*UPDATE, "a.csv").rc == 1
    assert [(row["status"], row["error_code"]) for row in read_csv("a.csv")] == [("updated", ""), ("exists", "http_403")]


@pytest.mark.direct
@pytest.mark.parametrize("fault", ["drop-before", "drop-after", "500-after", "502-before", "429-html", "garbage-after",
                                   "hang-after"])
def test_lost_answers_are_asked_for_again(connload, account, read_csv, fault):
    box, ids, path = account(email("A"), email("B"), faults={f"put:{fault}": "100:2"})
    edit(path, lambda row: row.update(label=row["label"] + "!"))
    run = connload(*UPDATE, "account.csv", "--timeout", "300ms")
    assert run.rc == 0, run.err
    assert {one["label"] for one in box.connectors()} == {"A!", "B!"}
    assert {row["status"] for row in read_csv("account.csv")} == {"updated"}


def test_a_killed_run_is_gone_on_with(connload, account, read_csv, tmp_path):
    box, ids, path = account(*[email(f"L{i}") for i in range(12)], faults={"put:hang-after": "100:1"})
    edit(path, lambda row: row.update(label=row["label"] + "!"))
    process = connload(*UPDATE, "account.csv", "--concurrency", "2", wait=False)
    kill_when(process, lambda: len(puts(box)) >= 5)
    assert journal(tmp_path, "account.csv").exists()
    run = connload(*UPDATE, "account.csv")
    assert run.rc == 0, run.err
    assert {one["label"] for one in box.connectors()} == {f"L{i}!" for i in range(12)}
    assert {row["status"] for row in read_csv("account.csv")} == {"updated"}
    assert not journal(tmp_path, "account.csv").exists()


def test_a_dry_run_whose_key_is_refused_names_its_own_command(connload, account):
    account(email("A"))
    run = connload("update", "--dry-run", "account.csv", env={"BIGDATA_API_KEY": "another-key"})
    assert run.rc == 4
    assert "connload update --dry-run account.csv" in run.err

"""create --skip-existing --update: what the account has already becomes what the sheet says, once."""

import pytest
from once import LAG, QUICK, email, journal, kill_when, posts, prefill

NIGHT = ["create", "desk.csv", "--skip-existing", "--update", *QUICK]
COLUMNS = ["type", "label", "description", "share_with_org", "allowed_emails", "user_id", "user_password"]
RESEARCH = {"type": "investment_research", "label": "R", "description": "old",
            "config": {"user_id": "reader", "user_password": "hunter2"}}


def puts(box):
    return [(line["path"].rsplit("/", 1)[1], line["body"]) for line in box.requests() if line["method"] == "PUT"]


def mail(label, address="x@example.com", description="", share=""):
    return ["email", label, description, share, address, "", ""]


def outcome(row):
    return row["status"], row["error_code"]


def test_exactly_what_differs_is_put_right_and_the_next_night_sends_none(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG)
    first, second, third = prefill(box, email("A", "a@example.com", description="old", share_with_org=True),
                                   email("B", "b@example.com"), email("C", "c@example.com"))
    write_csv("desk.csv", COLUMNS, [mail("A", "a@example.com"), mail("B", "b@example.com; z@example.com"),
                                    mail("C", "C@EXAMPLE.com"), mail("D", "d@example.com")])
    run = connload(*NIGHT)
    assert run.rc == 0, run.err
    assert "2 connectors were changed" in run.err
    assert sorted(puts(box)) == sorted([
        (first, {"label": "A", "description": "", "share_with_org": False,
                 "config": {"allowed_emails": ["a@example.com"]}}),
        (second, {"label": "B", "description": "", "share_with_org": False,
                  "config": {"allowed_emails": ["b@example.com", "z@example.com"]}})])
    rows = read_csv("desk.results.csv")
    assert [outcome(row) for row in rows] == [("updated", ""), ("updated", ""), ("exists", ""), ("created", "")]
    assert [row["connector_id"] for row in rows[:3]] == [first, second, third]
    assert rows[0]["error_message"] == 'changed: description: "old" → ""; share_with_org: "true" → "false"'
    assert rows[1]["error_message"] == 'changed: allowed_emails: + "z@example.com"'
    assert connload(*NIGHT).rc == 0 and len(puts(box)) == 2 and len(posts(box)) == 4
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["exists"] * 4


def test_a_dry_run_shows_each_change_and_makes_none(connload, sandbox, write_csv):
    box = sandbox(*LAG)
    prefill(box, email("A", "a@example.com", description="old"))
    write_csv("desk.csv", COLUMNS, [mail("A", "a@example.com", "new", "yes"), mail("B")])
    run = connload(*NIGHT, "-n")
    assert run.rc == 0, run
    assert ('desk.csv:2: row 2 "A": description: "old" → "new"\n'
            'desk.csv:2: row 2 "A": share_with_org: "false" → "true"\n') in run.out
    assert "3 requests (1 to create, 1 to change, 1 to list)" in run.out
    assert not puts(box) and len(posts(box)) == 1


def test_a_field_without_a_column_is_left_and_sent_as_it_is(connload, sandbox, write_csv):
    box = sandbox(*LAG)
    one, _ = prefill(box, email("A", "a@example.com", description="kept", share_with_org=True), email("mine"))
    write_csv("desk.csv", ["type", "label", "allowed_emails"], [["email", "A", "b@example.com"]])
    assert connload(*NIGHT).rc == 0
    assert puts(box) == [(one, {"label": "A", "description": "kept", "share_with_org": True,
                                "config": {"allowed_emails": ["b@example.com"]}})]


def test_what_is_not_certainly_the_rows_own_stays(connload, sandbox, write_csv, read_csv):
    """Two connectors of one label, or two rows: which is whose nobody knows."""
    box = sandbox(*LAG)
    prefill(box, email("A", "a@example.com"), email("A", "b@example.com"), email("B", "a@example.com"))
    write_csv("desk.csv", COLUMNS, [mail("A", "c@example.com"), mail("B", "c@example.com"), mail("B", "d@example.com")])
    run = connload(*NIGHT)
    assert run.rc == 0, run
    first, *others = [outcome(row) for row in read_csv("desk.results.csv")]
    assert first == ("exists", "ambiguous") and sorted(others) == [("created", ""), ("exists", "ambiguous")]
    assert not puts(box)


def test_what_an_earlier_file_names_is_the_rows_own(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG)
    rows = [mail("A", "a@example.com"), mail("A", "b@example.com")]
    write_csv("desk.csv", COLUMNS, rows)
    assert connload(*NIGHT).rc == 0
    ids = [row["connector_id"] for row in read_csv("desk.results.csv")]
    write_csv("desk.csv", COLUMNS, [rows[0], mail("A", "b@example.com", "new")])
    assert connload(*NIGHT).rc == 0
    assert [outcome(row) for row in read_csv("desk.results.csv")] == [("exists", ""), ("updated", "")]
    assert [one for one, _ in puts(box)] == ids[1:]


def test_what_may_be_a_colleagues_is_not_changed_either(connload, sandbox, write_csv, read_csv):
    """It is shared, and nothing tells whose the key is."""
    box = sandbox(*LAG)
    prefill(box, email("A", "a@example.com", share_with_org=True))
    write_csv("desk.csv", COLUMNS, [mail("A", "b@example.com", "", "yes")])
    assert connload(*NIGHT).rc == 0
    assert outcome(read_csv("desk.results.csv")[0]) == ("exists", "ambiguous") and not puts(box)


def test_a_colleagues_connector_is_never_changed(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG, "--others", "3")
    prefill(box, email("mine"))
    other = next(one for one in box.connectors() if one["label"] != "mine" and one["type"] == "email")
    write_csv("desk.csv", COLUMNS, [mail(other["label"], "mine@example.com", "changed")])
    run = connload(*NIGHT)
    assert run.rc == 0, run
    assert outcome(read_csv("desk.results.csv")[0]) == ("exists", "ambiguous") and not puts(box)


def test_a_config_is_fixed_at_creation(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG)
    (one,) = prefill(box, RESEARCH)
    sheet = ["investment_research", "R", "old", "", "", "writer", "hunter2"]
    write_csv("desk.csv", COLUMNS, [sheet])
    assert connload(*NIGHT).rc == 0
    row = read_csv("desk.results.csv")[0]
    assert outcome(row) == ("exists", "fixed_at_creation") and "user_id" in row["error_message"] and not puts(box)
    write_csv("desk.csv", COLUMNS, [[*sheet[:2], "new", *sheet[3:]]])
    assert connload(*NIGHT).rc == 0
    row = read_csv("desk.results.csv")[0]
    assert outcome(row) == ("updated", "fixed_at_creation") and row["user_password"] == ""
    assert puts(box) == [(one, {"label": "R", "description": "new", "share_with_org": False})]


@pytest.mark.parametrize("status", [403, 404, 422])
def test_a_change_that_is_refused_leaves_the_row_its_connector(connload, sandbox, write_csv, read_csv, status):
    box = sandbox(*LAG)
    (one,) = prefill(box, email("A", "a@example.com"))
    box.faults({f"put:{status}-before": 100})
    write_csv("desk.csv", COLUMNS, [mail("A", "b@example.com")])
    run = connload(*NIGHT)
    assert run.rc == 1, run
    row = read_csv("desk.results.csv")[0]
    assert outcome(row) == ("exists", f"http_{status}") and row["connector_id"] == one
    assert row["error_message"].startswith("not changed: ") and len(posts(box)) == 1


def test_a_lost_answer_is_asked_for_again(connload, sandbox, write_csv, read_csv):
    box = sandbox(*LAG)
    prefill(box, email("A", "a@example.com"))
    box.faults({"put:drop-after": "100:1"})
    write_csv("desk.csv", COLUMNS, [mail("A", "b@example.com")])
    assert connload(*NIGHT).rc == 0
    assert len(puts(box)) == 2 and outcome(read_csv("desk.results.csv")[0]) == ("updated", "")


def test_a_killed_night_goes_on_and_nothing_is_left_half_way(connload, sandbox, write_csv, read_csv, tmp_path):
    box = sandbox(*LAG, "--latency", "20ms")
    prefill(box, *[email(f"A{n}", "a@example.com") for n in range(60)])
    write_csv("desk.csv", COLUMNS, [mail(f"A{n}", "b@example.com") for n in range(60)] + [mail("new")])
    before = len(posts(box))
    process = connload(*NIGHT, "--concurrency", "2", wait=False)
    kill_when(process, lambda: len(puts(box)) >= 10)
    assert journal(tmp_path).exists()
    assert connload(*NIGHT).rc == 0
    assert {row["status"] for row in read_csv("desk.results.csv")} <= {"updated", "exists", "created"}
    assert {tuple(one["config"]["allowed_emails"]) for one in box.connectors() if one["label"] != "new"} == {
        ("b@example.com",)}
    assert len(posts(box)) == before + 1


def test_update_needs_skip_existing(connload, desk):
    desk(1)
    run = connload("create", "desk.csv", "--update")
    assert run.rc == 2 and "--skip-existing" in run.err

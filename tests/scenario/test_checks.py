"""Every check, with its code, its sentence and its place; what passes at the very edge; secrets are never quoted."""

import json
import os
import re

import pytest

from conftest import connector_of, http_answer

HEADER = ["type", "label", "description", "share_with_org", "allowed_emails", "user_id", "user_password", "session_id"]
TYPES = "email, investment_research or sharepoint"
LONG_LOCAL = "a" * 64
LONG_DOMAIN = ".".join(["b" * 63, "c" * 63, "d" * 61])  # 64 + 1 + 189 = 254


def row(type="email", label="A", description="", share="", emails="a@example.com", user="", password="", session=""):
    return [type, label, description, share, emails, user, password, session]


def research(**fields):
    return row(**{"type": "investment_research", "emails": "", "user": "u", "password": "hunter2", **fields})


def sharepoint(**fields):
    return row(**{"type": "sharepoint", "emails": "", "session": "s3ss10n", **fields})


CHECKS = [
    ("missing_type", row(type=""), f'column A "type": empty, write {TYPES}'),
    ("missing_type", row(type="  \t"), f'column A "type": empty, write {TYPES}'),
    ("unknown_type", row(type="e-mail"), f'column A "type": "e-mail" is not a type ({TYPES}), did you mean "email"?'),
    ("unknown_type", row(type="fax"), f'column A "type": "fax" is not a type ({TYPES})'),
    ("missing_label", row(label=""), 'column B "label": empty, every connector needs one'),
    ("missing_label", row(label="\n \t"), 'column B "label": empty, every connector needs one'),
    ("missing_allowed_emails", row(emails=""), 'column E "allowed_emails": empty'),
    ("missing_allowed_emails", row(emails=" ; ,|\n"), 'column E "allowed_emails": empty'),
    ("invalid_email", row(emails="ana@"), 'column E "allowed_emails": "ana@" is not an e-mail address'),
    ("invalid_email", row(emails="ana@x.example;@y.example z"),
     'column E "allowed_emails": "@y.example" and "z" are not e-mail addresses'),
    ("invalid_email", row(emails="<ana@x.example>"),
     'column E "allowed_emails": "<ana@x.example>" is not an e-mail address (write "ana@x.example")'),
    ("invalid_email", row(emails="Ana <ana@>"), 'column E "allowed_emails": "Ana" and "<ana@>" are not e-mail addresses (write addresses '
                                                "alone, without names and angle brackets)"),
    ("invalid_email", row(emails="Ana Roe <ana@x.example>"),
     'column E "allowed_emails": "Ana", "Roe" and "<ana@x.example>" are not e-mail addresses (write "ana@x.example")'),
    ("invalid_email", row(emails="ana@x.example；bo@y.example"),
     'column E "allowed_emails": "ana@x.example；bo@y.example" is not an e-mail address (write "ana@x.example;bo@y.example")'),
    ("invalid_email", row(emails="é@x.example"), 'column E "allowed_emails": "é@x.example" is not an e-mail address'),
    ("invalid_email", row(emails="a@b..example"), 'column E "allowed_emails": "a@b..example" is not an e-mail address'),
    ("invalid_email", row(emails="a@-b.example"), 'column E "allowed_emails": "a@-b.example" is not an e-mail address'),
    ("invalid_email", row(emails="a@b.example."), 'column E "allowed_emails": "a@b.example." is not an e-mail address'),
    ("invalid_email", row(emails=f"{LONG_LOCAL}a@b.example"),
     f'column E "allowed_emails": "{LONG_LOCAL[:60]}…" is not an e-mail address'),
    ("invalid_email", row(emails=f"{LONG_LOCAL}@{LONG_DOMAIN}e"),
     f'column E "allowed_emails": "{LONG_LOCAL[:60]}…" is not an e-mail address'),
    ("duplicate_email", row(emails="a@x.example;b@x.example;A@X.example"),
     'column E "allowed_emails": "A@X.example" is there more than once'),
    ("missing_user_id", research(user=""), 'column F "user_id": empty'),
    ("missing_user_password", research(password=""), 'column G "user_password": empty'),
    ("missing_session_id", sharepoint(session=""), 'column H "session_id": empty'),
    ("invalid_boolean", row(share="maybe"), 'column D "share_with_org": "maybe" is neither true nor false (write true/false, yes/no, '
                                            "y/n or 1/0, empty is false)"),
    ("field_not_for_type", row(user="u"), 'column F "user_id": type email takes no user_id, leave it empty (it says "u")'),
    ("field_not_for_type", row(password="hunter2"), 'column G "user_password": type email takes no user_password, leave it empty'),
    ("field_not_for_type", sharepoint(emails="a@x.example"),
     'column E "allowed_emails": type sharepoint takes no allowed_emails, leave it empty (it says "a@x.example")'),
    ("field_not_for_type", research(session="s3ss10n"),
     'column H "session_id": type investment_research takes no session_id, leave it empty'),
    ("too_many_fields", row() + ["x"], "column I: 1 cell beyond the header's last column (a value that contains the delimiter must "
                                       "stand in double quotes)"),
    ("too_many_fields", row() + ["x", "", "y"], "columns I to K: 3 cells beyond the header's last column (a value that contains the "
                                                "delimiter must stand in double quotes)"),
    ("invalid_text", row(label="a\x01b"),
     'column B "label": "a\\x01b" has a character that no text may have, U+0001 (a control character)'),
    ("invalid_text", row(description="x\x7f"), 'column C "description": "x\\x7F" has a character that no text may have, U+007F '
                                               "(a control character)"),
    ("invalid_text", row(label="a\ufffeb"), None),
    ("invalid_text", research(password="hunter2\x02"), 'column G "user_password": the value has a character that no text may have, '
                                                       "U+0002 (a control character)"),
    ("unknown_type", row(type="fax", password="x"), None),
]


def label_of(cells):
    """As messages quote it: not where a secret may have been shifted there, not where there is none."""
    return "" if len(cells) < 2 else cells[1].strip().replace("\x01", r"\x01")


@pytest.mark.parametrize("code, cells, message", CHECKS)
def test_a_check_has_its_code_its_sentence_and_its_place(connload, write_csv, read_csv, raw_server, code, cells, message):
    """The same on stderr, with the physical line, and in the results; and nothing is sent."""
    server = raw_server()
    write_csv("desk.csv", HEADER, [row(label="first\nof two lines", emails="z@example.com"), cells])
    run = connload("check", "desk.csv")
    assert run.rc == 1
    line = run.err.splitlines()[0]
    label = label_of(cells)
    where = f'desk.csv:4: row 3 "{label}": ' if label else "desk.csv:4: row 3: "
    assert line.startswith(where) and line.endswith(f" ({code})")
    assert server.received == []
    if message is not None:
        assert line == f"{where}{message} ({code})"

    run = connload("create", "desk.csv", "-q", "--strict")
    assert run.rc == 1 and run.err.splitlines()[0] == line
    found = read_csv("desk.results.csv")[1]
    assert (found["status"], found["error_code"]) == ("invalid", code)
    assert found["error_message"] == line.removeprefix(where).removesuffix(f" ({code})")
    assert (found["connector_id"], found["http_status"], found["attempts"], found["created_at"]) == ("", "", "0", "")
    for secret in ("hunter2", "s3ss10n"):
        assert secret not in line


SHEET = """sep=;
type;label;allowed_emails;user_id;user_password;Notes
email;"Two
lines";x@;;;"a
b"

investment_research;FX broker feed;;u;;

;;
type;label;allowed_emails;user_id;user_password;Notes
email;Last;;;;
"""


def test_rows_are_numbered_as_a_spreadsheet_shows_them(connload, tmp_path):
    """The header is 1, blank lines and repeated headers count, a sep= line does not."""
    (tmp_path / "desk.csv").write_text(SHEET)
    run = connload("check", "desk.csv", "--summary", "run.json", "--report", "run.html", "--log", "run.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "run.jsonl").read_text().splitlines()]
    assert [(line["row"], line["line"]) for line in lines if line["event"] == "row"] == [(2, 3), (4, 7), (8, 11)]
    assert run.err.splitlines()[:3] == [
        'desk.csv:3: row 2 "Two\\nlines": column C "allowed_emails": "x@" is not an e-mail address (invalid_email)',
        'desk.csv:7: row 4 "FX broker feed": column E "user_password": empty (missing_user_password)',
        'desk.csv:11: row 8 "Last": column C "allowed_emails": empty (missing_allowed_emails)']
    errors = {error["code"]: error for error in json.loads((tmp_path / "run.json").read_text())["errors"]}
    for code, line, number, label in [("invalid_email", 3, 2, "Two\nlines"), ("missing_user_password", 7, 4, "FX broker feed"),
                                      ("missing_allowed_emails", 11, 8, "Last")]:
        assert (errors[code]["lines"], errors[code]["rows"], errors[code]["labels"]) == ([line], [number], [label])
    page = (tmp_path / "run.html").read_text()
    assert re.search(r'>7</th><td data-before="row ">4</td><td>FX broker feed</td>', page)
    shard = connload("check", "desk.csv", "--shard", "2/2")
    assert shard.err.startswith('desk.csv:7: row 4 "FX broker feed": ')


def test_a_label_behind_a_secret_is_not_quoted(connload, write_csv):
    """One comma without quotes shifts the secret there."""
    write_csv("desk.csv", ["type", "user_id", "user_password", "label"], [["investment_research", "", "pass", "word"]])
    assert connload("check", "desk.csv").err.startswith('desk.csv:2: row 2: column B "user_id": empty (missing_user_id)\n')


def test_each_error_of_a_small_sheet_is_said_once(connload, write_csv):
    write_csv("desk.csv", HEADER, [row(label="", emails="x"), row(label="B", emails="y")])
    run = connload("check", "desk.csv")
    assert run.err.count("invalid_email") == 2 and run.err.count("missing_label") == 1
    write_csv("desk.csv", HEADER, [row(label="", emails=f"x{n}") for n in range(30)])
    run = connload("check", "desk.csv")
    assert "30 invalid: missing_label, rows 2, 3, 4, 5, 6 … (lines 2, 3, 4, 5, 6 …)\n    column B" in run.err


def test_several_in_one_row_are_joined_in_a_fixed_order(connload, write_csv, read_csv):
    write_csv("desk.csv", HEADER, [["email", "", "", "maybe", "x;y", "u", "p", "s"] + ["more"]])
    run = connload("check", "desk.csv")
    codes = "missing_label;invalid_email;invalid_boolean;field_not_for_type;too_many_fields"
    messages = [
        'column B "label": empty, every connector needs one',
        'column E "allowed_emails": "x" and "y" are not e-mail addresses',
        'column D "share_with_org": "maybe" is neither true nor false (write true/false, yes/no, y/n or 1/0, empty is false)',
        'column F "user_id": type email takes no user_id, leave it empty (it says "u")',
        'column G "user_password": type email takes no user_password, leave it empty',
        'column H "session_id": type email takes no session_id, leave it empty',
        "column I: 1 cell beyond the header's last column (a value that contains the delimiter must stand in double quotes)",
    ]
    assert run.rc == 1
    assert run.err.splitlines()[0] == f"desk.csv:2: row 2: {'; '.join(messages)} ({codes})"
    connload("create", "desk.csv", "-q", env={"BIGDATA_API_KEY": "k"})
    found = read_csv("desk.results.csv")[0]
    assert (found["error_code"], found["error_message"]) == (codes, "; ".join(messages))


def test_every_row_is_reported_before_anything_is_sent(connload, sandbox, write_csv, read_csv):
    box = sandbox()
    write_csv("desk.csv", HEADER, [row(label=""), row(), row(emails="@"), row(label="B"), row(type="")])
    run = connload("create", "desk.csv", "--rate", "none")
    assert run.rc == 1
    assert [line.split(":")[1] for line in run.err.splitlines() if line.startswith("desk.csv:")] == ["2", "4", "6"]
    assert [found["status"] for found in read_csv("desk.results.csv")] == ["invalid", "created", "invalid", "created", "invalid"]
    assert box.stats()["created"] == 2


@pytest.mark.parametrize("cells", [
    row(label="x" * 1000),
    row(emails=f"{LONG_LOCAL}@{LONG_DOMAIN}"),
    row(emails="a@localhost"),
    row(emails=".a..b.@x.example"),
    row(label="tab\there, line\nbreak, emoji 🎉, ü"),
    research(user="  kept  ", password=" sp aces "),
    sharepoint(session="=1+1"),
])
def test_what_passes_at_the_edge(connload, write_csv, cells):
    write_csv("desk.csv", HEADER, [cells])
    run = connload("check", "desk.csv")
    assert run.rc == 0, run.err


def test_a_request_may_have_65536_bytes_and_no_more(connload, raw_server, write_csv, read_csv):
    """The one that fits is really sent with that many."""
    server = raw_server()
    frame = len('{"type":"email","label":"","description":"","config":{"allowed_emails":["a@example.com"]}}')
    # an umlaut has two bytes, a quote is escaped to two
    fits = 'ü"' * 100 + "x" * (65536 - frame - 1 - 400)
    write_csv("desk.csv", HEADER, [row(description=fits), row(description=fits + "x"), row(label="B" + "x" * 65536)])
    run = connload("create", "desk.csv", "--rate", "none")
    assert run.rc == 1
    assert [len(exchange.body) for exchange in server.exchanges if exchange.method == "POST"] == [65536]
    found = read_csv("desk.results.csv")
    assert [one["status"] for one in found] == ["created", "invalid", "invalid"]
    assert found[1]["error_code"] == found[2]["error_code"] == "payload_too_large"
    assert found[1]["error_message"] == ('column C "description": the row\'s request would have 65537 bytes, and the API takes at '
                                         "most 65536")
    assert found[2]["error_message"].startswith('column B "label": the row\'s request would have ')


def test_two_rows_with_the_same_payload(connload, sandbox, write_csv, read_csv):
    """Addresses are a set without regard to case; extra columns are no payload; the later one is the duplicate."""
    box = sandbox()
    header = ["desk", *HEADER]
    write_csv("desk.csv", header, [
        ["x", *row(emails="a@x.example;b@x.example")],
        ["y", *row(emails="B@x.example, a@x.example", share="no")],
        ["x", *row(emails="a@x.example")],
        ["x", *row(emails="a@x.example;b@x.example", share="yes")],
        ["x", *row(emails="a@x.example;b@x.example", description="d")],
        ["z", *research()], ["z", *research(password="other")], ["z", *research()],
    ])
    run = connload("create", "desk.csv", "--rate", "none")
    assert run.rc == 1
    found = read_csv("desk.results.csv")
    assert [one["status"] for one in found] == ["created", "invalid", "created", "created", "created", "created", "created", "invalid"]
    remedy = "remove one, or use --allow-duplicates to make two connectors"
    assert [(one["error_code"], one["error_message"]) for one in found if one["status"] == "invalid"] == [
        ("duplicate_row", f"the same payload as row 2; {remedy}"), ("duplicate_row", f"the same payload as row 7; {remedy}")]
    assert box.stats()["created"] == 6 and box.stats()["duplicate_payloads"] == 0
    assert connload("check", "desk.csv").rc == 1
    assert connload("check", "desk.csv", "--allow-duplicates").rc == 0


def test_allow_duplicates_makes_two(connload, sandbox, write_csv, read_csv):
    box = sandbox()
    write_csv("desk.csv", HEADER, [row(), row(), row()])
    run = connload("create", "desk.csv", "--allow-duplicates", "--rate", "none")
    assert run.rc == 0, run.err
    assert len({one["connector_id"] for one in read_csv("desk.results.csv")}) == 3
    assert box.stats()["duplicate_payloads"] == 2


def test_only_rows_that_pass_can_have_duplicates(connload, write_csv):
    write_csv("desk.csv", HEADER, [row(label=""), row(label=""), row(), row()])
    run = connload("check", "desk.csv")
    assert [line.rsplit("(", 1)[1] for line in run.err.splitlines()[:3]] == ["missing_label)", "missing_label)", "duplicate_row)"]
    assert run.err.splitlines()[2].startswith('desk.csv:5: row 5 "A": the same payload as row 4; ')


def test_a_default_is_named_as_the_place_of_its_mistake(connload, write_csv):
    write_csv("desk.csv", ["type", "label"], [["email", "A"]])
    run = connload("check", "desk.csv", "--default", "allowed_emails=ana@")
    assert run.err.startswith('desk.csv:2: row 2 "A": --default allowed_emails: "ana@" is not an e-mail address (invalid_email)\n')


def test_a_column_that_is_absent_comes_with_the_remedy(connload, write_csv):
    write_csv("desk.csv", ["type", "label", "user_id"], [["email", "A", ""], ["investment_research", "B", "u"]])
    run = connload("check", "desk.csv")
    assert run.err.splitlines()[:2] == [
        'desk.csv:2: row 2 "A": column "allowed_emails": not in the sheet, type email needs it (add it, or name the column that holds it with '
        "--map allowed_emails=COLUMN, or give every row the same with --default allowed_emails=VALUE) (missing_allowed_emails)",
        'desk.csv:3: row 3 "B": column "user_password": not in the sheet, type investment_research needs it (add it, or name the column that '
        "holds it with --map user_password=COLUMN) (missing_user_password)",
    ]


# -- --secret-refs --


def test_secrets_by_reference(connload, sandbox, write_csv, read_csv, tmp_path):
    box = sandbox()
    (tmp_path / "session").write_text("from-a-file\n")
    write_csv("desk.csv", HEADER, [research(password="env:DESK_PASSWORD"), sharepoint(session="file:session"),
                                   research(label="B", password="plain")])
    run = connload("create", "desk.csv", "--secret-refs", "--concurrency", "1", env={"DESK_PASSWORD": "from-the-environment"})
    assert run.rc == 0, run.err
    configs = [request["body"]["config"] for request in box.requests() if request["method"] == "POST"]
    assert configs == [{"user_id": "u", "user_password": "from-the-environment"}, {"session_id": "from-a-file"},
                       {"user_id": "u", "user_password": "plain"}]


def test_references_are_text_unless_asked_for(connload, sandbox, write_csv):
    box = sandbox()
    write_csv("desk.csv", HEADER, [research(password="env:HOME")])
    assert connload("create", "desk.csv").rc == 0
    assert box.requests()[-1]["body"]["config"]["user_password"] == "env:HOME"


def test_a_default_may_be_a_reference(connload, sandbox, write_csv):
    box = sandbox()
    write_csv("desk.csv", HEADER[:-2], [row(type="investment_research", emails="", user="u")[:-2]])
    run = connload("create", "desk.csv", "--secret-refs", "--default", "user_password=env:DESK_PASSWORD",
                   env={"DESK_PASSWORD": "hunter2"})
    assert run.rc == 0, run.err
    assert box.requests()[-1]["body"]["config"]["user_password"] == "hunter2"


@pytest.mark.parametrize("reference, message", [
    ("env:NO_SUCH", "the environment variable NO_SUCH is not set"),
    (" env:EMPTY ", "the environment variable EMPTY is not set"),
    ("env:", "the environment variable  is not set"),
    ("file:nowhere/password", "nowhere/password: No such file or directory"),
    ("file:.", ".: Is a directory"),
    ("file:empty", "empty is empty"),
    ("file:latin", "latin is not text"),
    ("file:long", "long: too large for a secret"),
    ("file:/dev/zero", "/dev/zero: no regular file, and a secret is read more than once"),
    ("file:pipe", "pipe: no regular file, and a secret is read more than once"),
    ("file:/dev/ptmx", "/dev/ptmx: no regular file, and a secret is read more than once"),
])
def test_a_reference_that_leads_nowhere(connload, write_csv, tmp_path, reference, message):
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "latin").write_bytes(b"\xfcber")
    (tmp_path / "long").write_text("x" * 70000)
    os.mkfifo(tmp_path / "pipe")
    writing = os.open(tmp_path / "pipe", os.O_RDWR)  # a writer that says nothing is not waited for
    write_csv("desk.csv", HEADER, [research(password=reference)])
    run = connload("check", "desk.csv", "--secret-refs", env={"EMPTY": ""})
    assert run.rc == 1
    os.close(writing)
    assert run.err.splitlines()[0] == f'desk.csv:2: row 2 "A": column G "user_password": {message} (secret_unresolved)'


@pytest.mark.parametrize("character", ["00AD", "200C", "200D", "2060", "061C", "180E", "FE0F", "E0020", "034F", "3164", "202A", "200E"])
def test_what_no_one_sees_is_shown(connload, write_csv, character):
    hidden, shown = chr(int(character, 16)), r"\u{%X}" % int(character, 16)
    write_csv("desk.csv", HEADER, [row(emails=hidden + "a@example.com"), row(type="email" + hidden), row(share="yes" + hidden)])
    run = connload("check", "-q", "desk.csv")
    assert run.rc == 1
    for line, text in zip(run.err.splitlines(), [shown + "a@example.com", "email" + shown, "yes" + shown], strict=False):
        assert f'"{text}" is ' in line


def test_joiners_of_a_script_and_of_pictures_are_shown_as_they_are(connload, write_csv):
    label = "می\u200cخواهم 👩\u200d🔬 ❤\ufe0f"
    write_csv("desk.csv", HEADER, [row(label=label, emails="", user=label)])
    assert f'(it says "{label}")' in connload("check", "-q", "desk.csv").err


@pytest.mark.parametrize("blank", ["\u3000", "\u2003", "\u200a", "\u205f", "\u1680", "\x85", "\u2028", "\xa0", "\u200b", "\u202f"])
def test_blanks_of_all_kinds_are_blanks(connload, sandbox, write_csv, blank):
    box = sandbox()
    write_csv("desk.csv", [f"allowed{blank}emails" if name == "allowed_emails" else name for name in HEADER],
              [row(type="email" + blank, emails=f"a@example.com{blank}b@example.com"), [blank, "", blank], [blank + "\u200d"]])
    run = connload("create", "-q", "desk.csv")
    assert (run.rc, run.err) == (0, "")
    sent, = [request["body"] for request in box.requests() if request["method"] == "POST"]
    assert sent == {"type": "email", "label": "A", "config": {"allowed_emails": ["a@example.com", "b@example.com"]}}


@pytest.mark.parametrize("label", ["\u3000", "\u200d", "\u3164", " \xa0\u2800"])
def test_a_label_of_nothing_that_can_be_seen_is_missing(connload, write_csv, label):
    write_csv("desk.csv", HEADER, [row(label=label)])
    run = connload("check", "-q", "desk.csv")
    assert run.rc == 1 and "(missing_label)" in run.err


def test_blanks_round_a_label_and_a_user_are_not_sent(connload, sandbox, write_csv, read_csv):
    box = sandbox()
    write_csv("desk.csv", HEADER, [research(label="\xa0Broker \u200b", user=" u1\xa0", password=" pass ")])
    assert connload("create", "-q", "desk.csv").rc == 0
    sent, = [request["body"] for request in box.requests() if request["method"] == "POST"]
    assert sent["label"] == "Broker" and sent["config"]["user_id"] == "u1"
    assert [line["label"] for line in read_csv("desk.results.csv")] == ["\xa0Broker \u200b"]  # as it came


@pytest.mark.parametrize("spoil, why", [
    (lambda path: path.unlink(), "No such file or directory"),
    (lambda path: path.write_text(""), "secret is empty"),
    (lambda path: path.write_bytes(b"\xff"), "secret is not text"),
], ids=["removed", "emptied", "no-text"])
def test_a_reference_that_leads_nowhere_any_more(connload, raw_server, write_csv, read_csv, tmp_path, spoil, why):
    """The rows before it are sent; it is not the sheet that has changed. Put back, even as another, the run goes on."""
    secret = tmp_path / "secret"
    secret.write_text("first\n")
    made = []

    def behave(exchange):
        if exchange.method == "GET":
            return http_answer(200, {"results": made})
        if not made:
            spoil(secret)
        made.append(connector_of(exchange.json()))
        return http_answer(201, made[-1])

    server = raw_server(behave)
    write_csv("desk.csv", HEADER, [research(password="literal"), research(label="B", password="file:secret")])
    args = ("create", "desk.csv", "--secret-refs", "--concurrency", "1", "--settle", "1ms")
    run = connload(*args)
    assert run.rc == 5
    assert 'connload: desk.csv:3: row 3 "B": column G "user_password": ' in run.err and why in run.err
    assert "; it could be read when the rows were checked, and has to be there until they are sent\n" in run.err
    assert "the same command goes on from there" in run.err
    assert "the input has changed" not in run.err and not (tmp_path / "desk.results.csv").exists()
    secret.write_text("second\n")
    run = connload(*args)
    assert run.rc == 0, run.err
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["created"] * 2
    sent = [exchange.json()["config"]["user_password"] for exchange in server.exchanges if exchange.method == "POST"]
    assert sent == ["literal", "second"]


@pytest.mark.parametrize("kind", ["file:/", "env:"])
@pytest.mark.parametrize("ahead", ["", "a"])
def test_a_long_reference_is_cut_between_two_characters(connload, sandbox, write_csv, tmp_path, kind, ahead):
    """The result file is an input: connload reads what it has written."""
    sandbox()
    write_csv("desk.csv", HEADER, [research(password=kind + ahead + "ü" * 100)])
    assert connload("create", "desk.csv", "--secret-refs", "--summary", "run.json").rc == 1
    text = (tmp_path / "desk.results.csv").read_bytes().decode()
    assert "üüü…" in text and "\ufffd" not in text
    assert "\ufffd" not in (tmp_path / "run.json").read_text()
    again = connload("check", "desk.results.csv", "--secret-refs")
    assert again.rc == 1 and "secret_unresolved" in again.err
    assert connload("create", "desk.results.csv", "--secret-refs").rc == 1


def test_the_name_in_a_reference_is_shown_harmlessly(connload, sandbox, write_csv, tmp_path):
    """In the result file as on the terminal."""
    sandbox()
    write_csv("desk.csv", HEADER, [research(password="file:no\x1b]0;own\x07\u202e")])
    assert connload("create", "desk.csv", "--secret-refs").rc == 1
    assert "no\\x1B]0;own\\x07\\u{202E}: No such file" in (tmp_path / "desk.results.csv").read_text()


def test_a_reference_never_shows_what_it_found(connload, write_csv, tmp_path):
    (tmp_path / "secret").write_text("hunter2\x01")
    write_csv("desk.csv", HEADER, [research(password="file:secret")])
    run = connload("check", "desk.csv", "--secret-refs", "-v")
    assert run.rc == 1 and "invalid_text" in run.err and "hunter2" not in run.err


def test_a_result_file_with_nothing_left(connload, sandbox, desk):
    sandbox()
    desk(2)
    assert connload("create", "desk.csv").rc == 0
    run = connload("check", "desk.results.csv")
    assert run.rc == 0 and run.err.splitlines()[-1] == "next     nothing: every row is created, exists, updated or archived"


def test_a_sheet_without_rows(connload, write_csv):
    write_csv("headonly.csv", ["type", "label"], [])
    run = connload("check", "headonly.csv")
    assert run.rc == 0 and run.err.startswith("headonly.csv: no rows below the header\n") and "next" not in run.err

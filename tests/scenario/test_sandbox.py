"""The sandbox itself, proved from outside: what other scenarios rely on when they order faults and count requests."""

import calendar
import http.client
import json
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import uuid

import pytest

from conftest import ROOT
from hostile import SANITISED, is_harmless

pytestmark = pytest.mark.direct

PATH = "/contents/v1/connectors"
EMAIL = {"type": "email", "label": "Desk", "config": {"allowed_emails": ["a@example.com", "b@example.com"]}}
RESEARCH = {"type": "investment_research", "label": "Broker", "description": "daily", "share_with_org": True,
            "config": {"user_id": "reader", "user_password": "hunter2"}}
SHAREPOINT = {"type": "sharepoint", "label": "Files", "config": {"session_id": "s3cret"}}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
LOST = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)


class Client:
    """One kept-alive connection. request() gives (status, headers, body as JSON or text)."""

    def __init__(self, box, key="sandbox"):
        self.connection = http.client.HTTPConnection("127.0.0.1", box.port, timeout=120)
        self.key = key

    def request(self, method, path=PATH, body=None, headers=None):
        given = {} if self.key is None else {"X-API-KEY": self.key}
        if body is not None:
            given["Content-Type"] = "application/json"
            body = body if isinstance(body, (bytes, str)) else json.dumps(body)
        self.connection.request(method, path, body, {**given, **(headers or {})})
        answer = self.connection.getresponse()
        text = answer.read()
        if "json" in (answer.getheader("Content-Type") or ""):
            try:
                return answer.status, answer.headers, json.loads(text)
            except ValueError:
                pass
        return answer.status, answer.headers, text.decode()

    def create(self, payload=None, **fields):
        return self.request("POST", body={**(payload or EMAIL), **fields})

    def list(self):
        return self.request("GET")[2]["results"]


def until(condition):
    """Asks again and again; AssertionError where it never comes true."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end


def program(bin_dir, *args):
    return subprocess.run([bin_dir / "connload-sandbox", *args], capture_output=True, text=True, timeout=60)


# -- the program --


def test_says_where_it_listens_and_ends_cleanly(sandbox):
    box = sandbox()
    assert re.fullmatch(r"listening on http://127\.0\.0\.1:\d+\n", box.process.out.text())
    result = box.stop()
    assert (result.rc, result.err) == (0, "")


@pytest.mark.parametrize("address, host", [("0", "127.0.0.1"), ("[::1]:0", "[::1]"), ("localhost:0", "127.0.0.1")])
def test_listens_on_loopback_addresses(sandbox, address, host):
    try:
        box = sandbox("--listen", address)
    except AssertionError:
        if "::1" in address and not socket.has_dualstack_ipv6():
            pytest.skip("no IPv6 here")
        raise
    assert box.direct_url.startswith(f"http://{host}:")


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_listens_for_other_machines_only_where_it_is_told_to(bin_dir, address):
    if "::" in address and not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 here")
    with subprocess.Popen([bin_dir / "connload-sandbox", "--listen", address], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        host, port = re.fullmatch(r"listening on http://(.*):(\d+)\n", process.stdout.readline()).groups()
        assert host == address[:-2]
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=120)
        connection.request("GET", "/_sandbox/health")
        assert connection.getresponse().status == 200
        connection.close()
        process.terminate()
        assert process.stderr.read() == "connload-sandbox: other machines can reach this sandbox\n"
    assert process.returncode == 0


def test_health_needs_no_key_and_counts_nowhere(sandbox):
    box = sandbox()
    assert Client(box, None).request("GET", "/_sandbox/health")[::2] == (200, {"status": "ok"})
    assert box.stats()["requests"] == 0


# -- a command --

ASKS = """
import json, os, sys, urllib.request
request = urllib.request.Request(os.environ["BIGDATA_API_BASE_URL"] + "/contents/v1/connectors")
request.add_header("X-API-KEY", os.environ["BIGDATA_API_KEY"])
print(len(json.load(urllib.request.urlopen(request))["results"]), *sys.argv[1:])
sys.exit(7)
"""


@pytest.mark.parametrize("listen", [[], ["--listen", "0.0.0.0:0"]])
def test_a_command_runs_against_the_sandbox_and_gives_the_exit_code(bin_dir, listen):
    command = ["python3", "-c", ASKS, "--help", "--"]
    result = program(bin_dir, "--api-key", "k", "--connectors", "5", *listen, "--", *command)
    assert (result.returncode, result.stdout) == (7, "5 --help --\n")


def test_a_command_that_cannot_run(bin_dir, tmp_path):
    result = program(bin_dir, "--", "no-such-command-here")
    assert result.returncode == 127 and result.stdout == ""
    assert result.stderr == ("connload-sandbox: the command no-such-command-here can't be run: "
                             "No such file or directory\n")
    (tmp_path / "plain").write_text("")
    assert program(bin_dir, "--", tmp_path / "plain").returncode == 126


def test_a_command_that_a_signal_ends(bin_dir):
    assert program(bin_dir, "--", "sh", "-c", "kill -KILL $$").returncode == 128 + signal.SIGKILL


def test_a_signal_goes_on_to_the_command(bin_dir):
    script = "trap 'echo ended; exit 3' TERM; echo ready; while :; do sleep 0.01; done"
    with subprocess.Popen([bin_dir / "connload-sandbox", "--", "sh", "-c", script], stdout=subprocess.PIPE,
                          text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.terminate()
        assert process.stdout.read() == "ended\n"
    assert process.returncode == 3


def test_a_command_has_the_signals_that_it_would_have(bin_dir):
    result = program(bin_dir, "--", "sh", "-c", "grep -E '^Sig(Blk|Ign)' /proc/self/status")
    blocked, ignored = (int(mask, 16) for mask in re.findall(r"\t(\w+)", result.stdout))
    assert blocked == 0 and not ignored & 1 << (signal.SIGPIPE - 1)


@pytest.mark.parametrize("args, words", [
    (["--frobnicate"], "there is no option --frobnicate"),
    (["--latancy", "5s"], "did you mean --latency?"),
    (["--listen", "api.example.com:80"], "another address of this machine in digits"),
    (["--listen", "[127.0.0.1]:80"], "another address of this machine in digits"),
    (["--listen", "127.0.0.1:65536"], "another address of this machine in digits"),
    (["--rate", "500"], "write 500/m, 50/3s, several as 500/m,50/10s, or none"),
    (["--rate", "500/m,none"], "write 500/m, 50/3s, several as 500/m,50/10s, or none"),
    (["--rate", "500/m,"], "write 500/m, 50/3s, several as 500/m,50/10s, or none"),
    (["--rate", "1/s," * 8 + "1/s"], "write 500/m, 50/3s, several as 500/m,50/10s, or none"),
    (["--"], "there is no command to run"),
    (["--latency", "5"], "write a duration"),
    (["--fault", "drop-sideways=5"], "the faults are drop-before, drop-after, drop-reused"),
    (["--fault", "drop-after"], "NAME=PERCENT"),
    (["--fault", "drop-after=60", "--fault", "500-after=50"], "add up to more than 100 %"),
    (["--address-rate", "1500"], "write 1500/m, 50/3s or none"),
    (["--burst", "5"], "add --rate-kind bucket"),
    (["--seed"], "--seed needs a value"),
    (["--sync-fail", "101"], "a percentage from 0 to 100"),
    (["--validation", "short"], "write fields or text"),
    (["--rate-headers=yes"], "takes no value"),
    (["desk.csv"], "takes nothing else but -- and a command"),
])
def test_a_mistake_is_one_sentence_and_exit_2(bin_dir, args, words):
    result = program(bin_dir, *args)
    assert result.returncode == 2 and result.stdout == ""
    assert words in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize("args", [["{}"], ["--{}"], ["--rate", "{}"], ["--fault", "{}"], ["--listen", "{}"],
                                  ["--log", "/nowhere/{}"]], ids=lambda args: args[0])
def test_a_mistake_is_shown_harmlessly(bin_dir, args):
    result = program(bin_dir, *(arg.format("\x1b]0;owned\x07\u202e") for arg in args))
    assert result.returncode != 0 and "\\x1B]0;owned\\x07\\u{202E}" in result.stderr and result.stderr.count("\n") == 1
    assert is_harmless(result.stderr.encode())


def test_help_version_and_manual_agree(bin_dir):
    text = program(bin_dir, "--help").stdout
    assert program(bin_dir, "-h").stdout == text
    assert re.match(r"connload-sandbox \d+\.\d+\.\d+ \(libmicrohttpd [\d.]+, cJSON [\d.]+\)\n$",
                    program(bin_dir, "--version").stdout)
    manual = (ROOT / "src" / "connload-sandbox.1").read_text()
    assert re.findall(r"^  --([a-z-]+)", text, re.M) == re.findall(r"^\.It .*Fl -([a-z-]+)", manual, re.M)
    faults = re.findall(r"^  ([a-z0-9-]+) ", text[text.index("Names of faults"):text.index("Example")], re.M)
    assert len(faults) >= 15
    for name in faults:
        assert f".It Cm {name}\n" in manual, name


# -- the API --


@pytest.mark.parametrize("key", [None, "", "wrong"])
def test_without_the_key_a_gateway_answers_in_html(sandbox, key):
    box = sandbox()
    status, headers, body = Client(box, key).request("GET")
    assert status == 401 and headers["Content-Type"] == "text/html" and "<h1>401" in body
    assert box.requests()[-1]["key"] is False and box.stats()["unauthorized"] == 1


def test_creates_every_type_and_never_shows_a_secret(sandbox):
    box = sandbox()
    client = Client(box)
    configs = {}
    for payload in (EMAIL, RESEARCH, SHAREPOINT):
        status, headers, made = client.create(payload)
        assert status == 201 and headers["X-Request-Id"] and headers["Date"]
        assert uuid.UUID(made["connector_id"]).version == 4
        assert (made["type"], made["label"]) == (payload["type"], payload["label"])
        assert made["description"] == payload.get("description")
        assert made["share_with_org"] is payload.get("share_with_org", False)
        assert made["archived"] is False and made["files_count"] == 0
        assert TIME.fullmatch(made["created_at"]) and made["updated_at"] == made["created_at"]
        assert all(made[name] is None for name in
                   ("last_sync_at", "last_sync_status", "last_sync_error_msg", "last_sync_count"))
        assert client.request("GET", f"{PATH}/{made['connector_id']}")[2] == made
        configs[made["type"]] = made["config"]
    assert configs["email"]["allowed_emails"] == ["a@example.com", "b@example.com"]
    assert configs["email"]["email"].startswith(configs["email"]["email_hash"])
    assert configs["investment_research"] == {"user_id": "reader"} and configs["sharepoint"] == {}
    seen = json.dumps(client.list()) + json.dumps(box.connectors())
    assert "hunter2" not in seen and "s3cret" not in seen
    assert [one["label"] for one in client.list()] == ["Desk", "Broker", "Files"]


def test_put_replaces_and_defaults(sandbox):
    client = Client(sandbox())
    made = client.create(EMAIL, description="old", share_with_org=True)[2]
    path = f"{PATH}/{made['connector_id']}"
    given = {"label": "New", "config": {"allowed_emails": ["c@example.com"]}}
    status, _, changed = client.request("PUT", path, given)
    assert status == 200
    assert (changed["label"], changed["description"], changed["share_with_org"]) == ("New", "", False)
    assert changed["config"] == {**made["config"], "allowed_emails": ["c@example.com"]}
    assert changed["type"] == "email" and changed["created_at"] == made["created_at"] < changed["updated_at"]
    assert client.request("PUT", path, {"label": "New"})[2]["config"]["allowed_emails"] == []
    assert client.request("PUT", path, {"description": "x"})[0] == 422
    assert client.request("PUT", path, {"label": "x", "type": "sharepoint"})[0] == 422
    other = client.create(SHAREPOINT)[2]
    assert client.request("PUT", f"{PATH}/{other['connector_id']}", {"label": "x", "config": {}})[0] == 422
    assert client.request("PUT", f"{PATH}/{other['connector_id']}", {"label": "x"})[2]["label"] == "x"


def test_reads_lag_updates(sandbox):
    client = Client(sandbox("--settle", "300ms"))
    made = client.create(label="Old")[2]
    path = f"{PATH}/{made['connector_id']}"
    until(lambda: client.request("GET", path)[0] == 200)
    changed = client.request("PUT", path, {"label": "New", "config": {"allowed_emails": ["c@example.com"]}})[2]
    assert changed["label"] == "New" and client.request("GET", path)[2] == made and client.list() == [made]
    until(lambda: client.request("GET", path)[2] == changed)
    assert client.list() == [changed]


def test_stale_answers_show_what_was_before(sandbox):
    box = sandbox()
    client = Client(box)
    made = client.create()[2]
    path = f"{PATH}/{made['connector_id']}"
    box.faults({"put:stale-after": 100, "delete:stale-after": 100})
    assert client.request("PUT", path, {"label": "New"})[2] == made
    assert client.request("GET", path)[2]["label"] == "New"
    assert client.request("DELETE", path)[2]["archived"] is False
    assert client.request("GET", path)[2]["archived"] is True
    assert client.request("POST", "/_sandbox/faults", {"stale-after": 5})[0] == 400


def test_syncs_are_accepted_by_type(sandbox):
    client = Client(sandbox())
    ids = {payload["type"]: client.create(payload)[2]["connector_id"] for payload in (EMAIL, RESEARCH, SHAREPOINT)}

    def sync(kind, body):
        return client.request("POST", f"{PATH}/{ids[kind]}/sync", body)[::2]

    broker = ids["investment_research"]
    assert sync("investment_research", {"date_limit": "2026-01-31"}) == (
        202, {"connector_id": broker, "status": "accepted", "date_limit": "2026-01-31"})
    assert sync("sharepoint", {}) == (202, {"connector_id": ids["sharepoint"], "status": "accepted"})
    for kind, body in (("investment_research", {}), ("investment_research", {"date_limit": "31.1.2026"}),
                       ("sharepoint", {"date_limit": "2026-01-31"}), ("sharepoint", {"x": 1})):
        assert sync(kind, body)[0] == 422
    assert sync("email", {})[0] == 400
    status, headers, _ = client.request("GET", f"{PATH}/{broker}/sync")
    assert (status, headers["Allow"]) == (405, "POST")
    assert client.request("POST", f"{PATH}/{broker}/sync/x", {})[0] == 404
    made = client.request("GET", f"{PATH}/{broker}")[2]
    assert TIME.fullmatch(made["last_sync_at"]) and made["last_sync_status"] == "completed"
    assert made["last_sync_error_msg"] is None and made["last_sync_count"] == made["files_count"] == 3


def test_syncs_of_others_and_faults(sandbox):
    box = sandbox("--api-key", "other", "--one-org", faults={"sync:500-before": "100:1"})
    shared = Client(box, "other").create(SHAREPOINT, share_with_org=True)[2]["connector_id"]
    assert Client(box).request("POST", f"{PATH}/{shared}/sync", {})[0] == 403
    assert [Client(box, "other").request("POST", f"{PATH}/{shared}/sync", {})[0] for _ in range(2)] == [500, 202]


def test_the_first_sync_tries_the_password(sandbox):
    box = sandbox("--sync", "200ms", "--sync-fail", "100")
    client = Client(box)
    made = client.create(RESEARCH)[2]
    email = client.create(EMAIL)[2]
    assert made["last_sync_status"] is None
    path = f"{PATH}/{made['connector_id']}"
    until(lambda: client.request("GET", path)[2]["last_sync_status"] == "failed")
    failed = client.list()[0]
    assert failed["last_sync_error_msg"].startswith("Login failed") and failed["last_sync_at"] > made["created_at"]
    assert failed["files_count"] == failed["last_sync_count"] == 0 and client.list()[1] == email


def test_a_sync_can_be_told_to_fail(sandbox):
    box = sandbox()
    client = Client(box)
    made = client.create(RESEARCH)[2]
    assert box.call("POST", "/_sandbox/syncs", {made["connector_id"]: "=wrong \"word\""}) == {}
    assert client.list()[0]["last_sync_error_msg"] == "=wrong \"word\""
    box.call("POST", "/_sandbox/syncs", {made["connector_id"]: ""})
    assert client.list()[0]["last_sync_status"] == "completed"
    assert client.request("POST", "/_sandbox/syncs", {str(uuid.uuid4()): "x"})[0] == 400


def test_delete_archives_and_is_idempotent(sandbox):
    box = sandbox()
    client = Client(box)
    path = f"{PATH}/{client.create()[2]['connector_id']}"
    first, second = client.request("DELETE", path), client.request("DELETE", path)
    assert first[0] == second[0] == 200 and first[2] == second[2] and first[2]["archived"] is True
    assert client.list()[0]["archived"] is True and box.stats()["archived"] == 1
    assert client.request("DELETE", path + "?force_delete=maybe")[0] == 422
    assert client.request("DELETE", path + "?force_delete=true")[2]["archived"] is True
    assert client.list() == [] and client.request("GET", path)[0] == 404
    assert box.connectors()[0]["deleted"] is True
    assert box.requests()[-1]["path"] == path


def test_accounts_see_their_own_only(sandbox):
    box = sandbox("--api-key", "other")
    one, two = Client(box), Client(box, "other")
    mine, theirs = one.create()[2], two.create()[2]
    assert mine["org_id"] != theirs["org_id"] and mine["user_id"] != theirs["user_id"]
    assert [c["connector_id"] for c in one.list()] == [mine["connector_id"]]
    assert two.request("GET", f"{PATH}/{mine['connector_id']}")[0] == 404
    assert len(box.connectors()) == 2 and box.stats()["duplicate_payloads"] == 0
    assert Client(sandbox()).create()[2]["org_id"] == mine["org_id"]


def test_colleagues_see_what_is_shared(sandbox):
    box = sandbox("--api-key", "other", "--one-org", "--others", "5")
    one, two = Client(box), Client(box, "other")
    shared, own = two.create(RESEARCH)[2], two.create(EMAIL)[2]
    listed = one.list()
    assert len(listed) == 6 and listed[-1] == shared
    assert {c["org_id"] for c in listed} == {own["org_id"]} and all(c["share_with_org"] for c in listed)
    assert listed[0]["user_id"] not in (own["user_id"], one.create(label="Mine")[2]["user_id"])
    path = f"{PATH}/{shared['connector_id']}"
    assert one.request("GET", path)[2] == shared and one.request("GET", f"{PATH}/{own['connector_id']}")[0] == 404
    for call in (("PUT", path, {"label": "x"}), ("DELETE", path)):
        status, _, body = one.request(*call)
        assert status == body["statusCode"] == 403
    assert two.request("GET", path)[2] == shared


def test_a_capped_list_shows_the_newest(sandbox):
    client = Client(sandbox("--list-cap", "3", "--others", "2"))
    assert len(client.list()) == 2
    for n in range(5):
        client.create(label=str(n))
        assert client.list()[-1]["label"] == str(n)
    assert [one["label"] for one in client.list()] == ["2", "3", "4"]


@pytest.mark.parametrize("form, sent, kept", [
    ("exact", " a  <b> ", " a  <b> "),
    ("nfc", "Zu\u0308rich Cafe\u0301 q\u0301 S\u030c", "Zürich Café q\u0301 Š"),
    ("html", "R&D <b> \"x\" 'y'", "R&amp;D &lt;b&gt; &quot;x&quot; &#x27;y&#x27;"),
    ("blanks", " a \t b\nc ", "a b c"),
    ("cut", "ä" * 60, "ä" * 50),
    ("cut", "short", "short"),
    ("lower", "ÄÖ Desk ×", "äö desk ×"),
    ("bmp", "up \U0001F4C8 €", "up  €"),
    ("prefix", "x", "Desk: x"),
])
def test_labels_are_kept_otherwise(sandbox, form, sent, kept):
    box = sandbox("--labels", form)
    client = Client(box)
    made = client.create(label=sent)[2]
    assert made["label"] == kept and client.list() == [made]
    path = f"{PATH}/{made['connector_id']}"
    assert client.request("PUT", path, {"label": sent})[2]["label"] == kept
    client.create(label=sent + "!")
    assert box.stats()["duplicate_payloads"] == 0
    client.create(label=sent)
    assert box.stats()["duplicate_payloads"] == 1


BAD_BODIES = [
    ({}, 422, ["body", "type"]),
    ({**EMAIL, "type": "e-mail"}, 422, ["body", "type"]),
    ({**EMAIL, "label": 5}, 422, ["body", "label"]),
    ({**EMAIL, "label": ""}, 422, ["body", "label"]),
    ({**EMAIL, "description": 5}, 422, ["body", "description"]),
    ({**EMAIL, "share_with_org": "yes"}, 422, ["body", "share_with_org"]),
    ({**EMAIL, "allowed_emails": []}, 422, ["body", "allowed_emails"]),
    ({"type": "email", "label": "x"}, 422, ["body", "config"]),
    ({**EMAIL, "config": []}, 422, ["body", "config"]),
    ({**EMAIL, "config": {}}, 422, ["body", "config", "allowed_emails"]),
    ({**EMAIL, "config": {"allowed_emails": []}}, 422, ["body", "config", "allowed_emails"]),
    ({**EMAIL, "config": {"allowed_emails": ["a@b", "ab"]}}, 422, ["body", "config", "allowed_emails", 1]),
    ({**EMAIL, "config": {"allowed_emails": ["a@b"], "user_id": "x"}}, 422, ["body", "config", "user_id"]),
    ({**RESEARCH, "config": {"user_id": "x"}}, 422, ["body", "config", "user_password"]),
    ({**SHAREPOINT, "config": {}}, 422, ["body", "config", "session_id"]),
    ([EMAIL], 422, ["body"]),
    ("{", 400, None),
    ("", 400, None),
    ('{"type":"email","label":"\\u0000","config":{"allowed_emails":["a@b"]}}', 400, None),
    (b'{"type":"email","label":"\xff","config":{"allowed_emails":["a@b"]}}', 400, None),
]


def test_bad_bodies_get_the_shapes_of_the_api(sandbox):
    box = sandbox()
    for body, status, place in BAD_BODIES:
        answer = Client(box).request("POST", body=body)
        assert answer[0] == status, (body, answer)
        if place is None:
            assert answer[2]["errors"][0]["message"]
        else:
            assert place in [entry["loc"] for entry in answer[2]["detail"]], (body, answer)
            assert all(entry["msg"] for entry in answer[2]["detail"])
    assert box.stats()["created"] == 0 and box.connectors() == []


def test_bad_bodies_in_the_vendors_words(sandbox):
    client = Client(sandbox("--validation", "text"))
    body = {**RESEARCH, "label": "", "config": {"user_id": 5, "user_password": "hunter2"}}
    status, _, answer = client.request("POST", body=body)
    lines = answer["errors"][0]["message"].split("\n")
    assert status == 400 and lines[0] == "2 validation errors for ConnectorRequest"
    assert [lines[1], lines[4]] == ["label", "config.user_id"] and len(lines) == 7
    assert "'user_password': 'hunter2'" in lines[2] and "input_value={'type': 'investment_research'," in lines[5]
    assert "'share_with_org': True" in lines[2]
    status, _, answer = client.request("POST", body={**EMAIL, "config": {"allowed_emails": ["a@b", "ab"]}})
    assert (status, answer["errors"][0]["message"].split("\n")[:2]) == (
        400, ["1 validation error for ConnectorRequest", "config.allowed_emails.1"])
    made = client.create()[2]
    assert client.request("PUT", f"{PATH}/{made['connector_id']}", {})[0] == 400


def test_other_refusals(sandbox):
    client = Client(sandbox())
    nothing = f"{PATH}/{uuid.uuid4()}"
    for path in (nothing, PATH + "/x", PATH + "/", "/contents/v1/folders", "/"):
        status, headers, body = client.request("GET", path)
        assert status == body["statusCode"] == 404 and body["requestId"] == headers["X-Request-Id"], path
        assert body["errorCode"] and body["message"]
    status, headers, body = client.request("DELETE")
    assert (status, headers["Allow"], body) == (405, "GET, POST", {"detail": "Method Not Allowed"})
    assert client.request("POST", nothing)[1]["Allow"] == "GET, PUT, DELETE"
    status, headers, body = client.request("POST", body=EMAIL, headers={"Content-Type": "text/plain"})
    assert status == body["status"] == 415 and headers["Content-Type"] == "application/problem+json"
    assert client.request("POST", body=EMAIL, headers={"Content-Type": "Application/JSON; charset=utf-8"})[0] == 201


def test_a_body_holds_65536_bytes_and_no_more(sandbox):
    client = Client(sandbox())
    fixed = len(json.dumps({**EMAIL, "label": ""}))
    assert client.create(label="x" * (65536 - fixed))[0] == 201
    status, _, body = client.create(label="x" * (65537 - fixed))
    assert status == body["statusCode"] == 413
    assert len(client.list()) == 1


def test_any_text_comes_back_as_it_went(sandbox):
    client = Client(sandbox())
    label = "".join(map(chr, range(1, 0x180))) + "\u2028 \U0001F4C8 \ufeff \u202e \\u0041 \"</script>"
    made = client.create(label=label, description=label)[2]
    assert made["label"] == made["description"] == label and client.list()[0] == made


def test_ids_never_come_back(sandbox):
    ids = [[Client(box := sandbox("--seed", 5)).create()[2]["connector_id"], box.stop()][0] for _ in range(2)]
    assert ids[0] != ids[1]


def test_the_clock_can_be_off(sandbox):
    made = Client(sandbox("--clock-offset", "-48h")).create()
    age = time.time() - time.mktime(time.strptime(made[2]["created_at"][:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone
    assert 47 * 3600 < age < 49 * 3600
    assert made[1]["Date"][5:7] == made[2]["created_at"][8:10]


def test_created_at_can_be_off_the_date(sandbox):
    made = Client(sandbox("--created-offset", "-48h")).create()
    assert made[1]["Date"][5:7] != made[2]["created_at"][8:10]
    assert made[2]["created_at"] == made[2]["updated_at"]


# -- time --


def test_reads_lag_creates(sandbox):
    box = sandbox("--settle", "1h")
    client = Client(box)
    made = client.create()[2]
    path = f"{PATH}/{made['connector_id']}"
    assert client.list() == [] and client.request("GET", path)[0] == 404
    assert [c["connector_id"] for c in box.connectors()] == [made["connector_id"]]
    assert client.request("DELETE", path)[0] == 200


def test_the_lag_ends(sandbox):
    client = Client(sandbox("--settle", "100ms", "--settle-jitter", "200ms"))
    begin = time.monotonic()
    made = client.create()[2]
    until(lambda: client.list() == [made])
    assert time.monotonic() - begin >= 0.1


def test_latency_holds_answers_back_without_blocking(sandbox):
    box = sandbox("--latency", "300ms", "--jitter", "100ms")
    begin = time.monotonic()
    threads = [threading.Thread(target=lambda: Client(box).create()) for _ in range(20)]
    for thread in threads:
        thread.start()
    until(lambda: box.stats()["requests"] == 20)
    for thread in threads:
        thread.join()
    assert time.monotonic() - begin >= 0.3
    assert box.stats()["most_at_once"] > 1 and box.stats()["in_progress"] == 0


# -- the rate limit --


def test_the_limit_counts_all_methods_and_says_when(sandbox):
    box = sandbox("--rate", "3/m", "--rate-headers")
    client = Client(box)
    assert [client.list(), client.create()[0], client.request("GET", PATH + "/x")[0]] == [[], 201, 404]
    status, headers, body = client.create()
    assert status == body["statusCode"] == 429 and 58 <= int(headers["Retry-After"]) <= 60
    assert (headers["RateLimit-Limit"], headers["RateLimit-Remaining"]) == ("3", "0")
    assert headers["RateLimit-Reset"] == headers["Retry-After"]
    assert abs(int(headers["X-RateLimit-Reset"]) - time.time() - 60) < 5
    stats = box.stats()
    assert (stats["requests"], stats["rate_limited"], stats["created"]) == (4, 1, 1)
    assert (stats["most_in_window"], stats["most_accepted_in_window"], stats["window_ms"]) == (4, 3, 60000)
    assert Client(box, "wrong").request("GET")[0] == 401


def test_several_limits_hold_at_once(sandbox):
    box = sandbox("--rate", "4/h,2/300ms", "--rate-headers")
    client = Client(box)
    assert [client.request("GET")[0] for _ in range(3)] == [200, 200, 429]
    status, headers, _ = client.request("GET")
    assert (status, headers["Retry-After"], headers["RateLimit-Limit"]) == (429, "1", "2")
    until(lambda: client.request("GET")[0] == 200)
    until(lambda: client.request("GET")[0] == 200)
    status, headers, _ = client.request("GET")
    assert (status, headers["RateLimit-Limit"]) == (429, "4") and int(headers["Retry-After"]) > 3500
    windows = box.stats()["windows"]
    assert [window["window_ms"] for window in windows] == [3600000, 300]
    assert [window["most_accepted_in_window"] for window in windows] == [4, 2]
    assert box.call("GET", "/_sandbox/rate") == {"rate": "4/h,2/300ms"}


@pytest.mark.parametrize("form", ["date", "none"])
def test_retry_after_in_other_forms(sandbox, form):
    client = Client(sandbox("--rate", "1/m", "--retry-after", form))
    client.list()
    value = client.create()[1]["Retry-After"]
    if form == "none":
        assert value is None
    else:
        assert re.fullmatch(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT", value)


@pytest.mark.parametrize("kind, most", [("rolling", 5), ("fixed", 10), ("bucket", 9)])
def test_the_limit_holds_in_every_window(sandbox, kind, most):
    args = ["--burst", "4"] if kind == "bucket" else []
    box = sandbox("--rate", "5/200ms", "--rate-kind", kind, *args)
    client = Client(box)
    accepted = 0
    while accepted < 30:
        accepted += client.request("GET")[0] == 200
    assert box.stats()["most_accepted_in_window"] <= most
    assert box.stats()["rate_limited"] > 0


def test_the_address_has_a_limit_of_its_own(sandbox):
    box = sandbox("--address-rate", "3/m", "--api-key", "one", "--api-key", "two")
    one, two, stranger = Client(box, "one"), Client(box, "two"), Client(box, None)
    assert [client.request("GET")[0] for client in (one, two, stranger)] == [200, 200, 401]
    status, headers, body = two.create()
    assert (status, body["errorCode"]) == (429, "RATE_LIMIT_EXCEEDED")
    assert 1 <= int(headers["Retry-After"]) <= 60
    stats = box.stats()
    assert (stats["rate_limited"], stats["created"], stats["most_in_window"]) == (1, 0, 2)


def test_the_rate_can_change_at_run_time(sandbox):
    box = sandbox("--rate", "1/h")
    client = Client(box)
    assert [client.request("GET")[0] for _ in range(2)] == [200, 429]
    assert box.call("POST", "/_sandbox/rate", {"rate": "none"}) == {"rate": "none"}
    assert [client.request("GET")[0] for _ in range(50)] == [200] * 50
    assert box.call("POST", "/_sandbox/rate", {"rate": "2/h"}) == box.call("GET", "/_sandbox/rate")
    assert [client.request("GET")[0] for _ in range(3)] == [200, 200, 429]
    assert client.request("POST", "/_sandbox/rate", {"rate": "often"})[0] == 400


# -- faults --


def outcome(client, *args):
    """The status, or "lost" where the connection went without an answer, or "cut" where it went in the middle."""
    try:
        return client.request(*args)[0]
    except http.client.IncompleteRead:
        return "cut"
    except LOST:
        return "lost"
    finally:
        client.connection.close()


@pytest.mark.parametrize("name, seen, created", [
    ("drop-before", "lost", 0), ("drop-after", "lost", 1), ("429-html", 429, 0), ("400-before", 400, 0),
    ("403-before", 403, 0), ("404-before", 404, 0), ("409-before", 409, 0), ("422-before", 422, 0),
    ("block-html", 403, 0), ("503-after", 503, 1), ("envelope", 201, 1),
    ("500-before", 500, 0), ("500-after", 500, 1), ("502-before", 502, 0), ("502-after", 502, 1),
    ("503-before", 503, 0), ("504-before", 504, 0), ("504-after", 504, 1), ("garbage-after", 201, 1),
    ("cut-after", "cut", 1), ("wrong-id-after", 201, 1), ("slow", 201, 1), ("close", 201, 1),
])
def test_each_fault(sandbox, name, seen, created):
    box = sandbox("--slow", "100ms", faults={name: 100})
    assert outcome(Client(box), "POST", PATH, EMAIL) == seen
    assert Client(box).request("GET")[0] == 200
    stats = box.stats()
    assert stats["created"] == stats["stored"] == len(box.connectors()) == created
    assert stats["faults"] == {name: 1}
    first = box.requests()[0]
    assert first["fault"] == name and first["status"] == (None if seen == "lost" else 201 if seen == "cut" else seen)
    assert (first["connector_id"] is not None) == bool(created)


def test_gateway_faults_are_html(sandbox):
    box = sandbox()
    for name in ("429-html", "502-before", "504-after", "block-html"):
        box.faults({name: 100})
        status, headers, body = Client(box).create()
        assert headers["Content-Type"] == "text/html" and f"<h1>{status} " in body


def test_error_faults_have_the_shapes_of_the_api(sandbox):
    box = sandbox()

    def suffered(name, payload=None):
        box.faults({name: 100})
        status, headers, body = Client(box).create(payload)
        assert status == int(name[:3])
        return headers["Content-Type"], body

    kind, body = suffered("400-before", RESEARCH)
    assert body["errors"][0]["message"].count("\n") == 3
    assert "'config': {'user_id': 'reader', 'user_password': 'hunter2'}" in body["errors"][0]["message"]
    for name in ("403-before", "404-before"):
        kind, body = suffered(name)
        assert set(body) == {"statusCode", "message", "errorCode", "requestId"} and body["statusCode"] == int(name[:3])
    kind, body = suffered("409-before")
    assert (kind, body["status"], body["title"]) == ("application/problem+json", 409, "Conflict")
    assert suffered("422-before")[1]["detail"][0]["loc"] == ["body", "label"]
    box.faults({"504-late": 100})
    assert Client(box).create()[2] == {"message": "Endpoint request timed out"}


def test_an_envelope_is_round_any_object(sandbox):
    box = sandbox()
    client = Client(box)
    made = client.create()[2]
    path = f"{PATH}/{made['connector_id']}"
    box.faults({"envelope": 100, "list:envelope": 100, "get:envelope": 100, "delete:envelope": 100})
    assert client.request("GET", path)[2] == {"results": made, "errors": [], "metadata": {}}
    assert client.request("GET")[2] == {"results": [made], "errors": [], "metadata": {}}
    assert client.request("DELETE", path)[2]["results"]["archived"] is True
    assert client.create(label="x")[2]["results"]["label"] == "x"


@pytest.mark.parametrize("name, seen", [("504-late", 504), ("drop-late", "lost")])
def test_a_late_create_takes_effect_after_its_answer(sandbox, name, seen):
    box = sandbox("--late", "400ms", "--late-jitter", "100ms", faults={name: "100:1"})
    client = Client(box)
    assert outcome(client, "POST", PATH, EMAIL) == seen
    answered = time.time()
    assert client.list() == [] and box.stats()["stored"] == 0 and box.stats()["late"] == 1
    until(client.list)
    made = client.list()[0]
    assert made["connector_id"] == box.requests()[0]["connector_id"] and box.stats()["created"] == 1
    created = time.strptime(made["created_at"][:19], "%Y-%m-%dT%H:%M:%S")
    assert calendar.timegm(created) + float("0" + made["created_at"][19:-1]) >= answered + 0.3


def test_a_late_create_that_is_reset_never_comes(sandbox):
    box = sandbox("--late", "10ms", faults={"504-late": "100:1"})
    assert Client(box).create()[0] == 504
    box.call("POST", "/_sandbox/reset", {})
    time.sleep(0.02)
    assert Client(box).list() == []


def test_only_creates_are_late(bin_dir):
    result = program(bin_dir, "--fault", "list:504-late=5")
    assert result.returncode == 2 and "only a create can suffer 504-late" in result.stderr


def test_a_lost_connection_gives_not_one_byte(sandbox):
    box = sandbox(faults={"drop-after": 100})
    with socket.create_connection(("127.0.0.1", box.port)) as peer:
        peer.sendall(raw_create("sandbox"))
        try:
            assert peer.recv(100) == b""
        except ConnectionResetError:
            pass
    assert box.stats()["created"] == 1


def test_drop_reused_spares_a_fresh_connection(sandbox):
    box = sandbox(faults={"drop-reused": 100})
    client = Client(box)
    assert client.create()[0] == 201
    with pytest.raises(LOST):
        client.create(label="second")
    assert client.create(label="third")[0] == 201
    assert [c["label"] for c in box.connectors()] == ["Desk", "second", "third"]


@pytest.mark.parametrize("name, created", [("hang-before", 0), ("hang-after", 1)])
def test_a_hanging_request_ends_with_its_client(sandbox, name, created):
    box = sandbox(faults={name: 100})
    peers = [socket.create_connection(("127.0.0.1", box.port)) for _ in range(3)]
    for peer in peers:
        peer.sendall(raw_create("sandbox"))
    until(lambda: len(box.requests()) == 3)
    assert box.stats()["in_progress"] == 3 and box.stats()["created"] == 3 * created
    for peer in peers[:2]:
        peer.setblocking(False)
        with pytest.raises(BlockingIOError):
            peer.recv(1)
        peer.close()
    until(lambda: box.stats()["in_progress"] == 1)
    assert box.stop().rc == 0
    peers[2].close()


def test_slow_answers_trickle_whole(sandbox):
    box = sandbox("--slow", "200ms", faults={"slow": 100, "list:slow": 100})
    client = Client(box)
    begin = time.monotonic()
    made = client.create()[2]
    assert time.monotonic() - begin >= 0.15
    assert client.list() == [made]


def test_garbage_is_unreadable_in_several_ways(sandbox):
    box = sandbox(faults={"garbage-after": 100})
    client = Client(box)
    bodies = set()
    for _ in range(60):
        status, _, body = client.create()
        assert status == 201
        assert not isinstance(body, dict) or body["connector_id"] is None
        bodies.add(json.dumps(body))
    assert len(bodies) == 5 and len(box.connectors()) == 60


def test_wrong_ids_do_not_exist(sandbox):
    box = sandbox(faults={"wrong-id-after": 100})
    client = Client(box)
    told = client.create()[2]["connector_id"]
    assert uuid.UUID(told).version == 4 and told != box.connectors()[0]["connector_id"]
    assert client.request("GET", f"{PATH}/{told}")[0] == 404


def test_close_comes_without_notice(sandbox):
    box = sandbox(faults={"close": 100})
    client = Client(box)
    status, headers, _ = client.create()
    assert status == 201 and headers["Connection"] != "close"
    assert client.connection.sock.recv(1) == b""


def test_faults_of_lists_and_deletes(sandbox):
    box = sandbox(faults={"list:502-before": 100, "delete:drop-after": 100, "get:cut-after": 100,
                          "put:500-before": 100})
    path = f"{PATH}/{Client(box).create()[2]['connector_id']}"
    assert outcome(Client(box), "GET") == 502
    assert outcome(Client(box), "GET", path) == "cut"
    assert outcome(Client(box), "PUT", path, {"label": "x"}) == 500
    assert outcome(Client(box), "DELETE", path) == "lost"
    assert box.connectors()[0]["archived"] is True and box.connectors()[0]["label"] == "Desk"
    box.faults({"list:cut-after": 100})
    assert outcome(Client(box), "GET") == "cut"


def test_fault_first_and_counts(sandbox):
    box = sandbox("--fault-first", faults={"500-before": 100})
    client = Client(box)
    assert [client.create(label=label)[0] for label in "aabbab"] == [500, 201, 500, 201, 201, 201]
    box.faults({"503-before": "100:2"})
    assert [client.create(label=label)[0] for label in "cdef"] == [503, 503, 201, 201]
    assert box.call("GET", "/_sandbox/faults") == {"503-before": "100:0"}


def test_faults_change_at_run_time_all_or_none(sandbox):
    box = sandbox(faults={"500-after": 100})
    client = Client(box)
    assert client.request("POST", "/_sandbox/faults", {"503-before": 5, "nonsense": 5})[0] == 400
    assert box.call("GET", "/_sandbox/faults") == {"500-after": 100}
    assert box.faults({}) == {}
    assert client.create()[0] == 201
    assert client.request("GET", "/_sandbox/nothing")[0] == 404
    assert client.request("GET", "/_sandbox/reset")[0] == 405


def test_a_share_of_faults_is_repeatable(sandbox):
    def run(seed):
        client = Client(sandbox("--seed", seed, faults={"500-after": 20, "502-before": "20.5"}))
        return [client.create(label=str(n))[0] for n in range(200)]

    first = run(3)
    assert first == run(3) != run(4)
    assert 20 <= first.count(500) <= 60 and 20 <= first.count(502) <= 62


# -- counting --


def test_stats_count_duplicates_of_the_whole_payload(sandbox):
    box = sandbox()
    client = Client(box)
    swapped = {"allowed_emails": ["b@example.com", "a@example.com", "b@example.com"]}
    for payload in ({**EMAIL}, {**EMAIL, "config": swapped}, {**EMAIL, "description": ""}, {**EMAIL, "label": "desk"},
                    {**EMAIL, "share_with_org": True}, RESEARCH, SHAREPOINT, SHAREPOINT,
                    {**RESEARCH, "config": {"user_id": "reader", "user_password": "other"}}):
        assert client.create(payload)[0] == 201
    stats = box.stats()
    assert (stats["created"], stats["duplicate_payloads"]) == (9, 3)
    assert (stats["methods"]["POST"], stats["statuses"], stats["connections"] > 0) == (9, {"201": 9}, True)
    hashes = [c["secret_hash"] for c in box.connectors()]
    assert hashes[0] is None and hashes[6] == hashes[7] and hashes[5] != hashes[8]
    assert box.call("POST", "/_sandbox/reset", {}) == {}
    assert box.connectors() == [] and box.stats()["requests"] == 0 and box.stats()["duplicate_payloads"] == 0


def test_the_log_has_requests_as_they_came(sandbox):
    box = sandbox()
    client = Client(box)
    client.create(RESEARCH)
    client.request("POST", body='{"label":\n "a\tb",\r\n"x":[1]}')
    client.request("POST", body=b"\xff{", headers={"Content-Type": "text/x"})
    client.request("GET", PATH + "?x=1")
    lines = box.requests()
    assert [line["seq"] for line in lines] == [1, 2, 3, 4]
    assert [line["body"] for line in lines] == [RESEARCH, {"label": "a\tb", "x": [1]}, "\xff{", None]
    assert [line["status"] for line in lines] == [201, 422, 415, 200]
    assert lines[3]["path"] == PATH + "?x=1" and lines[2]["content_type"] == "text/x"
    assert lines[0]["ms"] <= lines[3]["ms"] and lines[0]["connection"] == lines[3]["connection"]
    assert lines[0]["connector_id"] == box.connectors()[0]["connector_id"]
    assert box.log.stat().st_mode & 0o777 == 0o600


def test_requests_are_shown_without_their_secrets(sandbox):
    box = sandbox(key="the-key")
    client = Client(box, "the-key")
    client.create(RESEARCH)
    client.create(SHAREPOINT)
    client.request("POST", body={"a": [{"user_password": {"x": "hunter2"}}], "session_id": ["s3cret"]})
    client.request("POST", body='{"user_password": "hunter2"')
    client.request("POST", body="{'x")
    client.request("GET", PATH + "?x=1")
    shown, logged = box.call("GET", "/_sandbox/requests")["results"], box.requests()
    assert [{**line, "body": None} for line in shown] == [{**line, "body": None} for line in logged]
    assert [line["body"] for line in shown] == [
        {**RESEARCH, "config": {"user_id": "reader", "user_password": "***"}},
        {**SHAREPOINT, "config": {"session_id": "***"}},
        {"a": [{"user_password": "***"}], "session_id": "***"}, "***", "{'x", None]
    assert "the-key" not in json.dumps(shown)
    box.call("POST", "/_sandbox/reset", {})
    assert box.call("GET", "/_sandbox/requests") == {"results": []}


def test_the_oldest_requests_are_forgotten(sandbox):
    box = sandbox()
    client = Client(box)
    for n in range(70):
        client.create(label=str(n) + "x" * 60000)
    kept = [line["seq"] for line in box.call("GET", "/_sandbox/requests")["results"]]
    assert kept == list(range(kept[0], 71)) and 30 <= len(kept) <= 35


# -- a result file's connectors --

ONE = "0123abcd-0000-4000-8000-000000000001"
TWO = "0123abcd-0000-4000-8000-000000000002"
RESULTS = ("\ufefftype;Label;Allowed Emails;share-with-org;status;connector_id;inbox_email;created_at\r\n"
           f"email;\"R&D \"\"x\"\";y\";\"a@b.c\nd@e.f\";yes;created;{ONE};abc@inbox.example;"
           "2026-11-01T08:00:00.123Z\r\n"
           f"email;Old;a@b.c;;archived;{TWO.upper()};;2026-10-01T08:00:00Z\r\n"
           "email;Not yet;a@b.c;;not_attempted;;;\r\n")


def test_begins_with_the_connectors_of_a_result_file(sandbox, tmp_path):
    path = tmp_path / "desk.results.csv"
    path.write_text(RESULTS, newline="")
    box = sandbox("--load", path)
    one, two = Client(box).list()
    assert (one["connector_id"], one["label"], one["share_with_org"]) == (ONE, 'R&D "x";y', True)
    assert one["config"] == {"allowed_emails": ["a@b.c", "d@e.f"], "email_hash": "abc", "email": "abc@inbox.example"}
    assert one["created_at"] == one["updated_at"] == "2026-11-01T08:00:00.123000Z" and not one["archived"]
    assert (two["connector_id"], two["archived"], two["share_with_org"]) == (TWO, True, False)
    assert box.stats()["created"] == 0 and box.stats()["stored"] == 2


def test_a_list_of_the_account_is_a_file_to_load(sandbox, connload, tmp_path):
    box = sandbox("--others", "3", "--sync", "0")
    client = Client(box)
    for payload in (EMAIL, RESEARCH, SHAREPOINT):
        client.create(payload)
    assert connload("list", "-o", tmp_path / "account.csv").rc == 0
    again = Client(sandbox("--load", tmp_path / "account.csv")).list()

    def known(connector):
        return {name: value for name, value in connector.items()
                if not name.startswith("last_sync") and name not in (
                    "files_count", "created_at", "updated_at", "user_id")}

    assert list(map(known, again)) == list(map(known, client.list()))


def test_what_a_list_says_beyond_the_fields(sandbox, tmp_path):
    colleague = Client(sandbox("--others", "1")).list()[0]["user_id"]
    path = tmp_path / "account.csv"
    path.write_text("type,label,user_id,owner_id,updated_at,last_sync_at,last_sync_error_msg,status,connector_id\n"
                    "investment_research,'=x,reader,other,2026-11-02T08:00:00Z,2026-11-03T08:00:00Z,'=no,exists,"
                    f"{ONE}\n"
                    f"sharepoint,'x',,{colleague},,,,exists,{TWO}\n")
    client = Client(sandbox("--load", path, "--one-org"))
    one = client.list()[0]
    assert (one["label"], one["updated_at"], one["last_sync_at"]) == (
        "=x", "2026-11-02T08:00:00.000000Z", "2026-11-03T08:00:00.000000Z")
    assert (one["last_sync_status"], one["last_sync_error_msg"]) == ("failed", "=no")
    assert len(client.list()) == 1  # a colleague's that is not shared


@pytest.mark.parametrize("text, code, words", [
    (b"type,label\nemail,x\n", 3, "has no column connector_id: name a result file that connload wrote"),
    (b"", 3, "the file is empty"),
    (b"\x1f\x8b\x08", 3, "is compressed; unpack it first"),
    (b'type,label,connector_id\nemail,"x', 3, "its last quote is not closed"),
    (b'type,label,connector_id\nemail,"x"y,\n', 3, "record 2: a quote stands where it may not"),
    (f"type,label,connector_id\ncarrier_pigeon,x,{ONE}\n".encode(), 3, "record 2 can't be a connector"),
    (None, 5, "can't be read: No such file"),
])
def test_a_file_that_cannot_be_loaded(bin_dir, tmp_path, text, code, words):
    path = tmp_path / "desk.results.csv"
    if text is not None:
        path.write_bytes(text)
    result = program(bin_dir, "--load", path)
    assert result.returncode == code and words in result.stderr and result.stderr.count("\n") == 1


# -- completion --


@pytest.mark.parametrize("shell, check", [("bash", ["bash", "-n"]), ("zsh", ["zsh", "-n"]), ("fish", ["fish", "-n"])])
def test_completions_have_every_option_and_the_shells_syntax(bin_dir, tmp_path, shell, check):
    text = program(bin_dir, "--completion", shell).stdout
    for name in re.findall(r"^  --([a-z-]+)", program(bin_dir, "--help").stdout, re.M):
        assert re.search(rf"-l {name} " if shell == "fish" else rf"--{name}\b", text), name
    assert "504-late=" in text and "bmp prefix" in text
    if shutil.which(shell):
        (tmp_path / "script").write_text(text)
        assert subprocess.run([*check, tmp_path / "script"], capture_output=True, text=True).stderr == ""


def test_bash_completes(bin_dir, tmp_path):
    (tmp_path / "script").write_text(program(bin_dir, "--completion", "bash").stdout)

    def offers(*words):
        script = ('source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }; _connload_sandbox; '
                  'printf "%s\n" "${COMPREPLY[@]}"')
        return subprocess.run(["bash", "--norc", "-c", script, "bash", tmp_path / "script", "connload-sandbox", *words],
                              capture_output=True, text=True, check=True).stdout.split()

    assert set(offers("--la")) == {"--labels", "--latency", "--late", "--late-jitter"}
    assert offers("--rate-kind", "f") == ["fixed"] and offers("--fault", "504-l") == ["504-late="]


def test_no_completions_for_other_shells(bin_dir):
    result = program(bin_dir, "--completion", "csh")
    assert result.returncode == 2 and "bash, zsh and fish, not for \"csh\"" in result.stderr


def test_a_log_that_is_not_whole_is_an_error(sandbox):
    box = sandbox("--log", "/dev/full")
    Client(box).list()
    Client(box).list()
    result = box.stop()
    assert result.rc == 5 and "the log is not whole" in result.err


def test_a_taken_port_is_named(sandbox, bin_dir):
    port = sandbox().port
    result = program(bin_dir, "--listen", str(port))
    assert result.returncode == 5 and (
        f"can't listen on port {port} of 127.0.0.1: Address already in use; name another with --listen" in result.stderr)


def memory_kib(box, field):
    with open(f"/proc/{box.process.pid}/status", encoding="ascii") as file:
        return int(re.search(rf"{field}:\s+(\d+)", file.read()).group(1))


def test_a_long_list_takes_no_memory(sandbox):
    box = sandbox("--connectors", "100000")
    before = memory_kib(box, "VmRSS")
    listed = Client(box).list()
    assert len(listed) == len({c["connector_id"] for c in listed}) == 100000
    assert {c["type"] for c in listed} == {"email", "investment_research", "sharepoint"}
    assert listed == sorted(listed, key=lambda c: c["created_at"])
    assert len(box.connectors()) == 100000
    assert SANITISED or memory_kib(box, "VmHWM") - before < 8 * 1024


def raw_create(label):
    body = json.dumps({**EMAIL, "label": label}).encode()
    return (f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-API-KEY: sandbox\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body


def read_answer(peer):
    data = b""
    while True:
        head, found, body = data.partition(b"\r\n\r\n")
        if found and len(body) >= int(re.search(rb"Content-Length: (\d+)", head).group(1)):
            return head
        piece = peer.recv(65536)
        assert piece, data
        data += piece


@pytest.mark.parametrize("latency", ["0", "20ms"])
def test_any_number_of_connections_is_answered(sandbox, latency):
    """Each round arrives while the sandbox stands still, so that all its events are there at once."""
    box = sandbox("--latency", latency)
    created = 0
    for count in (1, 2, 64, 120, 127, 128, 129, 200, 255, 256, 257, 384, 400, 512):
        peers = []
        for _ in range(2):
            box.process.signal(signal.SIGSTOP)
            while len(peers) < count:
                peers.append(socket.create_connection(("127.0.0.1", box.port), timeout=120))
            for number, peer in enumerate(peers):
                peer.sendall(raw_create(f"{count}-{number}"))
            box.process.signal(signal.SIGCONT)
            assert all(read_answer(peer).startswith(b"HTTP/1.1 201 ") for peer in peers), count
            created += count
        for peer in peers:
            peer.close()
    assert box.stats()["created"] == created

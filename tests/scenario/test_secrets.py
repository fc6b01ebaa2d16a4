"""Keys and passwords: nowhere but in the requests, and in the cells of rows that may be sent again."""

import base64
import os
import signal
import stat
import subprocess
import threading
import urllib.parse

import pytest

from conftest import Hang, api_answer, clean_env, connector_of, http_answer

KEY = "k3y-of-the-account"
PASSWORD, SESSION = "pa55w0rd-of-a-broker", "s3ss10n-of-a-site"
SECRETS = (KEY, PASSWORD, SESSION)
HEADER = ["type", "label", "allowed_emails", "user_id", "user_password", "session_id"]
ROWS = [["investment_research", "A", "", "u", PASSWORD, ""], ["sharepoint", "B", "", "", "", SESSION],
        ["email", "C", "c@example.com", "", "", ""], ["investment_research", "", "", "u", PASSWORD, ""],
        ["email", "D", "d@example.com", "", PASSWORD, ""]]
QUICK = ("--retry-base", "1ms", "--retry-cap", "2ms", "--max-attempts", "2", "--settle", "1ms", "--rate", "none")
REPORTS = ("--log", "run.log", "--summary", "run.json", "--metrics", "run.prom", "--report", "run.html")


def files(folder, leave_out=()):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and path.name not in leave_out}


def assert_no_secret(text, secrets=SECRETS):
    text = text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")
    for secret in secrets:
        assert secret.encode() not in text, (secret, text[max(0, text.find(secret.encode()) - 200):][:400])


def echoes(secret, how):
    """An answer that echoes a secret, as frameworks do when they quote the request."""
    escaped = "".join(f"\\u{ord(mark):04x}" for mark in secret)
    return {
        "message": http_answer(422, {"message": f"{secret} is not allowed: {secret}"}),
        "code": http_answer(400, {"statusCode": 400, "errorCode": secret, "message": secret}),
        "detail": http_answer(422, {"detail": [{"loc": ["body", secret], "msg": f"bad {secret}", "input": secret}]}),
        "escaped": http_answer(422, ('{"message": "got \\"' + escaped + '\\""}').encode()),
        "html": http_answer(403 if secret == KEY else 400, f"<html><title>No</title><h1>Key {secret} unknown</h1></html>"),
        "text": http_answer(400, f"request was {secret}"),
        "header": http_answer(400, {"message": "no"}, {"X-Request-Id": secret}, reason=secret),
        "retried": http_answer(429, f"busy with {secret}"),
        "settled": http_answer(500, {"message": f"broke on {secret}"}),
    }[how]


@pytest.mark.parametrize("verbose", [(), ("-v",)], ids=["plain", "verbose"])
@pytest.mark.parametrize("how", ["message", "code", "detail", "escaped", "html", "text", "header", "retried", "settled"])
def test_nothing_echoed_is_passed_on(connload, raw_server, write_csv, tmp_path, how, verbose):
    """Key, password and session come back in every part of an answer, and reach no file and no terminal."""
    def behave(exchange):
        if exchange.method == "GET":
            return api_answer(exchange) if exchange.index == 0 else http_answer(400, {"message": f"no list for {KEY}"})
        config = exchange.json()["config"]
        secret = {"A": PASSWORD, "B": SESSION}.get(exchange.json()["label"], KEY)
        assert secret == KEY or secret in config.values()
        return echoes(secret, how)

    server = raw_server(behave)
    server.key = KEY
    write_csv("desk.csv", HEADER, ROWS)
    run = connload("create", "desk.csv", "--concurrency", "1", *QUICK, *REPORTS, *verbose)
    assert run.rc in (1, 4)
    assert_no_secret(run.out + run.err)
    assert set(files(tmp_path)) >= {"desk.results.csv", "run.log", "run.json", "run.prom", "run.html"}
    for name, data in files(tmp_path, ["desk.csv", "desk.results.csv"]).items():
        assert_no_secret(data)
    # the user's own cells stay in rows that can be sent again, and are the only place
    results = (tmp_path / "desk.results.csv").read_bytes()
    assert_no_secret(results, [KEY])
    assert results.count(PASSWORD.encode()) == 3 and results.count(SESSION.encode()) == 1


def test_a_connector_that_echoes_what_it_was_given(connload, raw_server, write_csv, tmp_path):
    def behave(exchange):
        if exchange.method == "GET":
            return api_answer(exchange)
        payload = exchange.json()
        config = {**payload["config"], "email": f"{KEY}@inbox.example.com"}
        return http_answer(201, connector_of(payload, config=config, note=[PASSWORD, KEY]))

    server = raw_server(behave)
    server.key = KEY
    write_csv("desk.csv", HEADER, ROWS[:3])
    run = connload("create", "desk.csv", "-v", *REPORTS)
    assert run.rc == 0, run.err
    assert_no_secret(run.out + run.err)
    for data in files(tmp_path, ["desk.csv"]).values():
        assert_no_secret(data)


def empty_list(exchange, **headers):
    return http_answer(200, {"results": []}, headers)


def test_a_list_that_echoes_the_key_in_its_header(connload, raw_server, write_csv, tmp_path):
    server = raw_server(lambda exchange: empty_list(exchange, **{"X-Request-Id": KEY}) if exchange.method == "GET"
                        else api_answer(exchange))
    server.key = KEY
    write_csv("desk.csv", HEADER, ROWS[:3])
    run = connload("create", "desk.csv", "-v", *QUICK, *REPORTS)
    assert run.rc == 0, run.err
    for data in files(tmp_path, ["desk.csv"]).values():
        assert_no_secret(data)
    assert_no_secret(run.err)


@pytest.mark.parametrize("secret", [KEY, PASSWORD])
def test_members_that_come_back_as_a_secret(connload, raw_server, write_csv, read_csv, tmp_path, secret):
    """In the journal of a run that is killed, and in the results of the one that goes on with it."""
    made = []

    def behave(exchange):
        if exchange.method == "GET":
            return http_answer(200, {"results": made})
        if exchange.json()["label"] == "C":
            return Hang(b"") if exchange.index == 3 else api_answer(exchange)
        config = {**exchange.json()["config"], "email": f"{secret}@inbox.example.com"}
        made.append(connector_of(exchange.json(), org_id=secret, created_at=secret, config=config))
        return http_answer(201, made[-1])

    server = raw_server(behave)
    server.key = KEY
    write_csv("desk.csv", HEADER, [ROWS[0], ["investment_research", "B", "", "u", PASSWORD, ""], ROWS[2]])
    process = connload("create", "desk.csv", "--concurrency", "1", *QUICK, "--log", "run.log", "-v", wait=False)
    server.wait_for_requests(4)
    process.signal(signal.SIGKILL)
    assert process.wait().rc == -signal.SIGKILL
    journal = (tmp_path / "desk.results.csv.journal").read_bytes()
    assert journal.count(b"[secret]@inbox.example.com") == 2 and b"account" not in journal
    run = connload("create", "desk.csv", "--concurrency", "1", *QUICK, *REPORTS, "-v")
    assert run.rc == 0, run.err
    for data in [journal, run.err, *files(tmp_path, ["desk.csv"]).values()]:
        assert_no_secret(data, [KEY] if secret == KEY else [KEY, secret])
    assert [row["created_at"] for row in read_csv("desk.results.csv")][:2] == ["", ""]


def test_a_settled_row_whose_inbox_is_its_password(connload, raw_server, write_csv, read_csv, tmp_path):
    made = []

    def behave(exchange):
        if exchange.method == "GET":
            return http_answer(200, {"results": made})
        made.append(connector_of(exchange.json(), config={"user_id": "u", "email": f"{PASSWORD}@inbox.example.com"}))
        return http_answer(500, {"message": "no"})

    server = raw_server(behave)
    server.key = KEY
    write_csv("desk.csv", HEADER, ROWS[:1])
    run = connload("create", "desk.csv", "-v", *QUICK, *REPORTS)
    assert run.rc == 0, run.err
    assert read_csv("desk.results.csv")[0]["inbox_email"] == "[secret]@inbox.example.com"
    for data in [run.err, *files(tmp_path, ["desk.csv"]).values()]:
        assert_no_secret(data)


def test_what_differs_in_the_account_may_hold_a_secret(connload, raw_server, write_csv, read_csv, tmp_path):
    listed = [connector_of({"type": "email", "label": "C", "description": f"key {KEY}",
                            "config": {"allowed_emails": [KEY + "@example.com", "a-rather-long-name-" + KEY + "@example.com"]}}),
              connector_of({"type": "investment_research", "label": "A", "description": f"p {PASSWORD}", "config": {"user_id": "v"}})]
    server = raw_server(lambda exchange: http_answer(200, {"results": listed}))
    server.key = KEY
    write_csv("desk.csv", HEADER, ROWS[:3:2])
    run = connload("create", "desk.csv", "--skip-existing", "-v", *QUICK, *REPORTS)
    assert run.rc == 0, run.err
    first, second = read_csv("desk.results.csv")
    assert 'the account has "p [secret]"' in first["error_message"]
    assert 'the account has "key [secret]"' in second["error_message"] and '"a-rather-long-name-[secret]' in second["error_message"]
    for data in [run.err, *files(tmp_path, ["desk.csv"]).values()]:
        assert_no_secret(data, [*SECRETS, KEY[:8]])


def test_the_secrets_of_rows_around_it(connload, raw_server, write_csv, tmp_path):
    """A server that mixes up its callers: a row's error, and then the list's, quote the others' secrets."""
    def behave(exchange):
        if exchange.method == "GET":
            return empty_list(exchange) if exchange.index == 0 else http_answer(400, {"message": f"for {SESSION} and {PASSWORD}"})
        if exchange.json()["label"] == "C":
            return http_answer(422, {"message": f"batch: {PASSWORD} {SESSION}"}, {"X-Request-Id": SESSION})
        return http_answer(500, {"message": "no"})

    server = raw_server(behave)
    server.key = KEY
    write_csv("desk.csv", HEADER, ROWS[:3])
    run = connload("create", "desk.csv", "--concurrency", "1", "-v", *QUICK, "--settle", "2s", *REPORTS)  # all go first
    assert run.rc == 1, run.err
    assert "batch: [secret] [secret]" in run.err
    results = (tmp_path / "desk.results.csv").read_text()
    assert "for [secret] and [secret]" in results
    assert results.count(PASSWORD) == 1 and results.count(SESSION) == 1  # in their own cells
    for data in [run.err, *files(tmp_path, ["desk.csv", "desk.results.csv"]).values()]:
        assert_no_secret(data)


BLANKS = "pa55 w0rd-of-a&broker"
DISGUISES = {
    "base64": base64.b64encode(BLANKS.encode()).decode(),
    "form": urllib.parse.quote_plus(BLANKS),
    "upper": BLANKS.upper(),
    "control": BLANKS[:4] + "\x7f" + BLANKS[4:],
    "unseen": BLANKS[:4] + "\u200b" + BLANKS[4:],
    "line-end": BLANKS.replace(" ", "\n"),
    "nbsp": BLANKS.replace(" ", "&nbsp;"),
    "entities": "".join(f"&#{ord(mark)}" for mark in BLANKS),
    "abbreviated": "input_value='" + BLANKS[:8] + "..." + BLANKS[-9:] + "'",
    "far-behind": " " * (262144 - 10) + BLANKS,
}


@pytest.mark.parametrize("how", DISGUISES)
def test_a_secret_in_disguise(connload, raw_server, write_csv, read_csv, tmp_path, how):
    server = raw_server(lambda exchange: empty_list(exchange) if exchange.method == "GET"
                        else http_answer(422, {"message": f"bad {DISGUISES[how]}!"}))
    server.key = KEY
    write_csv("desk.csv", HEADER, [["investment_research", "A", "", "u", BLANKS, ""]])
    run = connload("create", "desk.csv", "-v", *QUICK, *REPORTS)
    assert run.rc == 1, run.err
    expected = "bad input_value='[secret]...[secret]'!" if how == "abbreviated" else "bad [secret]!"
    assert read_csv("desk.results.csv")[0]["error_message"] == expected
    for data in [run.err, *files(tmp_path, ["desk.csv", "desk.results.csv"]).values()]:
        assert_no_secret(data, [BLANKS, DISGUISES[how], BLANKS[:8]])


@pytest.mark.parametrize("command", ["check", "create"])
def test_checks_quote_no_secret(connload, write_csv, raw_server, tmp_path, command):
    """Not even where a comma without quotes has shifted a password into the column of a user or a description."""
    raw_server().key = KEY
    write_csv("desk.csv", ["type", "label", "user_id", "user_password", "session_id", "share_with_org", "allowed_emails"], [
        ["email", "A", "", PASSWORD, SESSION, "", "a@example.com"],
        ["investment_research", "B", "u", PASSWORD, SESSION, SESSION, ""],
        ["investment_research", "C", "u", "pass", PASSWORD, "", SESSION],
        ["sharepoint", "D", "", "", SESSION + "\x01", PASSWORD, PASSWORD, SESSION],
    ])
    run = connload(command, "desk.csv", "-v", *REPORTS)
    assert run.rc == 1
    assert_no_secret(run.out + run.err)
    for data in files(tmp_path, ["desk.csv", "desk.results.csv"]).values():
        assert_no_secret(data)


def test_the_journal_of_a_killed_run_holds_none(connload, raw_server, write_csv, tmp_path):
    """Some rows have their outcome, with the server's echo in it; others are in flight when kill -9 comes."""
    def behave(exchange):
        if exchange.method == "GET":
            return api_answer(exchange)
        label = exchange.json()["label"]
        if label == "A":
            return http_answer(422, {"message": f"{PASSWORD} is too weak, {KEY}"})
        if label == "B":
            return http_answer(201, connector_of(exchange.json()))
        return Hang(b"")

    server = raw_server(behave)
    server.key = KEY
    write_csv("desk.csv", HEADER, ROWS + [["investment_research", "E", "", "u", PASSWORD + "2", ""]])
    process = connload("create", "desk.csv", "--concurrency", "1", *QUICK, "--log", "run.log", "-v", wait=False)
    server.wait_for_requests(4)
    process.signal(signal.SIGKILL)
    run = process.wait()
    assert run.rc == -signal.SIGKILL
    left = files(tmp_path, ["desk.csv"])
    assert "desk.results.csv.journal" in left and b"too weak" in left["desk.results.csv.journal"]
    assert stat.S_IMODE((tmp_path / "desk.results.csv.journal").stat().st_mode) & 0o077 == 0
    for data in left.values():
        assert_no_secret(data)
    assert_no_secret(run.err)


@pytest.mark.parametrize("how", ["variable", "file"])
def test_the_command_line_and_the_process_show_none(connload, raw_server, write_csv, tmp_path, how):
    """While it runs: /proc/PID/cmdline, and the title that ps shows."""
    server = raw_server(lambda exchange: api_answer(exchange) if exchange.method == "GET" else Hang(b""))
    write_csv("desk.csv", HEADER, ROWS[:2])
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(0o600)
    args, env = (("--api-key-file", "key"), {"BIGDATA_API_KEY": None}) if how == "file" else ((), {"BIGDATA_API_KEY": KEY})
    process = connload("create", "desk.csv", *args, env=env, wait=False)
    server.wait_for_requests(3)
    for name in ("cmdline", "comm", "status"):
        with open(f"/proc/{process.pid}/{name}", "rb") as file:
            assert_no_secret(file.read())
    assert server.exchanges[0].headers["x-api-key"] == KEY
    process.kill()


def as_nobody(command):
    return subprocess.run(command, capture_output=True, text=True, check=False, env=clean_env(), cwd="/",
                          **({"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}))


def test_no_other_process_may_look_into_it(connload, raw_server, desk, bin_dir):
    """Not dumpable: its memory and environment are root's alone, whoever else the user runs; and no core file."""
    server = raw_server(lambda exchange: api_answer(exchange) if exchange.method == "GET" else Hang(b""))
    desk(1)
    process = connload("create", "desk.csv", wait=False)
    server.wait_for_requests(2)
    with open(f"/proc/{process.pid}/limits", encoding="ascii") as file:
        core = next(line for line in file if line.startswith("Max core file size"))
    assert core.split()[4:6] == ["0", "0"]
    # /proc entries of a process that is not dumpable belong to root, whoever runs it
    if os.geteuid() != 0:
        assert os.stat(f"/proc/{process.pid}/environ").st_uid == 0
        with pytest.raises(PermissionError):
            open(f"/proc/{process.pid}/environ", "rb")
    process.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_not_even_a_process_of_the_same_user(raw_server, bin_dir, tmp_path_factory):
    """Both as nobody: a second process reads /proc/PID/environ of another one's, but not of connload's."""
    import tempfile
    server = raw_server(lambda exchange: api_answer(exchange) if exchange.method == "GET" else Hang(b""))
    user = {"user": 65534, "group": 65534, "extra_groups": []}
    with tempfile.TemporaryDirectory() as folder:
        os.chown(folder, 65534, 65534)
        with open(f"{folder}/desk.csv", "w", encoding="utf-8") as file:
            file.write("type,label,allowed_emails\nemail,A,a@example.com\n")
        env = clean_env({"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": server.url})
        try:
            process = subprocess.Popen([bin_dir / "connload", "create", "desk.csv"], cwd=folder, env=env, stdin=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, **user)
        except PermissionError:
            pytest.skip("another user can't run the binary where it is")
        try:
            server.wait_for_requests(2)
            with subprocess.Popen(["sleep", "60"], env=env, **user) as other:
                assert as_nobody(["cat", f"/proc/{other.pid}/environ"]).returncode == 0
                other.kill()
            for name in ("environ", "mem", "maps"):
                assert as_nobody(["head", "-c", "1", f"/proc/{process.pid}/{name}"]).returncode != 0
        finally:
            process.kill()
            process.communicate()


# -- the key's file --


@pytest.mark.parametrize("mode", [0o604, 0o660, 0o644, 0o601, 0o444, 0o650])
def test_a_key_file_that_others_can_read_is_refused(connload, raw_server, desk, tmp_path, mode):
    server = raw_server()
    desk(1)
    (tmp_path / "key").write_text(KEY)
    (tmp_path / "key").chmod(mode)
    run = connload("create", "desk.csv", "--api-key-file", "key")
    assert (run.rc, run.err) == (2, f"connload: --api-key-file key can be read by other users (mode {mode:03o}); make it yours alone: "
                                    "chmod 600 key\n")
    assert server.received == []


def test_a_key_file_may_be_read_by_its_group(connload, raw_server, desk, tmp_path):
    raw_server()
    desk(1)
    (tmp_path / "key").write_text(KEY)
    for mode in (0o600, 0o440, 0o640):
        (tmp_path / "key").chmod(mode)
        assert connload("create", "desk.csv", "--force", "--settle", "50ms", "--api-key-file", "key").rc == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else, and mount")
def test_a_key_file_as_containers_have_it(bin_dir, sandbox, desk, tmp_path):
    """The platform sets a secret's mode: taken where nobody learns it by that, else the remedy can be followed."""
    box = sandbox()
    desk(1)
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o711)
    (tmp_path / "box").mkdir()
    os.chown(tmp_path / "box", 10001, 10001)
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets/key").write_text("sandbox")

    def create(owner, group, mode, before="", more="--api-key-file secrets/key"):
        os.chown(tmp_path / "secrets/key", owner, group)
        (tmp_path / "secrets/key").chmod(mode)
        inner = f"exec setpriv --reuid 10001 --regid 10001 --clear-groups {bin_dir}/connload create -q --force --again --settle 50ms -o box/r.csv desk.csv {more}"
        env = clean_env({"BIGDATA_API_BASE_URL": box.direct_url})
        return subprocess.run(["unshare", "-m", "/bin/sh", "-c", before + inner], env=env, cwd=tmp_path, text=True, capture_output=True,
                              timeout=60)

    for owner, group, mode in [(0, 10001, 0o440), (0, 10001, 0o640), (10001, 10001, 0o600), (10001, 0, 0o440)]:
        done = create(owner, group, mode)
        assert done.returncode == 0, done.stderr
    for owner, group, mode in [(0, 0, 0o444), (0, 10001, 0o644), (10002, 10001, 0o440)]:
        done = create(owner, group, mode)
        assert done.returncode == 2 and "is not yours to change" in done.stderr and done.stderr.count("\n") == 1
        remedy = done.stderr.strip().rsplit("standard input: ", 1)[1]
        assert create(owner, group, mode, more=remedy).returncode == 0
    done = create(0, 0, 0o444, before="mount --bind secrets secrets && mount -o remount,ro,bind secrets && ")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("content", ["", "\n", "two words", "two\nlines", "umläut", "x" * 5000])
def test_a_key_file_that_holds_no_key(connload, raw_server, desk, tmp_path, content):
    server = raw_server()
    desk(1)
    (tmp_path / "key").write_text(content)
    (tmp_path / "key").chmod(0o600)
    run = connload("create", "desk.csv", "--api-key-file", "key")
    assert run.rc == 2 and run.err.startswith("connload: ") and run.err.count("\n") == 1
    assert "does not hold an API key" in run.err
    assert content.strip() == "" or content.strip() not in run.err
    assert server.received == []


@pytest.mark.parametrize("path", ["nowhere", ".", "/dev/null"])
def test_a_key_file_that_is_none(connload, raw_server, desk, path):
    server = raw_server()
    desk(1)
    run = connload("create", "desk.csv", "--api-key-file", path)
    assert run.rc == 2 and run.err.startswith(f"connload: --api-key-file {path}") and run.err.count("\n") == 1
    assert server.received == []


@pytest.mark.parametrize("path", ["-", "/dev/stdin", "fifo"])
def test_a_key_comes_through_a_pipe(connload, raw_server, desk, tmp_path, path):
    """`pass show key |`, a shell's <(pass show key), and a FIFO with a name; none has anything to say at once."""
    server = raw_server()
    desk(1)
    os.mkfifo(tmp_path / "fifo", 0o600)
    given = (tmp_path / "fifo").write_text if path == "fifo" else None
    writer = threading.Thread(target=given, args=("piped-key\n",), daemon=True)
    if given:
        writer.start()
    run = connload("create", "desk.csv", "--api-key-file", path, env={"BIGDATA_API_KEY": None}, stdin=b"" if given else b"piped-key\n")
    assert run.rc == 0, run.err
    assert {exchange.headers["x-api-key"] for exchange in server.exchanges} == {"piped-key"}


def test_a_pipe_that_others_can_read_is_refused(connload, raw_server, desk, tmp_path):
    server = raw_server()
    desk(1)
    os.mkfifo(tmp_path / "fifo", 0o600)
    (tmp_path / "fifo").chmod(0o644)
    assert "can be read by other users" in connload("create", "desk.csv", "--api-key-file", "fifo").err
    run = connload("create", "desk.csv", "--api-key-file", "-", stdin=b"two words")
    assert run.rc == 2 and "standard input does not hold an API key" in run.err
    assert server.received == []


def test_there_is_no_option_that_takes_the_key_itself(connload):
    text = connload("--help").out
    assert "--api-key-file" in text
    for option in (["--api-key", KEY], [f"--api-key={KEY}"], ["--key", KEY], [f"--token={KEY}"]):
        run = connload("create", *option, "desk.csv")
        assert run.rc == 2
        assert_no_secret(run.err)


def test_results_on_standard_output_follow_the_same_rules(connload, raw_server, write_csv):
    server = raw_server()
    server.key = KEY
    write_csv("desk.csv", HEADER, ROWS)
    run = connload("create", "desk.csv", "-o", "-")
    assert run.rc == 1
    assert_no_secret(run.err)
    # of the five rows, two fail the checks and keep their cells
    assert run.out.count(PASSWORD) == 2 and SESSION not in run.out


def test_a_temporary_file_of_a_packed_sheet_is_nameless(connload, raw_server, write_csv, tmp_path):
    """A killed run leaves no copy of the passwords in TMPDIR."""
    import gzip
    server = raw_server(lambda exchange: api_answer(exchange) if exchange.method == "GET" else Hang(b""))
    path = write_csv("desk.csv", HEADER, ROWS)
    (tmp_path / "desk.csv.gz").write_bytes(gzip.compress(path.read_bytes()))
    (tmp_path / "tmp").mkdir()
    process = connload("create", "desk.csv.gz", env={"TMPDIR": tmp_path / "tmp"}, wait=False)
    server.wait_for_requests(3)
    assert list((tmp_path / "tmp").iterdir()) == []
    process.signal(signal.SIGKILL)
    process.wait()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_references_that_nobody_looks_up_are_told(connload, raw_server, write_csv):
    """Almost always --secret-refs was forgotten; but such a text may be a password, so that the rows are sent."""
    server = raw_server()
    write_csv("desk.csv", ["type", "label", "user_id", "User password", "session_id"],
              [["investment_research", "A", "u", "p", ""], ["investment_research", "B", "u", " env:BROKER", ""],
               ["sharepoint", "C", "", "", "file:/run/broker"], ["email", "D", "", "env:BROKER", ""],
               ["investment_research", "E", "u", "file:x", ""], ["investment_research", "F", "u", "profile:x", ""]])
    warning = ('desk.csv:3: row 3 "B": column D "User password" of 3 rows says where a secret is (env:…), and is sent as it '
               "stands: add --secret-refs to look them up")
    assert warning in connload("check", "desk.csv", "-q").err.splitlines()
    run = connload("create", "desk.csv", "-q", *QUICK)
    assert run.rc == 1 and run.err.splitlines().count(warning) == 1
    assert "BROKER" not in run.err and "/run" not in run.err
    assert " env:BROKER" in {one.json()["config"].get("user_password") for one in server.exchanges if one.method == "POST"}
    assert "says where" not in connload("create", "desk.results.csv", "-q", *QUICK).err


def test_references_that_are_looked_up_are_not_told(connload, raw_server, write_csv):
    raw_server()
    write_csv("desk.csv", ["type", "label", "user_id", "user_password"], [["investment_research", "A", "u", "env:BROKER"]])
    run = connload("create", "desk.csv", "-q", "--secret-refs", *QUICK, env={"BROKER": "x"})
    assert (run.rc, run.err) == (0, "")

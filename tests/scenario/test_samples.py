"""What samples/ holds works with the real program, and what the README says can be typed."""

import email
import email.header
import email.policy
import os
import re
import shutil
import stat
import subprocess

import pytest

from conftest import ROOT, clean_env

SAMPLES = ROOT / "samples"
SECRETS = {name: f"secret of {name}" for name in ("RATES_BROKER_PASSWORD", "CREDIT_BROKER_PASSWORD",
                                                 "MACRO_BROKER_PASSWORD", "EQUITY_SESSION", "COMMODITY_SESSION")}
COMMAND = re.compile(r"\bconnload (check|create|update|undo|list|status)\b([^|`#\n]*)")


@pytest.fixture
def shell(bin_dir, tmp_path, targets):
    """shell(command..., **env) runs it in tmp_path, connload in its PATH and this test's server in its environment."""
    bin_path = tmp_path / "bin"
    bin_path.mkdir()
    (bin_path / "connload").symlink_to(bin_dir / "connload")

    def run(*command, **env):
        target = targets[-1]
        given = {"PATH": f"{bin_path}:{os.environ['PATH']}", "BIGDATA_API_BASE_URL": target.url,
                 "BIGDATA_API_KEY": target.key, "HOME": tmp_path, **env}
        if target.cafile:
            given["SSL_CERT_FILE"] = target.cafile
        return subprocess.run(list(map(str, command)), cwd=tmp_path, env=clean_env(given), timeout=120,
                              capture_output=True, text=True)

    run.bin = bin_path
    return run


def script(path, text):
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(0o755)


def key_file(path):
    path.write_text("sandbox\n")
    path.chmod(0o600)
    return path


# ---- Sheets ----

@pytest.mark.parametrize("name", ["email.csv", "investment-research.csv", "sharepoint.csv", "template.csv"])
def test_a_sample_sheet_passes(connload, name):
    run = connload("check", "--secret-refs", SAMPLES / name, env=SECRETS)
    assert run.rc == 0, run.err


def test_the_template_has_every_field_and_no_row():
    names = re.search(r"names\[\] = \{(.*?)\}", (ROOT / "src/model/field.c").read_text(), re.S).group(1)
    fields = re.findall(r'\[FIELD_\w+\] = "(\w+)"', names)
    assert len(fields) == 8
    assert (SAMPLES / "template.csv").read_bytes().decode() == ",".join(fields) + "\r\n"


@pytest.mark.parametrize("name", ["email.csv", "investment-research.csv", "sharepoint.csv"])
def test_a_sample_sheet_is_provisioned(sandbox, connload, tmp_path, name):
    box = sandbox()
    shutil.copy(SAMPLES / name, tmp_path)
    run = connload("create", "--secret-refs", name, env=SECRETS)
    assert run.rc == 0, run.err
    assert box.stats()["created"] > 1


def test_the_desk_has_its_five_mistakes_and_the_corrections_mend_them(sandbox, connload, read_csv, tmp_path):
    box = sandbox()
    shutil.copy(SAMPLES / "desk.csv", tmp_path)
    checked = connload("check", "desk.csv")
    assert checked.rc == 1
    codes = {"invalid_email", "unknown_type", "missing_user_password", "invalid_boolean", "duplicate_row"}
    assert set(re.findall(r"^desk\.csv:\d+: .* \((\w+)\)$", checked.err, re.M)) == codes
    assert connload("create", "desk.csv").rc == 1
    assert box.stats()["created"] == 20
    subprocess.run(["sed", "-i", "-f", SAMPLES / "corrections.sed", tmp_path / "desk.results.csv"], check=True)
    assert connload("check", "desk.results.csv").rc == 0
    assert connload("create", "desk.results.csv").rc == 0
    rows = read_csv("desk.results.csv")
    assert (len(rows), {row["status"] for row in rows}) == (25, {"created"})
    assert (box.stats()["created"], box.stats()["duplicate_payloads"]) == (25, 0)


@pytest.mark.slow_asan
@pytest.mark.direct
def test_the_demo_shows_whole_rows_whatever_the_environment_says():
    env = clean_env({"BIGDATA_API_BASE_URL": "https://nowhere.invalid", "BIGDATA_RATE_LIMIT_PER_MINUTE": "no number"})
    done = subprocess.run([ROOT / "scripts/demo"], env=env, timeout=120, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"^ +(\d+)  (\w+) +([\w-]{36}| {36})  (.+)$", done.stdout, re.M)
    assert len(rows) == 25 and ("9", "invalid", " " * 36, "Distressed") in rows
    assert '"created":25' in done.stdout and '"duplicate_payloads":0' in done.stdout


# ---- Wrappers and schedulers ----

def test_cron(sandbox, shell, desk, tmp_path):
    box = sandbox()
    desk(3)
    line, = [line for line in (SAMPLES / "connload.cron").read_text().splitlines() if re.match(r"\d", line)]
    user, command = re.fullmatch(r"15 2 \* \* 1-5  (\w+)  (.*)", line).groups()
    assert (user, "%" in command) == ("connload", False)  # cron makes a line break of a percent sign
    for there, here in (("/srv/connload", tmp_path), ("/etc/connload/api-key", key_file(tmp_path / "key"))):
        command = command.replace(there, str(here))
    for _ in range(2):
        done = shell("/bin/sh", "-c", command + " --settle 10ms", BIGDATA_API_KEY=None)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert box.stats()["created"] == 3


def test_the_readme_has_the_same_places_for_cron():
    text = (ROOT / "README.md").read_text()
    table = re.search(r"```\nPATH=(\S+)\n# m h dom.*\n(15 .*)\n```", text)
    assert "/usr/local/bin" in table.group(1).split(":")  # a user's crontab has /usr/bin:/bin alone
    assert "--api-key-file /etc/connload/api-key /srv/connload/desk.csv" in table.group(2)


def unit_setting(text, name):
    return re.findall(rf"^{name}=(.*)$", text, re.M)


def test_the_service_runs(sandbox, shell, desk, tmp_path):
    box = sandbox()
    desk(3)
    text = (SAMPLES / "systemd/connload@.service").read_text()
    credential, = unit_setting(text, "LoadCredential")
    name, source = credential.split(":")
    assert source.startswith("/etc/connload/")
    key_file(tmp_path / name)
    (tmp_path / name).chmod(0o400)
    command, = unit_setting(text, "ExecStart")
    assert command.startswith("connload ")  # wherever it is installed
    words = command.replace("%I", "desk").replace("${CREDENTIALS_DIRECTORY}", str(tmp_path)).split()
    done = shell("connload", *words[1:], BIGDATA_API_KEY=None)
    assert done.returncode == 0, done.stderr
    assert box.stats()["created"] == 3
    assert (tmp_path / "desk.prom").exists() and (tmp_path / "desk.summary.json").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make root's files")
@pytest.mark.parametrize("mode, owner, code",
                         [(0o440, 0, 0), (0o400, 0, 0), (0o440, 65534, 2), (0o640, 0, 0), (0o444, 0, 2)])
def test_the_key_may_be_a_credential_of_systemd(sandbox, connload, desk, tmp_path, mode, owner, code):
    """A service that isn't root gets it as root:root 0440, with an access list for its user."""
    sandbox()
    desk(1)
    path = key_file(tmp_path / "api-key")
    os.chown(path, owner, owner)
    path.chmod(mode)
    run = connload("create", "--api-key-file", path, "desk.csv", env={"BIGDATA_API_KEY": None})
    assert run.rc == code, run.err


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_accepts_the_units(tmp_path):
    for path in (SAMPLES / "systemd").iterdir():
        text = path.read_text().replace("=connload create", "=/bin/true create").replace("man:connload(1)", "man:ls(1)")
        (tmp_path / path.name).write_text(text)
    for unit in ("connload@rates\\x2ddesk.service", "connload@desk.timer", "connload-failed@desk.service"):
        done = subprocess.run(["systemd-analyze", "verify", f"./{unit}"], cwd=tmp_path, capture_output=True, text=True)
        complaints = [line for line in done.stderr.splitlines() if "connload" in line and "ls(1)" not in line]
        assert complaints == []


@pytest.mark.parametrize("rows, code, subject", [(3, 0, "all done"), (None, 3, "the sheet cannot be read")])
def test_the_summary_is_mailed(sandbox, shell, desk, tmp_path, rows, code, subject):
    sandbox()
    if rows:
        desk(rows)
    else:
        (tmp_path / "desk.csv").write_bytes(b"PK\x03\x04" + bytes(100))
    script(tmp_path / "sendmail", f'[ "$*" = -t ] && cat >{tmp_path}/mail\n')
    done = shell(SAMPLES / "mail-summary", "desk@example.com", "create", "desk.csv", SENDMAIL=tmp_path / "sendmail")
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")
    head, body = (tmp_path / "mail").read_text().split("\n\n", 1)
    assert "To: desk@example.com\n" in head and re.search(rf"^Subject: connload: desk.csv on .*: {subject}$", head, re.M)
    assert ("3 created" if rows else "desk.csv") in body


@pytest.mark.parametrize("name", ["Märkte.csv", "a\nBcc: everybody@example.com"])
def test_the_mails_subject_is_a_header_whatever_the_sheets_name(shell, sandbox, tmp_path, name):
    sandbox()
    script(tmp_path / "sendmail", f"cat >{tmp_path}/mail\n")
    shell(SAMPLES / "mail-summary", "desk@example.com", "check", tmp_path / name, SENDMAIL=tmp_path / "sendmail")
    message = email.message_from_bytes((tmp_path / "mail").read_bytes(), policy=email.policy.compat32)
    assert message["Bcc"] is None
    [(text, charset)] = email.header.decode_header(message["Subject"])
    assert text.decode(charset).startswith(f"connload: {name} on ")


def test_a_failed_night_is_mailed(shell, sandbox, tmp_path):
    sandbox()
    assert unit_setting((SAMPLES / "systemd/connload@.service").read_text(), "OnFailure") == ["connload-failed@%i.service"]
    text = (SAMPLES / "systemd/connload-failed@.service").read_text()
    command, = unit_setting(text, "ExecStart")
    command = re.fullmatch("/bin/sh -c '(.*)'", command).group(1).replace("\\\\", "\\")
    for specifier, value in (("%I", "rates-desk"), ("%i", "rates\\x2ddesk"), ("%H", "desk1"), ("%%", "%")):
        command = command.replace(specifier, value)
    script(shell.bin / "journalctl", 'echo "$@"\n')
    script(shell.bin / "sendmail", f"cat >{tmp_path}/mail\n")
    name, _, address = unit_setting(text, "Environment")[0].partition("=")
    done = shell("/bin/sh", "-c", command, **{name: address})
    assert (done.returncode, done.stderr) == (0, "")
    head, body = (tmp_path / "mail").read_text().split("\n\n", 1)
    assert head == f"To: {address}\nSubject: connload: rates-desk.csv on desk1 failed"
    assert body.endswith("--unit=connload@rates\\x2ddesk.service\n")


@pytest.mark.skipif(not shutil.which("logrotate"), reason="logrotate is not installed")
def test_logs_are_rotated(tmp_path):
    text = (SAMPLES / "logrotate").read_text().replace("/var/lib/connload", str(tmp_path)).replace("    su connload connload\n", "")
    log = tmp_path / "run.jsonl"
    log.write_text('{"event":"end"}\n')
    (tmp_path / "conf").write_text(text)
    (tmp_path / "conf").chmod(0o644)
    done = subprocess.run(["logrotate", "--force", "--state", tmp_path / "state", tmp_path / "conf"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert not log.exists() and (tmp_path / "run.jsonl.1").read_text() == '{"event":"end"}\n'


def test_a_mail_that_cannot_be_sent_is_not_lost(sandbox, shell, desk, tmp_path):
    sandbox()
    desk(1)
    script(tmp_path / "sendmail", "cat >/dev/null; exit 75\n")
    done = shell(SAMPLES / "mail-summary", "desk@example.com", "create", "desk.csv", SENDMAIL=tmp_path / "sendmail")
    assert done.returncode == 5
    assert "1 created" in done.stderr and "no mail could be sent" in done.stderr


def test_the_alerts_name_metrics_that_are_written(connload, sandbox, desk, tmp_path):
    sandbox()
    desk(1)
    assert connload("create", "desk.csv", "--metrics", "m").rc == 0
    assert connload("status", "desk.results.csv", "--metrics", "s").rc == 0
    written = (tmp_path / "m").read_text() + (tmp_path / "s").read_text()
    rules = (SAMPLES / "prometheus/connload.rules.yml").read_text()
    named = re.findall(r"^ +expr: .*?(connload_\w+)(?:\{(\w+)=\"(\w+)\"\})?", rules, re.M)
    assert len(named) == 4
    for metric, label, value in named:
        assert re.search(rf"^{metric}\{{.*{label}=\"", written, re.M), metric
        assert label != "status" or f'status="{value}"' in written
    if shutil.which("promtool"):
        subprocess.run(["promtool", "check", "rules", SAMPLES / "prometheus/connload.rules.yml"], check=True,
                       capture_output=True)


# ---- One sheet in parts ----

@pytest.mark.skipif(not shutil.which("parallel"), reason="GNU parallel is not installed")
@pytest.mark.parametrize("keys", [False, True])
def test_gnu_parallel(sandbox, connload, shell, desk, read_csv, tmp_path, keys):
    box = sandbox()
    desk(20)
    env = {}
    if keys:
        (tmp_path / "keys").mkdir()
        for part in "123":
            key_file(tmp_path / "keys" / part)
        env = {"KEYS": "keys", "BIGDATA_API_KEY": None}
    for status in ("created", "exists"):
        done = shell(SAMPLES / "shard/parallel.sh", "desk.csv", 3, "--settle", "10ms", **env)
        assert (done.returncode, done.stdout.strip()) == (0, "desk.results.csv"), done.stderr
        rows = read_csv("desk.results.csv")
        assert [(row["label"], row["status"]) for row in rows] == [(f"Desk {n}", status) for n in range(20)]
    assert box.stats()["created"] == 20
    assert stat.S_IMODE((tmp_path / "desk.results.csv").stat().st_mode) == 0o600
    assert connload("create", "desk.results.csv").rc == 0


@pytest.mark.slow_asan
@pytest.mark.skipif(not shutil.which("parallel"), reason="GNU parallel is not installed")
def test_gnu_parallel_runs_all_parts_at_once_within_one_limit(sandbox, shell, desk):
    """More parts than processors: each has its share of the window, and all of it is used."""
    parts = os.cpu_count() + 2
    box = sandbox("--rate", f"{4 * parts}/2s", "--latency", "1s")  # a part lasts longer than all take to begin
    desk(3 * parts)
    done = shell(SAMPLES / "shard/parallel.sh", "desk.csv", parts, "--rate", f"{4 * parts}/2s", "--concurrency", "1",
                 "--settle", "10ms")
    assert done.returncode == 0, done.stderr
    stats = box.stats()
    assert stats["created"] == 3 * parts and stats["rate_limited"] == 0
    assert stats["most_at_once"] == parts


@pytest.mark.skipif(not shutil.which("parallel"), reason="GNU parallel is not installed")
def test_gnu_parallel_joins_a_header_with_a_line_break(sandbox, shell, write_csv, read_csv):
    sandbox()
    write_csv("desk.csv", ["type", "label", "allowed_emails", "desk\nnote"],
              [["email", f"Desk {n}", f"d{n}@example.com", "a\nb"] for n in range(6)])
    done = shell(SAMPLES / "shard/parallel.sh", "desk.csv", 3, "--settle", "10ms")
    assert done.returncode == 0, done.stderr
    assert [row["label"] for row in read_csv("desk.results.csv")] == [f"Desk {n}" for n in range(6)]


@pytest.mark.skipif(not shutil.which("parallel"), reason="GNU parallel is not installed")
def test_gnu_parallel_replaces_nothing_but_its_own(sandbox, shell, desk, tmp_path):
    box = sandbox()
    desk(6)
    (tmp_path / "desk.results.csv").write_text("precious")
    done = shell(SAMPLES / "shard/parallel.sh", "desk.csv", 2)
    assert done.returncode == 2 and "desk.results.csv exists" in done.stderr
    assert (tmp_path / "desk.results.csv").read_text() == "precious" and box.requests() == []


@pytest.mark.parametrize("parts", ["0", "x", "-1", ""])
def test_gnu_parallel_wants_a_number_of_parts(sandbox, shell, desk, parts):
    sandbox()
    desk(1)
    done = shell(SAMPLES / "shard/parallel.sh", "desk.csv", parts)
    assert done.returncode == 2 and "PARTS is a number from 1 on" in done.stderr


def test_slurm(sandbox, shell, desk, read_csv, tmp_path):
    box = sandbox()
    desk(10)
    script(shell.bin / "srun", 'exec "$@"\n')
    (tmp_path / "keys").mkdir()
    for part in ("1", "2", "3"):
        key_file(tmp_path / "keys" / part)
        done = shell("bash", SAMPLES / "shard/slurm.sbatch", "desk.csv", KEYS=tmp_path / "keys", BIGDATA_API_KEY=None,
                     SLURM_ARRAY_TASK_ID=part, SLURM_ARRAY_TASK_COUNT="3", PARTS="3")
        assert done.returncode == 0, done.stderr
    alone = shell("bash", SAMPLES / "shard/slurm.sbatch", "desk.csv", KEYS=tmp_path / "keys", BIGDATA_API_KEY=None,
                  SLURM_ARRAY_TASK_ID="2", SLURM_ARRAY_TASK_COUNT="1", PARTS="3")  # one task, run again
    assert alone.returncode == 0, alone.stderr
    labels = [row["label"] for part in "123" for row in read_csv(f"desk.{part}-of-3.results.csv")]
    assert labels == [f"Desk {n}" for n in range(10)]
    assert box.stats()["created"] == 10


def test_kubernetes(sandbox, shell, desk, tmp_path):
    box = sandbox()
    desk(10, "huge.csv")
    text = (SAMPLES / "shard/kubernetes-job.yaml").read_text()
    parts = int(re.search(r"completions: (\d+)", text).group(1))
    command = re.search(r"- (exec connload .*)", text).group(1).replace("/sheets", str(tmp_path))
    assert f'/{parts}"' in command
    for index in range(parts):
        done = shell("/bin/sh", "-c", command, JOB_COMPLETION_INDEX=str(index))
        assert done.returncode == 0, done.stderr
    assert box.stats()["created"] == 10


# ---- Words ----

def typed():
    """(file, command, options) of every connload command line in the README, the samples and their comments."""
    files = [ROOT / "README.md"] + [path for path in SAMPLES.rglob("*") if path.is_file() and path.suffix != ".png"]
    for path in sorted(files):
        text = re.sub(r"\\\n\s*(#\s+)?", " ", path.read_text())
        for command, rest in COMMAND.findall(text):
            yield path.relative_to(ROOT), command, re.findall(r"(?<![\w-])--([a-z][\w-]*)", rest)


@pytest.mark.parametrize("name", ["gitlab-ci.yml", "github-actions.yml"])
def test_the_ci_jobs_run_their_tests_against_the_sandbox(bin_dir, tmp_path, name):
    """Each line of the job, in turn, as the CI would run it; the image's PATH has the programs."""
    text = (SAMPLES / "ci" / name).read_text()
    lines = [line.replace("run: ", "") for line in re.findall(r"^ +- ((?:run: )?connload.*)", text, re.M)]
    assert len(lines) == 3
    shutil.copy(SAMPLES / "email.csv", tmp_path / "desk.csv")
    (tmp_path / "run-tests").write_text('#!/bin/sh\nexec connload list -q --rate none -o account.csv\n')
    (tmp_path / "run-tests").chmod(0o755)
    env = clean_env({"PATH": f"{bin_dir}:{os.environ['PATH']}", "CI_PIPELINE_IID": "7", "HOME": tmp_path})
    for line in lines:
        done = subprocess.run(["sh", "-ec", line.replace("${{ github.run_number }}", "7")], cwd=tmp_path, env=env,
                              capture_output=True, text=True, check=False)
        assert done.returncode == 0, (line, done.stderr)
    account, desk = (tmp_path / "account.csv").read_text(), (tmp_path / "desk.csv").read_text()
    assert account.count("\nemail,") == desk.count(",email,") > 0


def test_options_that_are_shown_go_with_their_commands(connload):
    lines = list(typed())
    assert sum(len(options) for _, _, options in lines) > 15
    known = {command: set(re.findall(r"^  (?:-\w,|   ) --([\w-]+)", connload(command, "--help").out, re.M))
             for command in re.findall(r"^  connload (\w+) ", connload("--help").out, re.M)}
    for path, command, options in lines:
        assert set(options) <= known[command], f"{path}: connload {command} {options}"


def test_the_readme_knows_every_option_that_it_names(connload, bin_dir):
    text = (ROOT / "README.md").read_text()
    sandbox = subprocess.run([bin_dir / "connload-sandbox", "--help"], capture_output=True, text=True, check=True)
    known = set(re.findall(r"--([\w-]+)", connload("--help").out + sandbox.stdout))
    assert set(re.findall(r"`--([a-z][\w-]*)", text)) <= known


@pytest.mark.parametrize("page", ["README.md", "src/README.md", "tests/README.md"])
def test_a_readme_names_files_that_are_there(page):
    text = (ROOT / page).read_text()
    layers = "|".join(path.name for path in (ROOT / "src").iterdir() if path.is_dir())
    for name in re.findall(r"`((?:src|samples|scripts|tests)/[\w./-]*)`", text):
        assert (ROOT / name).exists(), name
    for name in re.findall(rf"`((?:{layers})/\w+\.[ch])`", text):
        assert (ROOT / "src" / name).exists(), name
    for link in re.findall(r"\]\(([\w./-]+)\)", text):
        assert ((ROOT / page).parent / link).exists(), link


def test_the_readme_has_the_statuses_and_exit_codes():
    text = (ROOT / "README.md").read_text()
    statuses = re.findall(r'\[STATUS_\w+\] = "(\w+)"', (ROOT / "src/model/outcome.c").read_text())
    assert re.findall(r"^\| `(\w+)` \| .*\| (?:no|yes|only)", text, re.M) == statuses
    assert re.findall(r"^\| (\d) \|", text, re.M) == list("012345")

"""
What all scenarios share. A scenario runs the real binary from outside and asserts exact requests, results and words.

    def test_desk(connload, sandbox, write_csv, read_csv):
        box = sandbox("--rate", "none", faults={"500-after": 100})
        write_csv("desk.csv", ["type", "label", "allowed_emails"], [["email", "A", "a@example.com"]])
        run = connload("create", "desk.csv", "--rate", "none")
        assert run.rc == 0, run.err
        assert read_csv("desk.results.csv")[0]["status"] == "created"
        assert box.stats()["created"] == 1

Environment: CONNLOAD_BIN_DIR is the folder with the binaries (default build). CONNLOAD_VIA=tls puts nginx with TLS and
HTTP/2 in front of every sandbox, and runs only the scenarios of connload with one.

Marks: slow_asan (left out where the binaries are sanitised), direct (needs the sandbox's own connection: left out
behind nginx).
"""

import contextlib
import csv
import errno
import http.client
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import uuid
from pathlib import Path

import pytest

signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup it is ignored, and children would inherit that

ROOT = Path(__file__).resolve().parents[2]
BIN_DIR = (ROOT / os.environ.get("CONNLOAD_BIN_DIR", "build")).resolve()
CHILD = ROOT / "build/child"  # child.c, by `make test-build`: a test runner that is killed leaves no process behind
VIA_TLS = os.environ.get("CONNLOAD_VIA") == "tls"
KEY = "sandbox"
TIMEOUT = 120

# Variables of the caller's environment that would change what connload does.
STRIPPED = re.compile(r"(?i)^(.*_proxy|BIGDATA_.*|SSL_CERT_.*|CURL_.*|NO_COLOR|CONNLOAD_.*|COLUMNS|TZ)$")

SANITIZER = re.compile(r"(AddressSanitizer|LeakSanitizer|UndefinedBehaviorSanitizer|runtime error:)")


def pytest_configure(config):
    config.addinivalue_line("markers", "slow_asan: too slow for the sanitised binaries")
    config.addinivalue_line("markers", "direct: needs the sandbox's own connection, not one through nginx")


def pytest_collection_modifyitems(config, items):
    if not VIA_TLS:
        return
    kept = [item for item in items
            if {"connload", "sandbox"} <= set(item.fixturenames) and not item.get_closest_marker("direct")]
    dropped = [item for item in items if item not in kept]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = kept


def clean_env(extra=None):
    env = {name: value for name, value in os.environ.items() if not STRIPPED.match(name)}
    env.update(LC_ALL="C.UTF-8", ASAN_OPTIONS="exitcode=99", UBSAN_OPTIONS="print_stacktrace=1")
    for name, value in (extra or {}).items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = str(value)
    return env


@pytest.fixture(autouse=True)
def state_folder(tmp_path_factory, monkeypatch):
    """What is remembered of a key, for one test; nothing is written to the home of whoever runs it."""
    folder = tmp_path_factory.mktemp("state")
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(folder))
    return folder


class Stream:
    """Collects what a process writes, and lets a test wait for some text."""

    def __init__(self, pipe):
        self.data = b""
        self.ended = False
        self.changed = threading.Condition()
        self.thread = threading.Thread(target=self._read, args=(pipe,), daemon=True)
        self.thread.start()

    def _read(self, pipe):
        while True:
            piece = os.read(pipe.fileno(), 65536)
            with self.changed:
                self.data += piece
                self.ended = not piece
                self.changed.notify_all()
            if not piece:
                pipe.close()
                return

    def text(self):
        with self.changed:
            return self.data.decode("utf-8", "surrogateescape")

    def wait_for(self, pattern, timeout=TIMEOUT):
        """The match of a regular expression in what came so far; AssertionError where it ends or lasts without one."""
        def found():
            return re.search(pattern, self.data.decode("utf-8", "surrogateescape"))

        with self.changed:
            self.changed.wait_for(lambda: found() or self.ended, timeout)
            match = found()
            assert match, f"no {pattern!r} in:\n{self.data.decode('utf-8', 'replace')}"
            return match


class Result:
    """A finished run: rc (negative: the signal), out and err as text, out_bytes and err_bytes."""

    def __init__(self, args, rc, out, err):
        self.args, self.rc, self.out_bytes, self.err_bytes = args, rc, out, err
        self.out = out.decode("utf-8", "surrogateescape")
        self.err = err.decode("utf-8", "surrogateescape")
        assert not SANITIZER.search(self.err), self.err

    def __repr__(self):
        return f"<{' '.join(map(str, self.args))}: exit {self.rc}\n--- out\n{self.out}--- err\n{self.err}>"


class Process:
    """
    A running program; `before` are options of child.c. `out` and `err` are Streams; wait() gives the Result. A `create`
    with a --settle of its own has a server that acts at once: --late is short, too.
    """

    def __init__(self, args, env, cwd, stdin=b"", before=()):
        if "create" in args and "--settle" in args and "--late" not in args:
            args = [*args, "--late=100ms"]
        self.args = args
        given = None if stdin is None or hasattr(stdin, "fileno") else stdin
        self.popen = subprocess.Popen(
            [CHILD, *before, *(str(arg) for arg in args)],
            env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            stdin=stdin if hasattr(stdin, "fileno") else subprocess.PIPE if given else subprocess.DEVNULL)
        self.pid = self.popen.pid
        self.out, self.err = Stream(self.popen.stdout), Stream(self.popen.stderr)
        if given:
            self.feeder = threading.Thread(target=self._feed, args=(given,), daemon=True)
            self.feeder.start()

    def _feed(self, data):
        try:
            self.popen.stdin.write(data)
            self.popen.stdin.close()
        except BrokenPipeError:
            pass

    def signal(self, number):
        self.popen.send_signal(number)

    def wait(self, timeout=TIMEOUT):
        try:
            self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.args} still ran after {timeout} s:\n{self.err.text()}")
        self.out.thread.join(timeout)
        self.err.thread.join(timeout)
        return Result(self.args, self.popen.returncode, self.out.data, self.err.data)

    def kill(self):
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait()


class Sandbox:
    """
    A running connload-sandbox. `url` is where connload should send (nginx, where CONNLOAD_VIA=tls), `direct_url` the
    sandbox itself, `cafile` the CA to trust or None, `key` the key that it takes.
    """

    def __init__(self, bin_dir, args, folder, key):
        self.key, self.cafile, self.front = key, None, None
        self.log = folder / f"sandbox-{uuid.uuid4().hex[:8]}.log"
        command = [bin_dir / "connload-sandbox", "--listen", "127.0.0.1:0", "--api-key", key, "--log", self.log, *args]
        self.process = Process(command, clean_env(), folder)
        self.direct_url = self.process.out.wait_for(r"listening on (http://\S+)\n").group(1)
        self.url = self.direct_url
        self.port = int(self.direct_url.rsplit(":", 1)[1])

    def call(self, method, path, body=None):
        """One request past connload, as JSON. AssertionError unless the answer is 2xx."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        headers = {"X-API-KEY": self.key, "Content-Type": "application/json"}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert 200 <= answer.status < 300, (method, path, answer.status, text)
        return json.loads(text) if text else None

    def stats(self):
        return self.call("GET", "/_sandbox/stats")

    def connectors(self):
        """All connectors in the store, archived ones too, whatever the list's lag."""
        return self.call("GET", "/_sandbox/connectors")["results"]

    def faults(self, faults):
        """Replaces the faults: {"drop-after": 10, …}, in percent."""
        return self.call("POST", "/_sandbox/faults", faults)

    def requests(self):
        """The requests that arrived so far, one dict each, in order."""
        if not self.log.exists():
            return []
        return [json.loads(line) for line in self.log.read_bytes().splitlines(keepends=True) if line.endswith(b"\n")]

    def stop(self):
        """Ends it; the Result of its run."""
        if self.front:
            self.front.stop()
            self.front = None
        if self.process.popen.poll() is None:
            self.process.signal(signal.SIGTERM)
        return self.process.wait()


class TlsProxy:
    """nginx with TLS and HTTP/2 in front of `upstream`: .url, .cafile, .stop()."""

    CONFIG = """
        daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log; {user}
        events {{ worker_connections 2048; }}
        http {{
            access_log off; client_max_body_size 0; keepalive_requests 1000000;
            client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
            uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
            upstream api {{ server {upstream}; keepalive 64; }}
            server {{
                listen 127.0.0.1:{port} ssl {http2};
                server_name localhost;
                ssl_certificate {cert}; ssl_certificate_key {key};
                location / {{
                    proxy_pass http://api; proxy_http_version 1.1; proxy_set_header Connection "";
                    proxy_set_header Host $host; proxy_set_header X-Protocol $server_protocol;
                    proxy_set_header X-Connection $connection;
                    proxy_next_upstream off; proxy_read_timeout 300s;
                }}
            }}
        }}"""

    def __init__(self, upstream, folder, certificate, http2=True):
        self.cafile = certificate["ca"]
        folder.mkdir(parents=True)
        # nginx takes over a socket that listens already (its NGINX variable): no race for the port, and no wait.
        listener = socket.create_server(("127.0.0.1", 0), backlog=511)
        listener.set_inheritable(True)
        port = listener.getsockname()[1]
        self.url = f"https://localhost:{port}"
        config = folder / "nginx.conf"
        config.write_text(self.CONFIG.format(
            folder=folder, user="user root;" if os.geteuid() == 0 else "", upstream=re.sub(r"^http://", "", upstream),
            port=port, http2="http2" if http2 else "", cert=certificate["cert"], key=certificate["key"]))
        path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
        self.popen = subprocess.Popen(
            [CHILD, "nginx", "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(config)],
            env=dict(clean_env({"PATH": path}), NGINX=f"{listener.fileno()};"), pass_fds=[listener.fileno()],
            stdin=subprocess.DEVNULL)
        listener.close()

    def stop(self):
        if self.popen.poll() is None:
            self.popen.terminate()
            self.popen.wait(TIMEOUT)


class Exchange:
    """One request at a RawServer: the exact bytes (`raw`), and what they say."""

    def __init__(self, raw, connection, index):
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.raw, self.connection, self.index = raw, connection, index
        self.method, self.path, self.version = lines[0].split(" ", 2)
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}

    def json(self):
        return json.loads(self.body)


class Close(bytes):
    """These bytes, then the connection is closed. Close() closes it without a word."""


class Reset(bytes):
    """These bytes, then the connection is reset."""


class Hang(bytes):
    """These bytes, then nothing, until the other side or the test ends."""


class Goodbye(bytes):
    """These bytes, then TLS says that it ends (close_notify), and the connection is closed."""


class Pause(float):
    """In an iterator of pieces: so many seconds without a byte."""


class RawServer:
    """
    A server that answers any bytes at all.

        def behave(exchange):                    # called for each request, in the connection's own thread
            if exchange.method == "GET":
                return http_answer(200, {"results": []})
            return Close(b"HTTP/1.1 200 OK\\r\\nContent-Le")

        server = raw_server(behave)

    `behave` returns bytes (the connection is kept), Close, Reset, Hang or Goodbye, or an iterator of these and of
    Pause, sent piece by piece. A list in place of a function gives one answer for each request in order of arrival; the
    last one is repeated. `connect`, where given, is called with the number of each new connection before a byte is
    read, and may return Close, Reset or Hang (None: go on).

    With a `certificate` (of the fixture) it speaks TLS, each piece of an answer a record of its own.

    `exchanges` are the requests that came in whole, in order; `received` the exact bytes of each connection.
    """

    def __init__(self, behave, connect=None, certificate=None):
        self.tls = None
        if certificate:
            self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.tls.load_cert_chain(certificate["cert"], certificate["key"])
        self.behave = behave if callable(behave) else self._in_turn(list(behave))
        self.connect = connect
        self.exchanges, self.received = [], []
        self.lock = threading.Lock()
        self.changed = threading.Condition(self.lock)
        self.stopped = threading.Event()
        self.sockets = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=511)
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"
        self.key, self.cafile = KEY, certificate and certificate["ca"]
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    @staticmethod
    def _in_turn(answers):
        return lambda exchange: answers[min(exchange.index, len(answers) - 1)]

    def wait_for_requests(self, count, timeout=TIMEOUT):
        """Returns once so many requests have arrived."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.exchanges) >= count, timeout), len(self.exchanges)

    def stop(self):
        self.stopped.set()
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()
        with self.lock:
            sockets = list(self.sockets)
        for peer in sockets:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.thread.join()

    def _accept(self):
        while not self.stopped.is_set():
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            with self.lock:
                number = len(self.received)
                self.received.append(b"")
                self.sockets.append(peer)
            threading.Thread(target=self._serve, args=(peer, number), daemon=True).start()

    def _serve(self, peer, number):
        try:
            greeting = self.connect(number) if self.connect is not None else None
            if greeting is not None and not self._send(peer, greeting):
                return
            if self.tls:
                peer = self.tls.wrap_socket(peer, server_side=True)
            pending = b""
            while True:
                raw, pending = self._read_request(peer, number, pending)
                if raw is None:
                    return
                with self.changed:
                    exchange = Exchange(raw, number, len(self.exchanges))
                    self.exchanges.append(exchange)
                    self.changed.notify_all()
                if not self._send(peer, self.behave(exchange)):
                    return
        except OSError:
            pass
        finally:
            peer.close()

    def _read_request(self, peer, number, pending):
        """The next whole request and what came after it; (None, …) at the end. Bodies go by Content-Length."""
        while True:
            head, found, rest = pending.partition(b"\r\n\r\n")
            if found:
                length = re.search(rb"(?im)^content-length:[ \t]*(\d+)", head)
                size = len(head) + 4 + (int(length.group(1)) if length else 0)
                if len(pending) >= size:
                    return pending[:size], pending[size:]
            piece = peer.recv(65536)
            if not piece:
                return None, b""
            with self.lock:
                self.received[number] += piece
            pending += piece

    def _send(self, peer, what):
        """Sends an answer; whether the connection lives on."""
        if isinstance(what, bytes):
            what = [what]
        for piece in what:
            if isinstance(piece, Pause):
                if self.stopped.wait(piece):
                    return False
                continue
            peer.sendall(piece)
            if isinstance(piece, Hang):
                while peer.recv(65536):
                    pass
            if isinstance(piece, Reset):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if isinstance(piece, Goodbye):
                peer.setblocking(False)  # does not wait for the other side's
                with contextlib.suppress(ssl.SSLWantReadError):
                    peer.unwrap()
            if isinstance(piece, (Close, Reset, Hang, Goodbye)):
                return False
        return True


def http_answer(status, body=b"", headers=(), reason="Reason"):
    """An HTTP/1.1 answer with Content-Length. A body that isn't bytes or text becomes JSON."""
    kind = "text/html"
    if not isinstance(body, (bytes, str)):
        body, kind = json.dumps(body), "application/json"
    body = body.encode() if isinstance(body, str) else body
    lines = [f"HTTP/1.1 {status} {reason}", f"Content-Length: {len(body)}", f"Content-Type: {kind}"]
    lines += [f"{name}: {value}" for name, value in dict(headers).items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def connector_of(payload, **fields):
    """The connector that the API would answer to a create payload; `fields` override it."""
    config = dict(payload.get("config", {}))
    config.pop("user_password", None)
    config.pop("session_id", None)
    if payload["type"] == "email":
        config.update(email_hash="abc123", email="abc123@inbox.example.com")
    connector = {
        "connector_id": str(uuid.uuid4()), "user_id": "user-1", "org_id": "org-1", "share_with_org": False,
        "created_at": "2026-11-24T09:00:00.000000Z", "updated_at": "2026-11-24T09:00:00.000000Z", "archived": False,
        **payload, "config": config}
    connector.update(fields)
    return connector


def api_answer(exchange):
    """What a well-behaved API says: an empty list to a GET, the connector to a POST. For what is not at test."""
    if exchange.method == "POST":
        return http_answer(200, connector_of(exchange.json()))
    return http_answer(200, {"results": []})


@pytest.fixture(scope="session")
def bin_dir():
    return BIN_DIR


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """A CA of our own and a certificate for localhost: {"ca", "cert", "key"}, paths."""
    folder = tmp_path_factory.mktemp("certificate")

    def openssl(*args):
        subprocess.run(["openssl", *map(str, args)], cwd=folder, check=True, capture_output=True)

    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", 30, "-subj", "/CN=scenario CA")
    openssl("req", *new_key, "-keyout", "host.key", "-out", "host.csr", "-subj", "/CN=localhost")
    (folder / "ext").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "host.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", 30,
            "-extfile", "ext", "-out", "host.pem")
    return {"ca": folder / "ca.pem", "cert": folder / "host.pem", "key": folder / "host.key"}


@pytest.fixture
def tls_proxy(tmp_path_factory, certificate):
    """tls_proxy(upstream_url, http2=True) starts an nginx and gives .url, .cafile, .stop()."""
    started = []

    def start(upstream, http2=True):
        proxy = TlsProxy(upstream, tmp_path_factory.mktemp("nginx") / "prefix", certificate, http2)
        started.append(proxy)
        return proxy

    yield start
    for proxy in started:
        proxy.stop()


@pytest.fixture
def targets():
    """The servers that this test started, the latest last: where connload sends unless told otherwise."""
    return []


@pytest.fixture
def sandbox(bin_dir, tmp_path_factory, targets, request):
    """sandbox(*options, faults={name: percent}, key=KEY) starts one and gives a Sandbox; it ends with the test."""
    started = []

    def start(*args, faults=None, key=KEY):
        args = [*args, *(part for name, share in (faults or {}).items() for part in ("--fault", f"{name}={share}"))]
        box = Sandbox(bin_dir, args, tmp_path_factory.mktemp("sandbox"), key)
        started.append(box)
        targets.append(box)
        if VIA_TLS:
            box.front = request.getfixturevalue("tls_proxy")(box.direct_url)
            box.url, box.cafile = box.front.url, box.front.cafile
        return box

    yield start
    for box in started:
        if box.process.popen.poll() is None:
            box.stop()


@pytest.fixture
def raw_server(targets):
    """raw_server(behave, connect=None, certificate=None) starts a RawServer; it ends with the test."""
    started = []

    def start(behave=api_answer, connect=None, certificate=None):
        server = RawServer(behave, connect, certificate)
        started.append(server)
        targets.append(server)
        return server

    yield start
    for server in started:
        server.stop()


@pytest.fixture
def connload(bin_dir, tmp_path, targets):
    """
    connload(*args, to=None, env=None, stdin=b"", cwd=tmp_path, timeout=TIMEOUT, wait=True) runs the binary.

    `to` is a Sandbox, a RawServer or a TlsProxy: its URL, key and CA go into the environment; by default the server
    that the test started last. `env` adds to the environment, a value of None takes away. `stdin` is bytes or a file.
    Gives a Result, or with wait=False the Process. Output of a sanitizer fails the test.
    """
    running = []

    def run(*args, to=None, env=None, stdin=b"", cwd=tmp_path, timeout=TIMEOUT, wait=True):
        target = to or (targets[-1] if targets else None)
        given = {}
        if target is not None:
            given.update(BIGDATA_API_KEY=getattr(target, "key", KEY), BIGDATA_API_BASE_URL=target.url)
            if target.cafile:
                given["SSL_CERT_FILE"] = target.cafile
        args = list(args)
        if VIA_TLS and args and args[0] in ("create", "undo", "list") and "--http2" not in args:
            args.insert(1, "--http2")
        process = Process([bin_dir / "connload", *args], clean_env({**given, **(env or {})}), cwd, stdin)
        running.append(process)
        return process.wait(timeout) if wait else process

    yield run
    for process in running:
        process.kill()


def open_way(path):
    """Lets other users through the folders above `path`, as far as they are ours."""
    for folder in path.parents:
        if folder.stat().st_uid == os.geteuid() and folder != folder.parent:
            folder.chmod(folder.stat().st_mode | 0o011)


@pytest.fixture
def as_user(bin_dir, tmp_path_factory):
    """as_user(uid, box, folder, *args, wait=True) runs connload as that user, of group 100: a Result, or a Process."""
    program = tmp_path_factory.mktemp("bin") / "connload"
    program.write_bytes((bin_dir / "connload").read_bytes())
    program.chmod(0o755)
    open_way(program)
    running = []

    def run(uid, box, folder, *args, wait=True):
        env = clean_env({"BIGDATA_API_KEY": box.key, "BIGDATA_API_BASE_URL": box.url, "SSL_CERT_FILE": box.cafile,
                         "HOME": "/"})
        process = Process(["setpriv", "--reuid", uid, "--regid", 100, "--clear-groups", program, *args], env, folder)
        running.append(process)
        return process.wait() if wait else process

    yield run
    for process in running:
        process.kill()


@pytest.fixture
def group_folder(tmp_path):
    """A folder of root's, tmp_path/group, with the sticky bit, that the members of group 100 may write to."""
    folder = tmp_path / "group"
    folder.mkdir()
    os.chown(folder, 0, 100)
    folder.chmod(0o1770)
    open_way(folder)
    return folder


@pytest.fixture
def failing():
    """
    failing(call, at=N, times=1, error=errno.EIO, short=False, count=path) gives the environment in which the Nth call
    of write, fsync, rename, malloc, … fails: tests/interpose/failing.c. Not for sanitised binaries (slow_asan).
    """
    def environment(call, at=0, times=1, error=errno.EIO, short=False, count=None):
        library = ROOT / "build/interpose/failing.so"
        env = {"LD_PRELOAD": library, "FAIL_CALL": call, "FAIL_AT": at, "FAIL_FOR": times, "FAIL_ERRNO": error}
        if short:
            env["FAIL_SHORT"] = 1
        if count:
            env["FAIL_COUNT"] = count
        return env

    return environment


@pytest.fixture
def read_csv(tmp_path):
    """read_csv(path, delimiter=",") gives a result file's rows as dicts; paths are from tmp_path."""
    def read(path, delimiter=","):
        with open(tmp_path / path, encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, delimiter=delimiter))

    return read


@pytest.fixture
def write_csv(tmp_path):
    """write_csv(path, header, rows, delimiter=",", eol="\\n") writes a sheet in tmp_path; gives its path."""
    def write(path, header, rows, delimiter=",", eol="\n"):
        with open(tmp_path / path, "w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, delimiter=delimiter, lineterminator=eol)
            writer.writerow(header)
            writer.writerows(rows)
        return tmp_path / path

    return write


@pytest.fixture
def desk(write_csv):
    """desk(count, path="desk.csv") writes a sheet of `count` sound email rows, all different."""
    def write(count, path="desk.csv"):
        rows = (["email", f"Desk {n}", f"desk{n}@example.com"] for n in range(count))
        return write_csv(path, ["type", "label", "allowed_emails"], rows)

    return write

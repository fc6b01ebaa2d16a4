"""TLS, HTTP/2, proxies: where the key goes, and where it never does."""

import base64
import os
import re
import socket
import ssl
import subprocess
import threading
import time

import pytest

from conftest import KEY, Close, Goodbye, Hang, api_answer, connector_of, http_answer
from hostile import Store, posts

pytestmark = pytest.mark.skipif(os.environ.get("CONNLOAD_VIA") == "tls", reason="has its own TLS in front of the sandbox")

QUICK = ("--retry-base", "1ms", "--retry-cap", "2ms", "--max-attempts", "2")
HTTP2 = [pytest.param((), id="http1"), pytest.param(("--http2",), id="http2")]


def statuses(rows):
    return [row["status"] for row in rows]


class ConnectProxy:
    """A proxy that does CONNECT alone. `seen`: the heads of its requests; `target`: where it really leads."""

    def __init__(self, status=200, target=None):
        self.status, self.target = status, target
        self.seen = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(peer)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer):
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                piece = peer.recv(65536)
                if not piece:
                    return
                head += piece
            self.seen.append(head)
            if self.status != 200:
                peer.sendall(f"HTTP/1.1 {self.status} No\r\nContent-Length: 0\r\n\r\n".encode())
                peer.close()
                return
            host, port = (self.target or head.split(b" ")[1].decode()).rsplit(":", 1)
            there = socket.create_connection((host.strip("[]"), int(port)))
            self.open.append(there)
            peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            threading.Thread(target=self._pump, args=(there, peer), daemon=True).start()
            self._pump(peer, there)
        except OSError:
            pass

    @staticmethod
    def _pump(one, other):
        try:
            while piece := one.recv(65536):
                other.sendall(piece)
        except OSError:
            pass
        try:
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def stop(self):
        for sock in [self.listener, *self.open]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()


@pytest.fixture
def proxy():
    """proxy(status=200, target=None) starts a ConnectProxy; it ends with the test."""
    started = []

    def start(**options):
        started.append(ConnectProxy(**options))
        return started[-1]

    yield start
    for one in started:
        one.stop()


# -- TLS --


@pytest.mark.parametrize("http2", HTTP2)
def test_a_desk_through_tls(connload, sandbox, tls_proxy, desk, read_csv, http2):
    box = sandbox("--rate", "1000/m")
    front = tls_proxy(box.direct_url)
    desk(200)
    run = connload("create", "desk.csv", "--cacert", front.cafile, "--rate", "1000/m", *http2,
                   env={"BIGDATA_API_BASE_URL": front.url})
    assert run.rc == 0, run.err
    made = {connector["label"]: connector["connector_id"] for connector in box.connectors()}
    assert {row["label"]: row["connector_id"] for row in read_csv("desk.results.csv")} == made and len(made) == 200
    assert box.stats()["rate_limited"] == 0


@pytest.mark.parametrize("http2, protocol", [((), "HTTP/1.1"), (("--http2",), "HTTP/2.0")], ids=["http1", "http2"])
def test_http_2_only_where_it_is_asked_for(connload, raw_server, tls_proxy, desk, http2, protocol):
    server = raw_server()
    front = tls_proxy(server.url)
    desk(3)
    run = connload("create", "desk.csv", *http2, to=front)
    assert run.rc == 0, run.err
    assert {exchange.headers["x-protocol"] for exchange in server.exchanges} == {protocol}
    for exchange in server.exchanges:
        assert exchange.headers["x-api-key"] == KEY
        assert not {"expect", "cookie"} & set(exchange.headers)


def test_http_2_of_a_server_that_has_none(connload, raw_server, tls_proxy, desk):
    server = raw_server()
    front = tls_proxy(server.url, http2=False)
    desk(3)
    run = connload("create", "desk.csv", "--http2", to=front)
    assert run.rc == 0, run.err
    assert {exchange.headers["x-protocol"] for exchange in server.exchanges} == {"HTTP/1.1"}


class Refusing:
    """An HTTP/2 server behind TLS that refuses every stream (RFC 9113 section 8.7). `seen`: when each request came."""

    HEADERS, RST_STREAM, SETTINGS, REFUSED_STREAM = 1, 3, 4, 7

    def __init__(self, certificate):
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(certificate["cert"], certificate["key"])
        self.tls.set_alpn_protocols(["h2"])
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.url, self.key, self.cafile = f"https://localhost:{self.listener.getsockname()[1]}", KEY, certificate["ca"]
        self.seen = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        try:
            while True:
                peer, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=(peer,), daemon=True).start()
        except OSError:
            pass

    def _serve(self, peer):
        try:
            with self.tls.wrap_socket(peer, server_side=True) as stream, stream.makefile("rb") as frames:
                frames.read(len(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))
                stream.sendall(self._frame(self.SETTINGS, 0))
                while len(head := frames.read(9)) == 9:
                    frames.read(int.from_bytes(head[:3], "big"))
                    number = int.from_bytes(head[5:], "big")
                    if head[3] == self.HEADERS:
                        self.seen.append(time.monotonic())
                        stream.sendall(self._frame(self.RST_STREAM, number, self.REFUSED_STREAM.to_bytes(4, "big")))
        except OSError:
            pass

    @staticmethod
    def _frame(kind, number, payload=b""):
        return len(payload).to_bytes(3, "big") + bytes([kind, 0]) + number.to_bytes(4, "big") + payload


def test_a_refused_stream_has_used_the_rate(connload, certificate, desk):
    """The first one is told as such; on the connection that is left libcurl doesn't tell the second from a lost one."""
    server = Refusing(certificate)
    desk(1)
    run = connload("create", "desk.csv", "--http2", "--no-preflight", *QUICK, "--rate", "1/s", "-v",
                   "--deadline", "2s", "--grace", "10ms", to=server)
    server.listener.close()
    assert run.rc == 4 and "the server refused the HTTP/2 stream; to be sent again" in run.err
    assert server.seen[1] - server.seen[0] >= 1


@pytest.mark.parametrize("http2", HTTP2)
def test_lost_answers_behind_tls_are_settled(connload, sandbox, tls_proxy, desk, read_csv, http2):
    """nginx says 502 where the sandbox closes: the connector may exist, and is found in the list."""
    box = sandbox(faults={"drop-after": 30, "drop-before": 10})
    front = tls_proxy(box.direct_url)
    desk(60)
    run = connload("create", "desk.csv", "--rate", "none", "--settle", "1ms", *QUICK, "--max-attempts", "9", *http2, to=front)
    assert run.rc == 0, run.err
    made = {connector["label"]: connector["connector_id"] for connector in box.connectors()}
    assert {row["label"]: row["connector_id"] for row in read_csv("desk.results.csv")} == made and len(made) == 60
    assert box.stats()["duplicate_payloads"] == 0


@pytest.mark.parametrize("http2", HTTP2)
def test_the_keys_of_tls_are_not_written_down(connload, sandbox, tls_proxy, desk, tmp_path, http2):
    """SSLKEYLOGFILE, left over in an environment, would open every connection to whoever reads that file."""
    front = tls_proxy(sandbox().direct_url)
    desk(1)
    run = connload("create", "desk.csv", *http2, to=front, env={"SSLKEYLOGFILE": tmp_path / "keys"})
    assert run.rc == 0, run.err
    assert not (tmp_path / "keys").exists()


def test_a_certificate_of_an_unknown_authority_is_refused(connload, sandbox, tls_proxy, desk, read_csv):
    """One handshake, no request, no row burnt, exit 4, and the way out."""
    box = sandbox()
    front = tls_proxy(box.direct_url)
    desk(3)
    run = connload("create", "desk.csv", to=front, env={"SSL_CERT_FILE": None})
    assert run.rc == 4
    assert re.search(r"^stopped  the server's certificate can't be verified: .*; --cacert FILE names another authority; asked ",
                     run.err, re.M), run.err
    rows = read_csv("desk.results.csv")
    assert [(row["status"], row["attempts"]) for row in rows] == [("not_attempted", "0")] * 3
    assert box.requests() == []


def test_another_authority_than_ours_is_refused(connload, sandbox, tls_proxy, desk, tmp_path):
    box = sandbox()
    front = tls_proxy(box.direct_url)
    desk(1)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout",
                    "other.key", "-out", "other.pem", "-days", "30", "-subj", "/CN=another CA"], cwd=tmp_path, check=True,
                   capture_output=True)
    run = connload("create", "desk.csv", "--cacert", "other.pem", to=front)
    assert run.rc == 4 and "the server's certificate can't be verified" in run.err
    assert box.requests() == []


def test_another_name_than_the_certificates_is_refused(connload, sandbox, tls_proxy, desk, proxy):
    box = sandbox()
    front = tls_proxy(box.direct_url)
    way = proxy(target=front.url.removeprefix("https://"))
    desk(1)
    run = connload("create", "desk.csv", "--proxy", way.url, to=front, env={"BIGDATA_API_BASE_URL": "https://api.wrong.example"})
    assert run.rc == 4
    assert re.search(r"^stopped  the server's certificate can't be verified: .*api\.wrong\.example", run.err, re.M), run.err
    assert box.requests() == []


@pytest.mark.parametrize("how", ["variable", "option", "option over variable"])
def test_where_authorities_come_from(connload, sandbox, tls_proxy, desk, how, tmp_path):
    box = sandbox()
    front = tls_proxy(box.direct_url)
    desk(1)
    (tmp_path / "empty.pem").write_text("")
    env = {"SSL_CERT_FILE": {"variable": front.cafile, "option": None, "option over variable": tmp_path / "empty.pem"}[how]}
    args = () if how == "variable" else ("--cacert", front.cafile)
    run = connload("create", "desk.csv", *args, to=front, env=env)
    assert run.rc == 0, run.err


def test_authorities_that_can_not_be_read(connload, sandbox, tls_proxy, desk):
    box = sandbox()
    front = tls_proxy(box.direct_url)
    desk(1)
    run = connload("create", "desk.csv", "--cacert", "nowhere.pem", to=front)
    assert run.rc in (2, 4) and "nowhere.pem" in run.err, run
    assert box.requests() == []


def test_plain_http_at_an_https_port(connload, raw_server, desk, read_csv):
    server = raw_server(connect=lambda number: Close(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    desk(1)
    run = connload("create", "desk.csv", *QUICK, env={"BIGDATA_API_BASE_URL": server.url.replace("http:", "https:")})
    assert run.rc == 4 and "no TLS connection to 127.0.0.1:" in run.err, run
    assert statuses(read_csv("desk.results.csv")) == ["not_attempted"]
    assert all(KEY.encode() not in piece for piece in server.received)


def test_a_handshake_without_end_is_no_connection(connload, raw_server, desk, read_csv):
    """--connect-timeout covers TLS too; nothing was sent, so that no row is burnt."""
    server = raw_server(connect=lambda number: Hang(b""))
    desk(1)
    run = connload("create", "desk.csv", "--connect-timeout", "50ms", *QUICK,
                   env={"BIGDATA_API_BASE_URL": server.url.replace("http:", "https:")})
    assert run.rc == 4 and "no connection to 127.0.0.1:" in run.err and " within 50ms" in run.err, run
    assert statuses(read_csv("desk.results.csv")) == ["not_attempted"]


# -- what comes on an idle connection --

# One request in each window: the connection is idle for so long, and what the server said after its answer has come.
IDLE = ("--concurrency", "1", "--rate", "1/300ms", "--settle", "1s")


def assert_each_has_its_own(run, server, store, rows, count):
    assert run.rc == 0, run.err
    assert [row["attempts"] for row in rows] == ["1"] * count and len(posts(server)) == count
    assert {row["label"]: row["connector_id"] for row in rows} == {made["label"]: made["connector_id"] for made in store.connectors}


def unasked(status):
    if status == 201:
        return http_answer(201, connector_of({"type": "email", "label": "somebody else's", "config": {}}))
    return http_answer(status, {"message": "unasked"})


@pytest.mark.parametrize("how", ["without TLS", "a record", "the rest of a record"])
@pytest.mark.parametrize("status", [201, 408, 503])
def test_an_unasked_answer(connload, raw_server, certificate, desk, read_csv, status, how):
    """The rest of a record is decrypted with what stands before it, and waits in the TLS library, not in the socket."""
    def answer(store, exchange, connector):
        whole = http_answer(201, connector)
        if len(store.connectors) != 2:
            return whole
        head, rest = whole[:-20], whole[-20:]
        return iter([head, rest + unasked(status)] if how == "the rest of a record" else [head, rest, unasked(status)])

    store = Store(post=answer)
    server = raw_server(store, certificate=None if how == "without TLS" else certificate)
    desk(5)
    run = connload("create", "desk.csv", *IDLE)
    assert_each_has_its_own(run, server, store, read_csv("desk.results.csv"), 5)


def test_an_idle_connection_that_tls_has_ended(connload, raw_server, certificate, desk, read_csv):
    store = Store(post=lambda store, exchange, connector: Goodbye(http_answer(201, connector)))
    server = raw_server(store, certificate=certificate)
    desk(3)
    run = connload("create", "desk.csv", *IDLE)
    assert_each_has_its_own(run, server, store, read_csv("desk.results.csv"), 3)


def test_idle_connections_are_used_behind_tls(connload, raw_server, certificate, desk):
    """What TLS itself sends, such as tickets, is no unasked answer."""
    server = raw_server(Store(), certificate=certificate)
    desk(4)
    run = connload("create", "desk.csv", *IDLE)
    assert run.rc == 0, run.err
    assert {exchange.connection for exchange in server.exchanges} == {0}


def test_http_2_connections_are_used(connload, raw_server, tls_proxy, desk):
    """nginx says on which connection each request came."""
    server = raw_server()
    front = tls_proxy(server.url)
    desk(20)
    run = connload("create", "desk.csv", "--http2", "--concurrency", "2", "--rate", "5/100ms", to=front)
    assert run.rc == 0, run.err
    assert {exchange.headers["x-connection"] for exchange in server.exchanges} == {server.exchanges[0].headers["x-connection"]}


# -- plain http, and where it is none of the network's business --


@pytest.mark.parametrize("url", ["http://api.bigdata.com", "http://192.0.2.1:8080/x", "http://localhost.example", "HTTP://10.0.0.1"])
@pytest.mark.parametrize("how", ["option", "variable"])
def test_plain_http_is_for_loopback_alone(connload, desk, tmp_path, url, how):
    desk(1)
    args = ("--base-url", url) if how == "option" else ()
    env = {"BIGDATA_API_KEY": KEY} | ({"BIGDATA_API_BASE_URL": url} if how == "variable" else {})
    for command in (("create", "desk.csv"), ("list",)):
        run = connload(*command, *args, env=env)
        assert (run.rc, run.out) == (2, "")
        assert run.err == (f'connload: base URL "{url}": the API key would travel unencrypted; plain http is for this machine alone '
                           "(127.0.0.1, [::1], localhost), use https://\n")
    assert [path.name for path in tmp_path.iterdir()] == ["desk.csv"]


@pytest.mark.parametrize("url, words", [
    ("ftp://127.0.0.1", "it must begin with https://"), ("api.bigdata.com", None), ("https://", None), ("", None),
    ("https://user:pw@api.bigdata.com", "the base URL holds a user name or a password"),
    ("https://api.bigdata.com/?key=x", "leave out what follows ? or #"),
])
def test_a_base_url_that_is_none(connload, desk, url, words):
    desk(1)
    run = connload("create", "desk.csv", "--base-url", url, env={"BIGDATA_API_KEY": KEY})
    assert run.rc == 2 and run.err.count("\n") == 1
    assert words is None or words in run.err
    assert "pw@" not in run.err


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_loopback_needs_no_tls(connload, raw_server, desk, host):
    server = raw_server()
    desk(1)
    run = connload("create", "desk.csv", "--base-url", f"http://{host}:{server.port}")
    assert run.rc == 0, run.err


# -- redirects --


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("what", ["GET", "POST"])
def test_redirects_are_not_followed_and_the_key_stays(connload, raw_server, desk, read_csv, status, what):
    other = raw_server()
    away = http_answer(status, "", {"Location": other.url + "/contents/v1/connectors"})
    server = raw_server(lambda exchange: away if exchange.method == what else api_answer(exchange))
    desk(1)
    run = connload("create", "desk.csv", *QUICK, "--settle", "1ms", "--max-attempts", "1", to=server)
    assert run.rc == (4 if what == "GET" else 1)
    assert other.received == []
    assert statuses(read_csv("desk.results.csv")) == ["not_attempted" if what == "GET" else "failed"]
    assert len([exchange for exchange in server.exchanges if exchange.method == what]) == 1


# -- proxies --

REPORTS = ("--log", "run.log", "--summary", "run.json", "--metrics", "run.prom", "--report", "run.html")


def assert_hidden(run, folder, secret):
    assert secret not in run.err + run.out
    assert [path.name for path in folder.iterdir() if secret.encode() in path.read_bytes()] == []



@pytest.mark.parametrize("how", ["--proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_a_proxy_tunnels_and_sees_no_key(connload, sandbox, tls_proxy, desk, proxy, how):
    box = sandbox()
    front = tls_proxy(box.direct_url)
    way = proxy()
    desk(5)
    args, env = (("--proxy", way.url), {}) if how == "--proxy" else ((), {how: way.url})
    run = connload("create", "desk.csv", *args, to=front, env=env)
    assert run.rc == 0, run.err
    assert box.stats()["created"] == 5
    assert way.seen and all(head.startswith(b"CONNECT localhost:") for head in way.seen)
    assert all(KEY.encode() not in head.lower() and b"api-key" not in head.lower() for head in way.seen)


def test_the_option_outweighs_the_environment(connload, sandbox, tls_proxy, desk, proxy):
    front = tls_proxy(sandbox().direct_url)
    one, other = proxy(), proxy()
    desk(1)
    run = connload("create", "desk.csv", "--proxy", one.url, to=front, env={"HTTPS_PROXY": other.url})
    assert run.rc == 0, run.err
    assert one.seen and not other.seen


def test_no_proxy_names_exceptions(connload, sandbox, tls_proxy, desk, proxy):
    front = tls_proxy(sandbox().direct_url)
    way = proxy()
    desk(1)
    run = connload("create", "desk.csv", to=front, env={"HTTPS_PROXY": way.url, "NO_PROXY": "localhost"})
    assert run.rc == 0, run.err
    assert not way.seen


def test_a_proxy_with_a_password(connload, sandbox, tls_proxy, desk, proxy):
    front = tls_proxy(sandbox().direct_url)
    way = proxy()
    desk(1)
    run = connload("create", "desk.csv", "-v", to=front, env={"HTTPS_PROXY": way.url.replace("//", "//ana:pr0xypass@")})
    assert run.rc == 0, run.err
    wanted = b"Proxy-Authorization: Basic " + base64.b64encode(b"ana:pr0xypass")
    assert all(wanted in head for head in way.seen)
    assert "pr0xypass" not in run.err


@pytest.mark.parametrize("scheme", ["", "http://", "HTTP://", "socks5h://"])
def test_the_command_that_goes_on_holds_no_password_of_a_proxy(connload, desk, tmp_path, scheme):
    desk(1)
    run = connload("create", "desk.csv", "--proxy", scheme + "ana:pr0xy%40pass@127.0.0.1:1", *QUICK, *REPORTS,
                   env={"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": "https://127.0.0.1:1"})
    assert run.rc == 4
    assert f"\n         connload create desk.results.csv --proxy {scheme}127.0.0.1:1 --retry-base" in run.err, run.err
    assert_hidden(run, tmp_path, "pr0xy")


@pytest.mark.parametrize("status", [403, 407])
def test_a_proxy_that_refuses_stops_the_run(connload, sandbox, tls_proxy, desk, proxy, read_csv, status):
    box = sandbox()
    front = tls_proxy(box.direct_url)
    way = proxy(status=status)
    desk(2)
    run = connload("create", "desk.csv", "--proxy", way.url, *QUICK, to=front)
    assert run.rc == 4
    assert re.search(rf"^stopped  the proxy refused the way to localhost:\d+: status {status}; asked ", run.err, re.M), run.err
    assert statuses(read_csv("desk.results.csv")) == ["not_attempted"] * 2
    assert box.requests() == []


def test_loopback_without_tls_goes_through_no_proxy_of_the_environment(connload, raw_server, desk, proxy):
    """The key would travel unencrypted to the proxy."""
    raw_server()
    way = proxy()
    desk(1)
    run = connload("create", "desk.csv", env={"http_proxy": way.url, "HTTP_PROXY": way.url, "ALL_PROXY": way.url})
    assert run.rc == 0, run.err
    assert way.seen == []


MALFORMED = ["http://ana:pr0xypass@127.0.0.1:99999", "http://ana:pr0xypass x@127.0.0.1:1", "http://ana:pr0xypass@[::1:1",
             "ftp://ana:pr0xypass@127.0.0.1:1", "nonsense://ana:pr0xypass@x", "http://pr0xypass%01@127.0.0.1:1",
             "http://ana:pr0xypass%00@127.0.0.1:1", "ana:pr0xypass", "http://ana:pr0xypass@"]


@pytest.mark.parametrize("how", ["--proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("url", MALFORMED)
def test_a_malformed_proxy_is_refused_and_shown_nowhere(connload, raw_server, certificate, desk, tmp_path, url, how):
    """libcurl's own words quote it, with the password; and one that it can't decode it does without, silently."""
    server = raw_server(certificate=certificate)
    desk(1)
    args, env = (("--proxy", url), {}) if how == "--proxy" else ((), {how: url})
    run = connload("create", "desk.csv", "-v", *QUICK, *REPORTS, *args, env=env)
    assert run.rc == 2, run
    assert run.err == f"connload: {how} is not a proxy's URL such as http://proxy.example:3128 or socks5h://127.0.0.1:1080\n"
    assert server.received == []
    assert_hidden(run, tmp_path, "pr0xypass")


def test_only_the_proxy_that_would_be_used_is_looked_at(connload, raw_server, sandbox, tls_proxy, desk, proxy):
    front, way = tls_proxy(sandbox().direct_url), proxy()
    desk(1)
    used = {"https_proxy": "", "HTTPS_PROXY": way.url, "ALL_PROXY": MALFORMED[0], "HTTP_PROXY": MALFORMED[0]}
    run = connload("list", to=front, env=used)
    assert run.rc == 0 and way.seen, run
    run = connload("list", "--proxy", way.url, to=front, env={"HTTPS_PROXY": MALFORMED[0]})
    assert run.rc == 0, run
    run = connload("list", to=raw_server(), env={"HTTPS_PROXY": MALFORMED[0], "ALL_PROXY": MALFORMED[0]})
    assert run.rc == 0, run


@pytest.mark.parametrize("scheme", ["http", "HTTP", "https", "socks", "socks4", "socks4a", "socks5", "socks5h"])
def test_every_scheme_of_a_proxy_that_libcurl_knows(connload, raw_server, desk, scheme):
    """Nobody listens there: the run gets as far as to notice."""
    desk(1)
    run = connload("create", "desk.csv", *QUICK, env={"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": "https://127.0.0.1:1",
                                                     "ALL_PROXY": f"{scheme}://ana:pr0xypass@127.0.0.1:1"})
    assert run.rc == 4 and "pr0xypass" not in run.err, run

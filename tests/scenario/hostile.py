"""What the scenarios on a hostile world share: a run whose memory is measured, and servers that keep a true store."""

import threading
import uuid

from conftest import BIN_DIR, KEY, Process, clean_env, connector_of, http_answer

RSS_MAX = 64 * 1024  # KiB
SANITISED = b"__asan_init" in (BIN_DIR / "connload").read_bytes()
PATH = "/contents/v1/connectors"


def measured(folder, server, *args, env=None, timeout=100, stdin=b""):
    """A run of connload that ended by itself, within `timeout` seconds and RSS_MAX."""
    note = folder.parent / f"{folder.name}.peak"
    given = {"BIGDATA_API_KEY": KEY, "BIGDATA_API_BASE_URL": server.url, **(env or {})}
    process = Process([BIN_DIR / "connload", *args], clean_env(given), folder, stdin, before=["-m", note])
    run = process.wait(timeout)
    assert 0 <= run.rc < 200, run
    run.peak = int(note.read_text())
    assert SANITISED or run.peak < RSS_MAX, f"{run.peak} KiB: {run}"
    assert is_harmless(run.err_bytes) and is_harmless(run.out_bytes), run.err_bytes
    return run


def is_harmless(data):
    """Whether a terminal shows these bytes as text: no control character but tab and line ends, and UTF-8."""
    text = data.decode("utf-8")
    return not any(ord(char) < 32 and char not in "\n\r\t" or 0x7F <= ord(char) <= 0x9F or char in "\u202e\u2066\u2067\u2068"
                   for char in text)


class Store:
    """
    An API that creates what it is asked to create, and lists it truthfully; `post` and `get` say what it answers.

        store = Store(post=lambda store, exchange, connector: Close(b""))
        server = raw_server(store)

    `post` gets the connector that was created, `get` the connectors there are; None: an honest answer.
    """

    def __init__(self, post=None, get=None):
        self.post, self.get = post, get
        self.connectors, self.lock = [], threading.Lock()

    def __call__(self, exchange):
        assert exchange.headers.get("x-api-key") == KEY
        if exchange.method != "POST":
            with self.lock:
                listed = list(self.connectors)
            return self.get(self, exchange, listed) if self.get else http_answer(200, {"results": listed})
        connector = connector_of(exchange.json(), connector_id=str(uuid.uuid4()))
        with self.lock:
            self.connectors.append(connector)
        return self.post(self, exchange, connector) if self.post else http_answer(201, connector)

    def labels(self):
        return sorted(connector["label"] for connector in self.connectors)


def posts(server):
    return [exchange for exchange in server.exchanges if exchange.method == "POST"]

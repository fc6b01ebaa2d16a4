"""What the scenarios on exactly-once share: quick options, and the comparison of a result file with the store."""

import time
from collections import Counter

QUICK = ["--rate", "none", "--settle", "300ms", "--retry-base", "10ms", "--retry-cap", "100ms"]
# For runs that end in the middle: what they have in flight may arrive until then, and the next run waits for it.
BRIEF = [*QUICK, "--timeout", "1s"]
LAG = ["--settle", "100ms"]  # of the sandbox's lists
DESK = ["type", "label", "allowed_emails"]


def posts(box):
    """The payloads that arrived, in order."""
    return [line["body"] for line in box.requests() if line["method"] == "POST"]


def labels(connectors):
    return Counter(connector["label"] for connector in connectors)


def once(box, rows):
    """Asserts that each row of a result file has a connector, its own, and that the store holds no other."""
    stored = {connector["connector_id"]: connector for connector in box.connectors()}
    assert [row["status"] for row in rows] == ["created"] * len(rows), rows
    assert sorted(row["connector_id"] for row in rows) == sorted(stored)
    for row in rows:
        assert stored[row["connector_id"]]["label"] == row["label"]


def until(condition, seconds=60):
    """Asks again and again; AssertionError where it never comes true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "never came true"
        time.sleep(0.005)


def kill_when(process, condition):
    """Ends the process by SIGKILL once the condition holds, which must be before its own end."""
    until(lambda: condition() or process.popen.poll() is not None)
    assert process.popen.poll() is None, process.wait()
    process.kill()


def prefill(box, *payloads):
    """Creates connectors as somebody else would, and waits until the list shows them; their ids."""
    ids = [box.call("POST", "/contents/v1/connectors", payload)["connector_id"] for payload in payloads]
    until(lambda: set(ids) <= {one["connector_id"] for one in box.call("GET", "/contents/v1/connectors")["results"]})
    return ids


def email(label, address="x@example.com", **fields):
    return {"type": "email", "label": label, "config": {"allowed_emails": [address]}, **fields}


def journal(folder, name="desk.results.csv"):
    return folder / f"{name}.journal"

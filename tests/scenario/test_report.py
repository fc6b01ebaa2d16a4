"""--report: one page, read as a file, and in a headless Chromium where there is one."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections import Counter
from html.parser import HTMLParser

import pytest
from conftest import CHILD, TIMEOUT, api_answer, http_answer

CHROMIUM = shutil.which("chromium")
HEADER = ["type", "label", "allowed_emails"]
HOSTILE = ["<script>document.title='owned'</script>", "<img src=x onerror=\"document.title='owned'\">", "\"'&amp;<b>",
           "</td></table><h1>owned</h1>", "\x1b[31m\u202egnp.exe"]
VOID = {"meta", "link", "input", "br", "wbr", "img"}


class Page(HTMLParser):
    """A strict look at a page: `problems`: what is not closed, `used` elements and attributes, `rows` the table's."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.used, self.problems, self.rows, self.cell = [], [], [], [], None
        self.ids = []
        self.feed(text)
        self.close()
        self.problems += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.used.append((tag, attributes))
        self.ids += [attributes["id"]] if "id" in attributes else []
        if tag in VOID:
            return
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.cell = ""

    def handle_startendtag(self, tag, attributes):
        self.used.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes something else")
        if tag in ("td", "th"):
            self.rows[-1].append(self.cell)
            self.cell = None

    def handle_data(self, data):
        if self.cell is not None:
            self.cell += data


class Browser:
    """A headless Chromium, spoken to in its DevTools protocol over two pipes."""

    FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
             "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"]

    def __init__(self, folder):
        to_browser, self.write_end = os.pipe()
        self.read_end, from_browser = os.pipe()

        def pipes():
            os.dup2(to_browser, 60)
            os.dup2(from_browser, 61)
            os.dup2(60, 3)
            os.dup2(61, 4)

        self.popen = subprocess.Popen([CHILD, CHROMIUM, *self.FLAGS, f"--user-data-dir={folder}", "about:blank"],
                                      close_fds=False, preexec_fn=pipes, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self.number, self.buffer, self.events, self.session = 0, b"", [], None
        target = next(t for t in self.call("Target.getTargets")["targetInfos"] if t["type"] == "page")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "Accessibility"):
            self.call(f"{domain}.enable")

    def receive(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.read_end, 1 << 20)
            assert piece, "the browser has ended"
            self.buffer += piece
        message, _, self.buffer = self.buffer.partition(b"\0")
        return json.loads(message)

    def call(self, method, **params):
        self.number += 1
        request = {"id": self.number, "method": method, "params": params}
        if self.session:
            request["sessionId"] = self.session
        os.write(self.write_end, json.dumps(request).encode() + b"\0")
        while True:
            message = self.receive()
            if message.get("id") == self.number:
                assert "result" in message, message
                return message["result"]
            self.events.append(message)

    def open(self, path, width=1200, height=800, scheme="light", script=True):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Emulation.setScriptExecutionDisabled", value=not script)
        self.events = []
        self.call("Page.navigate", url=path.as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.events):
            self.events.append(self.receive())

    def eval(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def key(self, key, text=None):
        code = {"Tab": 9, "Enter": 13, " ": 32}.get(key, 0)
        extra = {"text": text} if text else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, windowsVirtualKeyCode=code, **extra)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, windowsVirtualKeyCode=code)

    def complaints(self):
        """Console messages, exceptions, dialogs and requests other than for the page itself."""
        bad = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening")
        found = [event for event in self.events if event.get("method") in bad]
        urls = [event["params"]["request"]["url"] for event in self.events if event.get("method") == "Network.requestWillBeSent"]
        return found + [url for url in urls if not url.startswith(("file:", "data:"))]

    def close(self):
        self.popen.kill()
        self.popen.wait(TIMEOUT)
        os.close(self.write_end)
        os.close(self.read_end)


@pytest.fixture
def browser(tmp_path_factory):
    if not CHROMIUM:
        pytest.skip("chromium is not installed")
    one = Browser(tmp_path_factory.mktemp("chromium"))
    yield one
    one.close()


@pytest.fixture
def report(connload, sandbox, write_csv, tmp_path):
    """The report's path, of 60 rows under a limit: hostile labels, invalid and failed rows, lost answers."""
    sandbox("--rate", "none", "--latency", "5ms", faults={"503-before": 20, "500-after": 5})
    rows = [["email", f"Desk {n}", f"desk{n}@example.com"] for n in range(60)]
    for n, label in enumerate(HOSTILE):
        rows[n] = ["email", label, f"no.address.{n}"]
    rows[50] = ["e-mail", "Desk 50", "a@example.com"]
    write_csv("desk.csv", HEADER, rows)
    run = connload("create", "desk.csv", "--rate", "40/s", "--report", "report.html", "--max-attempts", "1", "--settle", "10ms")
    assert run.rc == 1, run.err
    return tmp_path / "report.html"


def test_page(report, read_csv):
    text = report.read_text()
    page = Page(text)
    assert page.problems == []
    assert len(page.ids) == len(set(page.ids))
    outside = [(tag, name, value) for tag, attributes in page.used for name, value in attributes.items()
               if name in ("src", "href", "action", "style") or name.startswith("on")]
    assert outside == [("link", "href", "data:,"), ("a", "href", "#rows")]
    assert [tag for tag, _ in page.used].count("script") == 1
    assert re.search(r'http-equiv="Content-Security-Policy" content="default-src \'none\'', text)
    for part in ("style", "script"):
        [content] = re.findall(f"<{part}>(.*?)</{part}>", text, re.S)
        own = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{part}-src 'sha256-{own}'" in text
    tags = [tag for tag, _ in page.used]
    assert [tags.count(tag) for tag in ("html", "header", "main", "footer", "h1", "title")][:5] == [1, 1, 1, 1, 1]
    without = [row for row in read_csv("desk.results.csv") if row["status"] != "created"]
    assert [row[4] for row in page.rows if len(row) == 7 and row[0].isdigit()] == [row["status"] for row in without]
    assert f"{60 - len(without)} of 60 rows have their connector." in text


def test_hostile_labels_are_text(report):
    page = Page(report.read_text())
    labels = [row[2] for row in page.rows if len(row) == 7][1:]
    assert labels[:4] == HOSTILE[:4]
    assert labels[4] == r"\x1B[31m\u{202E}gnp.exe"
    assert "img" not in [tag for tag, _ in page.used]


def test_hostile_server(connload, raw_server, desk, tmp_path):
    def behave(exchange):
        if exchange.method == "POST":
            return http_answer(400, {"error": {"code": "<b>x</b>", "message": "</script><script>document.title='owned'</script>"}})
        return api_answer(exchange)

    raw_server(behave)
    desk(2)
    run = connload("create", "desk.csv", "--report", "report.html", "--rate", "none")
    assert run.rc == 1, run.err
    page = Page((tmp_path / "report.html").read_text())
    assert page.problems == []
    assert [tag for tag, _ in page.used].count("script") == 1
    assert any("document.title" in cell for row in page.rows for cell in row)


def test_many_rows(connload, write_csv, tmp_path):
    """The page has a bounded size; it says how many rows it leaves out."""
    write_csv("desk.csv", HEADER, ([["email", f"Desk {n}", "x" * 2000] for n in range(6000)]))
    run = connload("check", "desk.csv", "--report", "report.html", "-q")
    assert run.rc == 1
    text = (tmp_path / "report.html").read_text()
    assert len(text) < 12_000_000
    shown, more = re.search(r"<caption>(\d+) rows, .*; (\d+) more are said on the terminal alone", text).groups()
    assert int(shown) + int(more) == 6000 and int(shown) <= 5000
    assert text.count('<tr><th scope="row" data-before') == int(shown)


def test_all_done_has_no_table(connload, sandbox, desk, tmp_path):
    sandbox("--rate", "none")
    desk(3)
    assert connload("create", "desk.csv", "--report", "report.html").rc == 0
    page = Page((tmp_path / "report.html").read_text())
    assert page.problems == []
    assert not {"script", "input"} & {tag for tag, _ in page.used}


def rows_of(browser):
    return browser.eval("[...document.querySelectorAll('#table tbody tr')].filter(r => !r.hidden).map(r => r.cells[0].textContent)")


def test_in_a_browser(report, browser, read_csv):
    browser.open(report)
    assert browser.complaints() == []
    assert browser.eval("document.title") == "connload create desk.csv"
    assert browser.eval("document.querySelectorAll('#table h1, #table img, #table script').length") == 0
    lines = rows_of(browser)
    assert lines == sorted(lines, key=int) and len(lines) > 10

    statuses = Counter(row["status"] for row in read_csv("desk.results.csv") if row["status"] != "created")
    outcomes = browser.eval("[...document.querySelectorAll('#outcome button')].map(b => b.textContent)")
    assert outcomes[0] == f"all {len(lines)}" and sorted(outcomes[1:]) == sorted(f"{name} {n}" for name, n in statuses.items())
    assert len(statuses) > 1

    # the keyboard alone: the skip link, the outcomes, the filter, then the first header's button
    browser.key("Tab")
    assert browser.eval("document.activeElement.className") == "skip"
    browser.key("Enter", "\r")
    assert browser.eval("document.activeElement.id") == "rows"
    for text in outcomes:
        browser.key("Tab")
        assert browser.eval("document.activeElement.textContent") == text
    browser.key("Tab")
    assert browser.eval("document.activeElement.id") == "filter"
    browser.call("Input.insertText", text="e-mail INVALID")
    assert rows_of(browser) == [line for line in lines if int(line) in (2, 3, 4, 5, 6, 52)]
    assert browser.eval("document.getElementById('said').textContent") == f"6 of {len(lines)} rows"
    browser.eval("document.getElementById('filter').value = ''; document.getElementById('filter').dispatchEvent(new Event('input'))")
    browser.key("Tab")
    browser.key("Enter", "\r")
    assert rows_of(browser) == lines[::-1]
    assert browser.eval("document.activeElement.closest('th').getAttribute('aria-sort')") == "descending"
    browser.key("Enter", "\r")
    assert rows_of(browser) == lines
    for _ in range(4):
        browser.key("Tab")
    browser.key(" ", " ")
    assert browser.eval("document.activeElement.textContent") == "Status"
    order = browser.eval("[...document.querySelectorAll('#table tbody tr')].map(r => r.cells[4].textContent)")
    assert order == sorted(order) and len(set(order)) > 1
    assert browser.eval("[...document.querySelectorAll('[aria-sort]')].length") == 1
    assert browser.complaints() == []


def test_rows_of_one_outcome(report, browser, read_csv):
    browser.open(report)
    every = rows_of(browser)
    pressed = "[...document.querySelectorAll('#outcome [aria-pressed=true]')].map(b => b.textContent)"
    browser.eval("[...document.querySelectorAll('#outcome button')].find(b => b.textContent.startsWith('invalid')).click()")
    assert rows_of(browser) == [str(n) for n, row in enumerate(read_csv("desk.results.csv"), 2) if row["status"] == "invalid"]
    assert browser.eval(pressed) == ["invalid 6"]
    browser.eval("document.getElementById('filter').value = 'e-mail address'; document.getElementById('filter').dispatchEvent(new Event('input'))")
    assert len(rows_of(browser)) == 5  # both at once
    browser.eval("document.getElementById('filter').value = ''; document.querySelector('#outcome button').click()")
    assert rows_of(browser) == every and browser.eval(pressed) == [f"all {len(every)}"]
    assert browser.complaints() == []


def test_what_is_to_be_mended_comes_first(report):
    ids = Page(report.read_text()).ids
    assert [name for name in ids if name in ("kinds", "rows", "outcomes", "inboxes", "figures", "requests", "latency")] == [
        "kinds", "rows", "outcomes", "inboxes", "figures", "requests", "latency"]


def test_inbox_addresses(report, read_csv):
    rows = [row for row in Page(report.read_text()).rows if len(row) == 2 and "@" in row[1]]
    created = [[row["label"], row["inbox_email"]] for row in read_csv("desk.results.csv") if row["status"] == "created"]
    assert rows == created and len(rows) > 10


def test_versions_and_checksums(report, connload, tmp_path):
    text = report.read_text()
    for name in ("desk.csv", "desk.results.csv"):
        assert f"<dd>{name}<br>SHA-256 <code>{hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()}</code></dd>" in text
    assert ", ".join(connload("--version").out.split("\n")[:4]) in text.replace("\n", " ")


BROKEN_WORDS = """(() => {
    const broken = [], range = document.createRange();
    const walk = document.createTreeWalker(document.querySelector('main'), NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        if (!node.parentElement.closest('td, th')) continue;
        for (const word of node.data.matchAll(/\\w+/g)) {
            range.setStart(node, word.index);
            range.setEnd(node, word.index + word[0].length);
            if (range.getClientRects().length > 1) broken.push(word[0]);
        }
    }
    return broken;
})()"""


@pytest.mark.parametrize("width", [390, 1280])
def test_words_are_not_broken(connload, sandbox, write_csv, browser, tmp_path, width):
    sandbox(faults={"400-before": 50})
    labels = ["Investment-grade credit, Northquay", "Commodities and securitised products", "Distressed"]
    write_csv("desk.csv", HEADER, [["investment_research" if n % 3 else "email", f"{labels[n % 3]} {n}", "a@example.com"] for n in range(20)])
    assert connload("create", "desk.csv", "--report", "report.html", "--rate", "none").rc == 1
    browser.open(tmp_path / "report.html", width=width)
    browser.eval("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert browser.eval(BROKEN_WORDS) == []
    assert browser.eval("document.documentElement.scrollWidth") <= width


def test_names_for_a_screen_reader(report, browser):
    browser.open(report)
    tree = [(node["role"]["value"], node.get("name", {}).get("value", ""))
            for node in browser.call("Accessibility.getFullAXTree")["nodes"] if not node.get("ignored")]
    for expected in [("banner", ""), ("main", ""), ("contentinfo", ""), ("heading", "connload create desk.csv"),
                     ("region", "Requests over time"), ("searchbox", "Show only rows with"), ("button", "Line"), ("status", "")]:
        assert expected in tree, (expected, tree[:80])
    assert {name for role, name in tree if role in ("image", "img")} == {"Requests over time", "Answers by the time they took"}


def test_script_is_not_needed(report, browser):
    browser.open(report, script=False)
    assert browser.complaints() == []
    document = browser.call("DOM.getDocument", depth=0)["root"]["nodeId"]
    assert len(browser.call("DOM.querySelectorAll", nodeId=document, selector="#table tbody tr")["nodeIds"]) > 10
    assert browser.call("DOM.querySelectorAll", nodeId=document, selector="#table button")["nodeIds"] == []
    assert len(browser.call("DOM.querySelectorAll", nodeId=document, selector="#tools[hidden]")["nodeIds"]) == 1


CONTRAST = """(() => {
    const rgb = text => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
    const light = text => rgb(text).map(c => c / 255).map(c => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
    const behind = e => { while (e && /rgba\\(0, 0, 0, 0\\)|transparent/.test(getComputedStyle(e).backgroundColor)) e = e.parentElement;
        return getComputedStyle(e || document.body).backgroundColor };
    const low = [];
    for (const e of document.querySelectorAll('body *')) {
        if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest('script, style, title, desc')) continue;
        const style = getComputedStyle(e), pair = [light(e.closest('svg') ? style.fill : style.color), light(behind(e))].sort((a, b) => b - a);
        const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
        if (ratio < 4.5) low.push([e.tagName, e.textContent.slice(0, 30), ratio]);
    }
    return low;
})()"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1200])
def test_readable(report, browser, scheme, width):
    browser.open(report, width=width, scheme=scheme)
    assert browser.eval("document.documentElement.scrollWidth") <= width
    assert browser.eval("parseFloat(getComputedStyle(document.querySelector('main')).paddingLeft)") >= 16
    assert browser.eval(CONTRAST) == []
    background = browser.eval("getComputedStyle(document.body).backgroundColor")
    assert (int(re.search(r"\d+", background).group()) < 100) == (scheme == "dark")
    small = browser.eval("""[...document.querySelectorAll('figure > svg text')].map(e => e.getBoundingClientRect().height)
                            .filter(height => height < 10)""")
    assert small == []
    assert browser.complaints() == []


def test_no_rows_no_section_about_them(connload, write_csv, tmp_path):
    write_csv("desk.csv", HEADER, [])
    assert connload("check", "desk.csv", "--report", "report.html").rc == 0
    assert "What became of the rows" not in (tmp_path / "report.html").read_text()

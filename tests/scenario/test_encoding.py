"""--encoding: a sheet in any encoding that iconv knows; results in UTF-8 with a byte order mark."""

import gzip
from types import SimpleNamespace

import pytest
from hostile import measured
from once import LAG, QUICK, posts

NOWHERE = SimpleNamespace(url="http://127.0.0.1:1")
HEADER = "type;label;allowed_emails;Straße\r\n"
LABELS = {
    "windows-1252": "Zürich – 100 € “Rates”",
    "WINDOWS-1251": "Облигации №1",
    "iso-8859-15": "Rück-€",
    "macintosh": "Zürich",
    "cp850": "Zürich",
    "shift_jis": "東京債券",
    "GB18030": "上海债券𠀀",
    "EUC-KR": "서울 채권",
    "ISO-2022-JP": "東京債券",
    "BIG5-HKSCS": "香港Ê̌",
    "UTF-16LE": "Zürich 東京",
    "UTF-16BE": "Zürich 東京",
    "UTF-32": "Zürich 東京",
    "UTF-7": "Zürich 東京",
    "IBM037": "Zürich",
}


def sheet(label, count=1, head=HEADER.replace("ß", "ss")):
    return head + "".join(f"email;{label} {n};a{n}@example.com;x\r\n" for n in range(count))


@pytest.mark.parametrize("name, label", LABELS.items(), ids=LABELS)
def test_check_reads_what_iconv_knows(connload, tmp_path, name, label):
    codec = {"macintosh": "mac_roman", "IBM037": "cp037"}.get(name, name)
    try:
        text = sheet(label).encode(codec)
    except LookupError:
        pytest.skip(f"Python has no {codec}")
    (tmp_path / "desk.csv").write_bytes(text)
    run = connload("check", "--encoding", name, "desk.csv", "-o", "errors.csv")
    assert run.rc == 0, run
    written = (tmp_path / "errors.csv").read_bytes()
    assert written.startswith(b"\xef\xbb\xbftype;label;") and written.count(b"\xef\xbb\xbf") == 1
    assert f"\r\nemail;{label} 0;a0@example.com;x;not_attempted;".encode() in written


@pytest.mark.parametrize("name", ["windows-1252", "shift_jis", "UTF-16BE", "ISO-2022-JP"])
@pytest.mark.parametrize("way", ["file", "stdin", "gzip"])
def test_large_sheets_are_read_in_pieces(connload, tmp_path, name, way):
    """Characters that two pieces share come out whole."""
    label = {"windows-1252": "Zürich–€"}.get(name, "東京債券")
    text = sheet(label, 9000, HEADER if name == "windows-1252" else HEADER.replace("ß", "ss"))
    data = text.encode(name)
    (tmp_path / "desk.csv").write_bytes(gzip.compress(data) if way == "gzip" else data)
    run = connload("check", "--encoding", name, "-" if way == "stdin" else "desk.csv", "-o", "errors.csv", stdin=data)
    assert run.rc == 0, run
    lines = (tmp_path / "errors.csv").read_bytes().decode("utf-8-sig").split("\r\n")
    assert [line.rsplit(";", 8)[0] for line in lines] == text.split("\r\n")


def test_create_and_its_results(connload, sandbox, tmp_path, read_csv):
    """The same options go with the result file as well: its byte order mark says what it is."""
    box = sandbox(*LAG)
    (tmp_path / "desk.csv").write_bytes(sheet("Zürich", 3, HEADER).replace("a1@", "nobody").encode("windows-1252"))
    run = connload("create", "-n", *QUICK, "--encoding", "windows-1252", "desk.csv", "-o", "plan.csv")
    assert run.rc == 1 and 'row 2 "Zürich 0": create email' in run.out, run
    assert (tmp_path / "plan.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    run = connload("create", *QUICK, "--encoding", "windows-1252", "desk.csv")
    assert run.rc == 1 and "--encoding windows-1252" in run.err, run
    assert [post["label"] for post in posts(box)] == ["Zürich 0", "Zürich 2"]
    results = tmp_path / "desk.results.csv"
    assert results.read_bytes().startswith(b"\xef\xbb\xbf")
    results.write_bytes(results.read_bytes().replace(b"nobodyexample.com", b"a1@example.com", 1))
    assert connload("create", *QUICK, "--encoding", "windows-1252", "desk.results.csv").rc == 0
    assert posts(box)[2]["label"] == "Zürich 1" and "Straße" in results.read_text("utf-8-sig")
    assert connload("undo", "--yes", *QUICK, "--encoding", "windows-1252", "desk.results.csv").rc == 0


def test_every_night(connload, sandbox, tmp_path, read_csv):
    """What the last night wrote is known again, with and without a byte order mark."""
    box = sandbox(*LAG)
    night = ["create", *QUICK, "--skip-existing", "desk.csv"]
    (tmp_path / "desk.csv").write_bytes(sheet("Zürich", 2, HEADER).encode())
    assert connload(*night).rc == 0
    (tmp_path / "desk.csv").write_bytes(sheet("Zürich", 2, HEADER).encode("windows-1252"))
    for _ in range(2):
        assert connload(*night, "--encoding", "windows-1252").rc == 0
        assert len(posts(box)) == 2


@pytest.mark.parametrize("name, data, says", [
    ("windows-1252", sheet("Zürich").encode() + b"email;\x81;a@example.com;x\r\n",
     "desk.csv:3: byte 0x81 is no text in windows-1252; give --encoding the name of what the sheet was saved in"),
    ("windows-1252", sheet("Zürich").encode(), "desk.csv is in UTF-8, and its letters would be spoilt as windows-1252; leave out --encoding"),
    ("shift_jis", sheet("東京").encode("shift_jis") + b"\x93", "desk.csv:3: the file ends in the middle of a character of shift_jis"),
    ("UTF-16LE", sheet("東京").encode("utf-16-le") + b"a", "desk.csv:3: the file ends in the middle of a character of UTF-16LE"),
    ("windows-1252", b"%PDF-1.4", "desk.csv is a PDF document"),
    ("windows-1252", b"<!DOCTYPE html><p>\xfc", "desk.csv is an HTML page"),
    ("windows-1252", b"type;label;allowed_emails\r\nemail;\0;\r\n", "desk.csv:2: a NUL byte"),
])
def test_what_is_not_in_that_encoding(connload, tmp_path, name, data, says):
    (tmp_path / "desk.csv").write_bytes(data)
    run = connload("check", "--encoding", name, "desk.csv")
    assert run.rc == 3 and run.err.startswith(f"connload: {says}"), run


@pytest.mark.parametrize("data, option", [
    (sheet("Zürich").encode("windows-1252"), "--encoding windows-1252"),
    (sheet("Zürich").encode("utf-16-le"), "--encoding UTF-16LE"),
    (sheet("Zürich").encode("utf-16-be"), "--encoding UTF-16BE"),
    (sheet("Zürich").encode("utf-32"), "--encoding UTF-32"),
])
def test_a_refusal_names_the_option_that_reads_the_file(connload, tmp_path, data, option):
    (tmp_path / "desk.csv").write_bytes(data)
    run = connload("check", "desk.csv")
    assert run.rc == 3 and option in run.err, run
    assert connload("check", "desk.csv", *option.split()).rc == 0


@pytest.mark.parametrize("name", ["klingon", "windows-1252//IGNORE", "windows-1252//TRANSLIT", ""])
def test_an_encoding_that_iconv_does_not_know(connload, desk, name):
    desk(1)
    run = connload("check", "--encoding", name, "desk.csv")
    assert run.rc == 2 and "--encoding" in run.err, run


@pytest.mark.parametrize("name", ["UTF-8", "utf8"])
def test_utf_8_needs_no_name(connload, tmp_path, name):
    (tmp_path / "desk.csv").write_bytes(sheet("Zürich").encode())
    assert connload("check", "--encoding", name, "desk.csv", "-o", "errors.csv").rc == 0
    assert (tmp_path / "errors.csv").read_bytes().startswith(b"type;")


@pytest.mark.slow_asan
def test_memory_does_not_grow_with_the_sheet(tmp_path):
    """Two sheets, the one 16 times the other: what each row takes is a few bytes."""
    peaks = []
    for count in (5000, 80000):
        (tmp_path / "desk.csv").write_bytes(sheet("Zürich " + "x" * 100, count, HEADER).encode("windows-1252"))
        peaks.append(measured(tmp_path, NOWHERE, "check", "--encoding", "windows-1252", "desk.csv").peak)
    assert peaks[1] - peaks[0] < 8 * 1024, peaks

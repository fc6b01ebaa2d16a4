"""What is a sheet and what is not: dialects, header, --map and --default, and every file that is refused whole."""

import gzip
import io
import os
import subprocess
import tempfile
import zipfile

import pytest

from conftest import KEY, clean_env

SHEET = [["Desk", "type", "label", "description", "allowed_emails"],
         ["Rates", "email", "Notes", "two\nlines, \"quoted\"", "a@example.com"],
         ["Zürich", "email", "Näxt", "", "b@example.com"]]
WANTED = [{"type": "email", "label": "Notes", "description": "two\nlines, \"quoted\"",
           "config": {"allowed_emails": ["a@example.com"]}},
          {"type": "email", "label": "Näxt", "config": {"allowed_emails": ["b@example.com"]}}]
RESULT = ["status", "connector_id", "inbox_email", "http_status", "error_code", "error_message", "attempts", "created_at"]
GOOD = "type,label,allowed_emails\nemail,A,a@example.com\n"
SAVE = ('in Excel: File > Save As > "CSV UTF-8 (Comma delimited) (*.csv)"; in LibreOffice: File > Save As… > '
        '"Text CSV (.csv)", Character set "Unicode (UTF-8)"')


def sheet(delimiter=",", eol="\n", rows=None):
    def cell(text):
        quoted = any(mark in text for mark in (delimiter, '"', "\n", "\r"))
        return '"' + text.replace('"', '""') + '"' if quoted else text

    return "".join(delimiter.join(map(cell, row)) + eol for row in rows or SHEET)


def bodies(box):
    return [request["body"] for request in box.requests() if request["method"] == "POST"]


def workbook(*names):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in names:
            archive.writestr(name, "<xml/>" if not name == "mimetype" else "application/vnd.oasis.opendocument.spreadsheet")
    return packed.getvalue()


# -- dialects --


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("eol", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_every_dialect_is_read_and_comes_back(connload, sandbox, tmp_path, delimiter, eol, encoding):
    box = sandbox()
    bom = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    text = sheet(delimiter, eol)
    (tmp_path / "desk.csv").write_bytes(bom + text.encode(encoding))
    run = connload("create", "desk.csv", "--concurrency", "1", "-q")
    assert (run.rc, run.err) == (0, "")
    assert bodies(box) == WANTED
    ids = [request["connector_id"] for request in box.requests() if request["method"] == "POST"]
    got = (tmp_path / "desk.results.csv").read_bytes()
    assert got.startswith(b"\xef\xbb\xbf") == (encoding != "utf-8")
    got = got.decode("utf-8-sig")
    records = text[:-len(eol)].replace("two\nlines", "two\0lines").split(eol)
    lines = got[:-len(eol)].replace("two\nlines", "two\0lines").split(eol)
    assert got.endswith(eol) and len(lines) == 3
    assert lines[0] == records[0] + delimiter + delimiter.join(RESULT)
    for record, line, id in zip(records[1:], lines[1:], ids, strict=True):
        assert line.startswith(record + delimiter + "created" + delimiter + id + delimiter)


@pytest.mark.parametrize("delimiter, name", [("|", "|"), (":", ":"), (" ", " "), ("\t", "tab"), ("\t", "\\t"), (";", "semicolon"),
                                             (",", "comma"), ("~", "~")])
def test_a_delimiter_that_is_given(connload, sandbox, tmp_path, delimiter, name):
    box = sandbox()
    rows = [["type", "label", "allowed_emails"], ["email", "A", "a@example.com"]]
    (tmp_path / "desk.csv").write_text(sheet(delimiter, rows=rows))
    run = connload("create", "desk.csv", "--delimiter", name)
    assert run.rc == 0, run.err
    assert bodies(box) == [{"type": "email", "label": "A", "config": {"allowed_emails": ["a@example.com"]}}]
    assert (tmp_path / "desk.results.csv").read_text().splitlines()[0] == delimiter.join(rows[0] + RESULT)


@pytest.mark.parametrize("name", [";", "tab"])
def test_a_given_delimiter_outweighs_the_header(connload, tmp_path, name):
    (tmp_path / "desk.csv").write_text("type,label,allowed_emails\nemail,A,a@example.com\n")
    run = connload("check", "desk.csv", "--delimiter", name)
    assert run.rc == 3 and "the header is one cell; leave --delimiter out" in run.err
    (tmp_path / "desk.csv").write_text('"type","label","allowed_emails"\n"email","A","a@example.com"\n')
    run = connload("check", "desk.csv", "--delimiter", name)
    assert run.rc == 3 and "if that is what separates cells, leave --delimiter out" in run.err


def test_the_remedy_for_a_delimiter_that_is_not_guessed_works(connload, tmp_path):
    (tmp_path / "desk.csv").write_text("type|label|allowed_emails\nemail|A|a@example.com\n")
    run = connload("check", "desk.csv")
    assert run.rc == 3 and run.err.rstrip().endswith("it seems to be separated by |: add --delimiter '|'")
    assert connload("check", "desk.csv", "--delimiter", "|").rc == 0


@pytest.mark.parametrize("text", [
    'a,b;type;label;allowed_emails\n"x,y";email;A;a@example.com\n',
    '"type","label; or name",label,allowed_emails\nemail,,A,a@example.com\n',
    "label;type;allowed_emails\nA,B,C;email;a@example.com,b@example.com\n",
])
def test_the_delimiter_is_found_from_the_header_alone(connload, tmp_path, text):
    (tmp_path / "desk.csv").write_text(text)
    run = connload("check", "desk.csv")
    assert run.rc == 0, run.err


def test_no_line_end_after_the_last_row(connload, sandbox, tmp_path):
    box = sandbox()
    (tmp_path / "desk.csv").write_bytes(GOOD.rstrip("\n").encode())
    assert connload("create", "desk.csv").rc == 0
    assert len(bodies(box)) == 1
    assert (tmp_path / "desk.results.csv").read_bytes().endswith(b"\n")


def test_blank_lines_are_no_rows(connload, sandbox, tmp_path, read_csv):
    box = sandbox()
    (tmp_path / "desk.csv").write_text("\n\n  \ntype,label,allowed_emails\n\nemail,A,a@example.com\n,,\n   \n\t\nemail,,b@example.com\n\n")
    run = connload("create", "desk.csv")
    assert run.rc == 1
    assert 'desk.csv:10: row 10: column B "label": empty' in run.err
    assert len(bodies(box)) == 1
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["created", "invalid"]


def test_short_rows_and_spare_empty_cells(connload, sandbox, tmp_path):
    box = sandbox()
    (tmp_path / "desk.csv").write_text("type,label,allowed_emails,description,desk\nemail,A,a@example.com\nemail,B,b@example.com,,,,\n")
    run = connload("create", "desk.csv", "--concurrency", "1")
    assert run.rc == 0, run.err
    assert [body["label"] for body in bodies(box)] == ["A", "B"]
    lines = (tmp_path / "desk.results.csv").read_text().splitlines()
    assert lines[1].startswith("email,A,a@example.com,,,created,")
    assert lines[2].startswith("email,B,b@example.com,,,created,")


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_standard_input(connload, sandbox, tmp_path, packed, encoding):
    box = sandbox()
    data = sheet().encode(encoding)
    run = connload("create", "-", "-o", "out.csv", "--concurrency", "1", stdin=gzip.compress(data) if packed else data)
    assert run.rc == 0, run.err
    assert bodies(box) == WANTED
    assert (tmp_path / "out.csv").read_bytes().startswith(b"\xef\xbb\xbf") == (encoding == "utf-16")


def test_messages_on_standard_input_name_it_and_the_line(connload):
    run = connload("check", "-", stdin=b"type,label,allowed_emails\nemail,,a@example.com\n")
    assert run.rc == 1
    assert run.err.startswith('standard input:2: row 2: column B "label": empty, every connector needs one (missing_label)\n')


def test_a_fifo_is_read_like_standard_input(connload, tmp_path, bin_dir):
    os.mkfifo(tmp_path / "pipe")
    process = connload("check", "pipe", wait=False)
    with open(tmp_path / "pipe", "wb") as pipe:
        pipe.write(GOOD.encode())
    assert process.wait().rc == 0


@pytest.mark.parametrize("path", ["/dev/stdin", "/dev/fd/0", "/proc/self/fd/0", "pipe", "<(cat desk.csv)"])
def test_standard_input_by_other_names_needs_a_name_for_the_results(bin_dir, sandbox, desk, tmp_path, path):
    """No file appears beside a device; and what can't be read again has no name that a later run could find."""
    box = sandbox()
    desk(1)
    os.mkfifo(tmp_path / "pipe")

    def create(more):
        env = clean_env({"BIGDATA_API_BASE_URL": box.direct_url, "BIGDATA_API_KEY": KEY})
        given = "cat desk.csv >pipe & " if path == "pipe" else ""
        return subprocess.run(["/bin/bash", "-c", f"{given}exec {bin_dir}/connload create -q {more} {path} <desk.csv"], env=env,
                              cwd=tmp_path, text=True, capture_output=True, timeout=60)

    done = create("")
    assert (done.returncode, box.stats()["created"]) == (2, 0) and "name the result file with -o FILE" in done.stderr
    assert create("-o out.csv").returncode == 0 and box.stats()["created"] == 1
    assert not list(tmp_path.glob("*.results.*"))


# -- parts put together --


PART = "\ufeff\"type\",\"label\",\"allowed_emails\"\r\n\"email\",\"Desk {0}, rates\",\"d{0}@example.com\"\r\n"


@pytest.mark.parametrize("text", [
    PART.format(1) + PART.format(2),                                       # cat of two exports of PowerShell
    PART.format(1) + "\x1a" + PART.format(2) + "\x1a",                     # each ended as DOS programs do
    PART.format(1) + PART.format(2).split("\n", 1)[1] + "\x1a\r\n",
    PART.format(1) + "\ufeff" + PART.format(2).split("\n", 1)[1] + "\x1a" * 100,
    (PART.format(1) + PART.format(2))[:-2] + "\x1a",
])
def test_files_put_together_are_one_sheet(connload, sandbox, read_csv, tmp_path, text):
    box = sandbox()
    (tmp_path / "desk.csv").write_bytes(text.encode())
    run = connload("create", "desk.csv", "-q")
    assert (run.rc, run.err) == (0, "")
    assert sorted(body["label"] for body in bodies(box)) == ["Desk 1, rates", "Desk 2, rates"]
    assert [row["status"] for row in read_csv("desk.results.csv")] == ["created"] * 2
    assert connload("create", "desk.results.csv", "-q").rc == 0 and len(bodies(box)) == 2


def test_the_bom_of_a_part_is_no_part_of_its_first_cell(connload, sandbox, tmp_path):
    box = sandbox()
    (tmp_path / "desk.csv").write_bytes('label,type,allowed_emails\nA,email,a@example.com\n\ufeff"B, C",email,b@example.com\n'.encode())
    assert connload("create", "desk.csv", "-q").rc == 0
    assert sorted(body["label"] for body in bodies(box)) == ["A", "B, C"]


@pytest.mark.parametrize("first, others", [("\r\r\n", "\r\r\n"), ("\r\r\n", "\r\n")])
def test_a_line_end_that_was_written_twice(connload, sandbox, tmp_path, first, others):
    """CR CR LF, as programs leave it that make CR LF of the LF in a CR LF: the results have CR LF."""
    sandbox()
    rows = ["email,A,a@example.com", "email,B,b@example", "email,C,x y"]
    (tmp_path / "desk.csv").write_bytes(("type,label,allowed_emails" + first + "".join(row + others for row in rows)).encode())
    run = connload("create", "desk.csv", "-q")
    assert run.rc == 1 and run.err.startswith("desk.csv:4: ")
    results = (tmp_path / "desk.results.csv").read_bytes()
    assert results.count(b"\r\n") == results.count(b"\r") == results.count(b"\n") == 4


@pytest.mark.parametrize("name, results", [("desk.tsv", "desk.results.tsv"), ("desk.TSV", "desk.results.tsv"),
                                           ("desk.results.tsv", "desk.results.tsv"), ("desk.txt", "desk.results.csv")])
def test_the_results_of_a_tsv_are_one(connload, sandbox, tmp_path, name, results):
    sandbox()
    head = "type\tlabel\tallowed_emails" + ("".join("\t" + name for name in RESULT) if "results" in name else "")
    (tmp_path / name).write_text(head + "\nemail\tA\ta@example.com\n")
    assert connload("create", name, "-q").rc == 0
    assert (tmp_path / results).read_text().startswith("type\tlabel\tallowed_emails\tstatus\t")


# -- what an input is --


@pytest.mark.parametrize("name", ["desk.csv", "desk.csv.gz", "desk.txt", "desk"])
def test_gzip_is_known_by_its_bytes_not_its_name(connload, tmp_path, name):
    members = gzip.compress(GOOD[:30].encode()) + gzip.compress(GOOD[30:].encode())
    (tmp_path / name).write_bytes(members)
    run = connload("check", name)
    assert run.rc == 0, run.err
    (tmp_path / name).write_text(GOOD)
    assert connload("check", name).rc == 0


def test_the_text_of_a_packed_input_leaves_nothing_behind(connload, tmp_path):
    (tmp_path / "tmp").mkdir()
    (tmp_path / "desk.csv.gz").write_bytes(gzip.compress(GOOD.encode()))
    assert connload("check", "desk.csv.gz", env={"TMPDIR": tmp_path / "tmp"}).rc == 0
    assert list((tmp_path / "tmp").iterdir()) == []


# -- the header --


@pytest.mark.parametrize("header", [
    "TYPE,LABEL,DESCRIPTION,SHARE_WITH_ORG,ALLOWED_EMAILS,USER_ID,USER_PASSWORD,SESSION_ID",
    "Type,Label,Description,Share with org,Allowed emails,User ID,User password,Session ID",
    " type , label ,description,share-with-org,allowedEmails,userId,userPassword,sessionId",
    "t_y_p_e,La-bel,descrip tion,ShareWithOrg,ALLOWED-EMAILS,user__id,user pass word,Session-Id",
    '"type","label","description","share_with_org","allowed_emails","user_id","user_password","session_id"',
    '"Type","Label","Description","Share with\norg","Allowed\r\nemails","User\u00a0ID","User password ","\ufeffSession ID"',
])
def test_columns_are_matched_without_case_spaces_and_dashes(connload, sandbox, tmp_path, header):
    box = sandbox()
    (tmp_path / "desk.csv").write_text(
        header + "\nemail,A,d,y,a@example.com,,,\ninvestment_research,B,,,,u,p,\nsharepoint,C,,,,,,s\n", newline="")
    run = connload("create", "desk.csv", "--concurrency", "1")
    assert run.rc == 0, run.err
    assert bodies(box) == [
        {"type": "email", "label": "A", "description": "d", "share_with_org": True,
         "config": {"allowed_emails": ["a@example.com"]}},
        {"type": "investment_research", "label": "B", "config": {"user_id": "u", "user_password": "p"}},
        {"type": "sharepoint", "label": "C", "config": {"session_id": "s"}},
    ]


def test_map_renames(connload, sandbox, tmp_path):
    box = sandbox()
    (tmp_path / "desk.csv").write_text("kind,Desk name,label,senders\nemail,Rates,ignored,a@example.com\n")
    run = connload("create", "desk.csv", "--map", "type=kind", "--map", "label=desk_name", "--map", "allowed_emails=Senders")
    assert run.rc == 0, run.err
    assert bodies(box) == [{"type": "email", "label": "Rates", "config": {"allowed_emails": ["a@example.com"]}}]
    assert (tmp_path / "desk.results.csv").read_text().splitlines()[0] == "kind,Desk name,label,senders," + ",".join(RESULT)


@pytest.mark.parametrize("maps, words", [
    (["label=Desk"], '--map label=Desk: no column is named that'),
    (["label=kinds"], '--map label=kinds: no column is named that, did you mean column A "kind"?'),
    (["label=name", "description=name"], "--map description=name: column C is mapped to label already"),
    (["label=twin"], "--map label=twin: columns E and F are both named that, rename one of them"),
])
def test_a_map_that_fits_no_column_is_bad_usage(connload, tmp_path, maps, words):
    (tmp_path / "desk.csv").write_text("kind,type,name,allowed_emails,twin,twin\n,email,A,a@example.com,,\n")
    run = connload("check", "desk.csv", *(part for each in maps for part in ("--map", each)))
    assert run.rc == 2
    assert run.err.startswith("connload: desk.csv:1: ") and words in run.err


def test_default_fills_empty_cells_and_absent_columns(connload, sandbox, tmp_path):
    box = sandbox()
    (tmp_path / "desk.csv").write_text("label,allowed_emails,share_with_org\nA,,\nB,b@example.com,no\nC,  ,\n")
    run = connload("create", "desk.csv", "--default", "type=email", "--default", "allowed_emails=z@example.com;y@example.com",
                   "--default", "share_with_org=yes", "--default", "description=ours", "--default", "user_id=u",
                   "--concurrency", "1")
    assert run.rc == 0, run.err
    assert bodies(box) == [
        {"type": "email", "label": "A", "description": "ours", "share_with_org": True,
         "config": {"allowed_emails": ["z@example.com", "y@example.com"]}},
        {"type": "email", "label": "B", "description": "ours", "config": {"allowed_emails": ["b@example.com"]}},
        {"type": "email", "label": "C", "description": "ours", "share_with_org": True,
         "config": {"allowed_emails": ["z@example.com", "y@example.com"]}},
    ]
    # the sheet's own cells come back as they were
    assert (tmp_path / "desk.results.csv").read_text().splitlines()[1].startswith("A,,,created,")


def test_other_columns_ride_along_untouched(connload, sandbox, tmp_path):
    sandbox()
    odd = 'type,label,allowed_emails,"Cost, centre", spaced ,\'=1+1,"=HYPERLINK(""x"")"\n' \
          'email,A,a@example.com,"0042", x ,=SUM(A1),"@me ""q"", \n next"\n'
    (tmp_path / "desk.csv").write_text(odd)
    assert connload("create", "desk.csv").rc == 0
    got = (tmp_path / "desk.results.csv").read_text()
    head, row = odd[:-1].split("\n", 1)
    assert got.startswith(f"{head},{','.join(RESULT)}\n{row},created,")


def test_a_misspelt_optional_column_is_named(connload, tmp_path):
    (tmp_path / "desk.csv").write_text("type,label,allowed_emails,desciption\nemail,A,a@example.com,x\n")
    run = connload("check", "desk.csv")
    assert run.rc == 0
    assert run.err.startswith('desk.csv:1: column D "desciption" is not read; did you mean "description"?\n')


def test_repeated_headers_are_no_rows(connload, tmp_path):
    """Sheets put together with cat, each with its header, and its byte order mark."""
    (tmp_path / "desk.csv").write_text(GOOD + GOOD.replace("A,a@", "B,b@"))
    run = connload("check", "desk.csv")
    assert run.rc == 0 and run.err.startswith("2 rows")
    (tmp_path / "desk.csv").write_text("\ufeff" + GOOD + "\ufeff" + GOOD.replace("A,a@", "B,b@"))
    run = connload("check", "desk.csv")
    assert run.rc == 0 and run.err.startswith("2 rows")


@pytest.mark.parametrize("cell, wanted", [
    ("a@x.example;b@x.example", ["a@x.example", "b@x.example"]),
    ("a@x.example, b@x.example", ["a@x.example", "b@x.example"]),
    ("a@x.example|b@x.example", ["a@x.example", "b@x.example"]),
    ("a@x.example b@x.example", ["a@x.example", "b@x.example"]),
    ("a@x.example\nb@x.example\r\nc@x.example", ["a@x.example", "b@x.example", "c@x.example"]),
    (" ;, a@x.example ;;| \n", ["a@x.example"]),
    ("O'Neil+tag=1@sub.x-y.example", ["O'Neil+tag=1@sub.x-y.example"]),
    ("a\u00a0b@x.example"[0] + "@x.example\u00a0b@x.example", ["a@x.example", "b@x.example"]),
])
def test_several_addresses_in_a_cell(connload, sandbox, write_csv, cell, wanted):
    box = sandbox()
    write_csv("desk.csv", ["type", "label", "allowed_emails"], [["email", "A", cell]])
    run = connload("create", "desk.csv")
    assert run.rc == 0, run.err
    assert bodies(box)[0]["config"]["allowed_emails"] == wanted


@pytest.mark.parametrize("words, wanted", [
    (["true", "TRUE", "True", "yes", "YES", "y", "Y", "1", " true "], True),
    (["false", "FALSE", "no", "No", "n", "N", "0", "", "  "], None),
])
def test_booleans(connload, sandbox, write_csv, words, wanted):
    box = sandbox()
    write_csv("desk.csv", ["type", "label", "allowed_emails", "share_with_org"],
              [["email", f"L{n}", "a@example.com", word] for n, word in enumerate(words)])
    run = connload("create", "desk.csv", "--rate", "none")
    assert run.rc == 0, run.err
    assert [body.get("share_with_org") for body in bodies(box)] == [wanted] * len(words)


# -- files that are no sheet: one sentence, exit 3, nothing written, nothing sent --


REFUSED = {
    "xlsx": (workbook("[Content_Types].xml", "_rels/.rels", "xl/workbook.xml"),
             f"desk.csv is an Excel workbook (.xlsx); save the sheet as CSV first ({SAVE})"),
    "ods": (workbook("mimetype", "content.xml"), f"desk.csv is a LibreOffice workbook (.ods); save the sheet as CSV first ({SAVE})"),
    "zip": (workbook("desk.csv"), "desk.csv is a zip archive; unpack it first (unzip) and give the CSV that comes out"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504),
            f"desk.csv is an old Excel workbook (.xls) or one with a password; save the sheet as CSV first ({SAVE})"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
            "desk.csv is a PDF document, which holds no cells; ask for the sheet behind it, saved as CSV"),
    "html": (b"\r\n <!DOCTYPE html>\n<html><body>Sign in</body></html>\n",
             "desk.csv is an HTML page (perhaps a sign-in page in place of the download); download the CSV itself"),
    "html-bare": (b"<HTML><body><table></table></body></html>",
                  "desk.csv is an HTML page (perhaps a sign-in page in place of the download); download the CSV itself"),
    "html-table": (b"<table border=1><tr><td>type</td></tr></table>",
                   f"desk.csv is an HTML table; open it in a spreadsheet; save the sheet as CSV first ({SAVE})"),
    "json": (b'[{"type": "email"}]', "desk.csv is JSON, not CSV; convert it first (for example with jq's @csv), or export the sheet as CSV"),
    "png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "desk.csv is a PNG image; give the sheet itself, saved as CSV"),
    "xz": (b"\xfd7zXZ\0\0\4", "desk.csv is compressed with xz; unpack it first (xz -d) and give the CSV that comes out"),
    "binary": (b"\x7fELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0>\0",
               f"desk.csv is not text: it begins with binary data; give the sheet saved as CSV ({SAVE})"),
    "empty": (b"", "desk.csv is empty; give a CSV whose first row names the columns"),
    "only-a-bom": (b"\xef\xbb\xbf", "desk.csv is empty but for a byte order mark; give a CSV whose first row names the columns"),
    "blank": (b"\n \n,,\n", "desk.csv has no header: the first row has to name the columns (type, label, …)"),
    "utf-16-without-bom": (GOOD.encode("utf-16-le"), "desk.csv is UTF-16 without a byte order mark; name it with --encoding "
                                                     f"UTF-16LE, or save the sheet as CSV first ({SAVE})"),
    "utf-32": (GOOD.encode("utf-32"), f"desk.csv is UTF-32; name it with --encoding UTF-32, or save the sheet as CSV first ({SAVE})"),
    "utf-16-cut": (GOOD.encode("utf-16")[:-1],
                   "desk.csv:2: the file ends in the middle of a character of UTF-16, so something is missing; save the sheet again"),
    "utf-16-half-a-pair": (b"\xff\xfe" + "type,label\n".encode("utf-16-le") + b"\x00\xd8a\0",
                           "desk.csv:2: broken UTF-16 (half a surrogate pair); save the sheet again"),
    "gzip-cut": (gzip.compress(GOOD.encode())[:-9], "desk.csv ends in the middle of its gzip data; get the whole file"),
    "gzip-broken": (gzip.compress(GOOD.encode())[:-8] + bytes(8),
                    "desk.csv is damaged gzip (incorrect data check); get the file again"),
    "gzip-twice": (gzip.compress(gzip.compress(GOOD.encode())),
                   "desk.csv is compressed with gzip twice; unpack it once (gzip -d)"),
    "gzip-of-nothing": (gzip.compress(b""), "desk.csv is empty; give a CSV whose first row names the columns"),
    "windows-1252": ("type,label,allowed_emails\nemail,Zürich,a@example.com\n".encode("cp1252"),
                     'desk.csv:2: row 2: column B: byte 0xFC is not UTF-8 (in Windows-1252 it would be "ü"); name what it is '
                     f"(--encoding windows-1252), or save the sheet as UTF-8 ({SAVE})"),
    "invalid-utf-8-in-quotes": (b'type,label,allowed_emails\n\nemail,"x\n\xe9\x80",a@example.com\n',
                                "desk.csv:4: row 3: column B: byte 0xE9 is not UTF-8; name what it is (--encoding windows-1252), "
                                f"or save the sheet as UTF-8 ({SAVE})"),
    "overlong-utf-8": (b"type,label,allowed_emails\nemail,\xc0\xaf,a@example.com\n", "desk.csv:2: row 2: column B: byte 0xC0 is not UTF-8"),
    "nul": (b"type,label,allowed_emails\nemail,A,a@example.com\n" + b"email,B,b@example.com\n" * 300 + b"email,\0,c@example.com\n",
            f"desk.csv:303: row 303: a NUL byte, so this is no text but binary; give the sheet saved as CSV ({SAVE})"),
    "no-header": (b"email,Rates,a@example.com\nemail,Credit,b@example.com\n",
                  "desk.csv:1: the first row holds data: put a row of column names above it, such as type, label and "
                  "allowed_emails"),
    "nul-early": (b"type,label,allowed_emails\nemail,\0,c@example.com\n", "desk.csv:2: a NUL byte, so this is no text"),
    "column-missing": (b"type,allowed_emails\nemail,a@example.com\n",
                       'desk.csv:1: no column "label": add it, or name the column that holds it with --map label=COLUMN, or give '
                       "every row the same with --default label=VALUE"),
    "column-misspelt": (b"typ,label,allowed_emails\nemail,A,a@example.com\n",
                        'desk.csv:1: no column "type": is it column A "typ"? Then rename that to "type" or add --map type="typ"'),
    "column-of-another-name": (b"Connector type,Name,allowed_emails\nemail,A,a@example.com\n",
                               'desk.csv:1: no column "type": is it column A "Connector type"? Then rename that to "type" or add '
                               '--map type="Connector type"; no column "label": is it column B "Name"? Then rename that to "label" '
                               'or add --map label="Name"'),
    "column-twice": (b"type,label,Label,allowed_emails\nemail,A,B,a@example.com\n",
                     'desk.csv:1: column B "label" and column C "Label" are both label: rename or remove one, or choose with '
                     "--map label=COLUMN"),
    "other-column-twice": (b"type,label,desk,allowed_emails,desk\nemail,A,x,a@example.com,y\n",
                           'desk.csv:1: columns C and E have the same name: rename them or remove all but one'),
    "quote-unclosed": (b'type,label,allowed_emails\nemail,"A,a@example.com\nemail,B,b@example.com\n',
                       'desk.csv:2: row 2: a quote opened in column B is never closed; put the closing quote (") at the end of that cell, '
                       'and write a quote inside a cell twice ("") and quote the whole cell, as a spreadsheet does'),
    "quote-unclosed-in-the-header": (b'type,"label,allowed_emails\nemail,A,a@example.com\n',
                                     "desk.csv:1: a quote opened in column B is never closed"),
    "text-after-quote-in-the-header": (b'type,"label"s,allowed_emails\nemail,A,a@example.com\n',
                                       "desk.csv:1: text follows the closing quote in column B"),
    "text-after-quote": (b'type,label,allowed_emails\nemail,"A"B,a@example.com\n',
                         'desk.csv:2: row 2: text follows the closing quote in column B; write a quote inside a cell twice ("") and quote '
                         "the whole cell, as a spreadsheet does"),
    "a-million-columns": (b"type,label,allowed_emails" + b",x" * 1000000 + b"\n", "desk.csv:1: a row of 1000003 cells"),
    "result-column-elsewhere": (b"status,type,label,allowed_emails\nnew,email,A,a@example.com\n",
                                'desk.csv:1: column A "status": that name is kept for results: rename it, or, if this is a result '
                                "file, put its last eight columns back as " + ",".join(RESULT)),
    "result-columns-out-of-order": (("type,label,allowed_emails," + ",".join(reversed(RESULT)) + "\n").encode(),
                                    'those names are kept for results: rename them, or, if this is a result file, put its last '
                                    "eight columns back as " + ",".join(RESULT)),
}


@pytest.mark.parametrize("command", ["check", "create"])
@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_sheet_is_refused_whole(connload, raw_server, tmp_path, name, command):
    server = raw_server()
    data, sentence = REFUSED[name]
    (tmp_path / "desk.csv").write_bytes(data)
    run = connload(command, "desk.csv")
    assert (run.rc, run.out) == (3, "")
    assert run.err.startswith("connload: ") and sentence in run.err and run.err.count("\n") == 1
    assert "\x1b" not in run.err and len(run.err) < 4000
    assert [path.name for path in tmp_path.iterdir()] == ["desk.csv"]
    assert server.received == []


@pytest.mark.parametrize("name", ["xlsx", "pdf", "empty", "windows-1252", "nul", "quote-unclosed", "column-missing"])
def test_the_same_from_standard_input(connload, name):
    data, sentence = REFUSED[name]
    if name == "nul":
        sentence = sentence.replace(": row 303", "")  # it is found while the input is copied, before there are rows
    run = connload("check", "-", stdin=data)
    assert run.rc == 3
    assert sentence.replace("desk.csv", "standard input") in run.err and run.err.count("\n") == 1


@pytest.mark.parametrize("size, rc", [(10 << 20, 1), (17 << 20, 3)])
def test_a_cell_of_megabytes(connload, raw_server, tmp_path, size, rc):
    """10 MiB is a cell too large for a request; beyond 16 MiB it is no sheet."""
    server = raw_server()
    (tmp_path / "desk.csv").write_bytes(b"type,label,allowed_emails\nemail,\"" + b"x" * size + b"\",a@example.com\n")
    run = connload("create", "desk.csv")
    assert run.rc == rc
    assert run.err.count("\n") < 20 and len(run.err) < 8000
    if rc == 1:
        assert f"the row's request would have {size + 73} bytes, and the API takes at most 65536" in run.err
        assert (tmp_path / "desk.results.csv").stat().st_size > size
    else:
        assert "desk.csv:2: row 2: a quote opened in column B is not closed within 16 MiB" in run.err
        assert not (tmp_path / "desk.results.csv").exists()
    assert [exchange.method for exchange in server.exchanges] in ([], ["GET"])


def test_a_directory(connload, tmp_path):
    (tmp_path / "desk.csv").mkdir()
    run = connload("check", "desk.csv")
    assert (run.rc, run.err) == (3, "connload: desk.csv is a folder; name the CSV file in it\n")


def test_standard_input_that_is_none(connload, bin_dir, tmp_path):
    """A folder, or nothing at all."""
    folder = os.open(tmp_path, os.O_RDONLY)
    done = subprocess.run([bin_dir / "connload", "check", "-"], stdin=folder, capture_output=True, text=True, env=clean_env(),
                          check=False)
    os.close(folder)
    assert (done.returncode, done.stderr) == (3, "connload: standard input is a folder; name the CSV file in it\n")
    done = subprocess.run(["sh", "-c", 'exec "$0" check - <&-', bin_dir / "connload"], capture_output=True, text=True,
                          env=clean_env(), check=False)
    assert done.returncode == 3 and done.stderr.startswith("connload: standard input ") and done.stderr.count("\n") == 1


def test_a_file_that_is_not_there(connload):
    run = connload("check", "nowhere/desk.csv")
    assert (run.rc, run.err) == (3, "connload: nowhere/desk.csv does not exist; check the name and the folder\n")


def test_a_file_without_read_permission(bin_dir):
    """As another user where the tests run as root, who may read everything."""
    user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        path = f"{folder}/desk.csv"
        with open(path, "w", encoding="utf-8") as file:
            file.write(GOOD)
        os.chmod(path, 0)
        try:
            done = subprocess.run([bin_dir / "connload", "check", path], capture_output=True, text=True, env=clean_env(),
                                  cwd="/", check=False, **user)
        except PermissionError:
            pytest.skip("another user can't run the binary where it is")
    assert done.returncode == 3
    assert done.stderr == f"connload: {path} may not be read by you; ask its owner, or change its permissions (chmod u+r)\n"


def test_a_row_of_too_many_columns_is_bounded(connload, tmp_path):
    (tmp_path / "desk.csv").write_bytes(GOOD.encode() + b"x," * 1000000 + b"\n")
    run = connload("check", "desk.csv")
    assert run.rc == 3 and "desk.csv:3: row 3: a row of " in run.err


@pytest.mark.slow_asan
def test_a_bomb_of_gzip_is_stopped_early(connload, tmp_path):
    """64 MiB of spaces in one line, 64 KiB packed: given up after 16 MiB."""
    packed = io.BytesIO()
    with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=9) as file:
        for _ in range(64):
            file.write(b" " * (1 << 20))
    (tmp_path / "desk.csv").write_bytes(packed.getvalue())
    run = connload("check", "desk.csv")
    assert (run.rc, run.err.split(";")[0]) == (3, "connload: desk.csv:1: no line end within 16 MiB, so this is no CSV")


def test_a_header_alone_has_no_rows(connload, raw_server, tmp_path):
    server = raw_server()
    (tmp_path / "desk.csv").write_text("type,label,allowed_emails\n")
    assert connload("check", "desk.csv").rc == 0
    run = connload("create", "desk.csv")
    assert run.rc == 0, run.err
    assert (tmp_path / "desk.results.csv").read_text() == "type,label,allowed_emails," + ",".join(RESULT) + "\n"
    assert server.exchanges == []


# -- memory --


def peak(bin_dir, args, env, cwd):
    """The exit code and the resident peak in KiB of a run."""
    code = ("import resource, subprocess, sys\n"
            "done = subprocess.run(sys.argv[1:])\n"
            "print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n")
    done = subprocess.run(["/usr/bin/python3", "-I", "-S", "-c", code, bin_dir / "connload", *args], env=clean_env(env), cwd=cwd,
                          capture_output=True, text=True, check=True)
    rc, rss = done.stdout.split()[-2:]
    return int(rc), int(rss), done.stderr


@pytest.mark.slow_asan
def test_a_check_of_a_million_rows_stays_under_64_mib(bin_dir, tmp_path):
    with open(tmp_path / "desk.csv", "w", encoding="utf-8") as file:
        file.write("desk,type,label,allowed_emails\n")
        for n in range(1000000):
            file.write(f"d,email,Desk {n},u{n}@example.com\n")
    rc, rss, err = peak(bin_dir, ["check", "desk.csv"], {}, tmp_path)
    assert rc == 0 and err.startswith("1000000 rows")
    assert rss < 64 * 1024, f"{rss} KiB"


@pytest.mark.slow_asan
@pytest.mark.direct
def test_ten_thousand_rows_are_paired_within_32_mib(bin_dir, sandbox, desk, read_csv, tmp_path):
    box = sandbox()
    desk(10000)
    rc, rss, err = peak(bin_dir, ["create", "desk.csv", "--rate", "none"],
                        {"BIGDATA_API_BASE_URL": box.url, "BIGDATA_API_KEY": KEY}, tmp_path)
    assert rc == 0, err
    assert rss < 32 * 1024, f"{rss} KiB"
    made = {connector["connector_id"]: connector["label"] for connector in box.connectors()}
    rows = read_csv("desk.results.csv")
    assert [row["label"] for row in rows] == [f"Desk {n}" for n in range(10000)]
    assert {row["connector_id"]: row["label"] for row in rows} == made and len(made) == 10000
    assert box.stats()["created"] == 10000

"""The gates themselves: each must refuse what it is there to refuse."""

import os
import stat
import subprocess

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow_asan  # they do not run our binaries

GOOD_TREE = {
    "main.c": '#include "options.h"\n#include "command/create.h"\n#include <stdio.h>\n',
    "options.h": '#include "base/buf.h"\n',
    "options.c": '#include "options.h"\n',
    "command/create.h": '#include "io/source.h"\n#include "net/http.h"\n',
    "command/create.c": '#include "command/create.h"\n#include "model/json.h"\n#include "report/report.h"\n',
    "report/report.h": '#include "run/run.h"\n',
    "run/run.h": "",
    "net/http.h": '#include "base/buf.h"\n',
    "net/http.c": '#include "net/http.h"\n#include <curl/curl.h>\n',
    "io/source.h": '#include "model/json.h"\n',
    "io/source.c": '#include "io/source.h"\n#include <zlib.h>\n',
    "model/json.h": '#include "base/buf.h"\n',
    "model/json.c": '#include "model/json.h"\n#include <cjson/cJSON.h>\n',
    "base/buf.h": "",
    "base/buf.c": '#include "base/buf.h"\n',
    "sandbox/server.c": '#include "base/buf.h"\n#include <microhttpd.h>\n',
    "sandbox/json.c": "#include <cjson/cJSON.h>\n",
}

BAD_CHANGES = [
    ("upward", {"model/new.h": "", "base/buf.c": '#include "model/new.h"\n'}, "src/base/buf.c:1: base may not see model"),
    ("io sees net", {"io/source.c": '#include "net/http.h"\n'}, "src/io/source.c:1: io may not see net"),
    ("net sees io", {"net/http.c": '\n#include "io/source.h"\n'}, "src/net/http.c:2: net may not see io"),
    ("sandbox sees model", {"sandbox/json.c": '#include "model/json.h"\n'}, "sandbox may not see model"),
    ("base sees sandbox", {"sandbox/x.h": "", "base/buf.c": '#include "sandbox/x.h"\n'}, "base may not see sandbox"),
    ("a command sees options", {"command/create.c": '#include "options.h"\n'}, "src/command/create.c:1: command may not see main"),
    ("a run sees what tells of it", {"report/x.h": "", "run/run.h": '#include "report/x.h"\n'}, "run may not see report"),
    ("what tells of runs sees a command", {"report/x.c": '#include "command/create.h"\n'}, "report may not see command"),
    ("third file at the top sees options", {"extra.c": '#include "options.h"\n'}, "src/extra.c:1: options.h is for"),
    ("curl elsewhere", {"command/create.c": "#include <curl/curl.h>\n"}, "<curl/curl.h> belongs in net/http.c net/http_end.c net/http_end.h net/http_transfer.c net/http_transfer.h net/http_url.c only"),
    ("curl in a header", {"net/http.h": "#  include <curl/multi.h>\n"}, "src/net/http.h:1: <curl/multi.h> belongs in"),
    ("csv elsewhere", {"io/source.c": "#include <csv.h>\n"}, "<csv.h> belongs in io/csv_read.c io/csv_write.c only"),
    ("zlib elsewhere", {"model/json.c": "#include <zlib.h>\n"}, "<zlib.h> belongs in io/source.c"),
    ("cJSON elsewhere", {"io/source.c": "#include <cjson/cJSON.h>\n"}, "belongs in model/json.c only"),
    ("two homes in the sandbox", {"sandbox/x.c": "#include <microhttpd.h>\n"}, "included by sandbox/server.c already"),
    ("microhttpd in the program", {"net/http.c": "#include <microhttpd.h>\n"}, "<microhttpd.h> belongs in the sandbox only"),
    ("openssl elsewhere", {"net/url.c": "#include <openssl/ssl.h>\n"}, "<openssl/ssl.h> belongs in io/digest.c net/http_transfer.c only"),
    ("by the short way", {"io/source.c": '#include "source.h"\n'}, '"source.h" is no path from src/ that exists'),
    ("nothing there", {"io/source.c": '#include "io/gone.h"\n'}, '"io/gone.h" is no path from src/ that exists'),
    ("by a macro", {"io/source.c": "#include HEADER\n"}, 'neither a "path" nor a <header>'),
    ("a new folder", {"util/x.c": ""}, "src/util/x.c: util is no layer"),
    ("cycle of two", {"base/err.h": "", "base/err.c": '#include "base/buf.h"\n', "base/buf.c": '#include "base/err.h"\n'},
     "cycle:"),
    ("cycle of three", {"io/a.h": '#include "io/b.h"\n', "io/b.h": '#include "io/c.h"\n', "io/c.c": '#include "io/a.h"\n',
                        "io/c.h": ""}, "cycle: io/a -> io/b -> io/c -> io/a"),
]


def make_tree(folder, files):
    for path, text in files.items():
        target = folder / "src" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return folder


def run(*command, **options):
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)


def test_layers_accepts_order(tmp_path):
    done = run(ROOT / "scripts/layers", make_tree(tmp_path, GOOD_TREE))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("changes, complaint", [case[1:] for case in BAD_CHANGES], ids=[case[0] for case in BAD_CHANGES])
def test_layers_refuses(tmp_path, changes, complaint):
    done = run(ROOT / "scripts/layers", make_tree(tmp_path, {**GOOD_TREE, **changes}))
    assert done.returncode == 1
    assert complaint in done.stderr
    assert len(done.stderr.splitlines()) == 1  # what is wrong, and nothing else


def function(lines, condition="a"):
    """A function of so many lines in all, with a complexity of 2 and 1 for each && in the condition."""
    body = [f"    if ({condition})", "        b();"] + ["    c();"] * (lines - 5)
    return "\n".join(["static void one(void)", "{", *body, "}"]) + "\n"


@pytest.mark.parametrize("lines, operators, complaint", [
    (60, 13, None),
    (61, 0, "one: lines 61, at most 60"),
    (10, 14, "one: complexity 16, at most 15"),
])
def test_functions_limits(tmp_path, lines, operators, complaint):
    make_tree(tmp_path, {"x.c": "\n" + function(lines, "a" + " && a" * operators)})
    done = run(ROOT / "scripts/functions", tmp_path / "src")
    if complaint is None:
        assert (done.returncode, done.stderr) == (0, "")
    else:
        assert (done.returncode, done.stderr) == (1, f"{tmp_path}/src/x.c:2: {complaint}\n")


def test_functions_is_not_misled(tmp_path):
    make_tree(tmp_path, {"x.c": """
struct pair { int a, b; };
static const struct pair pairs[] = {{1, 2}, {3, 4}};
#define TWICE(x) \\
    do { if (x) { x; x; } } while (0)
/* if (a) { */
__attribute__((format(printf, 1, 2)))
static int first(int (*call)(const char *), const char *text)
{
    char brace = '{', quote = '"'; // if }
    const char *string = "} if \\" && {";

    switch (call(text)) {
    case 1:
        return brace ? 1 : 2;
    default:
        return text || string;
    }
}

struct pair *second(void)
{
    for (;;)
        while (first(0, ""))
            do { } while (0);
}
"""})
    done = run(ROOT / "scripts/functions", "--table", 2, tmp_path / "src")
    assert done.returncode == 0, done.stderr
    assert "| 2 | 9.5 | 13 | 13 | 4 |" in done.stdout
    assert f"| 13 | first | {tmp_path}/src/x.c:7 |" in done.stdout
    assert f"| 6 | second | {tmp_path}/src/x.c:21 |" in done.stdout
    assert done.stdout.count("| 4 | ") == 2


WIDE = "x" * 118  # with what makes a comment of it, 120 or 121 columns


@pytest.mark.parametrize("name, fits, too_wide", [
    ("one.c", f"// {WIDE[1:]}\n", f"// {WIDE}\n"),
    ("one.h", f"/*\n * {WIDE[1:]}\n */\n", f"/*\n * {WIDE}\n */\n"),
    ("strings.c", f'const char *text = "/* {WIDE}";\n', f'const char *text = "\\"/*"; /* {WIDE[20:]}*/\n'),
    ("test_one.py", f'"""{WIDE[4:]}"""\n', f'def one():\n    """{WIDE}"""\n'),
    ("code.py", f'one = "{WIDE}"\n', f'one = 1  # {WIDE}\n'),
    ("script", f"#!/bin/sh\necho '{WIDE}'\n", f"#!/bin/sh\n# {WIDE}x\n"),
])
def test_widths_of_comments(tmp_path, name, fits, too_wide):
    for text in (fits, too_wide):
        (tmp_path / name).write_text(text)
        done = run(ROOT / "scripts/widths", tmp_path)
        assert (done.returncode, done.stderr == "") == ((0, True) if text == fits else (1, False)), done.stderr
    assert done.stderr.startswith(f"{tmp_path / name}:") and "columns, at most 120" in done.stderr


HEADERS = ["stdio.h", "csv.h", "curl/curl.h", "cjson/cJSON.h", "zlib.h", "utf8proc.h", "openssl/evp.h", "microhttpd.h"]


@pytest.mark.parametrize("absent, packages", [
    ([], None),
    (["csv.h"], "libcsv-dev"),
    (["zlib.h", "microhttpd.h"], "zlib1g-dev libmicrohttpd-dev"),
    (HEADERS[1:], "libcsv-dev libcurl4-openssl-dev libcjson-dev zlib1g-dev libutf8proc-dev libssl-dev libmicrohttpd-dev"),
    (["stdio.h", "openssl/evp.h"], "libc6-dev libssl-dev"),
])
def test_need_libs_names_packages_in_one_line(tmp_path, absent, packages):
    for header in set(HEADERS) - set(absent):
        (tmp_path / header).parent.mkdir(exist_ok=True)
        (tmp_path / header).touch()
    done = run(ROOT / "scripts/need-libs", "all", "gcc", "-nostdinc", f"-I{tmp_path}")
    line = f"missing to build connload: {packages}; get it with: sudo apt-get install {packages}\n" if packages else ""
    assert (done.returncode, done.stdout, done.stderr) == (0, line, "")


def test_need_libs_without_a_compiler():
    done = run(ROOT / "scripts/need-libs", "all", "no-such-cc")
    assert done.stdout == "the compiler no-such-cc is missing: sudo apt-get install gcc libc6-dev\n"


@pytest.fixture
def machine(tmp_path):
    """machine(installed, uid, sudo) pretends a Debian machine; its calls of apt-get and sudo are in machine.calls()."""
    folder = tmp_path / "bin"
    folder.mkdir()
    calls = tmp_path / "calls"
    calls.touch()

    def program(name, text):
        path = folder / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)

    def make(installed, uid=0, sudo=None):
        program("dpkg-query", f'for last; do :; done; case " {" ".join(installed)} " in *" $last "*) echo installed;; esac')
        program("apt-get", f'echo "apt-get $*" >>{calls}')
        program("apt-cache", "exit 0")
        program("id", f"echo {uid}")
        for tool in ("env", "sh", "dirname", "printf", "chmod", "rm"):
            os.symlink(f"/bin/{tool}", folder / tool)
        if sudo is not None:
            program("sudo", f'echo "sudo $*" | head -c 7 >>{calls}; [ "$1" != -n ] || exit {0 if sudo else 1}; exec "$@"')
        return run("/bin/sh", ROOT / "scripts/get-deps", "fuzz", stdin=subprocess.DEVNULL, env={"PATH": str(folder)})

    make.calls = calls.read_text
    return make


def test_get_deps_leaves_a_complete_machine_alone(machine):
    done = machine(["clang", "libclang-rt-dev"])
    assert (done.returncode, done.stderr, machine.calls()) == (0, "", "")


def test_get_deps_installs_what_is_missing(machine):
    done = machine(["clang"])
    assert done.returncode == 0, done.stderr
    assert machine.calls() == "apt-get install -q -y --no-install-recommends libclang-rt-dev\n"


def test_get_deps_without_a_way_to_root_says_what_to_do(machine):
    done = machine([], uid=1000)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == ("get-deps: please install what is missing and run this again: "
                           "sudo apt-get install clang libclang-rt-dev\n")
    assert machine.calls() == ""


def test_get_deps_with_a_sudo_that_asks_and_no_terminal(machine):
    done = machine([], uid=1000, sudo=False)
    assert done.returncode == 1
    assert "sudo apt-get install clang libclang-rt-dev" in done.stderr
    assert "apt-get" not in machine.calls()


def test_get_deps_uses_sudo(machine):
    done = machine(["libclang-rt-dev"], uid=1000, sudo=True)
    assert done.returncode == 0, done.stderr
    assert "apt-get install -q -y --no-install-recommends clang\n" in machine.calls()


def test_get_deps_refuses_what_it_does_not_know():
    done = run(ROOT / "scripts/get-deps", "everything")
    assert (done.returncode, done.stderr) == (2, "get-deps: everything is none of build, test, fuzz, lint, bench, deb\n")


@pytest.mark.parametrize("args", [(), ("buster",), ("--help",)])
def test_on_debian_names_its_suites(args):
    done = run(ROOT / "scripts/on-debian", *args)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: scripts/on-debian bookworm|trixie|sid")

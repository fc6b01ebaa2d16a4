"""The Makefile, on a tree of a few lines: what it rebuilds, what it says, what it installs."""

import os
import re
import shutil
import subprocess

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow_asan  # they do not run our binaries

TREE = {
    "src/base/version.h": '#define CONNLOAD_VERSION "1.2.3"\n',
    "src/base/one.h": "int one(void);\n",
    "src/base/one.c": '#include "base/one.h"\n\nint one(void)\n{\n    return 1;\n}\n',
    "src/main.c": '#include "base/one.h"\n#include "base/version.h"\n\n#include <stdio.h>\n\nint main(int argc, char **argv)\n'
                  '{\n    printf("%s %d %s\\n", CONNLOAD_VERSION, one(), argv[argc - 1]);\n    return 0;\n}\n',
    "src/sandbox/main.c": '#include "base/one.h"\n\nint main(void)\n{\n    return one() - 1;\n}\n',
    "src/connload.1": ".Dd today\n.It Pa /usr/share/doc/connload/examples\n",
    "src/connload-sandbox.1": ".Dd today\n",
    "samples/desk.csv": "type,label\n",
    "samples/systemd/connload.service": "[Unit]\n",
    "samples/mail-summary": "#!/bin/sh\n",
    "src/CHANGELOG.md": "# What has changed\n",
    "README.md": "# connload\n`samples/` and <img src=\"samples/report.png\">\n"
                 "[news](src/CHANGELOG.md), [inside](src/README.md), [tests](tests/README.md#debian)\n",
    "LICENSE": "MIT\n",
}
INSTALLED = {
    "bin/connload", "bin/connload-sandbox", "share/man/man1/connload.1", "share/man/man1/connload-sandbox.1",
    "share/bash-completion/completions/connload", "share/zsh/site-functions/_connload",
    "share/bash-completion/completions/connload-sandbox", "share/zsh/site-functions/_connload-sandbox",
    "share/fish/vendor_completions.d/connload-sandbox.fish",
    "share/fish/vendor_completions.d/connload.fish", "share/doc/connload/README.md", "share/doc/connload/LICENSE",
    "share/doc/connload/NEWS.md",
    "share/doc/connload/examples/desk.csv", "share/doc/connload/examples/systemd/connload.service",
    "share/doc/connload/examples/mail-summary",
}


@pytest.fixture
def tree(tmp_path):
    """tree(*args) runs make in a small tree with our Makefile and gives the finished process; tree.path is where."""
    path = tmp_path / "tree"
    for name, text in TREE.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    (path / "samples/mail-summary").chmod(0o755)
    shutil.copy(ROOT / "Makefile", path)
    shutil.copytree(ROOT / "scripts", path / "scripts")
    # The make that runs the tests hands down its variables; this one is to start afresh.
    env = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}

    def make(*args):
        return subprocess.run(["make", "-j2", *args], cwd=path, env=env, capture_output=True, text=True, check=False)

    make.path = path
    return make


def compiled(done):
    """The objects that were compiled, by the names of their sources."""
    assert done.returncode == 0, done.stderr
    words = [line.split() for line in done.stdout.splitlines()]
    return sorted(word[1].removeprefix("build/obj/").removesuffix(".o") for word in words if word[0] == "CC")


def touch(path, text):
    """Changes a file, and makes it newer than everything built: file times may be coarse."""
    path.write_text(text)
    newest = max(file.stat().st_mtime_ns for file in path.parents[2].rglob("*") if file.is_file())
    os.utime(path, ns=(newest + 1_000_000, newest + 1_000_000))


def test_builds_both_programs_and_then_nothing(tree):
    assert compiled(tree()) == ["src/base/one", "src/main", "src/sandbox/main"]
    program = tree.path / "build/connload"
    assert subprocess.run([program, "x"], capture_output=True, text=True, check=True).stdout == "1.2.3 1 x\n"
    again = tree()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    made = {path.name for path in tree.path.iterdir()}
    assert made == {"build", "src", "samples", "scripts", "README.md", "LICENSE", "Makefile"}


def test_a_changed_version_rebuilds_what_says_it(tree):
    tree()
    touch(tree.path / "src/base/version.h", '#define CONNLOAD_VERSION "1.2.4"\n')
    assert compiled(tree()) == ["src/main"]
    out = subprocess.run([tree.path / "build/connload", "x"], capture_output=True, text=True, check=True).stdout
    assert out == "1.2.4 1 x\n"


def test_a_changed_header_rebuilds_who_includes_it(tree):
    tree()
    touch(tree.path / "src/base/one.h", "int one(void); /* changed */\n")
    assert compiled(tree()) == ["src/base/one", "src/main", "src/sandbox/main"]


def test_a_header_that_went_is_no_error(tree):
    tree()
    (tree.path / "src/base/one.h").unlink()
    for name in ("src/base/one.c", "src/main.c", "src/sandbox/main.c"):
        source = tree.path / name
        touch(source, source.read_text().replace('#include "base/one.h"\n', "int one(void);\n"))
    assert len(compiled(tree())) == 3


def test_a_changed_page_rebuilds_what_takes_it_in(tree):
    (tree.path / "src/report").mkdir()
    page = tree.path / "src/report/page.css"
    touch(page, "body{margin:0}\n")
    (tree.path / "src/report/page.c").write_text(
        '__asm__(".section .rodata\\n.global page\\npage:\\n.incbin \\"report/page.css\\"\\n.previous");\nint page_is_there;\n')
    assert tree("CFLAGS=-flto").returncode == 0
    assert compiled(tree("CFLAGS=-flto")) == []
    touch(page, "body{margin:1px}\n")
    assert compiled(tree("CFLAGS=-flto")) == ["src/report/page"]


def test_a_source_that_came_or_went_is_noticed(tree):
    tree()
    (tree.path / "src/base/two.c").write_text("int two(void);\n\nint two(void)\n{\n    return 2;\n}\n")
    done = tree()
    assert compiled(done) == ["src/base/two"]
    assert "LD   build/connload\n" in done.stdout
    (tree.path / "src/base/two.c").unlink()
    assert "LD   build/connload\n" in tree().stdout


def test_changed_flags_rebuild_all(tree):
    tree()
    assert len(compiled(tree("CFLAGS=-O1"))) == 3
    assert compiled(tree("CFLAGS=-O1")) == []


def test_flavours_are_kept_apart(tree):
    tree()
    assert tree("debug", "crash").returncode == 0
    for folder in ("build", "build/debug", "build/crash"):
        assert (tree.path / folder / "connload").exists()
    assert tree().stdout == ""


def test_broken_order_fails_the_build(tree):
    (tree.path / "src/io").mkdir()
    (tree.path / "src/io/x.h").write_text("")
    (tree.path / "src/base/one.h").write_text('#include "io/x.h"\nint one(void);\n')
    done = tree()
    assert done.returncode != 0
    assert 'layers: src/base/one.h:1: base may not see io ("io/x.h")' in done.stderr


def test_a_missing_library_is_one_line(tree):
    # A compiler that has no csv.h.
    script = tree.path / "cc"
    script.write_text('#!/bin/sh\ncase $* in *-E*) text=$(cat); case $text in *csv.h*) exit 1;; esac;; esac\nexec gcc "$@"\n')
    script.chmod(0o755)
    done = tree("CC=./cc")
    assert done.returncode != 0
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "missing to build connload: libcsv-dev; get it with: sudo apt-get install libcsv-dev" in done.stderr


def test_connload_alone_needs_no_library_of_the_sandbox(tree):
    script = tree.path / "cc"
    script.write_text('#!/bin/sh\ncase $* in *-E*) text=$(cat); case $text in *microhttpd.h*) exit 1;; esac;; esac\nexec gcc "$@"\n')
    script.chmod(0o755)
    assert tree("build/connload", "CC=./cc").returncode == 0
    shutil.rmtree(tree.path / "build")
    done = tree("build/connload-sandbox", "CC=./cc")
    assert done.returncode != 0 and done.stdout == ""
    assert "missing to build connload-sandbox: libmicrohttpd-dev; get it with: sudo apt-get install libmicrohttpd-dev" in done.stderr


def test_builds_elsewhere_and_leaves_the_tree_as_it_is(tree, tmp_path):
    def all_files():
        return {(str(path), path.stat().st_mtime_ns) for path in tree.path.rglob("*")}

    before = all_files()
    elsewhere = tmp_path / "else/where"
    assert tree("all", "debug", "completions", f"BUILD={elsewhere}").returncode == 0
    assert all_files() == before
    assert {path.name for path in elsewhere.iterdir()} >= {"connload", "connload-sandbox", "debug", "completions", "obj"}
    assert tree(f"BUILD={elsewhere}").stdout == ""


def test_install_and_uninstall(tree, tmp_path):
    target = tmp_path / "target of mine"
    arguments = (f"DESTDIR={target}", "PREFIX=/opt/it is")
    assert tree("install", *arguments).returncode == 0
    installed = {str(path.relative_to(target / "opt/it is")) for path in target.rglob("*") if path.is_file()}
    assert installed == INSTALLED
    assert os.access(target / "opt/it is/bin/connload", os.X_OK)
    assert os.access(target / "opt/it is/share/doc/connload/examples/mail-summary", os.X_OK)
    assert not os.access(target / "opt/it is/share/doc/connload/examples/desk.csv", os.X_OK)
    assert (target / "opt/it is/share/zsh/site-functions/_connload").read_text() == "1.2.3 1 zsh\n"
    # What they say of the examples' place is so, and no link leads nowhere.
    assert "/opt/it is/share/doc/connload/examples\n" in (target / "opt/it is/share/man/man1/connload.1").read_text()
    assert (target / "opt/it is/share/doc/connload/README.md").read_text() == (
        "# connload\n`examples/` and <img src=\"examples/report.png\">\n"
        "[news](NEWS.md), inside (`src/README.md` in the source), tests (`tests/README.md#debian` in the source)\n")
    assert tree("uninstall", *arguments).returncode == 0
    assert [path for path in target.rglob("*") if path.is_file()] == []


def test_help_and_clean(tree):
    tree()
    lines = tree("help").stdout.splitlines()
    assert all(any(line.startswith(f"make {goal} ") for line in lines) for goal in
               ("demo", "test", "lint", "install", "deb", "debug", "chaos", "fuzz", "coverage", "bench", "clean"))
    listed = re.search(r"## Working on it\n\n```\n(.*?)```", (ROOT / "src/README.md").read_text(), re.S).group(1)
    goals = [re.findall(r"^make (\w*) ", text, re.M) for text in ("\n".join(lines), listed)]
    assert sorted(goals[0]) == sorted(goals[1])
    assert tree("clean").returncode == 0
    assert not (tree.path / "build").exists()

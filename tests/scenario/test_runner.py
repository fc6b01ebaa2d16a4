"""tests/run itself: it must count right, and never take a crash or an empty run for success."""

import os
import shutil
import subprocess

import pytest
from conftest import ROOT

pytestmark = pytest.mark.slow_asan  # they do not run our binaries

REPORT = """cat >"$CMOCKA_XML_FILE" <<END
<?xml version="1.0" encoding="UTF-8" ?>
<testsuites><testsuite name="x" time="0" tests="3" failures="{failures}" errors="0" skipped="0">
{cases}
</testsuite></testsuites>
END
"""


def report(*cases, failures=0):
    return REPORT.format(cases="\n".join(cases), failures=failures)


GOOD = '<testcase name="good" time="0"></testcase>'
BAD = '<testcase name="bad" time="0"><failure><![CDATA[1 != 2 here]]></failure></testcase>'
SKIPPED = '<testcase name="later" time="0"><skipped/></testcase>'


@pytest.fixture
def runner(tmp_path):
    """runner(*suites, units={name: shell text}, …) runs them in a tree of its own: (exit code, lines, last line)."""
    def run(*suites, units=None, unbuilt=(), scenarios=None):
        (tmp_path / "tests/unit").mkdir(parents=True)
        (tmp_path / "tests/scenario").mkdir(parents=True)
        (tmp_path / "build/debug/unit").mkdir(parents=True)
        shutil.copy(ROOT / "tests/run", tmp_path / "tests/run")
        for name, text in (units or {}).items():
            (tmp_path / f"tests/unit/test_{name}.c").touch()
            binary = tmp_path / f"build/debug/unit/test_{name}"
            binary.write_text(f"#!/bin/sh\n{text}\n")
            binary.chmod(0o755)
        for name in unbuilt:
            (tmp_path / f"tests/unit/test_{name}.c").touch()
        for name, text in (scenarios or {}).items():
            (tmp_path / f"tests/scenario/test_{name}.py").write_text(text)
        env = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST", "CONNLOAD"))}
        done = subprocess.run([tmp_path / "tests/run", *suites], env=env, capture_output=True, text=True, check=False)
        lines = done.stdout.splitlines()
        return done.returncode, lines, lines[-1] if lines else ""

    return run


def test_all_good(runner):
    code, lines, last = runner("unit", units={"a": report(GOOD, GOOD), "b": report(GOOD)})
    assert (code, last) == (0, "3 passed, 0 failed")
    assert len(lines) == 2


def test_a_failure_is_counted_and_shown(runner):
    code, lines, last = runner("unit", units={"a": report(GOOD, BAD, SKIPPED, failures=1) + "exit 1", "b": report(GOOD)})
    assert (code, last) == (1, "2 passed, 1 failed, 1 skipped")
    assert "1 != 2 here" in lines
    assert "--- FAILED unit: bad" in lines


@pytest.mark.parametrize("crash", [
    "echo AddressSanitizer: stack-overflow; exit 1",  # before any report
    report(GOOD) + "echo LeakSanitizer: AddressSanitizer: found; exit 23",  # after a good one
    "kill -SEGV $$",
    'printf "<testsuites><testsu" >"$CMOCKA_XML_FILE"; exit 1',
    report() + "exit 0",  # nothing ran
])
def test_a_crash_is_a_failure(runner, crash):
    code, lines, last = runner("unit", units={"a": crash, "b": report(GOOD)})
    passed = 1 + crash.count("good")
    assert (code, last) == (1, f"{passed} passed, 1 failed")
    assert "--- FAILED unit: test_a" in lines


def test_a_binary_that_was_not_built_is_a_failure(runner):
    code, lines, last = runner("unit", units={"a": "exec rm $0", "b": report(GOOD)}, unbuilt=["c"])
    assert (code, last) == (1, "1 passed, 2 failed")
    assert "--- FAILED unit: test_c" in lines


def test_nothing_at_all_is_no_success(runner):
    code, _, last = runner("unit", "chaos")
    assert (code, last) == (1, "0 passed, 0 failed")


def test_scenarios(runner):
    code, lines, last = runner("release", scenarios={"x": """
import pytest
def test_good(): pass
def test_bad(): assert "left" == "right"
@pytest.mark.skip
def test_later(): pass
@pytest.fixture
def broken(): raise RuntimeError("set-up")
def test_error(broken): pass
"""})
    assert (code, last) == (1, "1 passed, 2 failed, 1 skipped")
    assert any("left" in line for line in lines)


@pytest.mark.parametrize("text", ["import no_such_module\n", "# no test in here\n"])
def test_scenarios_that_cannot_run(runner, text):
    code, _, last = runner("release", scenarios={"x": text})
    assert (code, last) == (1, "0 passed, 1 failed")


def test_an_unknown_suite_is_refused(runner):
    code, _, _ = runner("unit", "everything", units={"a": report(GOOD)})
    assert code == 1

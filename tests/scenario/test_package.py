"""The Debian package's own files and the container's: they say what the rest of the tree says."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT

DEBIAN = ROOT / "debian"


def version():
    return re.search(r'CONNLOAD_VERSION "(.*)"', (ROOT / "src/base/version.h").read_text()).group(1)


def test_one_version_everywhere():
    assert (DEBIAN / "changelog").read_text().startswith(f"connload ({version()}) ")
    assert re.search(r"^## (\S+)$", (ROOT / "src/CHANGELOG.md").read_text(), re.M).group(1) == version()


def test_build_dependencies_are_those_that_are_asked_for():
    control = (DEBIAN / "control").read_text()
    needed = set(re.search(r"Build-Depends: debhelper-compat \(= 13\), (.*)", control).group(1).split(", "))
    libraries = set(re.findall(r"\blib\S+-dev\b|\bzlib1g-dev\b", (ROOT / "scripts/need-libs").read_text()))
    assert needed == libraries - {"libc6-dev"}


def test_each_installed_file_has_a_package():
    """Every file that `make install` makes is in just one of the lists, as dh_missing will ask."""
    lists = [(DEBIAN / f"{name}.install").read_text().split() for name in ("connload", "connload-sandbox")]
    recipe = re.search(r"^install:.*?\n\n", (ROOT / "Makefile").read_text(), re.S | re.M).group(0)
    for name in re.findall(r"\$\(BUILD\)/(?:completions/)?(\S+)", recipe):
        assert sum(path.endswith(f"/{name.strip(chr(34))}") for paths in lists for path in paths) >= 1, name
    for name in re.findall(r"src/(\S+\.1)", recipe):
        assert sum(path.endswith(f"/{name}") for paths in lists for path in paths) == 1, name


def test_units_are_the_samples_and_not_enabled():
    assert "samples/systemd/* usr/lib/systemd/system" in (DEBIAN / "connload.install").read_text()
    postinst = (DEBIAN / "connload.postinst").read_text()
    assert "enable" not in postinst and "start" not in postinst
    unit = (ROOT / "samples/systemd/connload@.service").read_text()
    user = re.search(r"^User=(.*)$", unit, re.M).group(1)
    assert f"adduser --quiet --system --group --home /var/lib/connload --no-create-home --gecos connload {user}\n" in postinst
    assert re.search(r"^EnvironmentFile=-/etc/default/connload$", unit, re.M)


def test_the_configuration_file_sets_nothing_by_itself():
    lines = (DEBIAN / "connload.default").read_text().splitlines()
    assert all(line == "" or line.startswith("#") for line in lines)


def test_the_license_is_the_license():
    text = (DEBIAN / "copyright").read_text()
    license_text = (ROOT / "LICENSE").read_text()
    wanted = license_text[license_text.index("Permission is"):]
    found = text[text.index("License: Expat\n") + len("License: Expat\n"):]
    assert "".join(line[1:].replace(".", "", 1) if line == " ." else line[1:] for line in found.splitlines()) == wanted.replace("\n", "")


def test_maintainer_scripts_are_shell():
    for path in DEBIAN.glob("*.postinst"):
        assert subprocess.run(["sh", "-n", path], check=False).returncode == 0


# ---- The container ----

CONTAINER = ROOT / "samples/container/Dockerfile"


def stages():
    """Each stage's instructions: (word, rest), with continued lines joined."""
    text = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", CONTAINER.read_text(), flags=re.M))
    parts = []
    for word, rest in (line.split(" ", 1) for line in text.splitlines() if line):
        if word == "FROM":
            parts.append([])
        parts[-1].append((word, rest))
    return parts


def all_of(stage, word):
    return [rest for name, rest in stage if name == word]


def packages_of(stage):
    return set(re.search(r"--no-install-recommends (.*?)(?: &&|$)", all_of(stage, "RUN")[0]).group(1).split())


def test_the_image_runs_as_nobody_special_and_holds_no_secret():
    build, final = stages()
    assert all_of(build, "FROM") == ["debian:12-slim AS build"] and all_of(final, "FROM") == ["debian:12-slim"]
    user, = all_of(final, "USER")
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)  # a number, which Kubernetes can tell from root's
    assert all_of(final, "ENTRYPOINT") == ['["connload"]']  # a list: signals reach it, not a shell
    assert all_of(final, "VOLUME") == all_of(final, "WORKDIR") == ["/work"]
    names = " ".join(all_of(build, "ARG") + all_of(build, "ENV") + all_of(final, "ARG") + all_of(final, "ENV"))
    assert not re.search(r"(?i)key|secret|password|token", names)
    assert "--api-key-file /run/secrets/api-key" in CONTAINER.read_text()


def test_the_image_is_built_of_what_is_there():
    build, final = stages()
    ignore = (CONTAINER.parent / "Dockerfile.dockerignore").read_text().split()
    for source in (rest.split()[0] for rest in all_of(build, "COPY")):
        assert (ROOT / source).exists() and f"!{source}" in ignore
    assert all_of(final, "COPY") == ["--from=build /src/build/connload /usr/local/bin/connload"]
    of_connload = re.search(r"of_connload='(.*?)'", (ROOT / "scripts/need-libs").read_text(), re.S).group(1)
    assert packages_of(build) == {line.split()[1] for line in of_connload.splitlines()} | {"gcc", "libc6-dev", "make"}


@pytest.mark.skipif(not shutil.which("dpkg-shlibdeps") or "bookworm" not in Path("/etc/os-release").read_text(),
                    reason="the packages are those of Debian 12")
def test_the_image_has_the_libraries(tmp_path):
    (tmp_path / "debian").mkdir()
    (tmp_path / "debian/control").write_text("Source: connload\n\nPackage: connload\nArchitecture: any\n")
    done = subprocess.run(["dpkg-shlibdeps", "-O", ROOT / "build/connload"], cwd=tmp_path, capture_output=True, text=True)
    needed = set(re.findall(r"(?:=|, )(lib\w[^ ,]*|zlib1g)", done.stdout)) - {"libc6"}
    assert done.returncode == 0 and needed == packages_of(stages()[1]) - {"ca-certificates"}


@pytest.mark.skipif(subprocess.run(["sh", "-c", "docker info"], capture_output=True).returncode != 0, reason="no docker")
def test_the_image_is_built():
    done = subprocess.run(["docker", "build", "-q", "-f", CONTAINER, ROOT], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    out = subprocess.run(["docker", "run", "--rm", done.stdout.strip(), "--version"], capture_output=True, text=True)
    assert out.stdout.startswith(f"connload {version()}"), out

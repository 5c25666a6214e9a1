"""`make` installs with the Python that PYTHON names or none; without PYTHON with the first that serves."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_MAKEFILE = Path(__file__).parents[1] / "Makefile"

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")

# A project that needs nothing from the network, not even what builds it.
_PYPROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
_BACKEND = """
import zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    name = "project-1-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("project-1.dist-info/METADATA", "Metadata-Version: 2.1\\nName: project\\nVersion: 1\\n")
        wheel.writestr("project-1.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr("project-1.dist-info/RECORD", "")
    return name
"""

_TOO_OLD = "sys.version_info = (3, 9, 18)"
_WITHOUT_VENV = "import importlib.util; importlib.util.find_spec = lambda name: None"
_OTHER_BUILD = "sys.version = 'another build'"


_NAMES = ("python3.12", "python3.11", "python3.13", "python3.14", "python3")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of several tests, since an environment takes seconds: made with the only Python that serves."""
    project = make_project(tmp_path_factory.mktemp("installed") / "project")
    for name in _NAMES[:-1]:
        make_python(project / "bin" / name, _TOO_OLD)
    make_python(project / "bin" / "python3", "pass")
    done = install(project, path=str(project / "bin"))
    assert done.returncode == 0, done.stderr
    assert "installing into .venv" in done.stdout
    return project


def make_project(folder: Path) -> Path:
    (folder / "docker").mkdir(parents=True)
    (folder / "docker" / "constraints.txt").touch()
    (folder / "pyproject.toml").write_text(_PYPROJECT, "utf-8")
    (folder / "backend.py").write_text(_BACKEND, "utf-8")
    (folder / "Makefile").symlink_to(_MAKEFILE)
    return folder


def make_python(path: Path, change: str) -> Path:
    """Make a Python that is as `change` has it, as far as it is asked by `-c`."""
    return make_program(
        path,
        f'[ "$1" = -c ] || exec {sys.executable} "$@"\nexec {sys.executable} -c "import sys; {change}; $2"',
    )


def make_program(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    path.chmod(0o755)
    return path


def install(project: Path, python: Path | str | None = None, path: str = "") -> subprocess.CompletedProcess[str]:
    return run_make(project, ".venv/.installed", *([f"PYTHON={python}"] if python else []), path=path)


def run_make(project: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if name not in {"PYTHON", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}
    }
    environment |= {"PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"], "PIP_NO_INDEX": "1"}
    return subprocess.run(
        ["make", *arguments],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("target", ["demo", "serve"])
def test_console_is_built_before_the_api_is_served(target: str) -> None:
    planned = subprocess.run(
        ["make", "--dry-run", target], cwd=_MAKEFILE.parent, capture_output=True, text=True, check=True
    ).stdout

    # In this order: the pages are there when the command begins.
    assert re.search(rf"sh app/console/build\.sh.*\.venv/bin/tellgraph {target}", planned, re.DOTALL)


def test_refuses_a_named_python_that_does_not_exist(project: Path) -> None:
    done = install(project, "/nonexistent/python3.13")

    assert done.returncode != 0
    assert done.stderr.startswith("PYTHON=/nonexistent/python3.13 can't be used: there is no such program\n")
    assert not (project / ".venv").exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_TOO_OLD, "it is Python 3.9, and Tellgraph needs 3.11, 3.12, 3.13 or 3.14"),
        ("sys.version_info = (3, 15, 0)", "it is Python 3.15, and Tellgraph needs 3.11, 3.12, 3.13 or 3.14"),
        (_WITHOUT_VENV, "it can make no virtual environments; on Debian and Ubuntu: apt install python3.1"),
        ("sys.exit(1)", "it fails"),
    ],
)
def test_refuses_a_named_python_that_can_not_serve(project: Path, change: str, reason: str) -> None:
    python = make_python(project / "bin" / "python3", change)

    done = install(project, python)

    assert done.returncode != 0
    assert done.stderr.startswith(f"PYTHON={python} can't be used: {reason}")
    assert not (project / ".venv").exists()


def test_passes_over_pythons_that_can_not_serve_when_none_is_named(installed: Path) -> None:
    made_with = (installed / ".venv" / "pyvenv.cfg").read_text("utf-8")

    assert f"version = {'.'.join(map(str, sys.version_info[:3]))}" in made_with
    assert (installed / ".venv" / ".installed").exists()


def test_keeps_what_is_installed_when_the_same_python_is_named(installed: Path) -> None:
    installed_at = (installed / ".venv" / ".installed").stat().st_mtime_ns

    done = install(installed, sys.executable)

    assert (done.returncode, done.stdout) == (0, "")
    assert (installed / ".venv" / ".installed").stat().st_mtime_ns == installed_at


def test_makes_the_environment_anew_when_another_python_is_named(installed: Path) -> None:
    (installed / ".venv" / "of_the_first").touch()
    python = make_python(installed / "bin" / "other", _OTHER_BUILD)

    done = install(installed, python)

    assert done.returncode == 0, done.stderr
    assert f".venv is another Python's than {python}: making it anew\n" in done.stdout
    assert not (installed / ".venv" / "of_the_first").exists()
    assert (installed / ".venv" / ".installed").exists()


def test_says_what_is_needed_when_no_python_serves(project: Path) -> None:
    for name in _NAMES:
        make_python(project / "bin" / name, _TOO_OLD)

    done = install(project, path=str(project / "bin"))

    assert done.returncode != 0
    assert "Tellgraph needs Python 3.11, 3.12, 3.13 or 3.14. python3 can't be used: it is Python 3.9" in done.stderr
    assert not (project / ".venv").exists()


@pytest.mark.parametrize("failing", ["ruff", "mypy", None])
def test_the_tests_begin_when_all_checks_have_passed(project: Path, failing: str | None) -> None:
    for name in ("ruff", "mypy", "pytest"):
        make_program(project / ".venv" / "bin" / name, f'echo "ran {name} $*"; exit {int(name == failing)}')
    # As if there were none, so that nothing is built with it.
    make_program(project / "bin" / "node", "exit 1")
    (project / ".venv" / ".installed").touch()

    done = run_make(project, "test", "ARGS=-k retry", path=str(project / "bin"))

    ran = [line.removeprefix("ran ") for line in done.stdout.splitlines() if line.startswith("ran ")]
    if failing is not None:
        assert done.returncode != 0
        assert any(line.startswith(failing) for line in ran)
        assert not any(line.startswith("pytest") for line in ran)
    else:
        assert done.returncode == 0
        assert ran[-1] == "pytest -n auto --dist worksteal -k retry"
        assert sorted(ran[:-1]) == ["mypy ", "ruff check .", "ruff format --check ."]

"""Calls go down only: who may import whom."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
#: package → what it may import of the others. The two entry points of `app` see everything.
ALLOWED = {"app": {"app"}, "schema": {"app", "schema"}, "workers": {"app", "schema", "workers"}}
ENTRY_POINTS = {"app/main.py", "app/cli.py"}
#: Inside `app`: rules know no storage, storage knows no services.
INNER = {
    "app/domain": {"app.domain", "app.errors"},
    "app/db": {"app.db", "app.domain", "app.errors"},
}
PACKAGES = set(ALLOWED)


def _modules() -> list[Path]:
    return sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


def _imported(path: Path) -> set[str]:
    """Every module that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.split(".")[0] in PACKAGES}


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_what_lies_below(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    package = name.split("/")[0]
    allowed = PACKAGES if name in ENTRY_POINTS else ALLOWED[package]

    above = {module for module in _imported(path) if module.split(".")[0] not in allowed}

    assert above == set()


@pytest.mark.parametrize("inner", INNER)
def test_rules_and_storage_keep_to_themselves(inner: str) -> None:
    allowed = INNER[inner]

    beside = {
        f"{path.relative_to(ROOT)} imports {module}"
        for path in (ROOT / inner).rglob("*.py")
        for module in _imported(path)
        if module != "app" and not any(module == name or module.startswith(f"{name}.") for name in allowed)
    }

    assert beside == set()


def test_top_level_is_exactly_what_it_should_be() -> None:
    wanted = {
        "pyproject.toml",
        "README.md",
        "schema",
        "app",
        "workers",
        "tests",
        "docker",
        "LICENSE",
        "CHANGELOG.md",
        "Makefile",
    }
    made = {"build", "dist", "tellgraph.egg-info"}

    found = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - made

    assert found == wanted


def test_modules_are_small() -> None:
    """300 lines at most; a longer one would have to say why in its first lines."""
    long = {str(path.relative_to(ROOT)): n for path in _modules() if (n := len(path.read_text().splitlines())) > 300}

    assert long == {}

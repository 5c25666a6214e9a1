"""Calls go down only: who may import whom."""

import ast
from pathlib import Path

import pytest

from tests.support.sources import ROOT, server_modules

#: package → what it may import of the others. The entry points of `app` see everything.
ALLOWED = {"app": {"app"}, "schema": {"app", "schema"}, "workers": {"app", "schema", "workers"}}
ENTRY_POINTS = ("app/main.py", "app/cli/")
#: Inside `app`, by the name of the folder: rules know no storage, storage knows no services.
_RULES = ("app.kernel", "app.errors", "app.marketplace.money")
BELOW = {"domain": (*_RULES, "*.domain"), "db": (*_RULES, "*.domain", "app.db", "*.db")}
#: Storage that knows of what lies beside it: migrations install the triggers, and upkeep of the queue looks at them.
KNOWS_CAPTURE = {
    "app/db/migrate.py": "app.capture.triggers",
}
PACKAGES = set(ALLOWED)


def _imported(path: Path, *, at_run_time: bool = False) -> set[str]:
    """Every module that a file imports, also inside functions; `at_run_time`: none for type checkers alone."""
    found: set[str] = set()
    tree = ast.parse(path.read_text())
    for_types = {
        inner for node in ast.walk(tree) if at_run_time and _is_type_checking(node) for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {name for name in found if name.split(".")[0] in PACKAGES}


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


@pytest.mark.parametrize("path", server_modules(*PACKAGES), ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_what_lies_below(path: Path) -> None:
    name = str(path.relative_to(ROOT))
    package = name.split("/")[0]
    allowed = PACKAGES if name.startswith(ENTRY_POINTS) else ALLOWED[package]

    above = {module for module in _imported(path) if module.split(".")[0] not in allowed}

    assert above == set()


@pytest.mark.parametrize("folder", BELOW)
def test_rules_and_storage_keep_to_themselves(folder: str) -> None:
    beside = {
        f"{name} imports {module}"
        for path in server_modules("app")
        if path.parent.name == folder
        for module in _imported(path)
        if not _is_below(module, folder)
        and not module.startswith(KNOWS_CAPTURE.get(name := str(path.relative_to(ROOT)), "-"))
    }

    assert beside == set()


def _is_below(module: str, folder: str) -> bool:
    parts = module.split(".")
    return (
        any(
            below.removeprefix("*.") in parts if below.startswith("*.") else f"{module}.".startswith(f"{below}.")
            for below in BELOW[folder]
        )
        or not (ROOT / Path(*parts)).with_suffix(".py").exists()
    )


@pytest.mark.parametrize("at_run_time", [True, False])
def test_modules_import_each_other_in_no_circle(at_run_time: bool) -> None:
    """GraphQL types alone refer to each other in circles, and only in annotations."""
    imports = {_dotted(path): _imported(path, at_run_time=at_run_time) for path in server_modules(*PACKAGES)}
    graph = {
        name: {found for module in modules if (found := _nearest(module, imports)) and found != name}
        for name, modules in imports.items()
    }

    circles = _circles(graph)

    assert [one for one in circles if at_run_time or not all(name.startswith("schema.types.") for name in one)] == []


def test_only_the_command_line_imports_inside_functions() -> None:
    """It starts faster by that, and by the filters' package not being read. Anywhere else it would hide a circle."""
    hidden = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in server_modules(*PACKAGES)
        if not str(path.relative_to(ROOT)).startswith(
            ("app/cli/", "app/tools/", "app/webhooks/domain/webhook_filter.py")
        )
        for function in ast.walk(ast.parse(path.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }

    assert hidden == set()


def test_a_room_has_at_most_fifteen_doors() -> None:
    crowded = {}
    for folder in {path.parent for path in server_modules(*PACKAGES)}:
        rooms = {path for path in folder.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
        if len(rooms - {folder / "__init__.py"}) > 15:
            crowded[str(folder.relative_to(ROOT))] = len(rooms)

    assert crowded == {}


def _dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _nearest(module: str, known: dict[str, set[str]]) -> str | None:
    """Return the module itself, or the one whose attribute it is."""
    return module if module in known else (parent if (parent := module.rpartition(".")[0]) in known else None)


def _circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Return the strongly connected parts of more than one module. Source: Tarjan 1972."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = lowest[name] = len(order)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
            if other in stack:
                lowest[name] = min(lowest[name], lowest[other])
        if lowest[name] == order[name]:
            part = stack[stack.index(name) :]
            del stack[stack.index(name) :]
            if len(part) > 1:
                found.append(sorted(part))

    for name in sorted(graph):
        if name not in order:
            visit(name)
    return found


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
    long = {
        str(path.relative_to(ROOT)): n
        for path in server_modules(*PACKAGES)
        if (n := len(path.read_text().splitlines())) > 300
    }

    assert long == {}

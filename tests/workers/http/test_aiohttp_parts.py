"""The parts of aiohttp that it does not document are used in one module, and are where they were."""

import ast
from pathlib import Path

import aiohttp
import pytest
import yarl

import workers
from tests.support.hostile import OK, answering, hostile_server
from tests.support.posting import LOOPBACK
from workers.http import aiohttp_parts
from workers.http.egress import Egress, GuardedResolver
from workers.http.exchange import Exchanger
from workers.http.sockets import CappedHandler, default_ssl_context, open_connector

_FOLDER = Path(workers.__file__).parent
_FILES = sorted(path for path in _FOLDER.rglob("*.py") if "aiohttp" in path.read_text())
#: Documented: https://docs.aiohttp.org/en/stable/abc.html and web.html.
_PUBLIC = {"aiohttp", "aiohttp.abc", "aiohttp.web"}
#: Documented, in spite of their names: those of named tuples.
_OF_TUPLES = {"_asdict", "_fields", "_make", "_replace"}


def private_uses(tree: ast.Module) -> set[str]:
    """Return the private names of other objects that a module reads, and those of bases that its classes read."""
    own = {
        name
        for node in ast.walk(tree)
        for name in (
            [node.name]
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            else [one.id for one in ast.walk(node) if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)]
            if isinstance(node, ast.Assign | ast.AnnAssign)
            else [node.attr]
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_self(node)
            else []
        )
    }
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.startswith("__")
        and not (_is_self(node) and node.attr in own)
    } - _OF_TUPLES


def _is_self(node: ast.Attribute) -> bool:
    return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")


def inner_imports(tree: ast.Module) -> set[str]:
    imported = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    return {name for name in imported if name.partition(".")[0] == "aiohttp"} - _PUBLIC


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_inner_parts_are_used_in_one_module(path: Path) -> None:
    tree = ast.parse(path.read_text())

    if path == Path(aiohttp_parts.__file__):
        assert private_uses(tree) == {"_factory", "_parser"}
        assert inner_imports(tree)
    else:
        assert private_uses(tree) == set()
        assert inner_imports(tree) == set()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("connector._factory = 1", {"_factory"}),
        ("class A(B):\n  def f(self):\n    return self._buffer", {"_buffer"}),
        ("class A(B):\n  _own = 1\n  def f(self):\n    self._other = self._own", set()),
    ],
)
def test_private_names_are_found(code: str, found: set[str]) -> None:
    assert private_uses(ast.parse(code)) == found


@pytest.mark.parametrize(
    ("part", "name"), [(part, name) for part, names in aiohttp_parts.USED.items() for name in names]
)
async def test_part_is_there(part: type, name: str) -> None:
    if part is aiohttp.TCPConnector and name.startswith("_"):
        connector = aiohttp.TCPConnector()
        assert hasattr(connector, name)
        await connector.close()
    else:
        assert hasattr(part, name)


async def test_connections_are_handled_by_the_class_that_was_set() -> None:
    async def look_up(host: str, family: object) -> list[str]:
        raise AssertionError("an address needs no name server")

    connector = open_connector(Egress(LOOPBACK), default_ssl_context(), GuardedResolver(look_up), force_close=False)
    exchanger = Exchanger(connector)
    async with hostile_server(answering(OK)) as server:
        request = aiohttp.ClientRequest("POST", yarl.URL(server.url))
        connection = await connector.connect(request, traces=[], timeout=aiohttp.ClientTimeout())
        assert type(connection.protocol) is CappedHandler
        connection.close()
        await exchanger.close()

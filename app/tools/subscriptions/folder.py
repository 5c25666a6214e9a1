"""Read and write a folder of subscriptions: webhooks.toml, and a .graphql file for each stored query."""

import difflib
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from app.kernel.parsed_json import ParsedJson
from app.tools.subscriptions.definition import SETTINGS, Definition, WrongFolder

FILE: Final = "webhooks.toml"
_VARIABLE: Final = re.compile(r"\$\{([A-Za-z_]\w*)\}")
_OTHERS: Final = ("type", "delivery", "query", "headers", "hmac_key", "renamed_from")
_INTRODUCTION: Final = "# Webhooks by handle. What is left out is the default of a new webhook.\n"


def read_folder(folder: Path) -> list[Definition]:
    """Return the webhooks that a folder defines, in the order of the file. Raises WrongFolder."""
    try:
        read: dict[str, Any] = tomllib.loads((folder / FILE).read_text("utf-8"))
    except OSError as error:
        raise WrongFolder(f"{folder / FILE} can't be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongFolder(f"{folder / FILE} is no TOML: {error}") from error
    tables = read.pop("webhooks", {})
    if read or not isinstance(tables, dict):
        raise WrongFolder(
            f"{folder / FILE}: each webhook is a table [webhooks.HANDLE], and nothing stands beside them."
        )
    return [_definition(folder, handle, table) for handle, table in tables.items()]


def _definition(folder: Path, handle: str, table: object) -> Definition:
    if not isinstance(table, dict) or not isinstance(table.get("type"), str):
        raise WrongFolder(f'{handle}: `type` is missing, such as type = "INVOICE".')
    for name in table:
        if name not in SETTINGS and name not in _OTHERS:
            close = difflib.get_close_matches(name, [*SETTINGS, *_OTHERS], n=1)
            raise WrongFolder(
                f"{handle}: there is no setting {name!r}." + (f" Did you mean {close[0]!r}?" if close else "")
            )
    headers = table.get("headers", {})
    texts = {name: table.get(name) for name in ("hmac_key", "renamed_from", "query", "delivery")}
    if not isinstance(headers, dict) or not all(
        isinstance(one, str | None) for one in (*headers.values(), *texts.values())
    ):
        raise WrongFolder(f"{handle}: headers, hmac_key, query, delivery and renamed_from are texts.")
    for name, value in {**headers, "hmac_key": texts["hmac_key"] or "${}"}.items():
        if "${" not in value:
            raise WrongFolder(
                f'{handle}: {name} must name a variable of the environment, as in "Bearer ${{ERP_TOKEN}}".'
            )
    file = texts["query"] or f"{handle}.graphql"
    return Definition(
        handle=handle,
        type=table["type"],
        delivery=texts["delivery"] or "PUSH",
        query=_query(folder, handle, file, is_named=texts["query"] is not None),
        query_file=file,
        settings={name: table[name] for name in SETTINGS if name in table},
        headers=headers,
        hmac_key=texts["hmac_key"],
        renamed_from=texts["renamed_from"],
    )


def _query(folder: Path, handle: str, name: str, *, is_named: bool) -> str:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise WrongFolder(f"{handle}: the query's file {name} is outside of the folder.")
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        if is_named:
            raise WrongFolder(f"{handle}: there is no file {path}.") from error
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise WrongFolder(f"{handle}: {path} can't be read.") from error


def with_environment(text: str, environment: Mapping[str, str]) -> str:
    """Replace each `${NAME}` by its variable. Raises WrongFolder for one that is not set."""
    missing = [name for name in _VARIABLE.findall(text) if name not in environment]
    if missing:
        raise WrongFolder(f"Set {', '.join(dict.fromkeys(missing))} in the environment: the folder names them.")
    return _VARIABLE.sub(lambda match: environment[match[1]], text)


def write_folder(folder: Path, definitions: Sequence[Definition]) -> None:
    """Write the files of a folder. webhooks.toml comes last and at once, so that a reader never sees half of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in definitions:
        _replace(folder / one.query_file, one.query)
    _replace(folder / FILE, _INTRODUCTION + "".join(map(_table, definitions)))


def _replace(path: Path, text: str) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(text, "utf-8")
    temporary.replace(path)


def _table(one: Definition) -> str:
    values: dict[str, ParsedJson] = {"type": one.type, "query": one.query_file}
    if one.delivery != "PUSH":
        values["delivery"] = one.delivery
    values |= one.settings
    values |= {name: value for name, value in (("hmac_key", one.hmac_key),) if value is not None}
    lines = [f"\n[webhooks.{one.handle}]", *(f"{name} = {_toml(value)}" for name, value in values.items())]
    if one.headers:
        pairs = ", ".join(f"{_toml(name)} = {_toml(value)}" for name, value in one.headers.items())
        lines.append(f"headers = {{ {pairs} }}")
    return "\n".join(lines) + "\n"


def _toml(value: ParsedJson) -> str:
    """Return a value as TOML, whose texts, numbers and lists are JSON's. DEL must be escaped as well."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")

"""API keys on a terminal: pages of them, as a table or as JSON."""

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import orjson
from rich import box
from rich.console import Console
from rich.table import Table

from app.auth.db.api_keys import API_KEYS, ApiKey
from app.auth.domain.api_key import ApiKeyState, state_of
from app.auth.viewers import OPERATOR
from app.db.keyset import BY_ID, MAX_PAGE_SIZE, Slice
from app.db.pool import Connection
from app.kernel import clock
from schema.engine.statements import listed_rows
from schema.entities import global_ids
from schema.filters.api_keys import ApiKeyFilters, ask

#: Columns of a table that goes into a file or a pipe, so that no cell is wrapped.
_WIDTH_OF_FILES = 220


async def read_keys(conn: Connection, filters: ApiKeyFilters) -> AsyncIterator[ApiKey]:
    """Return all keys that meet the filters, in the order of their creation, read page by page."""
    query, cursor = ask(OPERATOR, filters), None
    while True:
        page = Slice(size=MAX_PAGE_SIZE, is_backward=False, cursor=cursor)
        found = listed_rows(API_KEYS, OPERATOR, query, page)
        rows = API_KEYS.rows(await conn.fetch(found.sql, *found.args))
        for row in rows[: page.size]:
            yield row
        if len(rows) <= page.size:
            return
        last = rows[page.size - 1]
        cursor = (BY_ID.text(last), last.id)


def as_json(keys: list[ApiKey]) -> str:
    """Return a JSON list of objects with the names of the API."""
    return orjson.dumps([_as_object(key) for key in keys], option=orjson.OPT_INDENT_2).decode()


def show(keys: list[ApiKey], console: Console) -> None:
    """Print a table, and the number of keys."""
    table = Table(box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for heading in ("no.", "name", "owner", "scopes", "key", "state", "expires", "last used"):
        # On a narrow terminal a cell goes on in the next line; nothing is cut off. A date fits into ten characters.
        is_time, is_whole = heading in ("expires", "last used"), heading in ("owner", "key", "state")
        table.add_column(heading, overflow="fold", no_wrap=is_whole, min_width=10 if is_time else None)
    for key in keys:
        table.add_row(
            str(key.id),
            key.name,
            owner_of(key),
            " ".join(key.scopes),
            f"{key.prefix}…",
            _state(key).lower(),
            shown_time(key.expires_at) or "never",
            shown_time(key.last_used_at) or "never",
        )
    if keys:
        console.print(table, markup=False)
    console.print(f"{len(keys)} API key{'' if len(keys) == 1 else 's'}.")


def console_of_list() -> Console:
    """Return a console for standard output. A file or a pipe gets lines that are not wrapped."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_WIDTH_OF_FILES)


def owner_of(key: ApiKey) -> str:
    return "operator" if key.seller_id is None else f"seller {key.seller_id}"


def shown_time(at: datetime | None) -> str:
    return "" if at is None else f"{at:%Y-%m-%d %H:%M}"


def _state(key: ApiKey) -> ApiKeyState:
    return state_of(expires_at=key.expires_at, revoked_at=key.revoked_at, now=clock.now())


def _as_object(key: ApiKey) -> dict[str, Any]:
    def node(type_name: str, row_id: int | None) -> dict[str, Any] | None:
        return None if row_id is None else {"id": global_ids.encode(type_name, row_id), "legacyId": row_id}

    return {
        **(node("ApiKey", key.id) or {}),
        "name": key.name,
        "prefix": key.prefix,
        "seller": node("Seller", key.seller_id),
        "scopes": [scope.name for scope in key.scopes],
        "state": _state(key),
        "createdAt": key.created_at,
        "expiresAt": key.expires_at,
        "revokedAt": key.revoked_at,
        "lastUsedAt": key.last_used_at,
        "replacedBy": node("ApiKey", key.replaced_by),
    }

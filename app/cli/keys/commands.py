"""`tellgraph keys …`: API keys, and the key that seals secrets."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, TypeVar

import typer
from databases import Database
from rich.progress import Progress

from app.auth.db.api_keys import ApiKey, ApiKeyId, NewApiKey
from app.auth.domain.api_key import ApiKeyState
from app.auth.secret_key import count_secrets, rotate_secret_key
from app.auth.secrets import box_of
from app.auth.services import api_keys
from app.auth.viewers import OPERATOR, IssuedKey, Scope
from app.cli.audit import audited
from app.cli.database import check_database
from app.cli.keys.key_list import as_json, console_of_list, owner_of, read_keys, show, shown_time
from app.cli.servers import err, run, servers, url_of
from app.cli.values import duration_s, row_id, time_ahead
from app.db.pool import connection, create_database
from app.errors import TellgraphError
from app.kernel import clock
from app.marketplace.catalogue.db.sellers import SellerId
from app.settings import Settings
from schema.entities import global_ids
from schema.filters.api_keys import ApiKeyFilters

commands = typer.Typer(no_args_is_help=True, help="API keys of the operator and of sellers.")

T = TypeVar("T")
#: The options that give the attributes that errors name.
_OPTIONS = {
    "name": "--name",
    "seller_id": "--seller",
    "scopes": "--scope",
    "expires_at": "--expires",
    "overlap_seconds": "--overlap",
    "api_key_id": "The API key",
}
_KeyArgument = Annotated[
    str, typer.Argument(help="Number of the key, as `tellgraph keys list` shows it, or its global id.")
]
_Seller = Annotated[str | None, typer.Option(help="Number or global id of the seller; absent: the operator's key.")]


@commands.command("list")
def list_keys(
    seller: Annotated[str | None, typer.Option(help="Number or global id of a seller: only its keys.")] = None,
    state: Annotated[list[ApiKeyState] | None, typer.Option(case_sensitive=False, help="Repeat for several.")] = None,
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """List API keys, with their scopes, their state and their last use."""
    filters = ApiKeyFilters()
    if seller is not None:
        filters.seller_id = global_ids.encode("Seller", row_id(seller, "Seller"))  # type: ignore[assignment]
    if state:
        filters.states = state

    async def read(database: Database) -> list[ApiKey]:
        async with connection(database) as conn:
            return [key async for key in read_keys(conn, filters)]

    keys = _run(read)
    if is_json:
        typer.echo(as_json(keys))
    else:
        show(keys, console_of_list())


@commands.command("create")
def create(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    seller: _Seller = None,
    scope: Annotated[
        list[Scope] | None,
        typer.Option(help="Repeat for several; absent: all that keys of the owner can have."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option(help="A duration such as 90d or 12h, or a date such as 2027-01-31; absent: never.")
    ] = None,
) -> None:
    """Make an API key and print it: this is the only time that it can be read."""
    new = NewApiKey(
        name=name,
        seller_id=None if seller is None else SellerId(row_id(seller, "Seller")),
        scopes=scope or None,
        expires_at=None if expires is None else time_ahead(expires, clock.now()),
    )
    _show_issued(_change("keys create", lambda database: api_keys.create_api_key(database, OPERATOR, new), _issued))


@commands.command("revoke")
def revoke(key: _KeyArgument) -> None:
    """Revoke an API key: the next request with it is refused."""
    key_id = ApiKeyId(row_id(key, "ApiKey"))
    revoked = _change(
        "keys revoke", lambda database: api_keys.revoke_api_key(database, OPERATOR, key_id), lambda key: key
    )
    err.print(f"API key {revoked.id} ({revoked.name}) of {_whose(revoked)} is revoked.", markup=False)


@commands.command("rotate")
def rotate(
    key: _KeyArgument,
    overlap: Annotated[
        str, typer.Option(help="Duration for which the old key still works, such as 24h or 30m; 0: not at all.")
    ] = "24h",
) -> None:
    """Make a new API key in the place of another one, and print it: this is the only time that it can be read."""
    key_id, overlap_s = ApiKeyId(row_id(key, "ApiKey")), duration_s(overlap)
    _show_issued(
        _change(
            "keys rotate",
            lambda database: api_keys.rotate_api_key(database, OPERATOR, key_id, overlap_s=overlap_s),
            _issued,
        )
    )
    err.print(f"The old key, {key_id}, {f'works for {overlap} more' if overlap_s else 'is refused from now on'}.")


def _change(action: str, change: Callable[[Database], Awaitable[T]], key_of: Callable[[T], ApiKey]) -> T:
    """Make a change of a key, with its audit entry."""
    return _run(
        lambda database: audited(database, action, change, entity=lambda made: ("ApiKey", int(key_of(made).id)))
    )


def _issued(issued: IssuedKey) -> ApiKey:
    return issued.api_key


def _run(act: Callable[[Database], Awaitable[T]]) -> T:
    """Act on the database of the settings. Errors name the command's options."""

    async def acting(settings: Settings) -> T:
        async with create_database(url_of(settings), pool_size=2) as database:
            return await act(database)

    with servers() as settings, _named_options():
        check_database(url_of(settings))
        return run(acting(settings))


@contextmanager
def _named_options() -> Iterator[None]:
    try:
        yield
    except TellgraphError as error:
        if not error.fields:
            raise
        told = [f"{_OPTIONS.get(path, path)}: {'; '.join(messages)}" for path, messages in error.fields.items()]
        raise TellgraphError("\n".join(told)) from error


def _show_issued(issued: IssuedKey) -> None:
    """Print the key alone on standard output, for scripts, and the rest beside it."""
    made = issued.api_key
    until = f"until {shown_time(made.expires_at)} UTC" if made.expires_at else "without an end"
    err.print(
        f"API key {made.id} of {_whose(made)}, {until}, for {', '.join(made.scopes)}. It is shown this once:",
        markup=False,
    )
    typer.echo(issued.key)


def _whose(key: ApiKey) -> str:
    return owner_of(key) if key.seller_id is not None else "the operator"


@commands.command("rotate-secrets")
def rotate_secrets() -> None:
    """Encrypt all secrets under TELLGRAPH_SECRET_KEY that are under a key of TELLGRAPH_SECRET_KEY_PREVIOUS.

    It is safe while API and workers run with both keys. If it was stopped, run it again.
    """

    async def rotate(settings: Settings) -> tuple[int, int]:
        box, changed, unreadable = box_of(settings), 0, 0
        async with create_database(url_of(settings), pool_size=2) as database:
            with Progress(console=err) as progress:
                task = progress.add_task("Stored secrets", total=await count_secrets(database))
                async for batch in rotate_secret_key(database, box):
                    progress.advance(task, batch.looked_at)
                    changed, unreadable = changed + batch.changed, unreadable + batch.unreadable
        return changed, unreadable

    with servers() as settings:
        check_database(url_of(settings))
        changed, unreadable = run(rotate(settings))
    typer.echo(f"{changed} values are now encrypted under TELLGRAPH_SECRET_KEY.")
    if unreadable:
        raise TellgraphError(f"{unreadable} values could not be read under any of the keys, and were left as they are.")

"""`tellgraph keys …`: API keys, and the key that seals secrets."""

from typing import Annotated

import typer
from rich.progress import Progress

from app.auth.secret_key import count_secrets, rotate_secret_key
from app.auth.secrets import box_of
from app.auth.viewers import Scope, create_key
from app.cli.check import check_database
from app.cli.servers import err, run, servers, url_of
from app.db.pool import create_database, transaction
from app.errors import TellgraphError
from app.marketplace.catalogue.db.sellers import SellerId
from app.settings import Settings

commands = typer.Typer(no_args_is_help=True, help="API keys of the operator and of sellers.")


@commands.command("create")
def create(
    name: Annotated[str, typer.Option(help="What the key is for.")],
    seller: Annotated[int | None, typer.Option(help="Number of the seller; absent: the operator's key.")] = None,
    scope: Annotated[list[Scope] | None, typer.Option(help="Repeat for several; absent: all of them.")] = None,
) -> None:
    """Make an API key and print it: this is the only time that it can be read."""

    async def make(settings: Settings) -> str:
        async with create_database(url_of(settings), pool_size=2) as database, transaction(database) as conn:
            return await create_key(
                conn,
                name=name,
                seller_id=None if seller is None else SellerId(seller),
                scopes=scope or tuple(Scope),
            )

    with servers() as settings:
        check_database(url_of(settings))
        typer.echo(run(make(settings)))


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

"""`tellgraph check DIR`: the webhooks of a folder against a schema, without a server or a database."""

from pathlib import Path

import orjson
import typer
from graphql import GraphQLSchema

from app.tools.subscriptions.definition import Definition, WrongFolder
from app.tools.subscriptions.folder import read_folder
from app.webhooks.db.webhooks import Subscription, WebhookId
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from schema.stored.check import problem_of


def check_folder(schema: GraphQLSchema, folder: Path) -> dict[str, str | None]:
    """Return the reason why each webhook of a folder would not work, by handle; None if it works.

    Raises:
        WrongFolder: The folder can't be read.
    """
    return {one.handle: problem_of(schema, _subscription(one)) for one in read_folder(folder)}


def show_folder(checked: dict[str, str | None], *, is_json: bool) -> None:
    """Print the webhooks that would not work. End the command with status 1 if there is one."""
    broken = {handle: reason for handle, reason in checked.items() if reason is not None}
    if is_json:
        told = [{"handle": handle, "message": reason} for handle, reason in broken.items()]
        typer.echo(orjson.dumps({"checked": len(checked), "broken": told}))
    else:
        for handle, reason in broken.items():
            typer.echo(f"{handle}: {reason}")
        typer.echo(f"{len(broken)} of {len(checked)} webhooks would break.")
    if broken:
        raise typer.Exit(1)


def _subscription(one: Definition) -> Subscription:
    triggers, names, condition = (one.wanted(name) for name in ("triggers", "event_names", "filter"))
    try:
        klass, names = WebhookKlass(one.type), tuple(map(WebhookEventName, names))
    except (TypeError, ValueError) as error:
        raise WrongFolder(f"{one.handle}: {error}.") from error
    return Subscription(
        id=WebhookId(0),
        seller_id=None,
        type=klass,
        event_names=names,
        query_string=one.query,
        is_enabled=True,
        allow_skip=True,
        every_change=False,
        triggers=tuple(map(str, triggers)),
        filter=None if condition is None else str(condition),
    )

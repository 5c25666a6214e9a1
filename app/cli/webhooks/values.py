"""Values that the commands take: ids in each form, and times."""

from datetime import datetime
from typing import Annotated

import typer

from app.cli.values import row_id, time_ago
from app.errors import InvalidInput
from app.kernel import clock
from schema.entities import global_ids
from schema.entities.declarations import ENTITIES


def webhook_id(text: str) -> str:
    """Return the global id of a webhook, given in any form. Raises BadParameter."""
    return global_ids.encode("Webhook", row_id(text, "Webhook"))


def event_id(text: str) -> str:
    """Return the global id of a webhook event, given in any form. Raises BadParameter."""
    return global_ids.encode("WebhookEvent", row_id(text, "WebhookEvent"))


def seller_id(text: str) -> str:
    """Return the global id of a seller, given in any form; `operator` as it is. Raises BadParameter."""
    return text if text == "operator" else global_ids.encode("Seller", row_id(text, "Seller"))


def entity_id(text: str) -> str:
    """Return the global id of an entity, given as `Invoice-12` or as its global id. Raises BadParameter."""
    try:
        return global_ids.from_any_form(text)
    except InvalidInput as error:
        example = f"Invoice-12 or {global_ids.encode('Invoice', 12)}"
        raise typer.BadParameter(f"{text!r} names no entity. Give one such as {example}.") from error


def past_time(text: str) -> datetime:
    """Return a time, given as a duration until now or as a date or time in UTC. Raises BadParameter."""
    return time_ago(text, clock.now())


def number_of(global_id: str) -> int:
    """Return the number of a global id."""
    return global_ids.decode(global_id)[1]


WebhookArgument = Annotated[
    list[str], typer.Argument(parser=webhook_id, metavar="WEBHOOK", help="Numbers or global ids.")
]
WebhookOption = Annotated[
    str | None, typer.Option(parser=webhook_id, metavar="WEBHOOK", help="Number or global id of a webhook.")
]
Since = Annotated[
    datetime | None,
    typer.Option(parser=past_time, metavar="TIME", help="Published then or later: 2h, 7d, 2026-11-26, …, in UTC."),
]
Until = Annotated[
    datetime | None, typer.Option(parser=past_time, metavar="TIME", help="Published before then, in the same forms.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object a line, with the names of the API.")]
Limit = Annotated[int, typer.Option(min=1, help="Print at most so many.")]


def convert_id(
    given: Annotated[str, typer.Argument(metavar="ID", help="A global id, or the number of a log line or a table.")],
    type_name: Annotated[
        str | None, typer.Option("--type", help="The type that a number is of, such as Webhook or WebhookEvent.")
    ] = None,
) -> None:
    """Print an id in its other form: the global id of a number, or the type and the number of a global id.

    \b
    tellgraph id 9 --type WebhookEvent    →  V2ViaG9va0V2ZW50LTk=
    tellgraph id V2ViaG9va0V2ZW50LTk=     →  WebhookEvent-9
    """
    types = sorted(name for name, entity in ENTITIES.items() if entity.is_node)
    if type_name is not None and type_name not in types:
        raise typer.BadParameter(f"{type_name!r} is no type. Give one of {', '.join(types)}.", param_hint="--type")
    if given.isdecimal() and type_name is None:
        raise typer.BadParameter("a number needs its type, as in --type Webhook", param_hint="ID")
    try:
        global_id = global_ids.from_any_form(given, type_name)
    except InvalidInput as error:
        raise typer.BadParameter(f"{error.message.removeprefix('id: ')}.", param_hint="ID") from error
    found, number = global_ids.decode(global_id)
    typer.echo(f"{found}-{number}" if given == global_id else global_id)

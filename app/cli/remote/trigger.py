"""`tellgraph trigger`: have webhooks told of one entity, without changing it."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
import typer

from app.cli.remote.options import Key, Remote, exit_codes, needed_key, say
from app.cli.servers import run
from app.cli.values import row_id
from app.cli.webhooks.operator import run_as_operator
from app.cli.webhooks.output import plain
from app.cli.webhooks.values import WebhookOption, number_of
from app.tools.remote.api import remote_api
from app.tools.remote.triggering import Api, Trigger, TriggeredEvent, TriggeredWebhook, were_sent
from app.webhooks.domain.webhook import WebhookKlass
from schema.entities import global_ids


def trigger(
    klass: Annotated[
        WebhookKlass, typer.Argument(metavar="TYPE", case_sensitive=False, help="Type of the entity, such as invoice.")
    ],
    entity: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="Number or global id of the entity; absent: the newest one.")
    ] = None,
    remote: Remote = None,
    key: Key = None,
    webhook: WebhookOption = None,
    event: Annotated[
        TriggeredEvent,
        typer.Option(help="update: the entity's present state, as after a change. test: a sample, without filter."),
    ] = TriggeredEvent.UPDATE,
    wait: Annotated[float, typer.Option(min=0, max=300, help="Seconds to wait for the outcome.")] = 10,
    is_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line for each webhook.")] = False,
) -> None:
    """Have webhooks told of one entity, by the path of a real change: query, filter, order, signature, retries.

    The entity stays as it is. Without --webhook, all webhooks of the type are told that are yours: the operator's on
    the database of the settings, or those of the key's owner with --remote.

    \b
    tellgraph trigger invoice
    tellgraph trigger invoice 12 --webhook 3
    tellgraph trigger order --event test
    TELLGRAPH_KEY=… tellgraph trigger invoice --remote https://shop.example.com

    \b
    Exit codes: 0 an event was sent, or waits to be taken; 1 nothing was sent, and each line says why;
    2 wrong options or key; 3 nothing answers at the URL.
    """
    entity_id = None if entity is None else global_ids.encode(klass.entity_type, row_id(entity, klass.entity_type))

    async def act(api: Api) -> list[TriggeredWebhook]:
        return await Trigger(api=api, klass=klass, event=event, wait_s=wait).run(entity_id, webhook)

    async def act_remotely(url: str, secret: str) -> list[TriggeredWebhook]:
        async with remote_api(url, secret, say, option="--remote") as api:
            return await act(api)

    with exit_codes():
        told = run_as_operator(act) if remote is None else run(act_remotely(remote, needed_key(key)))
    for one in told:
        typer.echo(_json(one) if is_json else plain(_line(one)).plain)
    if not were_sent(told):
        raise typer.Exit(1)


def _line(one: TriggeredWebhook) -> str:
    webhook, event = one.webhook, one.event
    where = f"webhook {webhook['legacyId']} ({webhook['url'] or 'its receivers take its messages'})"
    if event is None:
        return f"{where}: nothing was sent. {one.reason}"
    about = f"{event['entityType']} {number_of(event['entityId'])}"
    what = f"{webhook['type'].lower()}.{event['eventName'].lower()} of {about}"
    if one.reason is not None:
        return f"{where}: {what} was not sent ({event['state']}). {one.reason}"
    return f"{where}: {what}, event {number_of(event['id'])} is {event['state']}{_last_attempt(event)}"


def _last_attempt(event: Mapping[str, Any]) -> str:
    attempts = event["attempts"]
    if not attempts:
        return ""
    last = attempts[-1]
    outcome = f"HTTP {last['status']}" if last["status"] is not None else last["error"] or last["errorKind"]
    return f": {outcome}" if outcome else ""


def _json(one: TriggeredWebhook) -> bytes:
    return orjson.dumps({"webhook": one.webhook, "event": one.event, "reason": one.reason})

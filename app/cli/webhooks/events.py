"""`tellgraph events …`: what became of the events of webhooks, and why."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from app.cli.webhooks.operator import OperatorApi, run_as_operator
from app.cli.webhooks.output import print_facts, print_found, print_json, print_table, shown_time
from app.cli.webhooks.values import Json, Limit, Since, Until, WebhookOption, entity_id, event_id, number_of
from app.cli.webhooks.webhooks import outcome_of
from app.errors import NotFound
from app.webhooks.domain.webhook_event import WebhookEventState
from schema import schema

commands = typer.Typer(no_args_is_help=True, help="Webhook events: what became of each, and why.")

_FIELDS = """
id eventName entityType entityId state reason changedAt createdAt finishedAt dueAt replayedAt attemptCount lastStatus
webhook { id legacyId url health }
"""
_LIST = f"""
query($webhookId: ID, $filters: WebhookEventFilters, $first: Int, $after: String) {{
  webhookEvents(webhookId: $webhookId, filters: $filters, first: $first, after: $after) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{ {_FIELDS} }}
  }}
}}
"""
_SHOW = f"""
query($id: ID!) {{
  node(id: $id) {{
    ... on WebhookEvent {{
      {_FIELDS}
      supersededBy {{ id state }}
      payloadText
      attempts {{ number startedAt finishedAt status errorKind error durationMs responseBody }}
    }}
  }}
}}
"""
_REPLAY = "To send it again: tellgraph replay {event}"
_CURES = {
    "RETRYING": "To send it now: tellgraph replay {event}; with all that waits: tellgraph resume {webhook}",
    "HELD": "It goes out when the webhook is enabled: tellgraph webhooks enable {webhook}",
    "FAILED": _REPLAY,
    "CANCELLED": _REPLAY,
    "RENDER_FAILED": "To run its query again: tellgraph replay {event}",
}
#: Characters of an answer that a table shows.
_ANSWER_CHARACTERS = 80


@commands.command("list")
def list_events(
    webhook: WebhookOption = None,
    state: Annotated[
        list[WebhookEventState] | None, typer.Option(case_sensitive=False, help="Repeat for several.")
    ] = None,
    entity: Annotated[
        str | None,
        typer.Option(parser=entity_id, metavar="ENTITY", help="Invoice-12, or the global id of an entity."),
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 50,
    is_json: Json = False,
) -> None:
    """List webhook events, newest first. Several options narrow the list; states add up.

    \b
    tellgraph events list --state FAILED --state RENDER_FAILED
    tellgraph events list --webhook 3 --since 2h
    tellgraph events list --entity Invoice-12
    tellgraph events list --state FAILED --since 1d --limit 500 --json | jq -r .reason | sort | uniq -c
    """
    filters = {
        "states": state or None,
        "entityId": entity,
        "createdSince": since and since.isoformat(),
        "createdUntil": until and until.isoformat(),
    }

    async def read(api: OperatorApi) -> list[Mapping[str, Any] | None]:
        return [node async for node in api.rows(_LIST, limit, webhookId=webhook, filters=filters)]

    found = run_as_operator(read)
    nodes = [_numbered(node) for node in found if node is not None]
    headings = ("NUMBER", "ID", "WEBHOOK", "EVENT", "ENTITY", "STATE", "PUBLISHED", "ATTEMPTS", "LAST", "REASON")
    print_found("event", nodes, headings, _row, is_json=is_json, limit=limit, has_more=len(found) > len(nodes))


@commands.command("show")
def show(
    event: Annotated[str, typer.Argument(parser=event_id, metavar="EVENT", help="Number or global id.")],
    payload: Annotated[bool, typer.Option("--payload", help="Print only what is sent as `payload`.")] = False,
    is_json: Json = False,
) -> None:
    """Show one webhook event: its state in words, the reason, and each attempt with its answer.

    \b
    tellgraph events show 9
    tellgraph events show 9 --payload | jq
    """
    node = run_as_operator(lambda api: api.ask(_SHOW, id=event))["node"]
    if not node:
        raise NotFound(f"There is no webhook event {number_of(event)}, or it is not kept any more.")
    node = _numbered(node)
    if payload:
        if node["payloadText"] is None:
            raise NotFound("Nothing was rendered for this event, or it is not kept any more.")
        typer.echo(node["payloadText"])
    elif is_json:
        print_json([node])
    else:
        _print_event(node)


def _print_event(node: Mapping[str, Any]) -> None:
    webhook, newer = node["webhook"], node["supersededBy"]
    print_facts(
        {
            "event": f"{node['number']} ({node['id']}): {node['entityType'].lower()}.{node['eventName']}",
            "entity": f"{node['entityType']} {number_of(node['entityId'])} ({node['entityId']})",
            "webhook": f"{webhook['legacyId']} ({webhook['id']}), {webhook['health']}: {webhook['url']}",
            "state": f"{node['state']}: {_in_words(node['state'])}",
            "reason": node["reason"],
            "superseded by": newer and f"{number_of(newer['id'])} ({newer['id']}), {newer['state']}",
            "changed": shown_time(node["changedAt"]),
            "published": shown_time(node["createdAt"]),
            "replayed": shown_time(node["replayedAt"]),
            "due": shown_time(node["dueAt"]),
            "ended": shown_time(node["finishedAt"]),
        }
    )
    if node["attempts"]:
        typer.echo()
        print_table(("ATTEMPT", "BEGUN", "MS", "OUTCOME", "ANSWER"), map(_attempt_row, node["attempts"]))
    if cure := _CURES.get(node["state"]):
        typer.echo(f"\n{cure.format(event=node['number'], webhook=webhook['legacyId'])}")


def _in_words(state: str) -> str:
    """Return the description that the schema gives of a state."""
    states: Any = schema._schema.type_map["WebhookEventStateEnum"]
    return str(states.values[state].description)


def _numbered(node: Mapping[str, Any]) -> dict[str, Any]:
    return {"number": number_of(node["id"]), **node}


def _row(node: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        node["number"],
        node["id"],
        node["webhook"]["legacyId"],
        node["eventName"],
        f"{node['entityType']}-{number_of(node['entityId'])}",
        node["state"],
        shown_time(node["createdAt"]),
        node["attemptCount"],
        node["lastStatus"],
        node["reason"],
    )


def _attempt_row(attempt: Mapping[str, Any]) -> tuple[object, ...]:
    answer = attempt["responseBody"] or ""
    shown = answer if len(answer) <= _ANSWER_CHARACTERS else f"{answer[:_ANSWER_CHARACTERS]}…"
    return attempt["number"], shown_time(attempt["startedAt"]), attempt["durationMs"], outcome_of(attempt), shown

"""`tellgraph webhooks …` and `tellgraph resume`: which endpoints work, and what to do about those that don't."""

from collections.abc import Mapping
from typing import Annotated

import typer

from app.cli.webhooks import subscriptions
from app.cli.webhooks.operator import OperatorApi, run_as_operator
from app.cli.webhooks.output import print_facts, print_found, print_json, print_table, shown_time
from app.cli.webhooks.values import Json, Limit, WebhookArgument, number_of, seller_id, webhook_id
from app.errors import NotFound
from app.kernel.parsed_json import ParsedJson
from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.domain.webhook_health import NEEDS_A_PERSON, WebhookHealth

commands = typer.Typer(no_args_is_help=True, help="Webhooks: which work, which don't, and since when.")

_FIELDS = """
id legacyId health healthSince healthReason type delivery url description enabled createdAt
seller { id legacyId businessName }
"""
_LIST = f"""
query($filters: WebhookFilters, $first: Int, $after: String) {{
  webhooks(filters: $filters, first: $first, after: $after) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{ {_FIELDS} }}
  }}
}}
"""
#: The states whose events are counted for one webhook.
_COUNTED = ("PENDING", "SENDING", "RETRYING", "HELD", "FAILED", "RENDER_FAILED")
_COUNTS = "\n".join(
    f"{state}: webhookEvents(webhookId: $id, filters: {{states: [{state}]}}) {{ totalCount }}" for state in _COUNTED
)
_SHOW = f"""
query($id: ID!) {{
  node(id: $id) {{
    ... on Webhook {{
      {_FIELDS} eventNames queryString triggers filter failingSince pausedUntil brokenReason disabledReason deletedAt
      maxRetries rateLimit concurrentSendLimit timeoutSeconds
    }}
  }}
  {_COUNTS}
  deliveryAttempts(webhookId: $id, filters: {{isFailed: true}}, first: 5) {{
    nodes {{ startedAt status errorKind error durationMs webhookEvent {{ id }} }}
  }}
}}
"""
_CURES = {
    "DISABLED_BY_TELLGRAPH": "Mend the endpoint, then: tellgraph webhooks enable {number}",
    "DISABLED": "To enable it: tellgraph webhooks enable {number}",
    "BROKEN": "Change its query, triggers or filter with webhookUpdate; then: tellgraph replay --webhook {number}"
    " --state RENDER_FAILED",
    "FAILING": "Mend the endpoint, then send what waits: tellgraph resume {number}",
    "PAUSED": "To end the pause: tellgraph resume {number}",
}


@commands.command("list")
def list_webhooks(
    failing: Annotated[bool, typer.Option("--failing", help="No delivery succeeds at present.")] = False,
    disabled: Annotated[bool, typer.Option("--disabled", help="Disabled, by Tellgraph or by a person.")] = False,
    needs_a_person: Annotated[
        bool, typer.Option("--needs-a-person", help="Failing, broken, or disabled by Tellgraph.")
    ] = False,
    health: Annotated[
        list[WebhookHealth] | None, typer.Option(case_sensitive=False, help="Repeat for several.")
    ] = None,
    klass: Annotated[
        list[WebhookKlass] | None, typer.Option("--type", case_sensitive=False, help="Repeat for several.")
    ] = None,
    seller: Annotated[
        str | None,
        typer.Option(parser=seller_id, metavar="SELLER", help="Number or global id of a seller; or: operator."),
    ] = None,
    url: Annotated[str | None, typer.Option(help="A text in the URL.")] = None,
    host: Annotated[str | None, typer.Option(help="The host of the URL.")] = None,
    search: Annotated[str | None, typer.Option(help="A text in the URL or the description.")] = None,
    limit: Limit = 100,
    is_json: Json = False,
) -> None:
    """List webhooks with their health, since when and why. Several options narrow the list; healths add up.

    \b
    tellgraph webhooks list --needs-a-person
    tellgraph webhooks list --failing --host hooks.example.com
    tellgraph webhooks list --seller 7 --type INVOICE
    tellgraph webhooks list --disabled --json | jq -r .url
    """
    asked = [
        *(health or ()),
        *([WebhookHealth.FAILING] if failing else ()),
        *(NEEDS_A_PERSON if needs_a_person else ()),
    ]
    if disabled:
        asked += [WebhookHealth.DISABLED, WebhookHealth.DISABLED_BY_TELLGRAPH]
    filters = {
        "health": list(dict.fromkeys(asked)) or None,
        "types": klass or None,
        "sellerIds": None if seller in (None, "operator") else [seller],
        "isOperators": True if seller == "operator" else None,
        "urlContains": url,
        "host": host,
        "search": search,
    }

    async def read(api: OperatorApi) -> list[Mapping[str, ParsedJson] | None]:
        return [node async for node in api.rows(_LIST, limit, filters=filters)]

    found = run_as_operator(read)
    nodes = [node for node in found if node is not None]
    headings = ("NUMBER", "ID", "HEALTH", "SINCE", "TYPE", "OWNER", "URL", "REASON")
    print_found("webhook", nodes, headings, _row, is_json=is_json, limit=limit, has_more=len(found) > len(nodes))


@commands.command("show")
def show(
    webhook: Annotated[str, typer.Argument(parser=webhook_id, metavar="WEBHOOK", help="Number or global id.")],
    is_json: Json = False,
) -> None:
    """Show one webhook: its health, how many of its events wait or have failed, and the last attempts that failed.

    \b
    tellgraph webhooks show 3
    tellgraph webhooks show V2ViaG9vay0z
    """
    found = run_as_operator(lambda api: api.ask(_SHOW, id=webhook))
    node, attempts = found["node"], found["deliveryAttempts"]["nodes"]
    if not node:
        raise NotFound(f"There is no webhook {number_of(webhook)}.")
    counts = {state: found[state]["totalCount"] for state in _COUNTED}
    if is_json:
        print_json([{**node, "counts": counts, "failedAttempts": attempts}])
        return
    number, limits = node["legacyId"], "{maxRetries} retries, {concurrentSendLimit} POSTs at once".format(**node)
    print_facts(
        {
            "webhook": f"{number} ({node['id']})",
            "health": " ".join(filter(None, (node["health"], _since(node), node["healthReason"]))),
            "url": _url(node),
            "description": node["description"],
            "owner": _owner(node),
            "about": f"{node['type']}: {', '.join(node['eventNames'])}",
            "filter": node["filter"],
            "triggers": ", ".join(node["triggers"]) or None,
            "paused until": shown_time(node["pausedUntil"]),
            "limits": limits,
            "events": ", ".join(f"{count} {state}" for state, count in counts.items() if count)
            or "none is open or failed",
        }
    )
    if attempts:
        typer.echo("\nThe last attempts that failed:")
        print_table(("EVENT", "BEGUN", "OUTCOME", "MS"), map(_attempt_row, attempts))
    if cure := _CURES.get(node["health"]):
        typer.echo(f"\n{cure.format(number=number)}")


@commands.command("enable")
def enable(webhooks: WebhookArgument) -> None:
    """Enable webhooks: held events go out, and what was missed meanwhile is sent."""
    _set_enabled(webhooks, is_enabled=True)


@commands.command("disable")
def disable(webhooks: WebhookArgument) -> None:
    """Disable webhooks: nothing is sent until they are enabled again, and nothing is lost."""
    _set_enabled(webhooks, is_enabled=False)


def resume(webhooks: WebhookArgument) -> None:
    """Send now what waits for a retry, and end the pause that an endpoint has asked for.

    \b
    tellgraph resume 3
    tellgraph webhooks list --failing --json | jq -r .id | xargs tellgraph resume
    """

    async def act(api: OperatorApi) -> None:
        for one in webhooks:
            payload = await api.change("webhookResume", "webhook { legacyId url }", webhookId=one)
            typer.echo(f"Webhook {payload['webhook']['legacyId']}: what waits for a retry is sent now.")

    run_as_operator(act)


def _set_enabled(webhooks: list[str], *, is_enabled: bool) -> None:
    async def act(api: OperatorApi) -> None:
        for one in webhooks:
            selection = "webhook { legacyId health }"
            payload = await api.change("webhookUpdate", selection, webhookId=one, attributes={"enabled": is_enabled})
            typer.echo("Webhook {legacyId} is {health}.".format(**payload["webhook"]))

    run_as_operator(act)


def _row(node: Mapping[str, ParsedJson]) -> tuple[object, ...]:
    since, reason = shown_time(node["healthSince"]), node["healthReason"]
    return node["legacyId"], node["id"], node["health"], since, node["type"], _owner(node), _url(node), reason


def _owner(node: Mapping[str, ParsedJson]) -> str:
    seller = node["seller"]
    return "operator" if seller is None else f"seller {seller['legacyId']} ({seller['businessName']})"


def _url(node: Mapping[str, ParsedJson]) -> str:
    return node["url"] or "none: receivers take its messages"


def _since(node: Mapping[str, ParsedJson]) -> str | None:
    return None if node["healthSince"] is None else f"since {shown_time(node['healthSince'])}:"


def _attempt_row(attempt: Mapping[str, ParsedJson]) -> tuple[object, ...]:
    event = attempt["webhookEvent"]
    number = None if event is None else number_of(event["id"])
    return number, shown_time(attempt["startedAt"]), outcome_of(attempt), attempt["durationMs"]


def outcome_of(attempt: Mapping[str, ParsedJson]) -> str:
    """Return the outcome of an attempt: the status, or why there is none; `in flight` before it has ended."""
    if attempt["status"] is not None:
        return f"HTTP {attempt['status']}"
    if attempt["errorKind"] is None:
        return "in flight"
    return f"{attempt['errorKind']}: {attempt['error']}" if attempt["error"] else str(attempt["errorKind"])


for _of_folder in (subscriptions.pull, subscriptions.plan, subscriptions.apply, subscriptions.types):
    commands.command()(_of_folder)

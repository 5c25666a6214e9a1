"""`tellgraph replay`: send events again, one by one or all of a webhook."""

from typing import Annotated, Any, Final

import typer

from app.cli.servers import err
from app.cli.webhooks.operator import OperatorApi, run_as_operator
from app.cli.webhooks.runs import follow_run
from app.cli.webhooks.values import Since, Until, WebhookOption, event_id, number_of
from app.errors import TellgraphError
from app.webhooks.domain.webhook_event import WebhookEventState

#: More events than these are sent again only after a question.
_ASKS_ABOVE: Final = 10

_COUNT = """
query($id: ID!, $filters: WebhookEventFilters!, $waiting: WebhookEventFilters!) {
  node(id: $id) { ... on Webhook { legacyId url enabled } }
  wanted: webhookEvents(webhookId: $id, filters: $filters) { totalCount }
  waiting: webhookEvents(webhookId: $id, filters: $waiting) { totalCount }
}
"""


def replay(
    events: Annotated[
        list[str] | None,
        typer.Argument(parser=event_id, metavar="EVENT", help="Numbers or global ids; or give --webhook."),
    ] = None,
    webhook: WebhookOption = None,
    state: Annotated[
        list[WebhookEventState] | None,
        typer.Option(case_sensitive=False, help="With --webhook: of these states; FAILED if absent."),
    ] = None,
    since: Since = None,
    until: Until = None,
    is_sure: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before many are sent again.")] = False,
    waits: Annotated[bool, typer.Option("--wait/--no-wait", help="Show the progress until it ends.")] = True,
) -> None:
    """Send events again: the same ids and bodies, with new retries. Each keeps its place in the order of its entity.

    \b
    tellgraph replay 9 10
    tellgraph replay --webhook 3 --since 2h
    tellgraph replay --webhook 3 --state FAILED --state RENDER_FAILED --yes
    tellgraph events list --state FAILED --entity Invoice-12 --json | jq -r .id | xargs tellgraph replay -y
    """
    if bool(events) == (webhook is not None):
        raise typer.BadParameter("give either events or --webhook", param_hint="EVENT…")
    if events and (state or since or until):
        raise typer.BadParameter("they choose events of a webhook: give --webhook with them", param_hint="--state …")
    if webhook is None:
        _confirm(len(events or ()), f"{len(events or ())} events", is_sure=is_sure)
        if refused := run_as_operator(lambda api: _replay_each(api, events or [])):
            raise TellgraphError(f"{refused} of {len(events or ())} events could not be sent again.")
        return
    chosen = {
        "states": state or [WebhookEventState.FAILED],
        "createdSince": since and since.isoformat(),
        "createdUntil": until and until.isoformat(),
    }
    run_as_operator(lambda api: _replay_many(api, webhook, chosen, is_sure=is_sure, waits=waits))


async def _replay_each(api: OperatorApi, events: list[str]) -> int:
    """Replay single events, and return how many were refused."""
    refused = 0
    for event in events:
        try:
            payload = await api.change("webhookEventReplay", "webhookEvent { state }", webhookEventId=event)
        except TellgraphError as error:
            refused += 1
            err.print(f"Event {number_of(event)}: {error.message}", markup=False, soft_wrap=True)
        else:
            typer.echo(f"Event {number_of(event)} is {payload['webhookEvent']['state']}.")
    return refused


async def _replay_many(api: OperatorApi, webhook: str, chosen: dict[str, Any], *, is_sure: bool, waits: bool) -> None:
    waiting = {**chosen, "states": [WebhookEventState.RETRYING]}
    found = await api.ask(_COUNT, id=webhook, filters=chosen, waiting=waiting)
    if not found["node"]:
        raise TellgraphError(f"There is no webhook {number_of(webhook)}.")
    number, count = found["node"]["legacyId"], found["wanted"]["totalCount"]
    states = " or ".join(chosen["states"])
    if retrying := found["waiting"]["totalCount"]:
        err.print(f"{retrying} more wait for a retry: `tellgraph resume {number}` sends those now.", soft_wrap=True)
    if not count:
        typer.echo(f"Webhook {number} has no event that is {states} and of that time.")
        return
    if not found["node"]["enabled"]:
        err.print(f"The webhook is disabled: they are held until `tellgraph webhooks enable {number}`.", soft_wrap=True)
    _confirm(count, f"{count} events that are {states}, to {found['node']['url']}", is_sure=is_sure)
    payload = await api.change("webhookEventsReplay", "webhookReplay { id }", webhookId=webhook, **chosen)
    replay_id = payload["webhookReplay"]["id"]
    if not waits:
        typer.echo(f"Workers send {count} events again: {replay_id}")
        return
    done = await follow_run(api, replay_id, "WebhookReplay", count=count)
    typer.echo(f"{done['done']} events were taken up again; the replay is {done['state']}.")
    if done["state"] != "DONE":
        raise TellgraphError("The replay was ended before its end.")


def _confirm(count: int, what: str, *, is_sure: bool) -> None:
    if count > _ASKS_ABOVE and not is_sure:
        typer.confirm(f"Send {what} again?", abort=True, err=True)

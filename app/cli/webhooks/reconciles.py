"""`tellgraph reconcile`: send what the receiver of a webhook has not got, or has got differently."""

from typing import Annotated

import typer

from app.cli.servers import err
from app.cli.webhooks.operator import OperatorApi, run_as_operator
from app.cli.webhooks.runs import follow_run
from app.cli.webhooks.values import entity_id, number_of, webhook_id
from app.errors import TellgraphError

_ENABLED = "query($id: ID!) { node(id: $id) { ... on Webhook { legacyId enabled } } }"


def reconcile(
    webhook: Annotated[str, typer.Argument(parser=webhook_id, metavar="WEBHOOK", help="Number or global id.")],
    entities: Annotated[
        list[str] | None,
        typer.Option(
            "--entity", parser=entity_id, metavar="ENTITY", help="Send this one again, whatever it is. Repeat for more."
        ),
    ] = None,
    rate: Annotated[
        int | None, typer.Option(min=1, max=500, help="Entities compared per second; 500 if absent.")
    ] = None,
    waits: Annotated[bool, typer.Option("--wait/--no-wait", help="Show the progress until it ends.")] = True,
) -> None:
    """Compare what a webhook was last given with the present state, and send only what differs.

    \b
    tellgraph reconcile 3
    tellgraph reconcile 3 --entity Invoice-12 --entity Invoice-13
    """
    run_as_operator(lambda api: _reconcile(api, webhook, entities or None, rate, waits=waits))


async def _reconcile(
    api: OperatorApi, webhook: str, entities: list[str] | None, rate: int | None, *, waits: bool
) -> None:
    found = (await api.ask(_ENABLED, id=webhook))["node"]
    if not found:
        raise TellgraphError(f"There is no webhook {number_of(webhook)}.")
    if not found["enabled"]:
        number = found["legacyId"]
        err.print(f"The webhook is disabled: it waits for `tellgraph webhooks enable {number}`.", soft_wrap=True)
        waits = False
    payload = await api.change(
        "webhookReconcile", "webhookReconcile { id }", webhookId=webhook, entityIds=entities, ratePerSecond=rate
    )
    reconcile_id = payload["webhookReconcile"]["id"]
    if not waits:
        typer.echo(f"Workers compare: {reconcile_id}")
        return
    run = await follow_run(
        api, reconcile_id, "WebhookReconcile", count=len(entities) if entities else None, fields="sent failed reason"
    )
    typer.echo("{done} entities were compared, {sent} events made; the reconcile is {state}.".format(**run))
    if run["failed"]:
        raise TellgraphError(f"The query of {run['failed']} entities could not be run.")
    if run["state"] != "DONE":
        raise TellgraphError(run["reason"] or "The reconcile was ended before its end.")

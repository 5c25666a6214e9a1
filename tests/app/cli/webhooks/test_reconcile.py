"""`tellgraph reconcile`: the progress, and what it says of a webhook that can't be reconciled now."""

import asyncio

import asyncpg

from schema.entities import global_ids
from tests.builders.deliveries import create_subscription
from tests.builders.invoices import create_invoice
from tests.support.commands import tellgraph
from tests.support.platform import settings_for
from tests.support.waiting import until
from workers.resources import open_resources
from workers.upkeep.reconcile import reconcile_all


async def test_shows_the_progress_until_it_ends(conn: asyncpg.Connection, database_url: str) -> None:
    webhook = await create_subscription(conn, "https://well.example/")
    invoice = await create_invoice(conn)
    outputs = []

    for arguments in ((), ("--entity", f"Invoice-{invoice.id}", "--entity", "Invoice-4711")):
        running = asyncio.create_task(tellgraph(database_url, "reconcile", webhook.id, *arguments))
        async with open_resources(settings_for(database_url)) as resources:
            await until(lambda resources=resources: reconcile_all(resources))  # type: ignore[misc]
        outputs.append(await running)

    assert [(done.code, done.out.strip()) for done in outputs] == [
        (0, "1 entities were compared, 1 events made; the reconcile is DONE."),
        (0, "2 entities were compared, 2 events made; the reconcile is DONE."),
    ]


async def test_need_not_be_waited_for_and_a_disabled_webhook_is_told(
    conn: asyncpg.Connection, database_url: str
) -> None:
    webhook = await create_subscription(conn, "https://well.example/")

    begun = await tellgraph(database_url, "reconcile", webhook.id, "--no-wait")
    again = await tellgraph(database_url, "reconcile", webhook.id, "--no-wait")
    await conn.execute("update webhooks set is_enabled = false")
    waits = await tellgraph(database_url, "reconcile", webhook.id, "--entity", "Invoice-1")
    none = await tellgraph(database_url, "reconcile", "4711")
    wrong = await tellgraph(database_url, "reconcile", webhook.id, "--entity", "Order-1")

    run_id = await conn.fetchval("select min(id) from webhook_reconciles")
    assert begun.out == f"Workers compare: {global_ids.encode('WebhookReconcile', run_id)}\n"
    assert again.code == 1
    assert "end it with `webhookReconcileCancel`" in " ".join(again.err.split())
    assert f"it waits for `tellgraph webhooks enable {webhook.id}`." in waits.err
    assert waits.code == 0
    assert (none.code, none.err) == (1, "tellgraph: There is no webhook 4711.\n")
    assert wrong.code == 1

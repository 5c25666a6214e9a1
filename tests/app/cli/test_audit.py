"""A command's change and its audit entry are one transaction."""

import asyncpg
import pytest
from databases import Database

from app.auth.viewers import OPERATOR
from app.cli.audit import audited
from app.db.pool import create_database
from app.errors import Conflict
from app.webhooks.db.webhooks import Webhook, WebhookId
from app.webhooks.services.webhook_deletions import delete_webhook
from app.webhooks.services.webhook_events import resume_webhook
from tests.builders.deliveries import create_subscription


def _named(webhook: Webhook) -> tuple[str, int]:
    return "Webhook", webhook.id


async def test_a_command_s_entry_has_what_triggers_have_noted(conn: asyncpg.Connection, database_url: str) -> None:
    webhook = await create_subscription(conn, "http://127.0.0.1:9/")

    async def delete(database: Database) -> Webhook:
        return await delete_webhook(database, OPERATOR, webhook_id=WebhookId(webhook.id))

    async with create_database(database_url, pool_size=2) as database:
        await audited(database, "webhooks delete", delete, entity=_named)

    rows = await conn.fetch(
        'select actor, action, entity_type, entity_id, api_key_id, address, changes @> \'[{"field": "deleted"}]\''
        " from audit_entries where action <> 'webhook.insert'"
    )
    assert [tuple(row) for row in rows] == [
        ("command line", "webhooks delete", "Webhook", webhook.id, None, None, True)
    ]


async def test_a_command_that_is_refused_has_no_entry(conn: asyncpg.Connection, database_url: str) -> None:
    webhook = await create_subscription(conn, "http://127.0.0.1:9/", is_enabled=False)

    async def resume(database: Database) -> Webhook:
        return await resume_webhook(database, OPERATOR, webhook_id=WebhookId(webhook.id))

    async with create_database(database_url, pool_size=2) as database:
        with pytest.raises(Conflict):
            await audited(database, "webhooks resume", resume, entity=_named)

    assert await conn.fetchval("select array_agg(action) from audit_entries") == ["webhook.insert"]

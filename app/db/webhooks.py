"""Webhooks: endpoint, stored query, secrets, limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NewType

from app.db.pool import Connection
from app.db.sellers import SellerId
from app.db.table import Table
from app.domain.webhook import WebhookEventName, WebhookKlass
from app.errors import NotFound

WebhookId = NewType("WebhookId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """headers and secrets are sealed; headers_shown is JSON, its values masked; `seller_id` None: the operator's."""

    id: WebhookId
    seller_id: SellerId | None
    type: WebhookKlass
    events: tuple[WebhookEventName, ...]
    url: str
    query_string: str
    headers: bytes | None
    headers_shown: str
    secrets: bytes
    description: str | None
    is_enabled: bool
    disabled_reason: str | None
    allow_skip: bool
    every_change: bool
    max_retries: int
    concurrent_send_limit: int
    timeout_s: int
    is_failing: bool
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime


WEBHOOKS = Table("webhooks", Webhook)
_COLUMNS = WEBHOOKS.select_list("webhooks")


async def insert_webhook(conn: Connection, values: Mapping[str, Any]) -> Webhook:
    """`values`: column → value, at least those without a default."""
    names = ", ".join(values)
    marks = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    row = await conn.fetchrow(f"insert into webhooks ({names}) values ({marks}) returning {_COLUMNS}", *values.values())
    assert row is not None
    return WEBHOOKS.from_record(row)


async def update_webhook(conn: Connection, webhook_id: WebhookId, values: Mapping[str, Any]) -> Webhook:
    """Set these columns, and updated_at. Raises NotFound."""
    sets = "".join(f"{name} = ${n}, " for n, name in enumerate(values, start=2))
    row = await conn.fetchrow(
        f"update webhooks set {sets}updated_at = now() where id = $1 returning {_COLUMNS}",
        webhook_id,
        *values.values(),
    )
    if row is None:
        raise NotFound(f"There is no webhook {webhook_id}.")
    return WEBHOOKS.from_record(row)


async def lock_webhook(conn: Connection, webhook_id: WebhookId, *, seller_id: SellerId | None) -> Webhook:
    """The webhook, locked until the transaction ends. Raises NotFound, also for one of another seller."""
    row = await conn.fetchrow(
        f"select {_COLUMNS} from webhooks where id = $1 and ($2::bigint is null or seller_id = $2) for no key update",
        webhook_id,
        seller_id,
    )
    if row is None:
        raise NotFound("There is no such webhook.")
    return WEBHOOKS.from_record(row)


async def list_enabled(conn: Connection, types: Sequence[WebhookKlass]) -> list[Webhook]:
    """The enabled webhooks about any of these types, by id."""
    rows = await conn.fetch(
        f"select {_COLUMNS} from webhooks where is_enabled and type = any($1::text[]) order by id",
        [klass.value for klass in types],
    )
    return WEBHOOKS.rows(rows)

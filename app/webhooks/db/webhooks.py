"""Webhooks: endpoint, stored query, secrets, limits."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.horizon import Horizon
from app.db.pool import Connection
from app.db.table import JsonText, OfSeller, Table
from app.errors import NotFound
from app.marketplace.catalogue.db.sellers import SELLERS, SellerId
from app.webhooks.domain.signing.secret_ring import SignatureScheme
from app.webhooks.domain.webhook import WebhookDelivery, WebhookEventName, WebhookKlass
from app.webhooks.domain.webhook_health import WebhookHealth

WebhookId = NewType("WebhookId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """A webhook as publishing knows it. A deleted one is never enabled.

    Attributes:
        seller_id: None: the operator's.
        include_previous: Whether bodies also have the payload that the receiver last confirmed.
        triggers: Field paths; empty: everything that the query reads.
        missed_since: The turn after which it has missed changes because it was disabled; None: it has missed none
            (app/capture/missed_changes.py).
    """

    id: WebhookId
    seller_id: SellerId | None
    type: WebhookKlass
    event_names: tuple[WebhookEventName, ...]
    query_string: str
    is_enabled: bool
    allow_skip: bool
    every_change: bool
    include_previous: bool = False
    deleted_at: datetime | None = None
    triggers: tuple[str, ...] = ()
    filter: str | None = None
    missed_since: int | None = None

    @property
    def misses_changes(self) -> bool:
        """Whether it misses the changes that are made now.

        A disabled webhook that asks for every change does not: its events are held, until there are too many of them.
        """
        return not self.is_enabled and (not self.every_change or self.missed_since is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook(Subscription):
    """A webhook as its owner sees it. `headers` and `secrets` are sealed.

    Attributes:
        headers_shown: JSON, with masked values.
        url: None when receivers take its messages (`delivery` is PULL).
        public_key: Of the newest Ed25519 key; None when none signs.
        secrets_expire_at: When the next rotated-out secret ceases to sign.
        broken_reason: Why the webhook doesn't fit the schema; None when it does.
        rate_limit: POSTs per second; None: no limit.
        paused_until: Nothing is sent before; may be past.
        health: As the table stores it: see `report_health`.
        reconcile_every_hours: Hours between two reconciles; None: they are started on demand only.
        in_sync_as_of: See app/webhooks/db/runs/webhook_reconciles.py; None while it is not known.
        is_temporary: Whether it is deleted when nobody asks for its messages any more.
        handle: Its owner's own name for it, of which no two of the owner's webhooks have the same; None: none.
        disabled_by: Who disabled it: tellgraph, operator, seller or hand; None while it is enabled.
    """

    url: str | None
    headers: bytes | None
    headers_shown: JsonText
    secrets: bytes
    description: str | None
    disabled_reason: str | None
    max_retries: int
    concurrent_send_limit: int
    timeout_s: int
    is_failing: bool
    failing_since: datetime | None
    created_at: datetime
    updated_at: datetime
    delivery: WebhookDelivery = WebhookDelivery.PUSH
    signature_schemes: tuple[SignatureScheme, ...] = (SignatureScheme.HMAC,)
    public_key: str | None = None
    secrets_expire_at: datetime | None = None
    broken_reason: str | None = None
    rate_limit: int | None = None
    paused_until: datetime | None = None
    health: WebhookHealth = WebhookHealth.OK
    disabled_at: datetime | None = None
    disabled_by: str | None = None
    broken_at: datetime | None = None
    reconcile_every_hours: int | None = None
    in_sync_as_of: datetime | None = None
    is_temporary: bool = False
    handle: str | None = None


WEBHOOKS = Table(
    "webhooks",
    Webhook,
    seen_by=OfSeller(),
    keys={"seller_id": SELLERS},
)
_COLUMNS = WEBHOOKS.select_list("webhooks")
_SUBSCRIPTIONS = Table("webhooks", Subscription)


async def next_webhook_id(conn: Connection) -> WebhookId:
    """Take the id of a new webhook: its secrets are sealed for it before it is inserted."""
    return WebhookId(await conn.fetchval("select nextval(pg_get_serial_sequence('webhooks', 'id'))"))


async def insert_webhook(conn: Connection, values: Mapping[str, object]) -> Webhook:
    """Insert a webhook.

    Args:
        values: By column, at least the id and those without a default; None: the column's default.
    """
    values = {name: value for name, value in values.items() if value is not None}
    names = ", ".join(values)
    marks = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    row = await conn.fetchrow(
        f"insert into webhooks ({names}) overriding system value values ({marks}) returning {_COLUMNS}",
        *values.values(),
    )
    assert row is not None
    return WEBHOOKS.from_record(row)


async def update_webhook(conn: Connection, webhook_id: WebhookId, values: Mapping[str, object]) -> Webhook:
    """Set these columns, those with None to their defaults, and `updated_at`. Raises NotFound."""
    given = [name for name, value in values.items() if value is not None]
    sets = "".join(f"{name} = ${n}, " for n, name in enumerate(given, start=2))
    resets = "".join(f"{name} = default, " for name, value in values.items() if value is None)
    row = await conn.fetchrow(
        f"update webhooks set {sets}{resets}updated_at = now() where id = $1 returning {_COLUMNS}",
        webhook_id,
        *(values[name] for name in given),
    )
    if row is None:
        raise NotFound(f"There is no webhook {webhook_id}.")
    return WEBHOOKS.from_record(row)


async def lock_webhook(conn: Connection, webhook_id: WebhookId, *, seller_id: SellerId | None) -> Webhook:
    """Return a webhook, locked until the transaction ends.

    Raises:
        NotFound: There is none, or it is deleted or another seller's.
    """
    row = await conn.fetchrow(
        f"select {_COLUMNS} from webhooks where id = $1 and ($2::bigint is null or seller_id = $2)"
        " and deleted_at is null for no key update",
        webhook_id,
        seller_id,
    )
    if row is None:
        raise NotFound("There is no such webhook.")
    return WEBHOOKS.from_record(row)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedSubscriptions:
    """The webhooks that were changed beyond a horizon, deleted ones too.

    Attributes:
        versions: By webhook, the transaction that changed it last.
        are_all: Whether these are all webhooks that there are.
        horizon: The new horizon.
    """

    subscriptions: list[Subscription]
    versions: list[int]
    are_all: bool
    horizon: Horizon


async def list_changed_subscriptions(conn: Connection, known: Horizon) -> ChangedSubscriptions:
    """Read the webhooks that were changed beyond a horizon; all of them if that is another server's.

    The new horizon is the oldest transaction that is open now: so the next look sees the changes that such a
    transaction commits later.
    """
    rows = await conn.fetch(
        f"""
        select pg_snapshot_xmin(pg_current_snapshot()) as xid, pg_postmaster_start_time() as server_started_at,
          w.changed_xid, {_SUBSCRIPTIONS.select_list("w")}
        from (select) always left join webhooks w
          on w.changed_xid >= case when $2 = pg_postmaster_start_time() then $1::xid8 else '0'::xid8 end
        """,
        *known,
    )
    horizon = Horizon(rows[0]["xid"], rows[0]["server_started_at"])
    found = [row for row in rows if row["id"] is not None]
    return ChangedSubscriptions(
        subscriptions=_SUBSCRIPTIONS.rows(found),
        versions=[row["changed_xid"] for row in found],
        are_all=not known.xid or known.server_started_at != horizon.server_started_at,
        horizon=horizon,
    )


async def list_existing(conn: Connection, webhook_ids: Collection[WebhookId]) -> set[WebhookId]:
    """Return those of these webhooks whose rows exist, deleted webhooks too."""
    rows = await conn.fetch("select id from webhooks where id = any($1::bigint[])", list(webhook_ids))
    return {WebhookId(row["id"]) for row in rows}


async def count_webhooks(conn: Connection, seller_id: SellerId) -> int:
    """Count the webhooks of a seller, disabled ones too, without deleted ones."""
    return int(
        await conn.fetchval("select count(*) from webhooks where seller_id = $1 and deleted_at is null", seller_id)
    )


async def find_webhook(conn: Connection, webhook_id: WebhookId) -> Webhook | None:
    """Return a webhook, also a deleted one; None when there is none."""
    row = await conn.fetchrow(f"select {_COLUMNS} from webhooks where id = $1", webhook_id)
    return None if row is None else WEBHOOKS.from_record(row)


async def mark_deleted(conn: Connection, webhook_id: WebhookId) -> Webhook:
    """Mark a webhook as deleted: publishing, delivering and every list leave it out from then on."""
    row = await conn.fetchrow(
        "update webhooks set is_enabled = false, deleted_at = clock_timestamp(), updated_at = now()"
        f" where id = $1 returning {_COLUMNS}",
        webhook_id,
    )
    assert row is not None, "its caller has locked it"
    return WEBHOOKS.from_record(row)


async def may_test(conn: Connection, webhook_id: WebhookId, *, every_s: int) -> bool:
    """Note that a webhook is tested now; False when it was tested less than `every_s` ago."""
    return bool(
        await conn.fetchval(
            "update webhooks set last_tested_at = clock_timestamp() where id = $1 and"
            " (last_tested_at is null or last_tested_at <= clock_timestamp() - make_interval(secs => $2))"
            " returning true",
            webhook_id,
            every_s,
        )
    )


async def lock_with_expired_secrets(conn: Connection, *, limit: int) -> list[Webhook]:
    """Lock and return webhooks with secrets that have ceased to sign; those that others have locked are left out."""
    rows = await conn.fetch(
        f"select {_COLUMNS} from webhooks where secrets_expire_at <= statement_timestamp()"
        " order by secrets_expire_at limit $1 for no key update skip locked",
        limit,
    )
    return WEBHOOKS.rows(rows)


async def store_secrets(conn: Connection, webhook_id: WebhookId, *, secrets: bytes, expire_at: datetime | None) -> None:
    """Store the sealed secrets that are left. This is no change of the webhook by anybody."""
    await conn.execute(
        "update webhooks set secrets = $2, secrets_expire_at = $3 where id = $1", webhook_id, secrets, expire_at
    )


async def list_webhooks(conn: Connection, *, after: int = 0, limit: int = 500) -> list[Webhook]:
    """Return webhooks by id, disabled ones too, without deleted ones; the next page is `after` the last one's id."""
    rows = await conn.fetch(
        f"select {_COLUMNS} from webhooks where id > $1 and deleted_at is null order by id limit $2", after, limit
    )
    return WEBHOOKS.rows(rows)


async def set_broken_reason(conn: Connection, seen: Webhook, reason: str | None) -> None:
    """Mark a webhook as broken or, with None, as sound again, unless it was changed since it was `seen`."""
    await conn.execute(
        "update webhooks set broken_reason = $2 where id = $1 and query_string = $3 and triggers = $4::text[]"
        " and filter is not distinct from $5",
        seen.id,
        reason,
        seen.query_string,
        list(seen.triggers),
        seen.filter,
    )


async def lock_webhooks(conn: Connection, ids: Collection[WebhookId]) -> None:
    """Keep webhooks from being enabled or disabled until the transaction ends.

    Otherwise an event could be held for a webhook that is just being enabled, and nobody would release it.
    """
    if ids:
        await conn.execute("select from webhooks where id = any($1::bigint[]) order by id for no key update", list(ids))

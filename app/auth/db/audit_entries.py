"""Audit entries: who changed what, when, and from where. They are only added.

A mutation's entry is written in its own transaction (schema/mutations/audit.py). So is a command's. What changes in a
webhook by no mutation is noted by a trigger (app/db/migrations/functions/audit_webhook.sql).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import JsonText, OfSeller, Reference, Table
from app.kernel.requests import current_request
from app.marketplace.catalogue.db.sellers import SELLERS, SellerId

AuditEntryId = NewType("AuditEntryId", int)
#: The actor of what somebody does by `tellgraph …` on the command line.
COMMAND_LINE = "command line"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One change.

    Attributes:
        actor: `operator`, `seller:7`, `command line`, `tellgraph`; `database` for SQL by hand.
        seller_id: The seller that sees the entry; None: the operator alone.
        api_key_name: The key's name at that time.
        action: The mutation or the command; `webhook.update` if it was neither.
        fields: The fields of the input that were given.
        changes: JSON, of webhooks alone: a list of {field, old, new}.
        address: The client's.
    """

    id: AuditEntryId
    recorded_at: datetime
    actor: str
    seller_id: SellerId | None
    api_key_id: int | None
    api_key_name: str | None
    action: str
    entity_type: str | None
    entity_id: int | None
    fields: tuple[str, ...]
    changes: JsonText
    address: str | None
    request_id: str | None


AUDIT_ENTRIES = Table(
    "audit_entries",
    AuditEntry,
    seen_by=OfSeller(),
    keys={"seller_id": Reference(to=SELLERS, is_enforced=False)},
)


async def record_audit_entry(
    conn: Connection,
    *,
    action: str,
    actor: str = COMMAND_LINE,
    seller_id: SellerId | None = None,
    api_key_id: int | None = None,
    entity: tuple[str, int] | None = None,
    fields: Sequence[str] = (),
) -> None:
    """Record who has made the changes of this transaction. With them it is committed or rolled back.

    The entry also has the address and the id of the present request, and what triggers have noted of webhooks in this
    transaction (`one_transaction`).

    Args:
        conn: The connection of the transaction that makes the changes.
        action: The mutation or the command, as in `keys create`.
        actor: Who acts, as in `AuditEntry`.
        seller_id: The seller that sees the entry; None: the operator alone.
        api_key_id: The key of the request; None: there is none.
        entity: Type and id of what was changed; None: nothing that has an id.
        fields: The fields of the input that were given.
    """
    request = current_request()
    type_name, entity_id = entity or (None, None)
    await conn.execute(
        "insert into audit_entries (actor, seller_id, api_key_id, api_key_name, action, entity_type, entity_id, fields,"
        " changes, address, request_id) values ($1, $2, $3, (select name from api_keys where id = $3), $4, $5, $6, $7,"
        " coalesce(nullif(current_setting('tellgraph.noted', true), ''), '[]')::jsonb, $8, $9)",
        actor,
        seller_id,
        api_key_id,
        action,
        type_name,
        entity_id,
        list(fields),
        None if request is None else request.address,
        None if request is None else request.id,
    )

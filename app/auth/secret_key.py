"""Changing TELLGRAPH_SECRET_KEY: values encrypted under a former key are encrypted again under the current one."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from databases import Database

from app.auth.db.audit_entries import COMMAND_LINE, record_audit_entry
from app.auth.sealed_values import SealedColumn, SealedValue, count_sealed, list_sealed, replace_sealed
from app.auth.secrets import SecretBox
from app.db.pool import Connection, connection, transaction
from app.errors import InvalidInput
from app.http import idempotency
from app.webhooks.services import webhooks

BATCH_SIZE = 200
_ID = (("id", "bigint"),)

#: Every column of sealed values, with the purpose that they are sealed for.
SEALED: tuple[tuple[SealedColumn, str], ...] = (
    (SealedColumn(table="webhooks", column="secrets", key=_ID), webhooks.SECRETS),
    (SealedColumn(table="webhooks", column="headers", key=_ID), webhooks.HEADERS),
    (
        SealedColumn(
            table="idempotency_keys", column="sealed", key=(("actor", "text"), ("key", "text"), ("field", "text"))
        ),
        idempotency.PURPOSE,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationBatch:
    """The outcome of one batch.

    Args:
        unreadable: Values that none of the keys can decrypt. They are left as they are.
    """

    looked_at: int
    changed: int
    unreadable: int


async def count_secrets(database: Database) -> int:
    """Count the encrypted values."""
    async with connection(database) as conn:
        return sum([await count_sealed(conn, column) for column, _ in SEALED])


async def count_unreadable(conn: Connection, box: SecretBox, *, limit: int) -> tuple[int, int]:
    """Try to open the first `limit` values of each column. Return how many were tried, and how many did not open."""
    tried = unreadable = 0
    for column, purpose in SEALED:
        for value in await list_sealed(conn, column, after=None, limit=limit):
            tried += 1
            try:
                box.open(value.sealed, purpose=purpose, row=_row(value))
            except InvalidInput:
                unreadable += 1
    return tried, unreadable


async def rotate_secret_key(database: Database, box: SecretBox) -> AsyncIterator[RotationBatch]:
    """Encrypt all values under the current key, one batch per transaction with an audit entry.

    It can be run again: values that are already under the current key are skipped. A value that another process
    changes meanwhile is skipped, too: that process uses the current key.
    """
    for column, purpose in SEALED:
        after = None
        while True:
            async with transaction(database, actor=COMMAND_LINE) as conn:
                # The values stay the same, so it is no change of the webhooks that have them.
                await conn.execute("set local tellgraph.resealing = 'on'")
                page = await list_sealed(conn, column, after=after, limit=BATCH_SIZE)
                outcomes = [await _rotate(conn, column, purpose, value, box) for value in page]
                if True in outcomes:
                    await record_audit_entry(conn, action="keys rotate-secrets")
            if page:
                after = page[-1].key
                yield RotationBatch(looked_at=len(page), changed=outcomes.count(True), unreadable=outcomes.count(None))
            if len(page) < BATCH_SIZE:
                break


async def _rotate(
    conn: Connection, column: SealedColumn, purpose: str, value: SealedValue, box: SecretBox
) -> bool | None:
    """Tell whether the value was changed; None if no key can decrypt it."""
    try:
        sealed = box.reseal(value.sealed, purpose=purpose, row=_row(value))
    except InvalidInput:
        return None
    return sealed is not None and await replace_sealed(conn, column, value, sealed)


def _row(value: SealedValue) -> object:
    """Return the row that a value is sealed for."""
    return value.key[0] if len(value.key) == 1 else value.key

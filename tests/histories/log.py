"""The log of webhook events, as the model looks at it."""

from collections.abc import Sequence

import asyncpg
import orjson

from tests.histories.model import Event


async def read_log(conn: asyncpg.Connection, webhook_ids: Sequence[int]) -> dict[int, Event]:
    """All events of these webhooks, with what they show."""
    rows = await conn.fetch(
        "select e.*, p.body from webhook_events e left join payloads p on p.digest = e.payload_digest"
        " where e.webhook_id = any($1::bigint[])",
        list(webhook_ids),
    )
    return {row["id"]: _event(row) for row in rows}


def _event(row: asyncpg.Record) -> Event:
    return Event(
        id=row["id"],
        webhook=row["webhook_id"],
        variant=row["entity_id"],
        name=row["event_name"],
        state=row["state"],
        reason=row["reason"],
        attempts=row["attempt_count"],
        is_replay=row["replayed_at"] is not None,
        payload=None if row["body"] is None else orjson.loads(row["body"]),
    )

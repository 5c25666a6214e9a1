"""Erase the stored bodies of entities that show data of purged orders, and what endpoints have answered to them."""

from app.db.pool import Connection

#: Webhook events of one step.
AT_ONCE = 500


async def erase_step(conn: Connection) -> bool:
    """Erase bodies of one entity: one step of its history. Return whether an entity was due.

    What is still to be sent keeps its body, also if another entity's event has an equal one. So an entity is looked at
    again, until none of its events from before the purge is open.
    """
    purged = await conn.fetchrow(
        "select * from purged_entities where due_at <= now() order by due_at limit 1 for update skip locked"
    )
    if purged is None:
        return False
    key = purged["entity_type"], purged["entity_id"]
    events = await conn.fetch(
        "select id, payload_digest, previous_digest from webhook_events_closed where entity_id = $2"
        " and entity_type = $1 and created_at <= $3 and id > $4 order by id limit $5",
        *key,
        purged["until"],
        purged["after_id"],
        AT_ONCE,
    )
    digests = {event[name] for event in events for name in ("payload_digest", "previous_digest")} - {None}
    open_digests = await _find_open(conn, [*digests])
    await conn.execute("delete from payloads where digest = any($1::bytea[])", [*(digests - open_digests)])
    await conn.execute(
        "update delivery_attempts set response_body = null"
        " where webhook_event_id = any($1::bigint[]) and response_body is not null",
        [event["id"] for event in events],
    )
    if len(events) == AT_ONCE:
        await conn.execute(
            "update purged_entities set after_id = $3 where entity_type = $1 and entity_id = $2", *key, events[-1]["id"]
        )
    elif await _is_finished(conn, key, is_kept=bool(open_digests)):
        await conn.execute("delete from purged_entities where entity_type = $1 and entity_id = $2", *key)
    else:
        await conn.execute(
            "update purged_entities set after_id = 0, due_at = now() + interval '5 s'"
            " where entity_type = $1 and entity_id = $2",
            *key,
        )
    return True


async def _find_open(conn: Connection, digests: list[bytes]) -> set[bytes]:
    """Return those of the bodies that are still to be sent."""
    if not digests:
        return set()
    records = await conn.fetch(
        "select payload_digest, previous_digest from webhook_events_open"
        " where payload_digest = any($1::bytea[]) or previous_digest = any($1::bytea[])",
        digests,
    )
    return {digest for record in records for digest in record.values() if digest is not None}


async def _is_finished(conn: Connection, key: tuple[str, int], *, is_kept: bool) -> bool:
    """Return whether nothing can be left of an entity whose history has been gone through."""
    return not is_kept and bool(
        await conn.fetchval(
            "select p.until < now() and not exists (select from webhook_events_open e where e.entity_type = $1"
            " and e.entity_id = $2 and e.created_at <= p.until)"
            " from purged_entities p where p.entity_type = $1 and p.entity_id = $2",
            *key,
        )
    )

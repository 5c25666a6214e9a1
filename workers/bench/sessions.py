"""Measure the cost of a database session's past: it made plans for few rows, and keeps them for many."""

import statistics
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from app.db.pool import SERVER_SETTINGS, Connection
from app.errors import TellgraphError
from app.webhooks.db.deliveries import claim_due
from app.webhooks.db.ordering.blocked_events import Place, set_aside_blocked
from workers.bench.environment.history import create_webhooks
from workers.bench.environment.lab import Lab, Site
from workers.bench.environment.marketplace import STORED_QUERY
from workers.bench.environment.processes import cpu_of
from workers.bench.figures import Figure

_SINGLE_UPDATES = 100
_SMALL_CLAIMS = 10
_CLAIMED = 1000
_EMPTY_CLAIMS = 200
#: Events behind each one that waits for its retry.
_BEHIND = 5
#: Below the number of POSTs that one webhook may have in flight.
_PER_WEBHOOK = 50


async def measure_sessions(lab: Lab) -> list[Figure]:
    """Measure an UPDATE and claims, each in a used session and in a new one; and claims beside blocked events."""
    return [await _measure_capture(lab), await _measure_claim(lab), await _measure_blocked(lab)]


async def _measure_capture(lab: Lab) -> Figure:
    rows, ratios = lab.scale.captured_rows, []
    async with lab.database() as site:
        await _create_variants(site.conn, rows)
        for _ in range(lab.scale.rounds):
            async with _session(site) as used, _session(site) as fresh:
                for number in range(_SINGLE_UPDATES):
                    await used.execute(
                        "update variants set count_on_hand = count_on_hand + 1 where id = $1", 1 + number % rows
                    )
                ratios.append(await _cpu_s(used, lambda: _update(used)) / await _cpu_s(fresh, lambda: _update(fresh)))
    return Figure(
        key="sessions.capture_ratio",
        value=statistics.median(ratios),
        unit="×",
        counts=f"PostgreSQL's CPU for an UPDATE of {rows:,} variants: after {_SINGLE_UPDATES} single rows in a session,"
        " against a fresh one",
    )


async def _measure_claim(lab: Lab) -> Figure:
    """Measure claims whose plans were made with an empty queue, which is usual, and with a full one."""
    events = lab.scale.backlog
    async with lab.database() as site:
        await create_webhooks(
            site.conn, site.secret_key, f"{lab.receiver}/hook", STORED_QUERY, count=events // _PER_WEBHOOK
        )
        async with _session(site) as before, _session(site) as after:
            await site.settle()
            for _ in range(_SMALL_CLAIMS):
                await _create_backlog(site.conn, 1)
                await _claim(before, 1)
            await _forget_events(site.conn)
            await _create_backlog(site.conn, events)
            planned_empty = await _cpu_s(before, lambda: _claim(before, events))
            await _forget_events(site.conn)
            await _create_backlog(site.conn, events)
            await site.settle()
            planned_full = await _cpu_s(after, lambda: _claim(after, events))
    return Figure(
        key="sessions.claim_ratio",
        value=planned_empty / planned_full,
        unit="×",
        counts=f"PostgreSQL's CPU for claiming {events:,} waiting events: planned while the queue was empty, against"
        " planned while it was full",
    )


async def _measure_blocked(lab: Lab) -> Figure:
    """Measure claims that find nothing, beside entities that wait for a retry with more events behind it."""
    entities = lab.scale.backlog // _BEHIND
    async with lab.database() as site, _session(site) as session:
        await create_webhooks(site.conn, site.secret_key, f"{lab.receiver}/hook", STORED_QUERY)
        await _create_of_entities(site.conn, entities, "RETRYING")
        for _ in range(_BEHIND):
            await _create_of_entities(site.conn, entities, "PENDING")
        while await _set_aside(site.conn):
            pass
        await site.settle()
        claims_s = await _cpu_s(session, lambda: _claim_nothing(session))
    return Figure(
        key="sessions.blocked_claim_ms",
        value=claims_s * 1000 / _EMPTY_CLAIMS,
        unit="ms",
        counts=f"PostgreSQL's CPU for a claim beside {entities:,} entities that wait for a retry, with {_BEHIND} events"
        " of each behind it, which the sweep has set aside",
    )


@asynccontextmanager
async def _session(site: Site) -> AsyncIterator[asyncpg.Connection]:
    """Open a connection like a worker's."""
    settings = {**SERVER_SETTINGS, "enable_seqscan": "off"}
    conn = await asyncpg.connect(site.database_url, server_settings=settings)
    try:
        yield conn
    finally:
        await conn.close()


async def _cpu_s(conn: asyncpg.Connection, run: Callable[[], Awaitable[object]]) -> float:
    """Return the CPU seconds that the session's backend takes."""
    pid = conn.get_server_pid()
    before = cpu_of([pid])[pid]
    await run()
    return cpu_of([pid])[pid] - before


async def _create_variants(conn: Connection, rows: int) -> None:
    await conn.execute(
        "insert into variants (id, advert_id, seller_id, label, price_cents, currency) overriding system value"
        " select n, n % 20 + 1, n % 20 + 1, 'Red', 1000, 'AUD' from generate_series(1, $1::int) n",
        rows,
    )
    await conn.execute("vacuum analyze")


async def _update(conn: Connection) -> None:
    await conn.execute("update variants set count_on_hand = count_on_hand + 1")


async def _create_backlog(conn: Connection, events: int) -> None:
    """Create due events, of each webhook in turn, each about another invoice."""
    await conn.execute(
        """
        insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, changed, changed_at, due_at)
        select ids[1 + n % cardinality(ids)], 'Invoice', nextval('webhook_events_id_seq'), 'update', 'PENDING', '{}',
          now(), now()
        from generate_series(1, $1::int) n cross join (select array_agg(id) as ids from webhooks) w
        """,
        events,
    )


async def _create_of_entities(conn: Connection, entities: int, state: str) -> None:
    """Create an event of each entity for the first webhook: due, or in an hour when it waits for a retry."""
    await conn.execute(
        """
        insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, changed, changed_at, due_at)
        select (select min(id) from webhooks), 'Invoice', n, 'update', $2, '{}', now(),
          now() + case when $2 = 'RETRYING' then interval '1 h' else interval '0' end
        from generate_series(1, $1::int) n
        """,
        entities,
        state,
    )


async def _set_aside(conn: Connection) -> int:
    async with conn.transaction():
        return (await set_aside_blocked(conn, Place(), blocked_s=0)).set_aside


async def _claim_nothing(conn: Connection) -> None:
    for _ in range(_EMPTY_CLAIMS):
        await claim_due(conn, limit=_CLAIMED, per_webhook=_CLAIMED, after=0, failing_share=10, lease_s=600)


async def _forget_events(conn: Connection) -> None:
    # TRUNCATE would make PostgreSQL discard its plans.
    await conn.execute("delete from webhook_events")


async def _claim(conn: Connection, events: int) -> None:
    """Claim as a worker does, until so many events are claimed."""
    while events > 0:
        claimed = await claim_due(
            conn, limit=min(events, _CLAIMED), per_webhook=_CLAIMED, after=0, failing_share=10, lease_s=600
        )
        if not claimed:
            raise TellgraphError(f"{events} events of the backlog can't be claimed.")
        events -= len(claimed)

"""An older database is brought up to date with all that is in it."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.capture import change_events
from app.db.migrate import check_migrated, migrate, upgrade
from app.errors import Conflict
from app.webhooks.db import deliveries, leases, webhook_events
from app.webhooks.db.webhook_events import Subject
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook_event import WebhookEventState
from tests.support.database import with_database

Conn = asyncpg.Connection

#: What partitions replaced: every state, some of it twice; old and new rows; shared payloads; published and not.
OLD_ROWS = """
create function claim_change_events(batch_size integer) returns table (id bigint) language sql as 'select 1::bigint';
create function claim_webhook_events(integer, integer, bigint, integer, double precision) returns void language sql
  as 'select';
insert into webhooks (type, events, url, query_string, secrets, allow_skip)
  select 'INVOICE', '{CREATE,UPDATE,DESTROY}', 'http://127.0.0.1:9/', '', '', true from generate_series(1, 2);
insert into payloads (digest, body) select sha256(n::text::bytea), n::text::bytea from generate_series(1, 4) n;
insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, reason, payload_digest, changed,
  changed_at, may_be_known, attempt_count, attempts_before, due_at, lease_until, last_status, first_attempted_at,
  created_at, finished_at, replayed_at)
select 1 + n % 2, 'Invoice', case s.state when 'SENDING' then 200 + n else 100 + s.place end, 'update', s.state,
  'Because.', sha256((1 + n % 3)::text::bytea), '{"n": 1}', at, n = 1, 2, 1,
  case when s.state in ('PENDING', 'RETRYING') then at end,
  case when s.state = 'SENDING' then at end, 500, at, at, case when s.place > 4 then at end, case when n = 1 then at end
from unnest('{PENDING,SENDING,RETRYING,HELD,DELIVERED,SKIPPED,SUPERSEDED,FAILED,CANCELLED,RENDER_FAILED}'::text[])
  with ordinality s(state, place)
cross join generate_series(1, 4) n cross join lateral (select now() - n * n * interval '4 d' as at) t;
update webhook_events set superseded_by = id + 1 where state = 'SUPERSEDED';
insert into delivery_attempts (webhook_event_id, number, started_at, finished_at, status, error, response_body,
  duration_ms)
select id, number, created_at + number * interval '1 min', case when state <> 'SENDING' or number = 1 then now() end,
  500, 'no', 'body', 7 from webhook_events cross join generate_series(1, 2) number;
insert into change_events (entity_type, entity_id, operation, columns, changes, is_cut, seller_id, actor, recorded_at,
  published_at)
select 'Invoice', n, 'UPDATE', '{invoices.total_cents}', '[]', false, 3, 'operator', now() - n * n * interval '4 d',
  case when n % 2 = 0 then now() end from generate_series(1, 6) n;
select nextval('webhook_events_id_seq');
"""
#: Of before attempts told their webhook: in two partitions, in the default one, and one whose event was dropped.
UNTOLD_ATTEMPTS = """
insert into webhooks (id, type, events, url, query_string, secrets) overriding system value
  select n, 'INVOICE', '{UPDATE}', 'http://127.0.0.1:9/', '', '' from generate_series(7, 8) n;
insert into webhook_events (id, webhook_id, entity_type, entity_id, event_name, state, changed, changed_at)
  values (1, 7, 'Invoice', 1, 'update', 'DELIVERED', '{}', now()),
    (2, 8, 'Invoice', 1, 'update', 'SENDING', '{}', now());
insert into delivery_attempts (webhook_event_id, number, started_at, status)
  values (1, 1, now() - interval '40 d', 500), (1, 2, now(), 200), (2, 1, now() + interval '4 d', null),
    (9, 1, now(), 200)
"""
#: The new tables, read as the old ones were.
TABLES = {
    "change_events": "select id, shard, txid::text, entity_type, entity_id, operation, columns, changes, is_cut,"
    " seller_id, actor, recorded_at, published_at from change_events order by id",
    "webhook_events": "select id, webhook_id, entity_type, entity_id, event_name, state, reason, superseded_by,"
    " payload_digest, changed, changed_at, may_be_known, attempt_count, attempts_before, due_at, lease_until,"
    " last_status, first_attempted_at, created_at, finished_at, replayed_at from webhook_events order by id",
    "delivery_attempts": "select id, webhook_event_id, number, started_at, finished_at, status, error_kind, error,"
    " response_body, duration_ms from delivery_attempts order by id",
    "bodies": "select e.id, p.body from webhook_events e join payloads p on p.digest = e.payload_digest order by e.id",
}


@pytest.fixture
async def empty_url(conn: Conn, database_url: str) -> AsyncIterator[str]:
    """A database without any table."""
    name = f"{database_url.rsplit('/', 1)[1]}_empty"
    await conn.execute(f'create database "{name}"')
    yield with_database(database_url, name)
    await conn.execute(f'drop database "{name}" with (force)')


@pytest.fixture
async def upgraded(empty_url: str) -> AsyncIterator[tuple[Conn, dict[str, list[asyncpg.Record]]]]:
    """A database of before the partitions, brought up to date; and what its tables held."""
    await asyncio.to_thread(upgrade, empty_url, "0011")
    old = await asyncpg.connect(empty_url)
    await old.execute(OLD_ROWS)
    held = {name: await old.fetch(sql) for name, sql in TABLES.items()}
    await old.close()
    await asyncio.to_thread(migrate, empty_url)
    conn = await asyncpg.connect(empty_url)
    yield conn, held
    await conn.close()


async def test_two_at_once_on_an_empty_database_take_turns(empty_url: str) -> None:
    ended = await asyncio.gather(*(asyncio.to_thread(migrate, empty_url) for _ in range(3)), return_exceptions=True)

    assert ended == [None] * 3
    assert await check_migrated(empty_url) is None


async def test_a_newer_database_is_left_alone_and_told_of(empty_url: str) -> None:
    await asyncio.to_thread(upgrade, empty_url, "0001")
    conn = await asyncpg.connect(empty_url)
    await conn.execute("update alembic_version set version_num = '9999'")
    await conn.close()

    with pytest.raises(
        Conflict, match=r"The database is at revision 9999, which this version doesn't know: use a newer"
    ):
        await asyncio.to_thread(migrate, empty_url)

    warning = await check_migrated(empty_url)
    assert warning is not None
    assert warning.startswith("The database is at revision 9999, and this version knows up to ")


async def test_a_database_that_must_be_migrated_is_refused(empty_url: str) -> None:
    with pytest.raises(Conflict, match=r"The database has not been migrated: run `tellgraph migrate` first."):
        await check_migrated(empty_url)
    await asyncio.to_thread(upgrade, empty_url, "0001")

    with pytest.raises(Conflict, match=r"The database is at revision 0001 and must be at .*: run `tellgraph migrate`"):
        await check_migrated(empty_url)


async def test_a_server_that_is_away_is_waited_for_elsewhere() -> None:
    assert await check_migrated("postgresql://tellgraph@127.0.0.1:1/tellgraph") is None


async def test_history_is_moved_into_partitions_whole(upgraded: tuple[Conn, dict[str, list[asyncpg.Record]]]) -> None:
    conn, held = upgraded

    by_day = TABLES["bodies"].replace("order by", "and p.day = (e.created_at at time zone 'UTC')::date order by")

    assert {name: len(rows) for name, rows in held.items()} == {
        "change_events": 6, "webhook_events": 40, "delivery_attempts": 80, "bodies": 40,
    }  # fmt: skip
    for name, sql in TABLES.items():
        assert await conn.fetch(by_day if name == "bodies" else sql) == held[name], name
    # What nothing refers to is not taken along.
    assert await conn.fetchval("select count(distinct digest) from payloads") == 3
    places = await conn.fetch(
        "select distinct state, tableoid::regclass::text = 'webhook_events_open' as is_open from webhook_events"
    )
    assert {row["state"] for row in places if row["is_open"]} == {"PENDING", "SENDING", "RETRYING", "HELD"}
    assert len(places) == 10
    assert await conn.fetchval("select count(*) from change_events_open") == 3
    defaults = "select count(*) from webhook_events_closed_default where created_at >= now() - interval '29 d'"
    assert await conn.fetchval(defaults) == 0


async def test_ids_go_on_where_they_were(upgraded: tuple[Conn, dict[str, list[asyncpg.Record]]]) -> None:
    conn, _ = upgraded

    next_ids = [
        await conn.fetchval(f"select nextval('{table}_id_seq')")
        for table in ("webhook_events", "delivery_attempts", "change_events")
    ]

    # The events' had been drawn from once more.
    assert next_ids == [42, 81, 7]


async def test_work_goes_on_after_the_upgrade(upgraded: tuple[Conn, dict[str, list[asyncpg.Record]]]) -> None:
    conn, _ = upgraded
    subject: Subject = (WebhookId(1), "Invoice", 105)

    async with conn.transaction():
        claimed = await change_events.claim_batch(conn, limit=10)
        given = await webhook_events.list_given(conn, [subject])
        released = len(await leases.release_expired(conn))
        due = await deliveries.claim_due(conn, limit=50, per_webhook=50, after=0, failing_share=50, lease_s=60)

    assert sorted(event.entity_id for event in claimed) == [1, 3, 5]
    # The newest that was delivered.
    last = await conn.fetchrow("select * from webhook_events where webhook_id = 1 and entity_id = 105 order by id desc")
    assert last is not None
    assert [(one.id, one.state, one.payload_digest) for one in given[subject]] == [
        (last["id"], WebhookEventState.DELIVERED, last["payload_digest"])
    ]
    assert released == 4
    unknown = await conn.fetchval("select count(*) from delivery_attempts where error_kind = 'UNKNOWN_OUTCOME'")
    assert unknown == 4
    # One at a time of each webhook and entity: two that were never sent, two that wait again, and what was released.
    assert len(due) == 8


async def test_attempts_are_given_their_webhook(empty_url: str) -> None:
    await asyncio.to_thread(upgrade, empty_url, "0028")
    conn = await asyncpg.connect(empty_url)
    await conn.execute(UNTOLD_ATTEMPTS)

    await asyncio.to_thread(migrate, empty_url)

    told = await conn.fetch("select webhook_event_id, number, webhook_id, status from delivery_attempts order by id")
    # That of the event 9, which is not kept any more, is not taken along: nobody could see it.
    assert [tuple(row) for row in told] == [(1, 1, 7, 500), (1, 2, 7, 200), (2, 1, 8, None)]
    await conn.execute("select add_partition('delivery_attempts', '2020-01-01', '2020-01-04')")
    indexes = await conn.fetch(
        "select relid::regclass::text as name, (select count(*) from pg_index i where i.indrelid = relid) as indexes"
        " from pg_partition_tree('delivery_attempts') where isleaf"
    )
    assert "delivery_attempts_20200101" in {row["name"] for row in indexes}
    assert {row["indexes"] for row in indexes} == {5}
    await conn.close()


async def test_webhooks_that_are_disabled_already_miss_what_changes_from_then_on(empty_url: str) -> None:
    await asyncio.to_thread(upgrade, empty_url, "0029")
    conn = await asyncpg.connect(empty_url)
    await conn.execute(
        "insert into webhooks (type, events, url, query_string, secrets, is_enabled, every_change, deleted_at)"
        " values ('INVOICE', '{UPDATE}', '', '', '', true, false, null),"
        " ('INVOICE', '{UPDATE}', '', '', '', false, false, null),"
        " ('INVOICE', '{UPDATE}', '', '', '', false, true, null),"
        " ('INVOICE', '{UPDATE}', '', '', '', false, false, now())"
    )

    await asyncio.to_thread(migrate, empty_url)

    rows = await conn.fetch("select missed_since from webhooks order by id")
    assert [row["missed_since"] for row in rows] == [None, 1, None, None]
    assert await conn.fetchval("select nextval('missed_changes_turn')") == 2
    await conn.close()

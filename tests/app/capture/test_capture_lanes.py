"""A transaction that changes many rows does not make others wait: its change events go to a lane of their own."""

import asyncpg

from app.capture.change_events import Lane, claim_batch
from app.capture.statements import BULK_ROWS
from tests.builders.variants import create_variant
from tests.support.outbox import recorded


async def lanes(conn: asyncpg.Connection) -> list[tuple[int, int]]:
    """Lanes of the variants' events, with how many there are in each."""
    rows = await conn.fetch(
        "select lane, count(*) as number from change_events_open where entity_type = 'Variant' group by lane order by 1"
    )
    return [(row["lane"], row["number"]) for row in rows]


async def many_variants(conn: asyncpg.Connection, number: int) -> None:
    variant = await create_variant(conn)
    await conn.execute(
        "insert into variants (advert_id, seller_id, label) select $1, $2, 'n' from generate_series(2, $3)",
        variant.advert_id,
        variant.seller_id,
        number,
    )
    await recorded(conn)


async def test_one_statement_of_many_rows_is_bulk_and_few_are_not(conn: asyncpg.Connection) -> None:
    await many_variants(conn, BULK_ROWS + 1)

    await conn.execute(
        "update variants set sku = 'few' where id in (select id from variants order by id limit $1)", 200
    )
    assert await lanes(conn) == [(Lane.ORDINARY, BULK_ROWS)]
    await recorded(conn)
    await conn.execute("update variants set sku = 'many'")

    assert await lanes(conn) == [(Lane.BULK, BULK_ROWS + 1)]


async def test_many_statements_of_one_transaction_are_bulk_from_then_on(conn: asyncpg.Connection) -> None:
    await many_variants(conn, BULK_ROWS + 10)
    ids = [row["id"] for row in await conn.fetch("select id from variants order by id")]

    async with conn.transaction():
        await conn.executemany("update variants set sku = 'x' where id = $1", [(id_,) for id_ in ids])
    await conn.execute("update variants set sku = 'y' where id = $1", ids[0])

    assert await lanes(conn) == [(Lane.ORDINARY, BULK_ROWS + 1), (Lane.BULK, 10)]


async def test_an_ordinary_change_is_claimed_before_a_bulk_one_and_with_all_of_its_entity(
    conn: asyncpg.Connection,
) -> None:
    await many_variants(conn, BULK_ROWS + 1)
    await conn.execute("update variants set sku = 'many'")
    chosen = await conn.fetchval("select max(id) from variants")
    await conn.execute("update variants set sku = 'one' where id = $1", chosen)
    await conn.execute("delete from change_events where entity_type <> 'Variant'")

    async with conn.transaction():
        events = await claim_batch(conn, limit=500)

    assert [(event.entity_id, event.lane) for event in events] == [(chosen, Lane.BULK), (chosen, Lane.ORDINARY)]
    assert {event.claimed_lane for event in events} == {Lane.ORDINARY}

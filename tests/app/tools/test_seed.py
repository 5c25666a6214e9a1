"""The small marketplace that demo and development begin with."""

import dataclasses

import pytest
from databases import Database

from app.db.pool import Connection
from app.errors import Conflict
from app.marketplace.orders.domain.invoice import InvoiceStatusFlag
from app.tools.seed.small import seed_marketplace

_SOLD = """
select o.first_name, o.status, i.status_flags, i.total_cents, l.variant_sku, l.quantity, l.quantity_awaiting_dispatch
from orders o join invoices i on i.order_id = o.id join line_items l on l.invoice_id = i.id order by l.id
"""


async def test_seeds_orders_in_several_states(conn: Connection, database: Database) -> None:
    seeded = await seed_marketplace(database)

    counts = [
        await conn.fetchval(f"select count(*) from {name}") for name in ("sellers", "adverts", "variants", "orders")
    ]
    assert counts == [seeded.sellers, seeded.adverts, seeded.variants, seeded.orders] == [5, 20, 40, 24]
    flags = {flag for row in await conn.fetch("select status_flags from invoices") for flag in row["status_flags"]}
    assert flags >= {InvoiceStatusFlag.PAID, "SENT", "PARTIALLY_SENT", "REMITTED", "AWAITING_RETURN"}
    assert await conn.fetchval("select exists (select from invoices where status_flags = '{}')") is True


async def test_what_is_sent_is_in_shipments(conn: Connection, database: Database) -> None:
    await seed_marketplace(database)

    wrong = await conn.fetch(
        "select l.id from line_items l join invoices i on i.id = l.invoice_id and i.delivery_type = 'BUY_ONLINE'"
        " where l.quantity - l.quantity_awaiting_dispatch <>"
        " (select coalesce(sum(s.quantity), 0) from shipped_items s where s.line_item_id = l.id)"
    )

    assert wrong == []


async def test_the_same_seed_gives_the_same_marketplace(conn: Connection, database: Database) -> None:
    first = await seed_marketplace(database, seed=3)
    sold = await conn.fetch(_SOLD)

    second = await seed_marketplace(database, seed=3, again=True)

    assert dataclasses.astuple(second) == dataclasses.astuple(first)
    assert [tuple(row) for row in (await conn.fetch(_SOLD))[len(sold) :]] == [tuple(row) for row in sold]


async def test_refuses_a_marketplace_that_has_begun(conn: Connection, database: Database) -> None:
    await seed_marketplace(database)

    with pytest.raises(Conflict, match="--again"):
        await seed_marketplace(database)

    assert await conn.fetchval("select count(*) from sellers") == 5

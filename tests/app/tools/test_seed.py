"""The small marketplace that demo and development begin with."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from databases import Database
from graphql import GraphQLField, GraphQLObjectType, get_named_type, is_leaf_type, is_required_argument

from app.db.pool import Connection
from app.errors import Conflict
from app.marketplace.orders.domain.invoice import InvoiceStatusFlag
from app.marketplace.orders.domain.order import DeliveryType, LineItemStatus, OrderStatus
from app.marketplace.orders.domain.tracking import ShipmentStatus
from app.marketplace.refunds.domain.refund_request import (
    RefundRequestInitiator,
    RefundRequestLineItemStatus,
    RefundRequestStatus,
)
from app.tools.seed.seeding import seed_at_scale, seed_small, small_scale
from schema import schema
from schema.entities import global_ids
from schema.entities.declarations import ENTITIES
from tests.support.operation import read_nodes

_SOLD = """
select o.first_name, o.status, i.status_flags, i.total_cents, l.variant_sku, l.quantity, l.quantity_awaiting_dispatch,
  l.status, i.remitted_at is not null
from orders o join invoices i on i.order_id = o.id join line_items l on l.invoice_id = i.id order by l.id
"""
#: Types that are no part of the marketplace, or whose objects the others show.
_ELSEWHERE = {"OperationalEvent", "DeletedAdvert", "UnpublishedAdvert", "DeliveryAttempt", "ApiKey", "AuditEntry"}
#: Nobody's data was erased yet.
_ERASED = {"Order.purgedAt", "Invoice.orderPurgedAt"}
_MARKETPLACE = [
    name for name, entity in ENTITIES.items() if entity.is_node and not {name} & _ELSEWHERE and "Webhook" not in name
]


@pytest.mark.parametrize("seed", [1, 2, 4])
async def test_seeds_every_state(conn: Connection, database: Database, seed: int) -> None:
    seeded = await seed_small(database, seed=seed)

    assert await _values(conn, "unnest(status_flags) from invoices") == {*InvoiceStatusFlag}
    assert await _values(conn, "status from refund_requests") == {*RefundRequestStatus}
    assert await _values(conn, "status from refund_request_line_items") == {*RefundRequestLineItemStatus}
    assert await _values(conn, "initiated_by from refund_requests") == {*RefundRequestInitiator}
    assert await _values(conn, "status from line_items") == {*LineItemStatus}
    assert await _values(conn, "delivery_type from invoices") == {*DeliveryType}
    # NEW and CHECKOUT last for minutes: nobody has ordered yet.
    assert await _values(conn, "status from orders") == {*OrderStatus} - {OrderStatus.NEW, OrderStatus.CHECKOUT}
    assert await _values(conn, "status from shipment_statuses") == {*ShipmentStatus}
    assert [table for table, count in seeded.items() if not count] == []


async def _values(conn: Connection, what: str) -> set[str]:
    return {row[0] for row in await conn.fetch(f"select distinct {what}")}


async def test_no_field_is_empty_in_every_row(conn: Connection, database: Database) -> None:
    """Whoever looks around in a new marketplace finds an example of everything."""
    await seed_small(database)

    filled = {field for name in _MARKETPLACE for field in await _filled(conn, name)}

    declared = {f"{name}.{field}" for name in _MARKETPLACE for field in _fields(name)}
    assert declared - filled == _ERASED
    assert len(declared) > 400


def _fields(name: str) -> dict[str, str]:
    """Return a selection of each field, by its name."""
    type_ = schema._schema.type_map[name]
    assert isinstance(type_, GraphQLObjectType)
    return {field: field + _below(declared) for field, declared in type_.fields.items() if _is_free(declared)}


def _is_free(field: GraphQLField) -> bool:
    return not any(map(is_required_argument, field.args.values()))


def _below(field: GraphQLField) -> str:
    type_ = get_named_type(field.type)
    if is_leaf_type(type_):
        return ""
    return "(first: 1) { nodes { __typename } }" if type_.name.endswith("Connection") else " { __typename }"


async def _filled(conn: Connection, name: str) -> set[str]:
    """Return the fields that at least one row fills."""
    keys = [row[0] for row in await conn.fetch(f"select id from {ENTITIES[name].table.name} order by id")]
    filled = set[str]()
    for some in _in_parts(keys):
        ids = [global_ids.encode(name, key) for key in some]
        answer = await read_nodes(conn, ids, f"{name} {{ {' '.join(_fields(name).values())} }}")
        assert answer.errors == []
        filled |= {f"{name}.{field}" for row in answer.data if row for field, value in row.items() if _says(value)}
    return filled


def _in_parts(keys: list[int]) -> Iterator[list[int]]:
    return (keys[start : start + 25] for start in range(0, len(keys), 25))


def _says(value: Any) -> bool:
    return value not in (None, "", [], {}, {"nodes": []})


async def test_what_is_sent_is_in_shipments(conn: Connection, database: Database) -> None:
    await seed_small(database)

    wrong = await conn.fetch(
        "select l.id from line_items l join invoices i on i.id = l.invoice_id and i.delivery_type = 'BUY_ONLINE'"
        " where l.quantity - l.quantity_awaiting_dispatch <> (select coalesce(sum(s.quantity), 0)"
        " from shipped_items s where s.line_item_id = l.id) + (select coalesce(sum(a.quantity), 0)"
        " from invoice_amendment_line_items a where a.line_item_id = l.id and not a.is_dispatched)"
    )

    assert wrong == []


@pytest.mark.parametrize("seed", [1, 3])
async def test_the_same_seed_gives_the_same_marketplace(conn: Connection, database: Database, seed: int) -> None:
    first = await seed_small(database, seed=seed)
    sold = await conn.fetch(_SOLD)

    second = await seed_small(database, seed=seed, again=True)

    assert second == first
    assert [tuple(row) for row in (await conn.fetch(_SOLD))[len(sold) :]] == [tuple(row) for row in sold]


async def test_what_is_seeded_is_the_same_on_another_weekday(conn: Connection, database: Database) -> None:
    days = [datetime(2026, 9, day, 17, 30, tzinfo=UTC) for day in (1, 4)]
    _ = [written async for written in seed_at_scale(database, small_scale(1, days[0]))]
    sold = await conn.fetch(_SOLD)

    _ = [written async for written in seed_at_scale(database, small_scale(1, days[1]), again=True)]

    assert [tuple(row) for row in (await conn.fetch(_SOLD))[len(sold) :]] == [tuple(row) for row in sold]
    last = await conn.fetchrow("select min(created_at) > '2026-07-06Z', max(created_at) < '2026-09-04Z' from orders")
    assert last is not None
    assert [*last] == [True, True]


async def test_refuses_a_marketplace_that_has_begun(conn: Connection, database: Database) -> None:
    await seed_small(database)

    with pytest.raises(Conflict, match="--again"):
        await seed_small(database)

    assert await conn.fetchval("select count(*) from sellers") == 5

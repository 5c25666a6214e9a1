"""Lists of many rows: the usual order, what awaits dispatch, totals, and what is read by a copy of the seller."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from schema.engine.counts import MAX_COUNTED
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.refund_requests import create_refund_request
from tests.builders.sales import create_sales
from tests.support.operation import run_operation

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


async def listed(conn: Connection, field: str, viewer: Viewer = OPERATOR) -> list[int]:
    answer = await run_operation(conn, f"{{ list: {field} {{ nodes {{ legacyId }} }} }}", viewer=viewer)
    return [node["legacyId"] for node in answer.data["list"]["nodes"]]


@pytest.mark.parametrize("name", ["created", "updated", "paid", "remitted"])
async def test_a_period_of_invoices_is_in_the_order_of_its_time(conn: Connection, name: str) -> None:
    late, early = [await create_invoice(conn, **{f"{name}_at": NOON + timedelta(hours=n)}) for n in (2, 1)]
    await create_invoice(conn, **{f"{name}_at": NOON - timedelta(hours=1)})
    period = f'filters: {{{name}Since: "2026-03-04T12:00:00Z"}}'

    assert await listed(conn, f"invoices({period})") == [early.id, late.id]
    assert await listed(conn, f"invoices({period}, sort: {{ordering: DESCENDING}})") == [late.id, early.id]
    assert await listed(conn, f"invoices({period}, first: 1)") == [early.id]


@pytest.mark.parametrize("name", ["created", "refunded"])
async def test_a_period_of_refund_requests_is_in_the_order_of_its_time(conn: Connection, name: str) -> None:
    late, early = [await create_refund_request(conn, **{f"{name}_at": NOON + timedelta(hours=n)}) for n in (2, 1)]
    await create_refund_request(conn, **{f"{name}_at": NOON - timedelta(hours=1)})

    found = await listed(conn, f'refundRequests(filters: {{{name}Since: "2026-03-04T12:00:00Z"}})')

    assert found == [early.id, late.id]


async def test_pages_by_statuses_miss_none_and_repeat_none(conn: Connection) -> None:
    flags: list[list[str]] = [["PAID"], ["PAID", "SENT"], ["CANCELLED"]]
    made = [
        await create_invoice(conn, status_flags=flags[n % 3], created_at=NOON - timedelta(hours=n)) for n in range(9)
    ]
    wanted = [one.id for n, one in enumerate(made) if n % 3 < 2]
    selected = "nodes { legacyId } pageInfo { hasNextPage endCursor }"
    found: list[int] = []
    page: Any = {"pageInfo": {"hasNextPage": True, "endCursor": None}}

    while page["pageInfo"]["hasNextPage"]:
        document = (
            f"query($after: String) {{ invoices(filters: {{statuses: [PAID, SENT]}}, first: 2, after: $after)"
            f" {{ {selected} }} }}"
        )
        page = (await run_operation(conn, document, after=page["pageInfo"]["endCursor"])).data["invoices"]
        found += [node["legacyId"] for node in page["nodes"]]

    assert found == wanted[::-1]


@pytest.mark.parametrize("lines", [1, 20_001])
async def test_what_awaits_dispatch_is_found_however_much_it_is(conn: Connection, lines: int) -> None:
    line, done = await create_line_item(conn), await create_line_item(conn, quantity_awaiting_dispatch=0)
    await conn.execute("alter table line_items disable trigger user")
    await conn.execute(
        "insert into line_items (invoice_id, quantity, quantity_awaiting_dispatch, quantity_returnable,"
        " item_amount_cents, total_cents, subtotal_cents, currency)"
        " select $1, 1, 1, 1, 1, 1, 1, 'AUD' from generate_series(2, $2::int)",
        line.invoice_id,
        lines,
    )

    assert await listed(conn, "invoices(filters: {notDispatched: true})") == [line.invoice_id]
    assert await listed(conn, "invoices(filters: {notDispatched: true}, sort: {fields: [PAID_AT]})") == [
        line.invoice_id
    ]
    assert await listed(conn, "invoices(filters: {notDispatched: false})") == [done.invoice_id]


async def test_a_total_is_counted_up_to_a_bound_and_estimated_beyond(conn: Connection) -> None:
    await conn.execute("insert into countries (name) select 'C' from generate_series(1, $1::int)", MAX_COUNTED)
    await conn.execute("analyze countries")
    before = (await run_operation(conn, "{ countries { totalCount } }")).data
    await conn.execute("insert into countries (name) select 'C' from generate_series(1, $1::int)", MAX_COUNTED)
    await conn.execute("analyze countries")

    answer = await run_operation(conn, "{ countries(first: 1) { totalCount nodes { name } } }")

    assert before == {"countries": {"totalCount": MAX_COUNTED}}
    assert abs(answer.data["countries"]["totalCount"] - 2 * MAX_COUNTED) < MAX_COUNTED // 10
    assert len(answer.data["countries"]["nodes"]) == 1


async def test_refund_requests_and_amendments_follow_their_invoice_to_another_seller(conn: Connection) -> None:
    sale, other = await create_sales(conn, 2)

    await conn.execute("update invoices set seller_id = $1 where id = $2", other.seller.id, sale.invoice.id)

    for field, ids in (
        ("refundRequests", [sale.refund_request.id, other.refund_request.id]),
        ("invoiceAmendments", [sale.invoice_amendment.id, other.invoice_amendment.id]),
    ):
        assert await listed(conn, field, Viewer(sale.seller.id)) == []
        assert await listed(conn, field, Viewer(other.seller.id)) == ids

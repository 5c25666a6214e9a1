"""invoices: filters, orders, pages.

Above 300 lines: the filters and orders of one list, each alone and beside the others.
"""

import base64
import json
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.marketplace.orders.db.invoice_annotations import InvoiceAnnotationType
from app.marketplace.orders.domain.invoice import InvoiceStatusFlag, invoice_status
from app.marketplace.orders.domain.order import DeliveryType
from schema.entities.global_ids import encode
from tests.builders.invoice_parts import create_invoice_annotation, create_invoice_annotation_type
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.sales import create_sale, create_sales
from tests.support.operation import Answer, run_operation

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
PAGE = """query(
  $filters: InvoiceFilters, $sort: InvoiceSort, $first: Int, $after: String, $last: Int, $before: String
) {
  invoices(filters: $filters, sort: $sort, first: $first, after: $after, last: $last, before: $before) {
    nodes { legacyId } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }"""


async def page(conn: Connection, viewer: Viewer = OPERATOR, **variables: Any) -> Answer:
    return await run_operation(conn, PAGE, viewer=viewer, **variables)


async def found(conn: Connection, viewer: Viewer = OPERATOR, /, **filters: Any) -> list[int]:
    """`legacyId`s of the invoices that meet the filters."""
    answer = await page(conn, viewer, filters=filters)
    assert answer.errors == []
    return [node["legacyId"] for node in answer.data["invoices"]["nodes"]]


async def ordered(conn: Connection, **sort: Any) -> list[int]:
    """`legacyId`s of all invoices, in pages of two."""
    ids: list[int] = []
    after = None
    while True:
        answer = await page(conn, sort=sort, first=2, after=after)
        assert answer.errors == []
        ids += [node["legacyId"] for node in answer.data["invoices"]["nodes"]]
        if not answer.data["invoices"]["pageInfo"]["hasNextPage"]:
            return ids
        after = answer.data["invoices"]["pageInfo"]["endCursor"]


@pytest.mark.parametrize("name", ["created", "updated", "paid", "remitted"])
async def test_since_is_inclusive_and_until_exclusive(conn: Connection, name: str) -> None:
    before, at, after = [(await create_invoice(conn, **{f"{name}_at": NOON + n * HOUR})).id for n in (-1, 0, 1)]
    if name in ("paid", "remitted"):
        await create_invoice(conn)  # not at all

    since = await found(conn, OPERATOR, **{f"{name}Since": NOON.isoformat()})
    until = await found(conn, OPERATOR, **{f"{name}Until": NOON.isoformat()})
    both = await found(conn, OPERATOR, **{f"{name}Since": NOON.isoformat(), f"{name}Until": (NOON + HOUR).isoformat()})

    assert (since, until, both) == ([at, after], [before], [at])


async def test_time_without_offset_is_utc(conn: Connection) -> None:
    invoice = await create_invoice(conn, created_at=NOON)

    assert await found(conn, createdSince="2026-03-04T12:00:00", createdUntil="2026-03-04T12:00:01") == [invoice.id]
    assert await found(conn, createdSince="2026-03-04T12:00:00-01:00") == []


async def test_time_beyond_all_times_is_refused(conn: Connection) -> None:
    answer = await page(conn, filters={"createdSince": "0001-01-01T00:00:00+14:00"})

    assert answer.failures == [(["invoices"], "BAD_USER_INPUT")]


async def test_statuses_are_the_single_status(conn: Connection) -> None:
    new = await create_invoice(conn, status_flags=[])
    sent = await create_invoice(conn, status_flags=["PAID", "SENT"])
    paid = await create_invoice(conn, status_flags=["PAID"])

    assert await found(conn, statuses=["AWAITING_PAYMENT", "SENT"]) == [new.id, sent.id]
    assert await found(conn, statuses=["PAID"]) == [paid.id]
    assert await found(conn, statuses=[]) == []


async def test_null_filters_are_no_filters(conn: Connection) -> None:
    invoice = await create_invoice(conn)

    answer = await page(conn, filters=None, sort=None)

    assert [node["legacyId"] for node in answer.data["invoices"]["nodes"]] == [invoice.id]
    assert await found(conn, statuses=None, legacyId=None, buyerName=None, createdSince=None) == [invoice.id]
    assert await found(conn) == [invoice.id]


async def test_filters_combine(conn: Connection) -> None:
    sale, other = await create_sales(conn, 2)

    assert await found(conn, legacyId=sale.invoice.id, orderId=sale.order.id) == [sale.invoice.id]
    assert await found(conn, legacyId=sale.invoice.id, orderId=other.order.id) == []


async def test_buyer_name_is_any_part_of_the_whole_name(conn: Connection) -> None:
    ada = await create_invoice(conn, buyer_first_name="Ada", buyer_surname="Byron")
    nameless = await create_invoice(conn, buyer_first_name=None, buyer_surname=None)

    assert await found(conn, buyerName="DA BY") == [ada.id]
    assert await found(conn, buyerName="") == [ada.id, nameless.id]


@pytest.mark.parametrize("text", ["50%", "a_b", "back\\slash", "it's", "100% \\_"])
async def test_text_filter_means_what_it_says(conn: Connection, text: str) -> None:
    wanted = await create_invoice(conn, buyer_surname=f"<{text}>")
    await create_invoice(conn, buyer_surname="<50 axb backslash its 100 x>")

    assert await found(conn, buyerName=text.upper()) == [wanted.id]


async def test_buyer_email_address_is_the_whole_address(conn: Connection) -> None:
    wanted = await create_invoice(conn, buyer_email_address="Ada_B@x.example")
    await create_invoice(conn, buyer_email_address="AdaxB@x.example")
    await create_invoice(conn, buyer_email_address=None)

    assert await found(conn, buyerEmailAddress="aDA_b@x.example") == [wanted.id]
    assert await found(conn, buyerEmailAddress="_b@x.example") == []


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"])
async def test_text_that_cannot_be_stored_matches_nothing(conn: Connection, text: str) -> None:
    await create_invoice(conn, buyer_email_address="a@b.example")

    assert await found(conn, buyerEmailAddress=text) == []
    assert await found(conn, buyerName=text) == []
    assert await found(conn, externalId=text) == []


async def test_not_dispatched_looks_at_line_items(conn: Connection) -> None:
    open_, done = await create_line_item(conn), await create_line_item(conn, quantity_awaiting_dispatch=0)

    assert await found(conn, notDispatched=True) == [open_.invoice_id]
    assert await found(conn, notDispatched=False) == [done.invoice_id]


async def test_unresolved_annotations_count_as_far_as_they_are_seen(conn: Connection) -> None:
    shown, hidden = [await create_invoice_annotation_type(conn, viewable_by_seller=seen) for seen in (True, False)]
    sellers, ids = [], []
    for of, is_resolved in ((shown, False), (shown, True), (hidden, False)):
        invoice = await create_invoice(conn)
        await create_invoice_annotation(
            conn, invoice_id=invoice.id, invoice_annotation_type_id=of.id, is_resolved=is_resolved
        )
        sellers.append(Viewer(invoice.seller_id))
        ids.append(invoice.id)

    async def annotated(of: InvoiceAnnotationType, viewer: Viewer) -> list[int]:
        type_id = encode("InvoiceAnnotationType", of.id)
        return await found(conn, viewer, withUnresolvedAnnotationsOfType=type_id)

    assert [await annotated(shown, viewer) for viewer in (OPERATOR, *sellers)] == [[ids[0]], [ids[0]], [], []]
    assert [await annotated(hidden, viewer) for viewer in (OPERATOR, *sellers)] == [[ids[2]], [], [], []]


async def test_awaiting_filters_look_at_flags(conn: Connection) -> None:
    collect = {"delivery_type": DeliveryType.CLICK_AND_COLLECT}
    returning = await create_invoice(conn, status_flags=["SENT", "AWAITING_RETURN"])
    ready = await create_invoice(conn, status_flags=["PAID", "READY"], **collect)
    collected = await create_invoice(conn, status_flags=["PAID", "READY", "COLLECTED"], **collect)

    assert await found(conn, awaitingReturn=True) == [returning.id]
    assert await found(conn, awaitingReturn=False) == [ready.id, collected.id]
    assert await found(conn, awaitingCollection=True) == [ready.id]
    assert await found(conn, awaitingCollection=False) == [returning.id, collected.id]


async def test_external_id_is_the_invoices_or_its_orders(conn: Connection) -> None:
    sale, other = await create_sales(conn, 2)
    await conn.execute(
        "insert into external_ids (owner_type, owner_id, key, value) values"
        " ('Invoice', $1, 'erp', 'A-1'), ('Order', $2, 'erp', 'A-2'), ('Variant', $1, 'erp', 'A-3')",
        sale.invoice.id,
        other.order.id,
    )

    assert await found(conn, externalId="A-1") == [sale.invoice.id]
    assert await found(conn, externalId="A-2") == [other.invoice.id]
    assert await found(conn, externalId="A-3") == []
    assert await found(conn, Viewer(other.seller.id), externalId="A-2") == []


async def test_order_does_not_answer_a_sellers_filter(conn: Connection) -> None:
    sale = await create_sale(conn)

    assert await found(conn, orderId=sale.order.id) == [sale.invoice.id]
    assert await found(conn, Viewer(sale.seller.id), orderId=sale.order.id) == []


async def test_sql_status_is_the_domains_for_every_set_of_flags(conn: Connection) -> None:
    sets = [
        [flag for flag, is_set in zip(InvoiceStatusFlag, chosen, strict=True) if is_set]
        for chosen in product((False, True), repeat=len(InvoiceStatusFlag))
    ]

    records = await conn.fetch(
        "select invoice_status(string_to_array(f, ',')) from unnest($1::text[]) with ordinality u(f, n) order by n",
        [",".join(flags) for flags in sets],
    )

    assert [record[0] for record in records] == [invoice_status(flags).value for flags in sets]
    assert len(sets) == 2048


@pytest.mark.parametrize(
    ("field", "column"),
    [
        ("CREATED_AT", "created_at"),
        ("UPDATED_AT", "updated_at"),
        ("PAID_AT", "paid_at"),
        ("REMITTED_AT", "remitted_at"),
    ],
)
async def test_orders_by_times_and_then_by_id(conn: Connection, field: str, column: str) -> None:
    late, early, same = [(await create_invoice(conn, **{column: NOON + n * HOUR})).id for n in (2, 0, 0)]
    unset = [(await create_invoice(conn)).id] if column in ("paid_at", "remitted_at") else []

    ascending = await ordered(conn, fields=[field])
    descending = await ordered(conn, fields=[field], ordering="DESCENDING")

    assert ascending == [early, same, late, *unset]
    assert descending == ascending[::-1]


async def test_orders_by_several_fields(conn: Connection) -> None:
    given = [(["PAID"], 1), ([], 2), (["PAID"], 0), (["SENT"], 0), ([], 1)]
    ids = [(await create_invoice(conn, status_flags=flags, paid_at=NOON + n * HOUR)).id for flags, n in given]

    by_both = await ordered(conn, fields=["STATUS", "PAID_AT"])

    assert by_both == [ids[4], ids[1], ids[2], ids[0], ids[3]]
    assert await ordered(conn, fields=["STATUS", "PAID_AT"], ordering="DESCENDING") == by_both[::-1]
    assert await ordered(conn, fields=["STATUS"]) == [ids[1], ids[4], ids[0], ids[2], ids[3]]


async def test_orders_by_creation_when_nothing_is_said(conn: Connection) -> None:
    late, early = [(await create_invoice(conn, created_at=NOON - n * HOUR)).id for n in (0, 1)]

    assert await found(conn) == [early, late]
    assert await ordered(conn) == await ordered(conn, fields=[]) == [early, late]
    assert await ordered(conn, ordering="DESCENDING") == [late, early]


@pytest.mark.parametrize(
    "other",
    [{"fields": ["UPDATED_AT"]}, {"ordering": "DESCENDING"}, {"fields": ["CREATED_AT", "STATUS"]}],
)
async def test_cursor_of_another_order_is_refused(conn: Connection, other: dict[str, Any]) -> None:
    await create_invoice(conn)
    cursor = (await page(conn)).data["invoices"]["pageInfo"]["endCursor"]

    answer = await page(conn, sort=other, after=cursor)

    assert answer.failures == [(["invoices"], "BAD_USER_INPUT")]
    assert answer.data is None


@pytest.mark.parametrize(
    "place", ["PAID", "PAID\x1f2026-03-04", "PA\0ID\x1finfinity", "\ud800\x1finfinity", "A\x1fB\x1fC"]
)
async def test_forged_cursor_of_the_same_order_is_refused(conn: Connection, place: str) -> None:
    text = json.dumps([1, "invoices", "status,paid_at", place, 1])

    answer = await page(conn, sort={"fields": ["STATUS", "PAID_AT"]}, after=base64.b64encode(text.encode()).decode())

    assert answer.failures == [(["invoices"], "BAD_USER_INPUT")]


async def test_page_stays_while_invoices_are_inserted(conn: Connection) -> None:
    first, second, third = [(await create_invoice(conn, created_at=NOON + n * HOUR)).id for n in (0, 2, 4)]
    cursor = (await page(conn, first=2)).data["invoices"]["pageInfo"]["endCursor"]
    await create_invoice(conn, created_at=NOON + HOUR)
    inserted = await create_invoice(conn, created_at=NOON + 3 * HOUR)

    rest = (await page(conn, first=9, after=cursor)).data["invoices"]["nodes"]

    assert [node["legacyId"] for node in rest] == [inserted.id, third]
    assert first < second


async def test_invoice_that_moves_is_met_again_and_none_is_missed(conn: Connection) -> None:
    first, second, third = [(await create_invoice(conn, updated_at=NOON + n * HOUR)).id for n in (0, 1, 2)]
    sort = {"fields": ["UPDATED_AT"]}
    cursor = (await page(conn, sort=sort, first=1)).data["invoices"]["pageInfo"]["endCursor"]
    await conn.execute("update invoices set updated_at = $1 where id = $2", NOON + 3 * HOUR, first)

    rest = (await page(conn, sort=sort, after=cursor)).data["invoices"]["nodes"]

    assert [node["legacyId"] for node in rest] == [second, third, first]


async def test_pages_backward_and_forward_tell_of_each_other(conn: Connection) -> None:
    ids = [(await create_invoice(conn, paid_at=None if n == 2 else NOON + n * HOUR)).id for n in range(4)]
    sort = {"fields": ["PAID_AT"], "ordering": "DESCENDING"}

    last = (await page(conn, sort=sort, last=2)).data["invoices"]
    before = (await page(conn, sort=sort, last=2, before=last["pageInfo"]["startCursor"])).data["invoices"]

    assert [node["legacyId"] for node in last["nodes"]] == [ids[1], ids[0]]
    assert [node["legacyId"] for node in before["nodes"]] == [ids[2], ids[3]]
    assert (last["pageInfo"]["hasPreviousPage"], before["pageInfo"]["hasPreviousPage"]) == (True, False)

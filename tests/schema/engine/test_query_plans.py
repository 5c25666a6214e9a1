"""The main lists use an index, on tables of a few thousand rows with statistics."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest

from app.auth.viewers import OPERATOR, Viewer
from app.db.keyset import Slice
from app.db.pool import Connection
from app.db.table import Table
from app.marketplace.catalogue.db.adverts import ADVERTS
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.orders.db.invoice_amendments import INVOICE_AMENDMENTS
from app.marketplace.orders.db.invoices import INVOICES
from app.marketplace.orders.db.orders import ORDERS
from app.marketplace.refunds.db.refund_requests import REFUND_REQUESTS
from schema.engine.statements import listed_rows
from schema.entities.declarations import ListQuery
from schema.filters import adverts, invoice_amendments, invoices, orders, refund_requests
from schema.filters.enums import InvoiceAmendmentSortField, InvoiceSortField, SortOrdering

FILL = """
create temporary table n as
  select n, timestamptz '2026-01-01Z' + n * interval '1 min' as at from generate_series(1, 4000) n;
insert into sellers (business_name, email_address) select 's', 'e' from generate_series(1, 400);
insert into orders (token, status, total_cents, subtotal_cents, currency, updated_at)
  select n::text, 'COMPLETE', 1, 1, 'AUD', at from n;
insert into invoices (order_id, seller_id, delivery_type, status_flags, total_cents, subtotal_cents, currency,
    created_at, updated_at, paid_at)
  select n, 1 + n % 400, 'BUY_ONLINE', case when n % 3 = 0 then array['PAID'] else '{}' end, 1, 1, 'AUD', at, at,
    case when n % 3 = 0 then at end from n;
insert into refund_requests (invoice_id, status, initiated_by, currency, updated_at)
  select n, 'AWAITING', 'BUYER', 'AUD', at from n;
insert into invoice_amendments (invoice_id, total_cents, currency, created_at) select n, 1, 'AUD', at from n;
insert into adverts (seller_id, title, updated_at) select 1 + n % 400, 't', at from n;
analyze sellers, orders, invoices, refund_requests, invoice_amendments, adverts;
"""
LATE = datetime(2026, 1, 3, 12, tzinfo=UTC)
SELLER = Viewer(SellerId(7))
BY = invoices.InvoiceSort
UPDATED = [InvoiceSortField.UPDATED_AT]
AMENDED = invoice_amendments.InvoiceAmendmentSort(fields=[InvoiceAmendmentSortField.REMITTED_AT])


@pytest.fixture
async def filled(conn: Connection) -> AsyncIterator[Connection]:
    async with conn.transaction():
        # Saves the checks of foreign keys and the derived columns. Capture records these rows all the same.
        await conn.execute("set local session_replication_role = replica")
        await conn.execute(FILL)
        yield conn


async def plan_of(conn: Connection, table: Table[Any], asked: ListQuery, viewer: Viewer, *, after: str | None) -> str:
    """The plan of a page of 50, of the first one or of the one after the place `after`."""
    cursor = None if after is None else (after, 2000)
    statement = listed_rows(table, viewer, asked, Slice(size=50, is_backward=False, cursor=cursor))
    records = await conn.fetch(f"explain {statement.sql}", *statement.args)
    return "\n".join(record[0] for record in records)


PLACES = pytest.mark.parametrize("place", [None, "2026-01-02T00:00:00+00:00"])
LISTS: list[tuple[Table[Any], ListQuery, str]] = [
    (INVOICES, invoices.ask(OPERATOR), "invoices_created"),
    (INVOICES, invoices.ask(OPERATOR, sort=BY(ordering=SortOrdering.DESCENDING)), "invoices_created"),
    (INVOICES, invoices.ask(OPERATOR, sort=BY(fields=UPDATED)), "invoices_updated"),
    (INVOICES, invoices.ask(OPERATOR, sort=BY(fields=[InvoiceSortField.PAID_AT])), "invoices_paid"),
    (INVOICES, invoices.ask(OPERATOR, sort=BY(fields=[InvoiceSortField.REMITTED_AT])), "invoices_remitted"),
    (ORDERS, orders.ask_updated(OPERATOR, LATE), "orders_updated"),
    (REFUND_REQUESTS, refund_requests.ask_updated(OPERATOR, LATE), "refund_requests_updated"),
    (ADVERTS, adverts.ask_all(OPERATOR), "adverts_updated"),
    (INVOICE_AMENDMENTS, invoice_amendments.ask(OPERATOR), "invoice_amendments_created"),
    (INVOICE_AMENDMENTS, invoice_amendments.ask(OPERATOR, sort=AMENDED), "invoice_amendments_remitted"),
]
SELLERS_LISTS: list[tuple[Table[Any], ListQuery, str]] = [
    (INVOICES, invoices.ask(SELLER), "invoices_seller_created"),
    (INVOICES, invoices.ask(SELLER, sort=BY(fields=UPDATED)), "invoices_seller_updated"),
    (ADVERTS, adverts.ask_all(SELLER, LATE), "adverts_seller_updated"),
]


@PLACES
async def test_main_lists_use_an_index(filled: Connection, place: str | None) -> None:
    for table, asked, index in LISTS:
        plan = await plan_of(filled, table, asked, OPERATOR, after=place)

        assert f"using {index} " in plan, plan
        assert "Sort" not in plan, plan


@PLACES
async def test_sellers_lists_can_be_read_in_their_order(filled: Connection, place: str | None) -> None:
    # A few rows are sorted as fast as they are found; it is the many for which the index is.
    await filled.execute("set local enable_sort = off; set local enable_bitmapscan = off")

    for table, asked, index in SELLERS_LISTS:
        plan = await plan_of(filled, table, asked, SELLER, after=place)

        assert f"using {index} " in plan, plan
        assert "Sort" not in plan, plan


@pytest.mark.parametrize("place", [None, "PAID\x1f2026-01-02T00:00:00+00:00"])
async def test_order_by_status_uses_an_index(filled: Connection, place: str | None) -> None:
    asked = invoices.ask(OPERATOR, sort=BY(fields=[InvoiceSortField.STATUS]))

    plan = await plan_of(filled, INVOICES, asked, OPERATOR, after=place)

    assert "using invoices_status " in plan
    assert "Sort" not in plan


async def test_filters_share_the_index_of_their_order(filled: Connection) -> None:
    filters = invoices.InvoiceFilters(paid_since=LATE)
    asked = invoices.ask(OPERATOR, filters, BY(fields=[InvoiceSortField.PAID_AT]))

    plan = await plan_of(filled, INVOICES, asked, OPERATOR, after=None)

    assert "using invoices_paid " in plan
    assert "Index Cond: ((COALESCE(paid_at" in plan

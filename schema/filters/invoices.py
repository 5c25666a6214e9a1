"""The filters and orders of invoices."""

from datetime import datetime

import strawberry

from app.auth.viewers import Viewer
from app.db.keyset import Sort, by_column
from app.marketplace.orders.db.orders import ORDERS
from app.marketplace.orders.domain.invoice import invoice_status
from schema.entities.declarations import ListQuery
from schema.entities.fields import argument
from schema.enums.marketplace import (
    InvoiceStatusEnum,
)
from schema.filters.conditions import Conditions, input_field, sorted_by, value_or_none
from schema.filters.enums import InvoiceSortField, InvoiceSortFieldEnum, SortOrdering, SortOrderingEnum
from schema.filters.external_ids import has_external_id_value


@strawberry.input(description="The invoices to return: those that meet all given filters.")
class InvoiceFilters:
    created_since: datetime | None = input_field("Created at this time or later.")
    created_until: datetime | None = input_field("Created before this time.")
    updated_since: datetime | None = input_field(
        "Changed at this time or later. A change bears the time at which its transaction began: when you poll,"
        " let a period begin a little before the last one's end."
    )
    updated_until: datetime | None = input_field("Not changed at this time or later.")
    paid_since: datetime | None = input_field("Paid at this time or later.")
    paid_until: datetime | None = input_field("Paid before this time.")
    remitted_since: datetime | None = input_field("Paid out to the seller at this time or later.")
    remitted_until: datetime | None = input_field("Paid out to the seller before this time.")
    statuses: list[InvoiceStatusEnum] | None = input_field("With one of these statuses; an empty list: none.")
    legacy_id: int | None = input_field("The invoice with this `legacyId`.")
    order_id: int | None = input_field("Those of the order with this `legacyId`. None for a key that sees no orders.")
    external_id: str | None = input_field(
        "With this value of an external id of the invoice or, for a key that sees orders, of its order."
    )
    buyer_name: str | None = input_field("With this text in the buyer's name, upper or lower case.")
    buyer_email_address: str | None = input_field("With this text in the buyer's address, upper or lower case.")
    not_dispatched: bool | None = input_field("With items that await dispatch (true), or without any (false).")
    awaiting_return: bool | None = input_field("With items that the buyer is to send back (true), or without (false).")
    awaiting_collection: bool | None = input_field(
        "Ready to be collected and not collected or cancelled yet (true), or not so (false)."
    )


@strawberry.input(
    description="The order of invoices; of equal ones, the older id comes first (ascending). An invoice that changes"
    " what it is ordered by moves: going through the pages by UPDATED_AT ascending meets it again and misses none."
)
class InvoiceSort:
    fields: list[InvoiceSortFieldEnum] | None = input_field(
        "The fields of the order, the most important first. CREATED_AT by default."
    )
    ordering: SortOrderingEnum | None = input_field("The direction. ASCENDING by default.")


ARGUMENTS = (
    argument("filters", InvoiceFilters | None, "The invoices to return; all that the key sees if absent."),
    argument("sort", InvoiceSort | None, "Their order; by the time of their creation if absent."),
)

#: The same as `invoice_status` of app/marketplace/orders/domain/invoice.py. The SQL function is in 0002_orders.sql.
STATUS_SQL = 'invoice_status({t}.status_flags) collate "C"'

_SORTS: dict[InvoiceSortField, Sort] = {
    InvoiceSortField.CREATED_AT: by_column("created_at", "timestamptz"),
    InvoiceSortField.UPDATED_AT: by_column("updated_at", "timestamptz"),
    InvoiceSortField.PAID_AT: by_column("paid_at", "timestamptz", when_null="infinity"),
    InvoiceSortField.REMITTED_AT: by_column("remitted_at", "timestamptz", when_null="infinity"),
    InvoiceSortField.STATUS: Sort(
        name="status",
        sql=STATUS_SQL,
        type="text",
        text=lambda row: invoice_status(row.status_flags).value,
        reads=("status_flags",),
    ),
}
_NOT_DISPATCHED = "exists (select from line_items l where l.invoice_id = t.id and l.quantity_awaiting_dispatch > 0)"
_AWAITING_COLLECTION = (
    "t.status_flags @> array['READY'] and not t.status_flags && array['COLLECTED', 'CANCELLED', 'REFUNDED']"
)


def ask(viewer: Viewer, filters: InvoiceFilters | None = None, sort: InvoiceSort | None = None) -> ListQuery:
    query = Conditions(viewer)
    order = sorted_by(
        sort.fields if sort else None,
        _SORTS,
        descending=sort is not None and value_or_none(sort.ordering) is SortOrdering.DESCENDING,
    )
    return query.list_query(*_conditions(query, filters), sort=order) if filters else query.list_query(sort=order)


def _conditions(query: Conditions, filters: InvoiceFilters) -> list[str | None]:
    return [
        query.period("t.created_at", filters.created_since, filters.created_until),
        query.period("t.updated_at", filters.updated_since, filters.updated_until),
        query.period("t.paid_at", filters.paid_since, filters.paid_until, is_nullable=True),
        query.period("t.remitted_at", filters.remitted_since, filters.remitted_until, is_nullable=True),
        query.one_of(STATUS_SQL.format(t="t"), filters.statuses),
        query.equal("t.id", filters.legacy_id, "bigint"),
        query.exists(ORDERS, "o", "o.id = t.order_id", query.equal("t.order_id", filters.order_id, "bigint")),
        _external_id(query, value_or_none(filters.external_id)),
        *of_buyer(query, "t", filters.buyer_name, filters.buyer_email_address),
        query.holds(_NOT_DISPATCHED, filters.not_dispatched),
        query.holds("t.status_flags @> array['AWAITING_RETURN']", filters.awaiting_return),
        query.holds(_AWAITING_COLLECTION, filters.awaiting_collection),
    ]


def of_buyer(query: Conditions, alias: str, name: str | None, email_address: str | None) -> list[str | None]:
    """Return the conditions on the buyer of the invoice `alias`."""
    return [
        query.containing(f"concat_ws(' ', {alias}.buyer_first_name, {alias}.buyer_surname)", name),
        query.containing(f"coalesce({alias}.buyer_email_address, '')", email_address),
    ]


def _external_id(query: Conditions, value: str | None) -> str | None:
    if value is None:
        return None
    of_order = query.exists(ORDERS, "o", "o.id = t.order_id", has_external_id_value(query, "Order", "o.id", value))
    return f"({has_external_id_value(query, 'Invoice', 't.id', value)} or {of_order})"

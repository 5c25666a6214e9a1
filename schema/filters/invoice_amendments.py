"""The filters and orders of invoice amendments."""

from datetime import datetime

import strawberry

from app.auth.viewers import Viewer
from app.db.keyset import Sort, by_column
from app.marketplace.orders.db.invoices import INVOICES
from app.marketplace.orders.db.orders import ORDERS
from schema.entities.declarations import ListQuery
from schema.entities.fields import argument
from schema.filters.conditions import Conditions, input_field, sort_of_period, sorted_by, value_or_none
from schema.filters.enums import (
    InvoiceAmendmentSortField,
    InvoiceAmendmentSortFieldEnum,
    SortOrdering,
    SortOrderingEnum,
)


@strawberry.input(description="The invoice amendments to return: those that meet all given filters.")
class InvoiceAmendmentFilters:
    created_since: datetime | None = input_field("Created at this time or later.")
    created_until: datetime | None = input_field("Created before this time.")
    updated_since: datetime | None = input_field("Changed at this time or later.")
    updated_until: datetime | None = input_field("Not changed at this time or later.")
    remitted_since: datetime | None = input_field("Settled with the seller at this time or later.")
    remitted_until: datetime | None = input_field("Settled with the seller before this time.")
    legacy_id: int | None = input_field("The amendment with this `legacyId`.")
    invoice_legacy_id: int | None = input_field("Those of the invoice with this `legacyId`.")
    order_id: int | None = input_field("Those of the order with this `legacyId`. None for a key that sees no orders.")


@strawberry.input(description="The order of invoice amendments; of equal ones, the older id comes first (ascending).")
class InvoiceAmendmentSort:
    fields: list[InvoiceAmendmentSortFieldEnum] | None = input_field(
        "The fields of the order, the most important first. By default the time of the filters' period, or CREATED_AT."
    )
    ordering: SortOrderingEnum | None = input_field("The direction. ASCENDING by default.")


ARGUMENTS = (
    argument("filters", InvoiceAmendmentFilters | None, "The amendments to return; all that the key sees if absent."),
    argument(
        "sort",
        InvoiceAmendmentSort | None,
        "Their order. If absent: by the time of which a period is given, or else by their creation.",
    ),
)

_SORTS: dict[InvoiceAmendmentSortField, Sort] = {
    InvoiceAmendmentSortField.CREATED_AT: by_column("created_at", "timestamptz"),
    InvoiceAmendmentSortField.UPDATED_AT: by_column("updated_at", "timestamptz"),
    InvoiceAmendmentSortField.REMITTED_AT: by_column("remitted_at", "timestamptz", when_null="infinity"),
}


def ask(
    viewer: Viewer, filters: InvoiceAmendmentFilters | None = None, sort: InvoiceAmendmentSort | None = None
) -> ListQuery:
    query = Conditions(viewer)
    given = filters or InvoiceAmendmentFilters()
    created = _SORTS[InvoiceAmendmentSortField.CREATED_AT]
    usual = sort_of_period(
        created,
        (created, given.created_since, given.created_until),
        (_SORTS[InvoiceAmendmentSortField.UPDATED_AT], given.updated_since, given.updated_until),
        (_SORTS[InvoiceAmendmentSortField.REMITTED_AT], given.remitted_since, given.remitted_until),
    )
    order = sorted_by(
        sort.fields if sort else None,
        _SORTS,
        usual=usual,
        descending=sort is not None and value_or_none(sort.ordering) is SortOrdering.DESCENDING,
    )
    return query.list_query(*_conditions(query, given), sort=order)


def _conditions(query: Conditions, filters: InvoiceAmendmentFilters) -> list[str | None]:
    order = query.exists(ORDERS, "o", "o.id = i.order_id", query.equal("i.order_id", filters.order_id, "bigint"))
    return [
        query.period("t.created_at", filters.created_since, filters.created_until),
        query.period("t.updated_at", filters.updated_since, filters.updated_until),
        query.period("t.remitted_at", filters.remitted_since, filters.remitted_until, is_nullable=True),
        query.equal("t.id", filters.legacy_id, "bigint"),
        query.equal("t.invoice_id", filters.invoice_legacy_id, "bigint"),
        query.exists(INVOICES, "i", "i.id = t.invoice_id", order),
    ]

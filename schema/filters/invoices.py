"""The filters and orders of invoices."""

from dataclasses import replace
from datetime import datetime

import strawberry

from app.auth.viewers import Viewer
from app.db.keyset import BY_ID, Sort, by_column
from app.marketplace.orders.db.invoice_annotations import INVOICE_ANNOTATIONS
from app.marketplace.orders.db.invoices import INVOICES
from app.marketplace.orders.db.orders import ORDERS
from app.marketplace.orders.domain.invoice import invoice_status
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from schema.entities.declarations import ListQuery, Part
from schema.entities.fields import argument
from schema.enums.marketplace import (
    InvoiceStatusEnum,
)
from schema.filters.conditions import Conditions, input_field, key, sort_of_period, sorted_by, value_or_none
from schema.filters.enums import InvoiceSortField, InvoiceSortFieldEnum, SortOrdering, SortOrderingEnum


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
    buyer_email_address: str | None = input_field("With this address of the buyer, upper or lower case.")
    not_dispatched: bool | None = input_field("With items that await dispatch (true), or without any (false).")
    awaiting_return: bool | None = input_field("With items that the buyer is to send back (true), or without (false).")
    awaiting_collection: bool | None = input_field(
        "Ready to be collected and not collected or cancelled yet (true), or not so (false)."
    )
    with_unresolved_annotations_of_type: strawberry.ID | None = input_field(
        "With annotations of this type that are to be resolved, and that the key sees."
    )


@strawberry.input(
    description="The order of invoices; of equal ones, the older id comes first (ascending). An invoice that changes"
    " what it is ordered by moves: going through the pages by UPDATED_AT ascending meets it again and misses none."
)
class InvoiceSort:
    fields: list[InvoiceSortFieldEnum] | None = input_field(
        "The fields of the order, the most important first. By default the time of the filters' period, or CREATED_AT."
    )
    ordering: SortOrderingEnum | None = input_field("The direction. ASCENDING by default.")


ARGUMENTS = (
    argument("filters", InvoiceFilters | None, "The invoices to return; all that the key sees if absent."),
    argument(
        "sort",
        InvoiceSort | None,
        "Their order. If absent: by the time of which a period is given, or else by their creation.",
    ),
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
_STATUS = STATUS_SQL.format(t="t")
_AWAITS_DISPATCH = "from line_items l where l.quantity_awaiting_dispatch > 0"
_NOT_DISPATCHED = f"exists (select {_AWAITS_DISPATCH} and l.invoice_id = t.id)"
#: Up to so many lines that await dispatch, their invoices are looked up by id. Of more, one meets a page on the way.
_MOST_LOOKED_UP = 20_000
_ARE_FEW = f"(select count(*) from (select {_AWAITS_DISPATCH} limit {_MOST_LOOKED_UP + 1}) few) <= {_MOST_LOOKED_UP}"
_PARTS_OF_NOT_DISPATCHED = (
    Part(where=f"{_ARE_FEW} and t.id = any(array(select distinct l.invoice_id {_AWAITS_DISPATCH}))"),
    Part(where=f"not {_ARE_FEW} and {_NOT_DISPATCHED}"),
)
_AWAITING_COLLECTION = (
    "t.status_flags @> array['READY'] and not t.status_flags && array['COLLECTED', 'CANCELLED', 'REFUNDED']"
)


def ask(viewer: Viewer, filters: InvoiceFilters | None = None, sort: InvoiceSort | None = None) -> ListQuery:
    """Return the query of `invoices`: in parts, where only the parts have indexes in the list's order."""
    query, given = Conditions(viewer), filters or InvoiceFilters()
    order = _order(given, sort)
    conditions = _conditions(query, given)
    is_open = query.holds(_NOT_DISPATCHED, given.not_dispatched)
    whole = query.list_query(*conditions, query.is_one(_STATUS, given.statuses), is_open, sort=order)
    statuses = value_or_none(given.statuses)
    if statuses and viewer.is_operator and order.name in ("created_at", "updated_at"):
        parts = tuple(Part(where=f"{_STATUS} = '{status.value}'") for status in dict.fromkeys(statuses))
        return replace(whole, parts=parts, shared=query.list_query(*conditions, is_open).where)
    if value_or_none(given.not_dispatched) and statuses is None:
        return replace(whole, parts=_PARTS_OF_NOT_DISPATCHED, shared=query.list_query(*conditions).where)
    return whole


def _order(given: InvoiceFilters, sort: InvoiceSort | None) -> Sort:
    fields = list(value_or_none(sort.fields if sort else None) or ())
    if fields and fields[-1] is InvoiceSortField.STATUS:
        fields.append(InvoiceSortField.CREATED_AT)
    created = _SORTS[InvoiceSortField.CREATED_AT]
    usual = sort_of_period(
        # What awaits dispatch, or is annotated, is found by id, and ids rise as invoices are created.
        BY_ID
        if value_or_none(given.not_dispatched) or value_or_none(given.with_unresolved_annotations_of_type)
        else created,
        (created, given.created_since, given.created_until),
        (_SORTS[InvoiceSortField.UPDATED_AT], given.updated_since, given.updated_until),
        (_SORTS[InvoiceSortField.PAID_AT], given.paid_since, given.paid_until),
        (_SORTS[InvoiceSortField.REMITTED_AT], given.remitted_since, given.remitted_until),
    )
    descending = sort is not None and value_or_none(sort.ordering) is SortOrdering.DESCENDING
    return sorted_by(fields, _SORTS, usual=usual, descending=descending)


def _conditions(query: Conditions, filters: InvoiceFilters) -> list[str | None]:
    """Return all conditions but those of `statuses` and `notDispatched`."""
    return [
        query.period("t.created_at", filters.created_since, filters.created_until),
        query.period("t.updated_at", filters.updated_since, filters.updated_until),
        query.period("t.paid_at", filters.paid_since, filters.paid_until, is_nullable=True),
        query.period("t.remitted_at", filters.remitted_since, filters.remitted_until, is_nullable=True),
        query.equal("t.id", filters.legacy_id, "bigint"),
        query.exists(ORDERS, "o", "o.id = t.order_id", query.equal("t.order_id", filters.order_id, "bigint")),
        _external_id(query, value_or_none(filters.external_id)),
        has_buyer_name(query, "t", filters.buyer_name),
        query.equal_ignoring_case("t.buyer_email_address", filters.buyer_email_address),
        query.holds("t.status_flags @> array['AWAITING_RETURN']", filters.awaiting_return),
        query.holds(_AWAITING_COLLECTION, filters.awaiting_collection),
        _annotated(query, filters.with_unresolved_annotations_of_type),
    ]


def has_buyer_name(query: Conditions, alias: str, name: str | None) -> str | None:
    """Return the condition that the name of the buyer of the invoice `alias` contains a text."""
    # The expression of the index invoices_buyer. The empty text is in every name, also in one that is not known.
    whole_name = f"btrim(coalesce({alias}.buyer_first_name, '') || ' ' || coalesce({alias}.buyer_surname, ''))"
    return query.containing(whole_name, name)


def _annotated(query: Conditions, type_id: str | None) -> str | None:
    """Return the condition that the invoice has a visible annotation of a type that is not resolved.

    Their invoices' ids are selected as an array, as of external ids.
    """
    of = key(type_id, "InvoiceAnnotationType", field="filters.withUnresolvedAnnotationsOfType")
    is_it = query.equal("a.invoice_annotation_type_id", of, "bigint")
    if is_it is None:
        return None
    rule = query.visibility_rule(INVOICE_ANNOTATIONS, "a")
    annotated = f"select a.invoice_id from {INVOICE_ANNOTATIONS.name} a where {is_it} and not a.is_resolved and {rule}"
    return f"t.id = any(array({annotated}))"


def _external_id(query: Conditions, value: str | None) -> str | None:
    """Return the condition that the invoice, or its order, has an external id of this value.

    The ids of the few invoices are selected as an array. Otherwise PostgreSQL would look at each invoice.
    """
    if value is None:
        return None
    is_it, rule = query.equal("x.value", value), query.visibility_rule(EXTERNAL_IDS, "x")
    own = f"select x.owner_id from {EXTERNAL_IDS.name} x where {is_it} and x.owner_type = 'Invoice' and {rule}"
    of_order = (
        f"select i.id from {EXTERNAL_IDS.name} x join {ORDERS.name} o on o.id = x.owner_id"
        f" join {INVOICES.name} i on i.order_id = o.id"
        f" where {is_it} and x.owner_type = 'Order' and {rule} and {query.visibility_rule(ORDERS, 'o')}"
    )
    return f"t.id = any(array({own} union all {of_order}))"

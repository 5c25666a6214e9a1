"""The filters of remittances and remittance advices, and of commission packages, with the order of these."""

from collections.abc import Sequence
from datetime import datetime

import strawberry

from app.auth.viewers import Viewer
from app.db.keyset import BY_ID, Sort, by_column
from app.marketplace.catalogue.db.sellers import SELLERS
from app.marketplace.orders.db.invoice_amendments import INVOICE_AMENDMENTS
from app.marketplace.remittances.db.remittances import REMITTANCE_ADVICES, REMITTANCES
from schema.entities.declarations import ListQuery
from schema.entities.fields import argument
from schema.filters.conditions import (
    NOTHING,
    Conditions,
    input_field,
    keys,
    sort_of_period,
    sorted_by,
    value_or_none,
)
from schema.filters.enums import (
    CommissionPackageSortField,
    CommissionPackageSortFieldEnum,
    SortOrdering,
    SortOrderingEnum,
)

_CREATED = (
    argument("created_since", datetime | None, "Made at this time or later."),
    argument("created_until", datetime | None, "Made before this time."),
)
_RETAILERS = argument("retailer_ids", list[strawberry.ID] | None, "Those of these sellers.")

REMITTANCES_ARGUMENTS = (
    *_CREATED,
    argument("invoice_ids", list[strawberry.ID] | None, "Those of these invoices and of their amendments."),
    argument("invoice_legacy_ids", list[int] | None, "The same by `legacyId`."),
    argument("invoice_amendment_ids", list[strawberry.ID] | None, "Those of these amendments."),
    argument("invoice_amendment_legacy_ids", list[int] | None, "The same by `legacyId`."),
    argument("processed", bool | None, "Whether they have been paid: their remittance advice has `paidAt`."),
    argument("released", bool | None, "Whether they have been released."),
    argument("remittable_type", str | None, "`Invoice`: those of invoices; `InvoiceAmendment`: those of amendments."),
    argument("retailer_business_names", list[str] | None, "Those of sellers with one of these business names."),
    _RETAILERS,
)
ADVICES_ARGUMENTS = (
    *_CREATED,
    argument("invoice_ids", list[strawberry.ID] | None, "Those on which one of these invoices is paid."),
    argument("invoice_legacy_ids", list[int] | None, "The same by `legacyId`."),
    argument("invoice_amendment_ids", list[strawberry.ID] | None, "Those on which one of these amendments is paid."),
    argument("invoice_amendment_legacy_ids", list[int] | None, "The same by `legacyId`."),
    argument("legacy_ids", list[int] | None, "Those with these `legacyId`s."),
    argument("paid_since", datetime | None, "Paid at this time or later."),
    argument("paid_until", datetime | None, "Paid before this time."),
    argument("payment_reference", list[str] | None, "Those with one of these references."),
    _RETAILERS,
    argument("retailer_legacy_ids", list[int] | None, "The same by `legacyId`."),
    argument("retailer_names", list[str] | None, "Those of sellers with one of these business names."),
    argument("total", float | None, "Those with this total in units of their currency, such as `12.50`."),
    argument("total_paid", float | None, "Those that have been paid with this total."),
)


def ask(
    viewer: Viewer,
    created_since: datetime | None = None,
    created_until: datetime | None = None,
    invoice_ids: Sequence[str] | None = None,
    invoice_legacy_ids: Sequence[int] | None = None,
    invoice_amendment_ids: Sequence[str] | None = None,
    invoice_amendment_legacy_ids: Sequence[int] | None = None,
    processed: bool | None = None,
    released: bool | None = None,
    remittable_type: str | None = None,
    retailer_business_names: Sequence[str] | None = None,
    retailer_ids: Sequence[str] | None = None,
) -> ListQuery:
    query = Conditions(viewer)
    amendments = keys(invoice_amendment_ids, "InvoiceAmendment", field="invoiceAmendmentIds")
    is_paid = "true"
    if value_or_none(processed) is not None:
        is_paid = query.exists(REMITTANCE_ADVICES, "p", "p.id = t.remittance_advice_id", "p.paid_at is not null") or ""
    return query.list_query(
        query.period("t.created_at", created_since, created_until),
        query.one_of("t.invoice_id", keys(invoice_ids, "Invoice", field="invoiceIds"), "bigint"),
        query.one_of("t.invoice_id", invoice_legacy_ids, "bigint"),
        query.exists(
            INVOICE_AMENDMENTS,
            "a",
            "a.id = t.invoice_amendment_id",
            query.one_of("a.id", amendments, "bigint"),
            query.one_of("a.id", invoice_amendment_legacy_ids, "bigint"),
        ),
        {
            None: None,
            "Invoice": "t.invoice_amendment_id is null",
            "InvoiceAmendment": "t.invoice_amendment_id is not null",
        }.get(remittable_type, NOTHING),
        query.holds(is_paid, processed),
        None if released is None else f"t.released_at is {'not ' if released else ''}null",
        query.exists(SELLERS, "s", "s.id = t.seller_id", query.one_of("s.business_name", retailer_business_names)),
        query.one_of("t.seller_id", keys(retailer_ids, "Seller", field="retailerIds"), "bigint"),
        sort=sort_of_period(BY_ID, (by_column("created_at", "timestamptz"), created_since, created_until)),
    )


def ask_advices(
    viewer: Viewer,
    created_since: datetime | None = None,
    created_until: datetime | None = None,
    invoice_ids: Sequence[str] | None = None,
    invoice_legacy_ids: Sequence[int] | None = None,
    invoice_amendment_ids: Sequence[str] | None = None,
    invoice_amendment_legacy_ids: Sequence[int] | None = None,
    legacy_ids: Sequence[int] | None = None,
    paid_since: datetime | None = None,
    paid_until: datetime | None = None,
    payment_reference: Sequence[str] | None = None,
    retailer_ids: Sequence[str] | None = None,
    retailer_legacy_ids: Sequence[int] | None = None,
    retailer_names: Sequence[str] | None = None,
    total: float | None = None,
    total_paid: float | None = None,
) -> ListQuery:
    query = Conditions(viewer)
    amendments = keys(invoice_amendment_ids, "InvoiceAmendment", field="invoiceAmendmentIds")
    paid = query.amount("major_units(t.total_cents, t.currency)", total_paid)
    return query.list_query(
        query.period("t.created_at", created_since, created_until),
        query.exists(
            REMITTANCES,
            "r",
            "r.remittance_advice_id = t.id",
            query.one_of("r.invoice_id", keys(invoice_ids, "Invoice", field="invoiceIds"), "bigint"),
            query.one_of("r.invoice_id", invoice_legacy_ids, "bigint"),
            query.one_of("r.invoice_amendment_id", amendments, "bigint"),
            query.one_of("r.invoice_amendment_id", invoice_amendment_legacy_ids, "bigint"),
        ),
        query.one_of("t.id", legacy_ids, "bigint"),
        query.period("t.paid_at", paid_since, paid_until, is_nullable=True),
        query.one_of("t.payment_reference", payment_reference),
        query.one_of("t.seller_id", keys(retailer_ids, "Seller", field="retailerIds"), "bigint"),
        query.one_of("t.seller_id", retailer_legacy_ids, "bigint"),
        query.exists(SELLERS, "s", "s.id = t.seller_id", query.one_of("s.business_name", retailer_names)),
        query.amount("major_units(t.total_cents, t.currency)", total),
        paid and f"t.paid_at is not null and {paid}",
        sort=sort_of_period(
            BY_ID,
            (by_column("created_at", "timestamptz"), created_since, created_until),
            (by_column("paid_at", "timestamptz", when_null="infinity"), paid_since, paid_until),
        ),
    )


@strawberry.input(description="The order of commission packages; of equal ones, the older id comes first (ascending).")
class CommissionPackageSort:
    fields: list[CommissionPackageSortFieldEnum] | None = input_field(
        "The fields of the order, the most important first. By default the time of the filters' period, or CREATED_AT."
    )
    ordering: SortOrderingEnum | None = input_field("The direction. ASCENDING by default.")


_PACKAGE_SORTS: dict[CommissionPackageSortField, Sort] = {
    CommissionPackageSortField.CREATED_AT: by_column("created_at", "timestamptz"),
    CommissionPackageSortField.UPDATED_AT: by_column("updated_at", "timestamptz"),
    CommissionPackageSortField.RATE: by_column("rate", "double precision"),
}

PACKAGES_ARGUMENTS = (
    argument("applies_to_postage", bool | None, "Whether they apply to postage, too."),
    *_CREATED,
    argument("name", str | None, "The one with this name."),
    argument("retailer_ids", list[strawberry.ID] | None, "Those that were given to one of these sellers."),
    argument("sort", CommissionPackageSort | None, "Their order; by the time of their creation if absent."),
)


def ask_packages(
    viewer: Viewer,
    applies_to_postage: bool | None = None,
    created_since: datetime | None = None,
    created_until: datetime | None = None,
    name: str | None = None,
    retailer_ids: Sequence[str] | None = None,
    sort: CommissionPackageSort | None = None,
) -> ListQuery:
    query = Conditions(viewer)
    of_seller = query.one_of("s.id", keys(retailer_ids, "Seller", field="retailerIds"), "bigint")
    return query.list_query(
        query.holds("t.applies_to_postage", applies_to_postage),
        query.period("t.created_at", created_since, created_until),
        query.equal("t.name", name),
        query.exists(SELLERS, "s", "s.commission_package_id = t.id", of_seller),
        sort=sorted_by(
            sort.fields if sort else None,
            _PACKAGE_SORTS,
            descending=sort is not None and value_or_none(sort.ordering) is SortOrdering.DESCENDING,
            usual=sort_of_period(BY_ID, (by_column("created_at", "timestamptz"), created_since, created_until)),
        ),
    )

"""The filters of refund requests."""

from datetime import datetime

import strawberry

from app.auth.viewers import Viewer
from app.db.keyset import BY_ID, by_column
from app.marketplace.catalogue.db.sellers import SELLERS
from app.marketplace.orders.db.invoices import INVOICES
from app.marketplace.refunds.db.refund_requests import REFUND_REQUEST_LINE_ITEMS
from schema.entities.declarations import ListQuery, Part
from schema.entities.fields import argument
from schema.enums.marketplace import (
    RefundRequestLineItemStatusEnum,
    RefundRequestStatusEnum,
)
from schema.filters.conditions import Conditions, input_field, key, sort_of_period, value_or_none
from schema.filters.invoices import has_buyer_name


@strawberry.input(description="The refund requests to return: those that meet all given filters.")
class RefundRequestFilters:
    statuses: list[RefundRequestStatusEnum] | None = input_field("With one of these statuses; an empty list: none.")
    line_item_statuses: list[RefundRequestLineItemStatusEnum] | None = input_field(
        "With a line of one of these statuses; an empty list: none."
    )
    created_since: datetime | None = input_field("Created at this time or later.")
    created_until: datetime | None = input_field("Created before this time.")
    refunded_since: datetime | None = input_field("Paid out at this time or later.")
    refunded_until: datetime | None = input_field("Paid out before this time.")
    invoice_legacy_id: int | None = input_field("Those of the invoice with this `legacyId`.")
    legacy_id: int | None = input_field("The request with this `legacyId`.")
    buyer_name: str | None = input_field("With this text in the buyer's name, upper or lower case.")
    buyer_email_address: str | None = input_field("With this address of the buyer, upper or lower case.")
    business_name: str | None = input_field("With this text in the seller's business name, upper or lower case.")


ARGUMENTS = (
    argument("filters", RefundRequestFilters | None, "The requests to return; all that the key sees if absent."),
    argument("seller_id", strawberry.ID | None, "Only those of this seller's invoices."),
)

UPDATED_ARGUMENTS = (argument("updated_since", datetime, "Changed at this time or later."),)


def ask(viewer: Viewer, filters: RefundRequestFilters | None = None, seller_id: str | None = None) -> ListQuery:
    query, given = Conditions(viewer), filters or RefundRequestFilters()
    seller = key(seller_id, "Seller", field="sellerId")
    sort = sort_of_period(
        BY_ID,
        (by_column("created_at", "timestamptz"), given.created_since, given.created_until),
        (
            by_column("refunded_at", "timestamptz", when_null="infinity"),
            given.refunded_since,
            given.refunded_until,
        ),
    )
    statuses = value_or_none(given.statuses) if viewer.is_operator and sort is BY_ID else None
    parts = [Part(where=f"t.status = '{status.value}'") for status in dict.fromkeys(statuses or ())]
    of_seller = query.equal("t.seller_id", seller, "bigint")
    return query.list_query(of_seller, *_conditions(query, given), sort=sort, parts=parts)


def ask_updated(viewer: Viewer, updated_since: datetime) -> ListQuery:
    query = Conditions(viewer)
    return query.list_query(query.since("t.updated_at", updated_since), sort=by_column("updated_at", "timestamptz"))


def _conditions(query: Conditions, filters: RefundRequestFilters) -> list[str | None]:
    business = query.containing("s.business_name", filters.business_name)
    buyer = (
        has_buyer_name(query, "i", value_or_none(filters.buyer_name) or None),
        query.equal_ignoring_case("i.buyer_email_address", filters.buyer_email_address),
    )
    # Whoever sees a request sees its lines.
    line = query.is_one("l.status", filters.line_item_statuses)
    return [
        query.is_one("t.status", filters.statuses),
        line and f"exists (select from {REFUND_REQUEST_LINE_ITEMS.name} l where l.refund_request_id = t.id and {line})",
        query.period("t.created_at", filters.created_since, filters.created_until),
        query.period("t.refunded_at", filters.refunded_since, filters.refunded_until, is_nullable=True),
        query.equal("t.invoice_id", filters.invoice_legacy_id, "bigint"),
        query.equal("t.id", filters.legacy_id, "bigint"),
        query.exists(SELLERS, "s", "s.id = t.seller_id", business),
        query.exists(INVOICES, "i", "i.id = t.invoice_id", *buyer),
    ]

"""RefundRequest: the wish to refund items of one invoice, its lines and its notes."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from app.marketplace.refunds.db.refund_requests import REFUND_REQUEST_LINE_ITEMS, REFUND_REQUEST_NOTES, REFUND_REQUESTS
from app.marketplace.refunds.db.refund_requests import RefundRequest as RequestRow
from app.marketplace.refunds.db.refund_requests import RefundRequestLineItem as LineRow
from app.marketplace.refunds.db.return_shipments import RETURN_SHIPMENTS
from schema.entities.fields import Amounts, column, entity, global_id, legacy_id
from schema.entities.relations import relation, relation_list
from schema.enums.marketplace import (
    RefundRequestInitiatorEnum,
    RefundRequestLineItemStatusEnum,
    RefundRequestStatusEnum,
)
from schema.types.node import Node
from schema.types.orders.invoice import Invoice
from schema.types.orders.line_item import LineItem
from schema.types.owned.fields import AnImage, ExternalIDs, Metadata, external_ids, image_list, metadata

if TYPE_CHECKING:
    from schema.types.refunds.return_shipment import ReturnShipment


_GIFT_CARD = "The part of the payout that was not paid in cash, such as a gift card; null before that."


def _difference(whole: int | None, part: int | None) -> int | None:
    return None if whole is None or part is None else whole - part


def _remittance_total(row: RequestRow) -> int | None:
    return _difference(row.line_item_amount_total_cents, row.commission_amount_total_cents)


def _remittance_tax_total(row: RequestRow) -> int | None:
    return _difference(row.line_item_tax_total_cents, row.commission_tax_total_cents)


def _gift_card(row: RequestRow) -> int | None:
    return _difference(row.refund_amount_cents, row.cash_amount_cents)


def _amount(row: LineRow) -> int:
    return row.amount_cents


def _remittance(row: LineRow) -> int:
    return row.amount_cents - row.commission_amount_cents


def _remittance_tax(row: LineRow) -> int:
    return row.line_item_tax_cents - row.commission_tax_cents


_TOTAL = Amounts("What the refund comes to; null until it is known.", "total_cents")
_REQUEST_VALUE = Amounts("What was asked for; null until it is known.", "request_value_cents")
_REFUND_AMOUNT = Amounts("What was paid out; null before that.", "refund_amount_cents")
_CASH_AMOUNT = Amounts("What of it was paid out in cash; null before that.", "cash_amount_cents")
_GIFT_CARD_AMOUNT = Amounts(
    _GIFT_CARD, "gift_card_amount_cents", of=_gift_card, reads=("refund_amount_cents", "cash_amount_cents")
)
_RECOVERED_AMOUNT = Amounts("The seller's part of what was paid out; null before that.", "recovered_amount_cents")
_LINE_ITEM_AMOUNT_TOTAL = Amounts("Sum of the lines' amounts; null until it is known.", "line_item_amount_total_cents")
_LINE_ITEM_TAX_TOTAL = Amounts(
    "Tax contained in the lines' amounts; null until it is known.", "line_item_tax_total_cents"
)
_COMMISSION_AMOUNT_TOTAL = Amounts(
    "The operator's part of the lines' amounts; null until it is known.", "commission_amount_total_cents"
)
_COMMISSION_TAX_TOTAL = Amounts(
    "Tax contained in the commissions; null until it is known.", "commission_tax_total_cents"
)
_REMITTANCE_AMOUNT_TOTAL = Amounts(
    "The seller's part of the lines' amounts; null until it is known.",
    "remittance_amount_total_cents",
    of=_remittance_total,
    reads=("line_item_amount_total_cents", "commission_amount_total_cents"),
)
_REMITTANCE_TAX_TOTAL = Amounts(
    "Tax contained in the remittances; null until it is known.",
    "remittance_tax_total_cents",
    of=_remittance_tax_total,
    reads=("line_item_tax_total_cents", "commission_tax_total_cents"),
)


@entity(
    REFUND_REQUESTS,
    description="The wish to refund items of one invoice: a cancellation before dispatch, a return after it.",
)
class RefundRequest(Node):
    id: strawberry.ID = global_id("RefundRequest")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the request was created.")
    updated_at: datetime = column("When the request was last changed, or a part of it by a mutation.")
    status: RefundRequestStatusEnum = column("Where the request as a whole stands; it follows from its lines.")
    initiated_by: RefundRequestInitiatorEnum = column("Who asked for the refund.")
    refunded_at: datetime | None = column("When the refund was paid out; null while it is not.")
    total_cents: int | None = _TOTAL.cents()
    total_formatted: str | None = _TOTAL.formatted()
    request_value_cents: int | None = _REQUEST_VALUE.cents()
    request_value_formatted: str | None = _REQUEST_VALUE.formatted()
    refund_amount_cents: int | None = _REFUND_AMOUNT.cents()
    refund_amount_formatted: str | None = _REFUND_AMOUNT.formatted()
    cash_amount_cents: int | None = _CASH_AMOUNT.cents()
    cash_amount_formatted: str | None = _CASH_AMOUNT.formatted()
    gift_card_amount_cents: int | None = _GIFT_CARD_AMOUNT.cents()
    gift_card_amount_formatted: str | None = _GIFT_CARD_AMOUNT.formatted()
    recovered_amount_cents: int | None = _RECOVERED_AMOUNT.cents()
    recovered_amount_formatted: str | None = _RECOVERED_AMOUNT.formatted()
    line_item_amount_total_cents: int | None = _LINE_ITEM_AMOUNT_TOTAL.cents()
    line_item_amount_total_formatted: str | None = _LINE_ITEM_AMOUNT_TOTAL.formatted()
    line_item_tax_total_cents: int | None = _LINE_ITEM_TAX_TOTAL.cents()
    line_item_tax_total_formatted: str | None = _LINE_ITEM_TAX_TOTAL.formatted()
    commission_amount_total_cents: int | None = _COMMISSION_AMOUNT_TOTAL.cents()
    commission_amount_total_formatted: str | None = _COMMISSION_AMOUNT_TOTAL.formatted()
    commission_tax_total_cents: int | None = _COMMISSION_TAX_TOTAL.cents()
    commission_tax_total_formatted: str | None = _COMMISSION_TAX_TOTAL.formatted()
    remittance_amount_total_cents: int | None = _REMITTANCE_AMOUNT_TOTAL.cents()
    remittance_amount_total_formatted: str | None = _REMITTANCE_AMOUNT_TOTAL.formatted()
    remittance_tax_total_cents: int | None = _REMITTANCE_TAX_TOTAL.cents()
    remittance_tax_total_formatted: str | None = _REMITTANCE_TAX_TOTAL.formatted()
    invoice: Invoice = relation(REFUND_REQUESTS.invoice_id, description="The invoice whose items are meant.")
    line_items: list["RefundRequestLineItem"] = relation_list(
        REFUND_REQUEST_LINE_ITEMS.refund_request_id, description="What is to be refunded."
    )
    notes: list["RefundRequestNote"] = relation_list(
        REFUND_REQUEST_NOTES.refund_request_id,
        description="What was noted at each step, about the request or one of its lines; oldest first.",
    )
    shipments: list[Annotated["ReturnShipment", strawberry.lazy("schema.types.refunds.return_shipment")]] = (
        relation_list(RETURN_SHIPMENTS.refund_request_id, description="What the buyer sends back, oldest first.")
    )
    external_ids: ExternalIDs = external_ids(REFUND_REQUESTS)
    metadata: Metadata = metadata(REFUND_REQUESTS)


_AMOUNT = Amounts("Amount for the whole quantity.", "amount_cents")
_AMOUNT_PER_ITEM = Amounts("Amount for a single item.", "amount_per_item_cents")
_LINE_ITEM_AMOUNT = Amounts(
    "Amount for the whole quantity, the same as `amount`: commission and remittance together.",
    "line_item_amount_cents",
    of=_amount,
    reads=("amount_cents",),
)
_LINE_ITEM_TAX = Amounts("Tax contained in the amount.", "line_item_tax_cents")
_COMMISSION_AMOUNT = Amounts("The operator's part of the amount.", "commission_amount_cents")
_COMMISSION_TAX = Amounts("Tax contained in the commission.", "commission_tax_cents")
_REMITTANCE_AMOUNT = Amounts(
    "The seller's part of the amount.",
    "remittance_amount_cents",
    of=_remittance,
    reads=("amount_cents", "commission_amount_cents"),
)
_REMITTANCE_TAX = Amounts(
    "Tax contained in the remittance.",
    "remittance_tax_cents",
    of=_remittance_tax,
    reads=("line_item_tax_cents", "commission_tax_cents"),
)


@entity(
    REFUND_REQUEST_LINE_ITEMS,
    description="How much of a line item, or which custom amount, is to be refunded.",
)
class RefundRequestLineItem(Node):
    id: strawberry.ID = global_id("RefundRequestLineItem")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the line was created.")
    updated_at: datetime = column("When the line was last changed.")
    quantity: int = column("How many items are to be refunded.")
    status: RefundRequestLineItemStatusEnum = column("Where this line of the request stands.")
    custom: str | None = column("What a custom line is about, such as a fee; null for a line item.")
    reason: str | None = column("Why a refund is asked for.")
    deny_refund_reason: str | None = column("Why the refund was denied; null when it was not.")
    description: str | None = column("More about this line, in words.")
    dispatched: bool = column("Whether the items had been sent when the refund was asked for.", "is_dispatched")
    amount_cents: int | None = _AMOUNT.cents()
    amount_formatted: str | None = _AMOUNT.formatted()
    amount_per_item_cents: int | None = _AMOUNT_PER_ITEM.cents()
    amount_per_item_formatted: str | None = _AMOUNT_PER_ITEM.formatted()
    line_item_amount_cents: int | None = _LINE_ITEM_AMOUNT.cents()
    line_item_amount_formatted: str | None = _LINE_ITEM_AMOUNT.formatted()
    line_item_tax_cents: int | None = _LINE_ITEM_TAX.cents()
    line_item_tax_formatted: str | None = _LINE_ITEM_TAX.formatted()
    commission_amount_cents: int | None = _COMMISSION_AMOUNT.cents()
    commission_amount_formatted: str | None = _COMMISSION_AMOUNT.formatted()
    commission_tax_cents: int | None = _COMMISSION_TAX.cents()
    commission_tax_formatted: str | None = _COMMISSION_TAX.formatted()
    remittance_amount_cents: int | None = _REMITTANCE_AMOUNT.cents()
    remittance_amount_formatted: str | None = _REMITTANCE_AMOUNT.formatted()
    remittance_tax_cents: int | None = _REMITTANCE_TAX.cents()
    remittance_tax_formatted: str | None = _REMITTANCE_TAX.formatted()
    refund_request: RefundRequest = relation(
        REFUND_REQUEST_LINE_ITEMS.refund_request_id, description="The request that this is a line of."
    )
    line_item: LineItem | None = relation(
        REFUND_REQUEST_LINE_ITEMS.line_item_id, description="What was bought; null for a custom line."
    )
    notes: list["RefundRequestNote"] = relation_list(
        REFUND_REQUEST_NOTES.refund_request_line_item_id, description="What was noted about this line, oldest first."
    )
    external_ids: ExternalIDs = external_ids(REFUND_REQUEST_LINE_ITEMS)
    metadata: Metadata = metadata(REFUND_REQUEST_LINE_ITEMS)


@entity(REFUND_REQUEST_NOTES, description="What somebody noted at one step of a request.")
class RefundRequestNote(Node):
    id: strawberry.ID = global_id("RefundRequestNote")
    timestamp: datetime = column("When it was noted.")
    new_status: str = column("Status that the step led to, of the line when there is one, else of the request.")
    note: str | None = column("The note; null when the step was taken without one.")
    author: str | None = column("Who noted it; null when that is not known.")
    ip_address: str | None = column("The address from which it was written; null when that is not known.")
    refund_request: RefundRequest = relation(
        REFUND_REQUEST_NOTES.refund_request_id, description="The request that the note belongs to."
    )
    refund_request_line_item: RefundRequestLineItem | None = relation(
        REFUND_REQUEST_NOTES.refund_request_line_item_id,
        description="The line that the note is about; null when it is about the request as a whole.",
    )
    attachments: list[AnImage] = image_list(REFUND_REQUEST_NOTES, "Photos that were sent along.")

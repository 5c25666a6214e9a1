"""Make invoices with their line items and remarks, and the events of their life until the end of the year."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from app.marketplace.orders.db.adjustments import ADJUSTMENTS
from app.marketplace.orders.db.invoice_annotations import INVOICE_ANNOTATIONS
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS
from app.marketplace.orders.domain.invoice import InvoiceStatusFlag, in_order, is_settled
from app.marketplace.orders.domain.order import (
    DeliveryType,
    LineItemStatus,
    OrderStatus,
    contained_tax,
    initial_quantities,
)
from app.marketplace.orders.domain.payment import flags_after_payment
from app.marketplace.orders.domain.purchase import Part, PricedLine
from app.marketplace.orders.domain.settlement import NOTHING, ItemRest, Ledger, Split
from app.marketplace.orders.services.order_adjustments import adjustment_values
from app.marketplace.refunds.domain.refund_request import RefundStage
from app.tools.seed import words
from app.tools.seed.book import Book
from app.tools.seed.calendar import next_remittance
from app.tools.seed.chance import Chance
from app.tools.seed.owned import put_external_id, put_metadatum
from app.tools.seed.reference import Reference
from app.tools.seed.sales.fulfilment import Fulfilment
from app.tools.seed.sales.refunds import Refunds
from app.tools.seed.sales.sale import ChosenGoods, Line, PlacedOrder, Sale
from app.tools.seed.words import CURRENCY, TAX_RATE

_DECIDED = frozenset({RefundStage.REFUND_DENIED, RefundStage.REFUNDED})


class InvoiceMaker:
    """Makes the invoices of orders. Nothing happens to them after `until`."""

    def __init__(self, chance: Chance, book: Book, reference: Reference, until: datetime) -> None:
        self._chance, self._book, self._until = chance, book, until
        self._notes = [
            (reference.annotation_types[name], text) for name, _, texts in words.ANNOTATIONS for text in texts
        ]
        self._refunds = Refunds(chance=chance, book=book, carriers=reference.carriers, until=until)
        self._fulfilment = Fulfilment(chance, book, reference.carriers, until)

    def make(self, order: PlacedOrder, part: Part, bought: Mapping[int, ChosenGoods]) -> None:
        sale = self._sale(order, part, bought)
        if order.paid_at is not None:
            self._live(sale, order.paid_at)
        self._remark(sale)
        sale.settle()

    def _sale(self, order: PlacedOrder, part: Part, bought: Mapping[int, ChosenGoods]) -> Sale:
        invoice_id = self._book.number(INVOICES)
        lines = [self._line(order, invoice_id, line, bought[line.wanted.variant_id]) for line in part.lines]
        shop = bought[part.lines[0].wanted.variant_id].shop
        for adjustment in part.terms.adjustments:
            self._book.add(ADJUSTMENTS, **adjustment_values(adjustment, CURRENCY, invoice_id=invoice_id))
        sold = sum((line.amounts for line in lines), NOTHING)
        row = _invoice_values(order, invoice_id, part, sold)
        return Sale(
            id=invoice_id,
            shop=shop,
            part=part,
            row=self._book.put(INVOICES, **row),
            lines=lines,
            buyer=f"{order.buyer['first_name']} {order.buyer['surname']}",
            ordered_at=order.at,
            flags=flags_after_payment((), order.status),
            updated_at=order.settled_at,
            ledger=_ledger(part, lines, sold),
        )

    def _line(self, order: PlacedOrder, invoice_id: int, line: PricedLine, bought: ChosenGoods) -> Line:
        line_id = self._book.number(LINE_ITEMS)
        commission = round(line.amounts.total_cents * bought.shop.commission)
        awaiting, returnable = initial_quantities(line.wanted.delivery_type, line.wanted.quantity)
        amounts = Split(
            total_cents=line.amounts.total_cents,
            tax_cents=line.amounts.tax_cents,
            commission_cents=commission,
            commission_tax_cents=contained_tax(commission, TAX_RATE),
        )
        values = _line_values(order, line, bought, amounts)
        row = self._book.put(LINE_ITEMS, id=line_id, invoice_id=invoice_id, **values)
        for adjustment in line.wanted.adjustments:
            self._book.add(ADJUSTMENTS, **adjustment_values(adjustment, CURRENCY, line_item_id=line_id))
        return Line(
            id=line_id,
            row=row,
            quantity=line.wanted.quantity,
            awaiting=awaiting,
            returnable=returnable,
            status=LineItemStatus.ALLOCATED if order.status is OrderStatus.COMPLETE else LineItemStatus.NEW,
            amounts=amounts,
        )

    def _live(self, sale: Sale, paid_at: datetime) -> None:
        """Let the invoice live: it may be cancelled, sent or collected, refunded, and remitted to the seller."""
        if sale.part.delivery_type is DeliveryType.NO_DISPATCH:
            sale.done_at = paid_at
        else:
            if self._chance.happens("cancelled", 0.04):
                self._refunds.cancel(sale, paid_at)
            if not is_settled(sale.flags) and {*sale.stages} <= _DECIDED:
                self._fulfilment.fulfil(sale, paid_at)
        if sale.done_at is not None and self._chance.happens("returned", 0.08, every=2):
            self._refunds.ask_back(sale, sale.done_at)
        self._remit(sale)

    def _remit(self, sale: Sale) -> None:
        """Remit the invoice to the seller, once the sale is done and nothing of it is open."""
        if sale.done_at is None or is_settled(sale.flags) or not {*sale.stages} <= _DECIDED:
            return
        remitted_at = next_remittance(sale.updated_at)
        if remitted_at <= self._until:
            sale.remitted_at = remitted_at
            sale.flags = in_order({*sale.flags, InvoiceStatusFlag.REMITTED})
            sale.touch(remitted_at)

    def _remark(self, sale: Sale) -> None:
        """Write annotations and external ids of the invoice."""
        chance = self._chance
        if chance.happens("annotated", 0.03):
            self._annotate(sale)
        if chance.happens("invoice in the ERP", 0.3):
            number = f"INV-{chance.randrange(10**8):08d}"
            put_external_id(self._book, "Invoice", sale.id, "erp", number)
        if chance.happens("packing lane", 0.05):
            lane = chance.choice(("A", "B", "C"))
            put_metadatum(self._book, "Invoice", sale.id, "packing-lane", lane, sale.updated_at)
        for line in sale.lines:
            if chance.happens("line in the ERP", 0.05):
                put_external_id(self._book, "LineItem", line.id, "erp", f"LIN-{chance.randrange(10**8):08d}")
            if chance.happens("engraving", 0.02):
                put_metadatum(
                    self._book, "LineItem", line.id, "engraving", chance.choice(("A.B.", "M.")), sale.ordered_at
                )

    def _annotate(self, sale: Sale) -> None:
        is_resolved = self._chance.happens("resolved", 0.6)
        created_at = min(sale.ordered_at + timedelta(hours=self._chance.randint(1, 40)), self._until)
        resolved_at = min(created_at + timedelta(hours=self._chance.randint(1, 48)), self._until)
        type_id, content = self._chance.choice(self._notes)
        self._book.add(
            INVOICE_ANNOTATIONS,
            invoice_id=sale.id,
            invoice_annotation_type_id=type_id,
            content=content,
            is_resolved=is_resolved,
            created_at=created_at,
            updated_at=resolved_at if is_resolved else created_at,
        )
        sale.touch(resolved_at if is_resolved else created_at)


def _ledger(part: Part, lines: Sequence[Line], sold: Split) -> Ledger:
    left = replace(sold, total_cents=part.amounts.total_cents, tax_cents=part.amounts.tax_total_cents)
    rests = {
        line.id: ItemRest(unsettled=line.amounts, unclaimed=line.amounts, quantity=line.quantity) for line in lines
    }
    return Ledger(left=left, items=rests)


def _invoice_values(order: PlacedOrder, invoice_id: int, part: Part, sold: Split) -> dict[str, Any]:
    """Return an invoice's row as it is when it is made."""
    fee = 30 + part.amounts.total_cents * 15 // 1000
    return {
        "id": invoice_id,
        "order_id": order.id,
        "seller_id": part.seller_id,
        "delivery_type": part.delivery_type,
        "status_flags": (),
        "buyer_first_name": order.buyer["first_name"],
        "buyer_surname": order.buyer["surname"],
        "buyer_phone": order.buyer["phone"],
        "buyer_email_address": order.buyer["email_address"],
        "buyer_message_to_seller": order.message,
        "shipping_address_id": order.buyer["address_id"],
        "buyer_billing_address_id": order.buyer["billing_address_id"],
        "paid_at": order.paid_at,
        "remitted_at": None,
        "shipping_description": part.terms.shipping_description,
        **asdict(part.amounts),
        "adjustment_cents": 0,
        "commission_amount_cents": sold.commission_cents,
        "commission_amount_tax_cents": sold.commission_tax_cents,
        "commission_tax_rate": TAX_RATE,
        "payment_instrument_type": order.instrument,
        "merchant_fee_cents": fee,
        "merchant_fees_tax_rate": TAX_RATE,
        "merchant_fee_tax_total_cents": contained_tax(fee, TAX_RATE),
        "currency": CURRENCY,
        "created_at": order.at,
        "updated_at": order.settled_at,
    }


def _line_values(order: PlacedOrder, line: PricedLine, bought: ChosenGoods, amounts: Split) -> dict[str, Any]:
    """Return a line item's copied values and amounts. Its quantities are set at the end of its life."""
    goods = bought.goods
    return {
        "advert_id": goods.advert_id,
        "advert_title": goods.title,
        "advert_code": goods.code,
        "brand_name": goods.brand_name,
        "image_id": goods.image_id,
        "variant_id": goods.variant_id,
        "inventory_id": goods.inventory_id,
        "wholesale_price_cents": goods.wholesale_price_cents,
        "variant_name": goods.label,
        "variant_sku": goods.sku,
        "variant_barcode": goods.barcode,
        "status": LineItemStatus.NEW,
        "quantity": line.wanted.quantity,
        "quantity_awaiting_dispatch": 0,
        "quantity_returnable": 0,
        "item_amount_cents": line.item_amount_cents,
        "total_cents": line.amounts.total_cents,
        "subtotal_cents": line.amounts.subtotal_cents,
        "tax_total_cents": line.amounts.tax_cents,
        "postage_cents": line.amounts.postage_cents,
        "discount_cents": -line.amounts.discount_cents,
        "commission_amount_cents": amounts.commission_cents,
        "commission_amount_tax_cents": amounts.commission_tax_cents,
        "commission_rate": bought.shop.commission,
        "commission_tax_rate": TAX_RATE,
        "postage_tax_rate": line.amounts.tax_rate,
        "merchant_fees_tax_rate": TAX_RATE,
        "tax_rate": line.amounts.tax_rate,
        "currency": CURRENCY,
        "created_at": order.at,
        "updated_at": order.settled_at,
    }

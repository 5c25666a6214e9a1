"""Orders: recording a purchase, which is split into one invoice per seller and delivery type."""

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import insert_row, insert_rows
from app.errors import Forbidden
from app.kernel.problems import Problems, value_problems
from app.marketplace.catalogue.db.commission_packages import find_packages
from app.marketplace.catalogue.db.sellers import find_seller_ids
from app.marketplace.catalogue.db.variants import (
    OfferedVariant,
    VariantId,
    lock_offered_variants,
    take_from_stock,
)
from app.marketplace.catalogue.domain.stock import PurchaseLine, purchase_problems
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS, Invoice, LineItem
from app.marketplace.orders.db.orders import ORDERS, Order
from app.marketplace.orders.domain.order import DeliveryType, LineItemStatus, OrderStatus, contained_tax
from app.marketplace.orders.domain.payment import flags_after_payment
from app.marketplace.orders.domain.purchase import (
    Part,
    Terms,
    order_amounts,
    promotion_problems,
    split,
    total_problems,
)
from app.marketplace.orders.services.addresses import insert_address
from app.marketplace.orders.services.new_orders import NewInvoice, NewLineItem, NewOrder, NewPurchase
from app.marketplace.orders.services.order_adjustments import insert_adjustments
from app.marketplace.orders.services.order_lines import copies_of, line_item_columns, offer_of
from app.marketplace.orders.services.payments import insert_payment_events
from app.marketplace.orders.services.purchase_form import given_lines, purchase_form_problems, purchase_lines
from app.marketplace.owned.services.owned import (
    keep_external_ids,
    keep_metadata,
)
from app.marketplace.remittances.db.remittances import add_remittances
from app.marketplace.remittances.services.commissions import Packages, commission_columns, with_commissions


async def create_order(database: Database, viewer: Viewer, given: NewPurchase) -> Order:
    """Record a purchase and take its items from stock. For the operator.

    Raises:
        Forbidden: The viewer is not the operator.
        InvalidInput: Names every wrong line, including those that are not in stock.
    """
    if not viewer.is_operator:
        raise Forbidden("Orders can be created by the marketplace operator only.")
    value_problems(given).include(purchase_form_problems(given)).check()
    async with transaction(database, actor=viewer.actor) as conn:
        offered = await lock_offered_variants(conn, {VariantId(line.variant_id) for line in purchase_lines(given)})
        given = _with_sellers(given, offered)
        wanted = purchase_lines(given)
        problems = await _seller_problems(conn, given.invoices or ())
        offers = {int(variant_id): offer_of(item) for variant_id, item in offered.items()}
        problems.include(purchase_problems(wanted, offers)).check()
        packages = await find_packages(conn, {offer.seller_id for offer in offers.values()})
        parts = split(with_commissions(wanted, offers, packages), offers, _terms(given))
        total_problems(parts).include(promotion_problems(parts)).include(_expected_problems(given, parts)).check()
        order = await _insert_order(conn, given.order, parts, offers[wanted[0].variant_id].currency)
        invoices = await _insert_invoices(conn, order, parts, packages)
        lines = await _insert_line_items(conn, order, invoices, parts, offered)
        await _keep_values(conn, given, parts, invoices, lines)
        await insert_adjustments(conn, invoices, lines, parts)
        await take_from_stock(conn, _quantities(wanted))
        await add_remittances(conn, [invoice.id for invoice in invoices])
        return order


def _with_sellers(given: NewPurchase, offered: Mapping[VariantId, OfferedVariant]) -> NewPurchase:
    """Return the purchase with a seller for each invoice that names none: the seller of its first line.

    Raises:
        InvalidInput: Two invoices have the same seller and delivery type.
    """
    if given.invoices is None:
        return given
    invoices, problems, seen = [], Problems(), set()
    for index, invoice in enumerate(given.invoices):
        first = offered.get(invoice.line_items[0].variant_id)
        seller_id = invoice.seller_id if invoice.seller_id is not None or first is None else first.variant.seller_id
        if (key := (seller_id, invoice.delivery_type)) in seen:
            problems.add(
                f"invoices.{index}", "has the seller and delivery type of an invoice before: put their lines together"
            )
        seen.add(key)
        invoices.append(replace(invoice, seller_id=seller_id))
    problems.check()
    return replace(given, invoices=invoices)


def _expected_problems(given: NewPurchase, parts: Sequence[Part]) -> Problems:
    """Reject invoices whose total is another one than the caller expects."""
    totals = {part.terms.path: part.amounts.total_cents for part in parts}
    problems = Problems()
    for index, invoice in enumerate(given.invoices or ()):
        total = totals.get(f"invoices.{index}")
        if invoice.total_cents not in (None, total):
            problems.add(f"invoices.{index}.total_cents", f"is not the total, which is {total}")
    return problems


async def _seller_problems(conn: Connection, invoices: Sequence[NewInvoice]) -> Problems:
    asked = {invoice.seller_id for invoice in invoices if invoice.seller_id is not None}
    known = await find_seller_ids(conn, asked) if asked else set()
    return Problems(
        {
            f"invoices.{index}.seller_id": ["there is no such seller"]
            for index, invoice in enumerate(invoices)
            if invoice.seller_id is not None and invoice.seller_id not in known
        }
    )


def _terms(given: NewPurchase) -> dict[tuple[int, DeliveryType], Terms]:
    return {
        (invoice.seller_id, invoice.delivery_type): Terms(
            shipping_description=invoice.shipping_description,
            shipping_cost_cents=invoice.shipping_cost_cents,
            tax_rate=invoice.tax_rate,
            adjustments=invoice.adjustments,
            merchant_fee_cents=invoice.merchant_fee_cents,
            merchant_fees_tax_rate=invoice.merchant_fees_tax_rate,
            path=f"invoices.{index}",
        )
        for index, invoice in enumerate(given.invoices or ())
        if invoice.seller_id is not None
    }


def _quantities(wanted: Sequence[PurchaseLine]) -> dict[VariantId, int]:
    """Sum the quantities of each variant over all lines."""
    quantities: Counter[VariantId] = Counter()
    for line in wanted:
        quantities[VariantId(line.variant_id)] += line.quantity
    return dict(quantities)


async def _insert_order(conn: Connection, given: NewOrder, parts: Sequence[Part], currency: str) -> Order:
    apart = ("address", "billing_address", "payment_events", "external_ids", "metadata")
    details = {field.name: getattr(given, field.name) for field in fields(given) if field.name not in apart}
    order = await insert_row(
        conn,
        ORDERS,
        **details,
        **order_amounts(parts),
        address_id=await insert_address(conn, given.address),
        billing_address_id=await insert_address(conn, given.billing_address),
        token=secrets.token_urlsafe(16),
        currency=currency,
    )
    await insert_payment_events(conn, order, given.payment_events)
    await keep_external_ids(conn, ORDERS.type_name, order.id, given.external_ids)
    await keep_metadata(conn, ORDERS.type_name, order.id, given.metadata)
    return order


async def _insert_invoices(conn: Connection, order: Order, parts: Sequence[Part], packages: Packages) -> list[Invoice]:
    """Insert one invoice per part, in their order. The invoices of a complete order are paid."""
    is_paid = order.status is OrderStatus.COMPLETE
    buyer = {
        "order_id": order.id,
        "buyer_first_name": order.first_name,
        "buyer_surname": order.surname,
        "buyer_phone": order.phone,
        "buyer_email_address": order.email_address,
        "buyer_message_to_seller": order.message_to_seller,
        "payment_instrument_type": order.payment_instrument_type,
        "shipping_address_id": order.address_id,
        "buyer_billing_address_id": order.billing_address_id,
        "status_flags": flags_after_payment((), order.status),
        "paid_at": order.created_at if is_paid else None,
        "currency": order.currency,
    }
    return await insert_rows(
        conn, INVOICES, [{**buyer, **_invoice(part), **commission_columns(part, packages)} for part in parts]
    )


def _invoice(part: Part) -> dict[str, object]:
    return {
        "seller_id": part.seller_id,
        "delivery_type": part.delivery_type,
        "shipping_description": part.terms.shipping_description,
        **asdict(part.amounts),
        **_fees(part),
    }


def _fees(part: Part) -> dict[str, object]:
    """Return what the payment costs, and whether the taxes were given."""
    fee, fee_rate = part.terms.merchant_fee_cents, part.terms.merchant_fees_tax_rate
    taxes = [(line.wanted.tax_cents, line.wanted.postage_tax_cents) for line in part.lines]
    return {
        "merchant_fee_cents": fee,
        "merchant_fees_tax_rate": fee_rate,
        "merchant_fee_tax_total_cents": None if fee is None else contained_tax(fee, fee_rate),
        "is_external_tax_applied": any(tax is not None for pair in taxes for tax in pair),
    }


async def _keep_values(
    conn: Connection,
    given: NewPurchase,
    parts: Sequence[Part],
    invoices: Sequence[Invoice],
    lines: Sequence[LineItem],
) -> None:
    """Keep the external ids and metadata of invoices and lines.

    Args:
        invoices: The invoices of the parts, in the same order.
        lines: The lines of all parts, in the same order.
    """
    terms = {f"invoices.{index}": one for index, one in enumerate(given.invoices or ())}
    asked = dict(given_lines(given))
    wanted = [line.wanted for part in parts for line in part.lines]
    owners: list[tuple[str, int, NewInvoice | NewLineItem]] = [
        (INVOICES.type_name, invoice.id, terms[part.terms.path])
        for invoice, part in zip(invoices, parts, strict=True)
        if part.terms.path in terms
    ]
    owners += [(LINE_ITEMS.type_name, line.id, asked[want.path]) for line, want in zip(lines, wanted, strict=True)]
    for type_name, row_id, owner in owners:
        if owner.external_ids:
            await keep_external_ids(conn, type_name, row_id, owner.external_ids)
        if owner.metadata:
            await keep_metadata(conn, type_name, row_id, owner.metadata)


async def _insert_line_items(
    conn: Connection,
    order: Order,
    invoices: Sequence[Invoice],
    parts: Sequence[Part],
    offered: Mapping[VariantId, OfferedVariant],
) -> list[LineItem]:
    # One statement for all: one trigger call, one change event per invoice.
    is_paid = order.status is OrderStatus.COMPLETE
    status = LineItemStatus.ALLOCATED if is_paid else LineItemStatus.NEW
    common = {"status": status, "currency": order.currency}
    lines = [
        {
            **common,
            "invoice_id": invoice.id,
            **copies_of(item),
            **line_item_columns(line, part, is_from_stock=not item.variant.has_infinite_quantity),
        }
        for invoice, part in zip(invoices, parts, strict=True)
        for line in part.lines
        for item in [offered[VariantId(line.wanted.variant_id)]]
    ]
    return await insert_rows(conn, LINE_ITEMS, lines)

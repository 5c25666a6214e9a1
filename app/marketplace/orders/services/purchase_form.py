"""The form of a purchase: its lines with their paths in the input, and the problems that do not depend on the stock."""

from collections.abc import Iterator

from app.kernel.problems import MAX_ITEMS, Problems
from app.marketplace.catalogue.domain.stock import PurchaseLine, form_problems, tax_rate_problems
from app.marketplace.orders.domain.adjustment import adjustment_form_problems
from app.marketplace.orders.domain.order import rate_of_tax
from app.marketplace.orders.services.addresses import address_problems
from app.marketplace.orders.services.new_orders import NewInvoice, NewLineItem, NewPurchase
from app.marketplace.orders.services.payments import payment_problems
from app.marketplace.owned.services.owned import external_id_problems, metadata_problems


def purchase_form_problems(given: NewPurchase) -> Problems:
    """List the problems that do not depend on the stock."""
    problems = payment_problems(given.order.payment_events, "order.payment_events")
    problems.include(address_problems(given.order.address, "order.address"))
    problems.include(address_problems(given.order.billing_address, "order.billing_address"))
    problems.include(external_id_problems(given.order.external_ids, "order.external_ids"))
    problems.include(metadata_problems(given.order.metadata, "order.metadata"))
    if (given.line_items is None) == (given.invoices is None):
        problems.add("line_items", "give either line items or invoices")
    if given.line_items is not None and not given.line_items:
        problems.add("line_items", "must not be empty")
    if given.invoices is not None and not given.invoices:
        problems.add("invoices", "must not be empty")
    for index, invoice in enumerate(given.invoices or ()):
        path = f"invoices.{index}"
        problems.include(external_id_problems(invoice.external_ids, f"{path}.external_ids"))
        problems.include(metadata_problems(invoice.metadata, f"{path}.metadata"))
        problems.include(tax_rate_problems(path, invoice.merchant_fees_tax_rate, "merchant_fees_tax_rate"))
        if invoice.merchant_fee_cents is not None and invoice.merchant_fee_cents < 0:
            problems.add(f"{path}.merchant_fee_cents", "must not be negative")
        if not invoice.line_items:
            problems.add(f"{path}.line_items", "must not be empty")
        if invoice.shipping_cost_cents < 0:
            problems.add(f"{path}.shipping_cost_cents", "must not be negative")
        problems.include(tax_rate_problems(path, invoice.tax_rate))
        problems.include(adjustment_form_problems(invoice.adjustments, path))
    wanted = purchase_lines(given)
    if len(wanted) > MAX_ITEMS:
        problems.add("invoices", f"an order must not have more than {MAX_ITEMS} lines")
    for (path, given_line), line in zip([*given_lines(given)][:MAX_ITEMS], wanted, strict=False):
        problems.include(_price_problems(path, given_line))
        problems.include(form_problems(line))
    return problems


def _price_problems(path: str, line: NewLineItem) -> Problems:
    """List the problems of the forms in which a line's price and its kept values are given."""
    problems = external_id_problems(line.external_ids, f"{path}.external_ids")
    problems.include(metadata_problems(line.metadata, f"{path}.metadata"))
    prices = [line.item_amount_cents, line.total_cents, line.cost and line.cost.amount]
    if sum(price is not None for price in prices) > 1:
        problems.add(f"{path}.cost", "give one of `cost`, `total_cents` and `item_amount_cents`")
    if line.postage is not None and line.postage_cents:
        problems.add(f"{path}.postage", "give one of `postage` and `postage_cents`")
    where = "total_cents" if line.cost is None else "cost.amount"
    total = line.total_cents if line.cost is None else line.cost.amount
    if total is not None and line.quantity >= 1 and total % line.quantity:
        problems.add(f"{path}.{where}", f"is the price of all {line.quantity}, each of which costs whole cents")
    for name, money in (("cost", line.cost), ("postage", line.postage)):
        if money is None or money.tax is None:
            continue
        if money.tax_rate is not None:
            problems.add(f"{path}.{name}.tax", "give the tax or its rate")
        if not 0 <= money.tax <= money.amount:
            problems.add(f"{path}.{name}.tax", "is contained in the amount, and can't be more than that")
    return problems


def purchase_lines(given: NewPurchase) -> list[PurchaseLine]:
    """Return all lines of the purchase in the order of the input, each with its path there."""
    lines = [_line(f"line_items.{index}", line) for index, line in enumerate(given.line_items or ())]
    for number, invoice in enumerate(given.invoices or ()):
        for index, line in enumerate(invoice.line_items):
            lines.append(_line(f"invoices.{number}.line_items.{index}", line, invoice))
    return lines


def given_lines(given: NewPurchase) -> Iterator[tuple[str, NewLineItem]]:
    """Yield all lines of the purchase in the order of the input, each after its path there."""
    for index, line in enumerate(given.line_items or ()):
        yield f"line_items.{index}", line
    for number, invoice in enumerate(given.invoices or ()):
        for index, line in enumerate(invoice.line_items):
            yield f"invoices.{number}.line_items.{index}", line


def _line(path: str, line: NewLineItem, invoice: NewInvoice | None = None) -> PurchaseLine:
    cost, postage = line.cost, line.postage
    total = line.total_cents if cost is None else cost.amount
    rate = line.tax_rate
    if cost is not None and cost.tax is not None:
        rate = rate_of_tax(cost.amount, cost.tax)
    elif cost is not None and cost.tax_rate is not None:
        rate = cost.tax_rate
    elif rate is None and invoice is not None:
        rate = invoice.tax_rate
    return PurchaseLine(
        path=path,
        variant_id=line.variant_id,
        quantity=line.quantity,
        delivery_type=line.delivery_type if invoice is None else invoice.delivery_type,
        item_amount_cents=line.item_amount_cents if total is None else total // max(line.quantity, 1),
        tax_rate=rate,
        tax_cents=cost.tax if cost else None,
        postage_cents=line.postage_cents if postage is None else postage.amount,
        postage_tax_cents=postage.tax if postage else None,
        postage_tax_rate=postage.tax_rate if postage else None,
        commission_rate=line.commission_rate,
        commission_tax_rate=line.commission_tax_rate,
        seller_id=None if invoice is None else invoice.seller_id,
        adjustments=line.adjustments,
    )

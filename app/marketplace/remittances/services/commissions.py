"""Commissions of a purchase: the operator's part, by each line's own rate or by its seller's package."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from app.marketplace.catalogue.db.commission_packages import CommissionPackage
from app.marketplace.catalogue.domain.stock import Offer, PurchaseLine
from app.marketplace.orders.domain.order import contained_tax
from app.marketplace.orders.domain.purchase import Part, share_of

Packages = Mapping[int, CommissionPackage]


def with_commissions(
    wanted: Sequence[PurchaseLine], offers: Mapping[int, Offer], packages: Packages
) -> list[PurchaseLine]:
    """Return the lines, those without a rate with the rate of their seller's package, if it has one."""
    return [
        replace(line, commission_rate=package.rate)
        if line.commission_rate is None and (package := packages.get(offers[line.variant_id].seller_id)) is not None
        else line
        for line in wanted
    ]


def commission_columns(part: Part, packages: Packages) -> dict[str, object]:
    """Return the commission of an invoice: that of its lines, and of its postage if the package applies to it.

    The tax in the postage's commission has the rate of the lines' commissions, if they all have the same.
    """
    lines = [line for line in part.lines if line.commission_cents is not None]
    rates = {line.wanted.commission_tax_rate for line in lines}
    rate = rates.pop() if len(rates) == 1 else None
    package = packages.get(part.seller_id)
    if not lines and package is None:
        return {"commission_amount_cents": None, "commission_amount_tax_cents": None, "commission_tax_rate": None}
    postage = 0
    if package is not None and package.applies_to_postage:
        goods = sum(line.amounts.total_cents for line in part.lines)
        postage = share_of(part.amounts.total_cents - goods, package.rate)
    return {
        "commission_amount_cents": postage + sum(line.commission_cents or 0 for line in lines),
        "commission_amount_tax_cents": (
            contained_tax(postage, rate) + sum(line.commission_tax_cents or 0 for line in lines)
        ),
        "commission_tax_rate": rate,
    }

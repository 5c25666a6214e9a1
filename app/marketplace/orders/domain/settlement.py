"""Amounts of an invoice that are given back in pieces, which add up to exactly what was paid, with tax and commission.

Amounts are in minor units. Here, a positive amount goes back to the buyer. A piece is rounded down; the last piece of a
line item takes all that is left of it, so that no cent is lost or given back twice.
"""

from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """An amount and its parts. The seller's part, the remittance, is the total less the commission.

    Args:
        tax_cents: The tax contained in the total.
        commission_tax_cents: The tax contained in the commission.
    """

    total_cents: int = 0
    tax_cents: int = 0
    commission_cents: int = 0
    commission_tax_cents: int = 0

    @property
    def remittance_cents(self) -> int:
        return self.total_cents - self.commission_cents

    def __add__(self, other: "Split") -> "Split":
        return Split(
            total_cents=self.total_cents + other.total_cents,
            tax_cents=self.tax_cents + other.tax_cents,
            commission_cents=self.commission_cents + other.commission_cents,
            commission_tax_cents=self.commission_tax_cents + other.commission_tax_cents,
        )

    def __neg__(self) -> "Split":
        return Split(
            total_cents=-self.total_cents,
            tax_cents=-self.tax_cents,
            commission_cents=-self.commission_cents,
            commission_tax_cents=-self.commission_tax_cents,
        )

    def __sub__(self, other: "Split") -> "Split":
        return self + -other

    def portion(self, part: int, whole: int) -> "Split":
        """Return `part` of `whole` of each amount, rounded towards 0."""
        return Split(
            total_cents=share(self.total_cents, part, whole),
            tax_cents=share(self.tax_cents, part, whole),
            commission_cents=share(self.commission_cents, part, whole),
            commission_tax_cents=share(self.commission_tax_cents, part, whole),
        )

    def scale(self, total_cents: int) -> "Split":
        """Return the parts of another total in the same proportion. A total of 0 has no proportion, and no parts."""
        return replace(self.portion(total_cents, self.total_cents), total_cents=total_cents)


NOTHING = Split()


def share(amount_cents: int, part: int, whole: int) -> int:
    """Return the amount for `part` of `whole` in full cents, rounded towards 0; 0 if `whole` is 0."""
    if whole == 0:
        return 0
    cents = abs(amount_cents * part) // abs(whole)
    return -cents if (amount_cents < 0) ^ (part < 0) ^ (whole < 0) else cents


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemRest:
    """The rest of a line item.

    Args:
        unsettled: The amounts that no amendment has given back.
        unclaimed: The same, less the amounts of open refund lines.
        quantity: The quantity that is neither settled nor claimed by an open refund line.
    """

    unsettled: Split
    unclaimed: Split
    quantity: int

    def piece(self, quantity: int) -> Split:
        """Return the amounts of a quantity: its share of what is unclaimed, and all of it for the last piece."""
        return self.unclaimed if quantity >= self.quantity else self.unclaimed.portion(quantity, self.quantity)


@dataclass(slots=True, kw_only=True)
class Ledger:
    """The money that is left of an invoice, while refunds and amendments take from it.

    Attributes:
        left: The invoice's amounts less its amendments.
        items: The rests of all its line items by key.
        rest: The part of `left` that belongs to no line item, such as the shipping cost. It is negative after more was
            given back than the items come to.
    """

    left: Split
    items: dict[int, ItemRest]
    rest: Split = field(init=False)

    def __post_init__(self) -> None:
        self.rest = self.left - sum((item.unsettled for item in self.items.values()), NOTHING)

    def claim(self, item_id: int, quantity: int) -> Split:
        """Reserve a quantity of a line item, and return its amounts."""
        item = self.items[item_id]
        piece = item.piece(quantity)
        self.items[item_id] = replace(item, unclaimed=item.unclaimed - piece, quantity=max(item.quantity - quantity, 0))
        return piece

    def settle(self, item_id: int, claimed: Split, *, paid: Split | None = None) -> None:
        """Give back claimed amounts.

        Args:
            paid: The amounts that are given back for them. None: the claimed ones.
        """
        self.items[item_id] = replace(self.items[item_id], unsettled=self.items[item_id].unsettled - claimed)
        paid = claimed if paid is None else paid
        self.left -= paid
        self.rest += claimed - paid

    def take(self, cents: int, ratio: Split) -> Split:
        """Give back an amount that is about no line item, and return it with its parts. A negative one is charged.

        As far as the rest of the invoice covers the amount, the parts are that share of the rest's: whoever takes the
        last cent of the shipping cost takes the last cent of its tax.

        Args:
            ratio: The proportion of the parts for what the rest does not cover.
        """
        covered, rest = 0, self.rest.total_cents
        if cents * rest > 0:
            covered = min(cents, rest) if cents > 0 else max(cents, rest)
        taken = self.rest.scale(covered) + ratio.scale(cents - covered) if covered else ratio.scale(cents)
        self.left -= taken
        self.rest -= taken
        return taken

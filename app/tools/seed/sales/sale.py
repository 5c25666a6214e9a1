"""An invoice and its lines while they change, before they are written. Fulfilment and refunds work on them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from app.marketplace.orders.domain.invoice import InvoiceStatusFlag
from app.marketplace.orders.domain.order import LineItemStatus, OrderStatus
from app.marketplace.orders.domain.purchase import Part
from app.marketplace.orders.domain.settlement import Ledger, Split
from app.marketplace.refunds.domain.refund_request import RefundStage
from app.tools.seed.catalogue import Goods, Shop


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenGoods:
    """Goods that an order buys, and their shop."""

    shop: Shop
    goods: Goods


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedOrder:
    """An order that has its row.

    Attributes:
        settled_at: When its status was known.
        paid_at: When it was paid; None: it is not paid, or the payment was reversed.
        buyer: The order's columns about the buyer and the addresses.
    """

    id: int
    at: datetime
    status: OrderStatus
    settled_at: datetime
    paid_at: datetime | None
    buyer: Mapping[str, Any]
    instrument: str
    message: str | None


@dataclass(slots=True, kw_only=True)
class Line:
    """A line item. `row` is written at the end; `cancelled` and `returned` are quantities of amendments."""

    id: int
    row: dict[str, Any]
    quantity: int
    awaiting: int
    returnable: int
    status: LineItemStatus
    amounts: Split
    cancelled: int = 0
    returned: int = 0


@dataclass(slots=True, kw_only=True)
class Sale:
    """An invoice.

    Attributes:
        row: Its row, which is written at the end.
        buyer: The author of the buyer's notes.
        done_at: When the buyer had all goods; None: not yet, or never.
        ledger: The money that refunds have left.
        stages: The stages of all its refund lines.
    """

    id: int
    shop: Shop
    part: Part
    row: dict[str, Any]
    lines: list[Line]
    buyer: str
    ordered_at: datetime
    flags: tuple[InvoiceStatusFlag, ...]
    updated_at: datetime
    ledger: Ledger
    remitted_at: datetime | None = None
    done_at: datetime | None = None
    stages: list[RefundStage] = field(default_factory=list)

    @property
    def left_cents(self) -> int:
        """The total in cents that is left after the amendments."""
        return self.ledger.left.total_cents

    @property
    def awaiting(self) -> list[int]:
        return [line.awaiting for line in self.lines]

    def touch(self, at: datetime) -> None:
        self.updated_at = max(self.updated_at, at)

    def settle(self) -> None:
        """Set the rows of the invoice and its lines to their final state."""
        self.row["status_flags"] = self.flags
        self.row["adjustment_cents"] = self.ledger.left.total_cents - self.part.amounts.total_cents
        self.row["remitted_at"] = self.remitted_at
        self.row["updated_at"] = self.updated_at
        for line in self.lines:
            line.row["status"] = line.status
            line.row["quantity_awaiting_dispatch"] = line.awaiting
            line.row["quantity_returnable"] = line.returnable
            line.row["updated_at"] = self.updated_at
            settled = line.amounts - self.ledger.items[line.id].unsettled
            line.row["settled_cents"] = settled.total_cents
            line.row["settled_tax_cents"] = settled.tax_cents
            line.row["settled_commission_cents"] = settled.commission_cents
            line.row["settled_commission_tax_cents"] = settled.commission_tax_cents


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A line of a refund request. `line` is None for a fee, which is a custom line."""

    id: int
    line: Line | None
    quantity: int
    stage: RefundStage
    amounts: Split
    is_return: bool

    @property
    def custom(self) -> str | None:
        return "Postage of the return" if self.line is None else None

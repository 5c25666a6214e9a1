"""Check what refunds and amendments alike claim of an invoice's line items."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from app.kernel.problems import Problems, blank_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Refundable:
    """The quantities of a line item that can be claimed, less those that open refund lines claim."""

    awaiting_dispatch: int
    returnable: int


class Claim(Protocol):
    """A line that claims a quantity of a line item, of sent ones or of unsent ones; or an amount of its own."""

    @property
    def quantity(self) -> int: ...
    @property
    def line_item_id(self) -> int | None: ...
    @property
    def custom(self) -> str | None: ...
    @property
    def is_dispatched(self) -> bool | None: ...


_Line = TypeVar("_Line", bound=Claim)


def claim_problems(
    lines: Sequence[_Line], refundable: Mapping[int, Refundable], form_problems: Callable[[_Line, str], Problems]
) -> Problems:
    """List everything that prevents these lines from being claimed together.

    Args:
        refundable: By every line item of the invoice and no other.
        form_problems: Lists, under a line's path, what else is wrong with it, whatever the invoice is.
    """
    if not lines:
        return Problems(line_items=["must not be empty"])
    problems = Problems()
    taken: Counter[tuple[int, bool]] = Counter()
    for index, line in enumerate(lines):
        path = f"line_items.{index}"
        if line.quantity < 1:
            problems.add(f"{path}.quantity", "must be at least 1")
        if (line.line_item_id is None) == (line.custom is None):
            problems.add(path, "must be either about a line item or custom")
        elif line.custom is not None:
            problems.include(blank_problems({f"{path}.custom": line.custom}))
        problems.include(form_problems(line, path))
        if line.line_item_id is None or line.quantity < 1:
            continue
        if line.line_item_id not in refundable:
            problems.add(f"{path}.line_item_id", "there is no such line item on this invoice")
            continue
        part = refundable[line.line_item_id]
        key = line.line_item_id, bool(line.is_dispatched)
        left = max((part.returnable if line.is_dispatched else part.awaiting_dispatch) - taken[key], 0)
        taken[key] += line.quantity
        if line.quantity > left:
            what = "can be returned" if line.is_dispatched else "can be cancelled before dispatch"
            problems.add(f"{path}.quantity", f"is more than {what}: {left}")
    return problems

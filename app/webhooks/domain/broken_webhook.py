"""The report of `tellgraph check` about webhooks whose stored queries do not fit a schema."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenWebhook:
    """A webhook whose query does not fit.

    Attributes:
        id: The webhook's number.
        seller: Its owner's number; None: the operator.
        message: The part that does not fit.
    """

    id: int
    type: str
    seller: int | None
    enabled: bool
    description: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """The result of a check. `count` is the number of all webhooks."""

    count: int
    broken: Sequence[BrokenWebhook]

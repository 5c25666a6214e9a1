"""The webhooks whose stored queries do not fit a schema, as `tellgraph check` finds them."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenWebhook:
    """id: the webhook's number; seller: its owner's, None: the operator's; message: what doesn't fit."""

    id: int
    type: str
    seller: int | None
    enabled: bool
    description: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """`count`: how many webhooks there are."""

    count: int
    broken: Sequence[BrokenWebhook]

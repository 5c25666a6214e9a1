"""Handles, the names that owners give their webhooks, and changes that need the webhook to be as it was read."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

import asyncpg

from app.errors import Conflict
from app.webhooks.db.webhooks import Webhook

_HANDLE: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


def check_handle(handle: str | None) -> list[str]:
    """Return the problems of a handle; none of a webhook without one."""
    if handle is None or _HANDLE.fullmatch(handle):
        return []
    return ["must be 1 to 63 small letters, digits, hyphens and underscores, such as erp-invoices"]


def check_unchanged(webhook: Webhook, if_updated_at: datetime | None) -> None:
    """Raise Conflict if a webhook was changed since the given time; None: whatever happened is right."""
    if if_updated_at is not None and webhook.updated_at != if_updated_at:
        raise Conflict(f"The webhook was changed at {webhook.updated_at.isoformat()}, after it was read.")


@contextmanager
def refusing_taken_handle() -> Iterator[None]:
    """Raise Conflict if a statement gives a webhook a handle that another one of its owner has."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "webhooks_handle":
            raise
        raise Conflict("Another webhook of the same owner has this handle.") from error

"""Idempotency: a request that is sent twice under one Idempotency-Key is carried out once."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import astuple, dataclass, field
from typing import TypeVar

from databases import Database

from app.auth.secrets import box_of
from app.auth.viewers import Viewer
from app.db.pool import transaction
from app.errors import IdempotencyConflict, InvalidInput
from app.http.idempotency_keys import KeyInUse, KeyOwner, claim_key, delete_expired_keys, keep_answer
from app.settings import Settings

#: The purpose that the secret box seals these values for.
PURPOSE = "idempotency.answer"

_FORM = re.compile(r"[\x21-\x7e]{1,255}\Z")
#: Expired keys that each use deletes, so that the table holds about one day's keys.
_EXPIRED_PER_USE = 10

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRequest:
    """A mutation that was sent with an Idempotency-Key.

    Args:
        field: The mutation's name in the response.
        hash: SHA-256 of the operation and its variables.
    """

    key: str
    field: str
    hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedResult:
    """The result of an earlier request under the same key.

    Args:
        rows: Type and id of each row, by payload field.
        values: Other values by payload field. They may be secret.
    """

    rows: Mapping[str, tuple[str, int]]
    values: Mapping[str, object] = field(default_factory=dict)


async def run_once(
    database: Database,
    viewer: Viewer,
    request: KeyedRequest,
    change: Callable[[], Awaitable[Made]],
    *,
    remember: Callable[[Made], RememberedResult],
    settings: Settings,
) -> Made | RememberedResult:
    """Make a change, or return the result of the same request under this key within the last 24 hours.

    Args:
        change: Makes the change. It is awaited in this task, so that its transaction is part of this one: key and
            change commit together or not at all. If it fails, the key can be used again.
        remember: Returns the part of the result that is stored with the key.

    Raises:
        InvalidInput: The key has a wrong form.
        IdempotencyConflict: Another request uses the key, or has used it.
        Exception: Whatever `change` raises.
    """
    if not _FORM.match(request.key):
        raise InvalidInput.at("Idempotency-Key", "must be 1 to 255 visible ASCII characters")
    owner = KeyOwner(actor=viewer.sender, key=request.key, field=request.field)
    async with transaction(database) as conn:
        try:
            kept = await claim_key(conn, owner, request_hash=request.hash)
        except KeyInUse as error:
            raise IdempotencyConflict("A request with this Idempotency-Key is being carried out.") from error
        if kept is None:
            made = await change()
            told = remember(made)
            box = box_of(settings) if told.values else None
            sealed = None if box is None else box.seal(dict(told.values), purpose=PURPOSE, row=astuple(owner))
            await keep_answer(conn, owner, made=told.rows, sealed=sealed)
            await delete_expired_keys(conn, limit=_EXPIRED_PER_USE)
            return made
    if kept.request_hash != request.hash:
        raise IdempotencyConflict("This Idempotency-Key was sent with another request before.")
    values = {} if kept.sealed is None else box_of(settings).open(kept.sealed, purpose=PURPOSE, row=astuple(owner))
    return RememberedResult(rows=kept.made, values=values)

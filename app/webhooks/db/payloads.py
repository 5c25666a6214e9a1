"""Payloads: the bodies of webhook events, each stored once a day."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.db.pool import Connection
from app.db.table import EVERYONE, Table

#: The sum of the bodies that one statement stores.
_STATEMENT_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Payload:
    digest: bytes
    body: bytes


# No node, and only reached from a webhook event that the viewer sees.
PAYLOADS = Table("payloads", Payload, seen_by=EVERYONE)


async def insert_payloads(conn: Connection, payloads: Sequence[Payload]) -> None:
    """Store each body once a day, in digest order: two publishers with the same bodies must not wait for each other."""
    ordered = sorted(payloads, key=lambda payload: payload.digest)
    # Each statement's bodies are in memory twice more while they are sent.
    for some in _in_parts(ordered):
        await conn.execute(
            "insert into payloads (digest, body) select * from unnest($1::bytea[], $2::bytea[]) on conflict do nothing",
            [payload.digest for payload in some],
            [payload.body for payload in some],
        )


def _in_parts(payloads: Sequence[Payload]) -> Iterator[list[Payload]]:
    part: list[Payload] = []
    size = 0
    for payload in payloads:
        part.append(payload)
        size += len(payload.body)
        if size >= _STATEMENT_BYTES:
            yield part
            part, size = [], 0
    if part:
        yield part

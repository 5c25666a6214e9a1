"""Payloads: the bodies of webhook events, each stored once a day."""

from collections.abc import Collection, Iterator, Sequence
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


_INSERT = "insert into payloads (digest, body) select * from unnest($1::bytea[], $2::bytea[]) on conflict do nothing"

#: The same, where a body that is null is copied from the latest day that has it, unless today has it already.
_INSERT_OR_COPY = """
insert into payloads (digest, body)
select p.digest, coalesce(p.body, older.body)
from unnest($1::bytea[], $2::bytea[]) with ordinality p(digest, body, place)
left join lateral (
  select o.body from payloads o where o.digest = p.digest and p.body is null and not exists (
    select from payloads t where t.digest = p.digest and t.day = (now() at time zone 'UTC')::date)
  order by o.day desc limit 1
) older on true
where coalesce(p.body, older.body) is not null order by p.place
on conflict do nothing
"""


async def insert_payloads(conn: Connection, payloads: Sequence[Payload], *, older: Collection[bytes] = ()) -> None:
    """Store each body once a day, in digest order: two publishers with the same bodies must not wait for each other.

    Args:
        conn: The connection with the transaction.
        payloads: The bodies to store.
        older: Digests of bodies of earlier days. Those that are still kept are copied into today.
    """
    bodies: dict[bytes, bytes | None] = dict.fromkeys(older)
    bodies |= {payload.digest: payload.body for payload in payloads}
    # Each statement's bodies are in memory twice more while they are sent.
    for part in _in_parts(sorted(bodies.items())):
        statement = _INSERT_OR_COPY if None in part.values() else _INSERT
        await conn.execute(statement, list(part), list(part.values()))


def _in_parts(bodies: Sequence[tuple[bytes, bytes | None]]) -> Iterator[dict[bytes, bytes | None]]:
    part: dict[bytes, bytes | None] = {}
    size = 0
    for digest, body in bodies:
        part[digest] = body
        size += len(body or b"")
        if size >= _STATEMENT_BYTES:
            yield part
            part, size = {}, 0
    if part:
        yield part

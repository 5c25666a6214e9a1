"""API keys, by the hash of the key."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.marketplace.catalogue.db.sellers import SellerId

ApiKeyId = NewType("ApiKeyId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveKey:
    id: ApiKeyId
    seller_id: SellerId | None
    scopes: Sequence[str]


#: By PostgreSQL's clock: the only one that every process shares.
_IS_LIVE = "hash = {hash} and revoked_at is null and (expires_at is null or expires_at > now())"


def live_key_column(first: int) -> str:
    """Return a boolean column for any statement: whether the key still is valid for the same seller and scopes.

    The parameters are the hash (`$first`), the seller and the scopes. It is a boolean, because the key's own values
    would be repeated in each row.
    """
    key, seller, scopes = f"${first}::bytea", f"${first + 1}::bigint", f"${first + 2}::text[]"
    is_same = f"seller_id is not distinct from {seller} and scopes @> {scopes} and scopes <@ {scopes}"
    return f"exists (select from api_keys where {_IS_LIVE.format(hash=key)} and {is_same})"


async def find_live_key(conn: Connection, key_hash: bytes) -> LiveKey | None:
    """Return the key of a hash; None if it is unknown, revoked or expired."""
    row = await conn.fetchrow(
        f"select id, seller_id, scopes from api_keys where {_IS_LIVE.format(hash='$1')}", key_hash
    )
    return None if row is None else LiveKey(id=ApiKeyId(row["id"]), seller_id=row["seller_id"], scopes=row["scopes"])


async def insert_api_key(
    conn: Connection,
    *,
    name: str,
    seller_id: SellerId | None,
    prefix: str,
    key_hash: bytes,
    scopes: Sequence[str],
    expires_at: datetime | None,
) -> None:
    await conn.execute(
        "insert into api_keys (name, seller_id, prefix, hash, scopes, expires_at) values ($1, $2, $3, $4, $5, $6)",
        name,
        seller_id,
        prefix,
        key_hash,
        list(scopes),
        expires_at,
    )


async def seller_exists(conn: Connection, seller_id: SellerId) -> bool:
    return bool(await conn.fetchval("select exists (select from sellers where id = $1)", seller_id))

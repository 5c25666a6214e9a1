"""API keys. Only the hash of a key is stored."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.auth.domain.api_key import Scope
from app.db.pool import Connection
from app.db.table import OperatorOnly, Reference, Table
from app.db.write import lock_row
from app.errors import NotFound
from app.marketplace.catalogue.db.sellers import SELLERS, SellerId

ApiKeyId = NewType("ApiKeyId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """An API key as the operator sees it.

    Attributes:
        seller_id: None: the operator's.
        prefix: The first characters of the key.
        expires_at: None: it does not expire.
        last_used_at: The minute of its last use; None: it has not been used yet.
        replaced_by: The key that it was rotated to; None: it was not rotated.
    """

    id: ApiKeyId
    seller_id: SellerId | None
    name: str
    prefix: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    replaced_by: ApiKeyId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """The attributes of a key that is to be made.

    Attributes:
        seller_id: The seller whose key it is. None: the operator's.
        scopes: None: all that a key of its owner can have.
        expires_at: None: it does not expire.
    """

    name: str
    seller_id: SellerId | None = None
    scopes: Sequence[Scope] | None = None
    expires_at: datetime | None = None


API_KEYS = Table(
    "api_keys",
    ApiKey,
    seen_by=OperatorOnly("An API key"),
    keys={"seller_id": SELLERS, "replaced_by": Reference()},
)
#: Seconds for storing last uses. A process that ends does not wait longer for a database that does not answer.
_TIMEOUT_S = 5.0
_COLUMNS = API_KEYS.select_list("api_keys")

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


async def find_live_key(conn: Connection, key_hash: bytes) -> ApiKey | None:
    """Return the key of a hash; None if it is unknown, revoked or expired."""
    row = await conn.fetchrow(f"select {_COLUMNS} from api_keys where {_IS_LIVE.format(hash='$1')}", key_hash)
    return None if row is None else API_KEYS.from_record(row)


async def list_live_keys(
    conn: Connection, key_hashes: Collection[bytes]
) -> dict[bytes, tuple[SellerId | None, frozenset[Scope]]]:
    """Return seller and scopes of each of these keys that is valid, by its hash."""
    rows = await conn.fetch(
        f"select hash, seller_id, scopes from api_keys where {_IS_LIVE.format(hash='any($1::bytea[])')}",
        list(key_hashes),
    )
    return {row["hash"]: (row["seller_id"], frozenset(map(Scope, row["scopes"]))) for row in rows}


async def lock_api_key(conn: Connection, api_key_id: ApiKeyId) -> ApiKey:
    """Return a key, locked until the transaction ends. Raises NotFound."""
    found = await lock_row(conn, API_KEYS, api_key_id)
    if found is None:
        raise NotFound.at("api_key_id", "there is no such API key")
    return found


async def insert_api_key(
    conn: Connection, new: NewApiKey, *, scopes: Sequence[Scope], prefix: str, key_hash: bytes
) -> ApiKey:
    row = await conn.fetchrow(
        "insert into api_keys (name, seller_id, prefix, hash, scopes, expires_at) values ($1, $2, $3, $4, $5, $6)"
        f" returning {_COLUMNS}",
        new.name,
        new.seller_id,
        prefix,
        key_hash,
        [scope.value for scope in scopes],
        new.expires_at,
    )
    assert row is not None
    return API_KEYS.from_record(row)


async def mark_revoked(conn: Connection, api_key_id: ApiKeyId) -> ApiKey:
    """Revoke a key that the transaction has locked."""
    row = await conn.fetchrow(
        f"update api_keys set revoked_at = clock_timestamp() where id = $1 returning {_COLUMNS}", api_key_id
    )
    assert row is not None, "its caller has locked it"
    return API_KEYS.from_record(row)


async def mark_replaced(conn: Connection, api_key_id: ApiKeyId, *, by: ApiKeyId, overlap_s: int) -> None:
    """Note the key that replaces another one, which ends after the overlap unless it expires before."""
    await conn.execute(
        "update api_keys set replaced_by = $2,"
        " expires_at = least(expires_at, clock_timestamp() + make_interval(secs => $3)) where id = $1",
        api_key_id,
        by,
        overlap_s,
    )


async def store_last_uses(conn: Connection, used: Mapping[ApiKeyId, datetime]) -> None:
    """Store the minutes in which keys were used. An earlier minute than the stored one changes nothing.

    The rows are locked in the order of their ids, because other processes store their uses at the same time.
    """
    await conn.execute(
        """
        with used as materialized (
          select k.id, date_trunc('minute', u.at) as minute
          from unnest($1::bigint[], $2::timestamptz[]) u(id, at) join api_keys k on k.id = u.id
          where k.last_used_at is null or k.last_used_at < date_trunc('minute', u.at)
          order by k.id for no key update of k
        )
        update api_keys k set last_used_at = greatest(k.last_used_at, u.minute) from used u where k.id = u.id
        """,
        list(used),
        list(used.values()),
        timeout=_TIMEOUT_S,
    )


async def seller_exists(conn: Connection, seller_id: SellerId) -> bool:
    return bool(await conn.fetchval("select exists (select from sellers where id = $1)", seller_id))

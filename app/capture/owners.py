"""Owners of external ids and metadata, named by type and id: whose they are, and the rows that they are parts of."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from app.db.graph import owners_of, path_to_seller
from app.db.pool import Connection
from app.db.table import EVERYONE, OfSeller, Table
from app.marketplace.catalogue.db.sellers import SellerId


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """The seller of an owner.

    Attributes:
        seller_id: None: the operator's, or everyone's.
        is_shared: Whether all sellers see it: reference data, such as a taxon.
    """

    seller_id: SellerId | None
    is_shared: bool


@cache
def owner_tables(owned: Table[object]) -> Mapping[str, Table[object]]:
    """Return the tables by type name whose rows may own rows of this one."""
    return {owner.type_name: owner for owner, _ in owners_of(owned)}


async def find_owner(conn: Connection, table: Table[object], owner_id: int) -> Owner | None:
    """Find an owner that has not been deleted. None when there is no such row."""
    row = await conn.fetchrow(_seller_sql(table), owner_id)
    return None if row is None else Owner(seller_id=row["seller_id"], is_shared=table.seen_by is EVERYONE)


async def touch_owner(conn: Connection, table: Table[object], owner_id: int) -> bool:
    """Set `updated_at` of an owner and of each row that it is a part of. It records no change event.

    The owner stays locked, so that nobody deletes it before it has what it is to own.

    Returns:
        Whether the owner is still there.
    """
    status = ""
    for sql in _touches(table):
        status = await conn.execute(sql, owner_id)
    return status != "UPDATE 0"


@cache
def _seller_sql(owner: Table[object]) -> str:
    """Return SQL for whose the row `$1` is: a seller, or null."""
    path, rule = path_to_seller(owner)
    joins = "".join(
        f" join {key.to.name} t{place} on t{place}.{key.remote} = t{place - 1}.{key.column}"
        for place, key in enumerate(path, start=1)
    )
    seller = f"t{len(path)}.{rule.column}" if isinstance(rule, OfSeller) else "null::bigint"
    is_there = " and t0.deleted_at is null" if owner.has("deleted_at") else ""
    return f"select {seller} as seller_id from {owner.name} t0{joins} where t0.id = $1{is_there}"


@cache
def _touches(owner: Table[object]) -> tuple[str, ...]:
    """Return the statements that touch the row `$1` and its wholes. The whole comes first, as in all locks."""
    table, row, found = owner, "$1", list[str]()
    while True:
        if table.has("updated_at"):
            found.insert(0, f"update {table.name} set updated_at = now() where id = {row}")
        wholes = (key for key in table.keys.values() if key.reference.is_part and key.to is not table)
        if (key := next(wholes, None)) is None:
            return tuple(found)
        table, row = key.to, f"(select {key.column} from {table.name} where id = {row})"

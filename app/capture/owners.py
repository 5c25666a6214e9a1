"""Owners of external ids and metadata, named by type and id: whose they are, and of which invoice they are a part."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from app.db.graph import owners_of, path_to_seller
from app.db.pool import Connection
from app.db.table import OfSeller, Table
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.orders.db.invoices import INVOICES, InvoiceId
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """seller_id: None is the operator's alone. invoice_id: None is no part of an invoice."""

    seller_id: SellerId | None
    invoice_id: InvoiceId | None


@cache
def owner_tables() -> Mapping[str, Table[object]]:
    """Return the tables of owners by type name. Whoever owns external ids owns metadata, too."""
    return {owner.type_name: owner for owner, _ in owners_of(EXTERNAL_IDS)}


async def find_owner(conn: Connection, type_name: str, owner_id: int) -> Owner | None:
    """Find an owner that has not been deleted. None when there is no such row. The type is one of `owner_tables`."""
    row = await conn.fetchrow(_statement(owner_tables()[type_name]), owner_id)
    return None if row is None else Owner(seller_id=row["seller_id"], invoice_id=row["invoice_id"])


@cache
def _statement(owner: Table[object]) -> str:
    """Return SQL for whose the row `$1` is (null: the operator's alone), and the invoice that it is a part of."""
    path, rule = path_to_seller(owner)
    tables = [owner, *(key.to for key in path)]
    joins = "".join(
        f" join {key.to.name} t{place} on t{place}.{key.remote} = t{place - 1}.{key.column}"
        for place, key in enumerate(path, start=1)
    )
    seller = f"t{len(path)}.{rule.column}" if isinstance(rule, OfSeller) else "null::bigint"
    invoice = f"t{tables.index(INVOICES)}.id" if INVOICES in tables else "null::bigint"
    is_there = " and t0.deleted_at is null" if owner.has("deleted_at") else ""
    return (
        f"select {seller} as seller_id, {invoice} as invoice_id from {owner.name} t0{joins} where t0.id = $1{is_there}"
    )

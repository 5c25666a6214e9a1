"""Sellers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import Table
from app.errors import NotFound

SellerId = NewType("SellerId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    id: SellerId
    business_name: str
    legal_business_name: str | None
    business_number: str | None
    email_address: str
    phone: str | None
    is_online: bool
    is_retailer: bool
    address_id: int | None
    created_at: datetime
    updated_at: datetime


SELLERS = Table("sellers", Seller)


async def find_seller(conn: Connection, seller_id: SellerId) -> Seller | None:
    record = await conn.fetchrow(f"select {SELLERS.select_list('s')} from sellers s where s.id = $1", seller_id)
    return None if record is None else SELLERS.from_record(record)


async def find_seller_ids(conn: Connection, seller_ids: Collection[SellerId]) -> set[SellerId]:
    """Return those of the ids that belong to sellers."""
    records = await conn.fetch("select id from sellers where id = any($1::bigint[])", [*seller_ids])
    return {SellerId(record["id"]) for record in records}


async def lock_seller(conn: Connection, seller_id: SellerId) -> Seller:
    """Lock a seller until the transaction ends. Raises NotFound at `sellerId`."""
    record = await conn.fetchrow(
        f"select {SELLERS.select_list('s')} from sellers s where s.id = $1 for no key update", seller_id
    )
    if record is None:
        message = "there is no such seller"
        raise NotFound(message, fields={"sellerId": [message]})
    return SELLERS.from_record(record)

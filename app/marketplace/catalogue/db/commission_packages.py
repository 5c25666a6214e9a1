"""Commission packages: which part of its sales a seller leaves to the operator."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import OperatorOnly, Table

CommissionPackageId = NewType("CommissionPackageId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionPackage:
    """A rate of commission for any number of sellers.

    Args:
        rate: The operator's part of the goods' price, a fraction.
        applies_to_postage: Whether the operator has the same part of the postage.
        is_default: Whether it is the package of all sellers that have none of their own. At most one package is.
    """

    id: CommissionPackageId
    name: str
    rate: float
    applies_to_postage: bool
    is_default: bool
    created_at: datetime
    updated_at: datetime


COMMISSION_PACKAGES = Table(
    "commission_packages",
    CommissionPackage,
    type_name="CommissionPackage",
    seen_by=OperatorOnly("A commission package"),
    is_subscribable=True,
)


async def lock_package(conn: Connection, package_id: CommissionPackageId) -> CommissionPackage | None:
    """Lock a package against changes and against sellers that are given it; None if there is none."""
    record = await conn.fetchrow(
        f"select {COMMISSION_PACKAGES.select_list('p')} from commission_packages p where p.id = $1 for update",
        package_id,
    )
    return None if record is None else COMMISSION_PACKAGES.from_record(record)


async def clear_default(conn: Connection) -> None:
    """Let no package be the default one, before another one is."""
    await conn.execute("update commission_packages set is_default = false, updated_at = now() where is_default")


async def is_package_used(conn: Connection, package_id: CommissionPackageId) -> bool:
    return bool(await conn.fetchval("select exists (select from sellers where commission_package_id = $1)", package_id))


async def package_exists(conn: Connection, package_id: CommissionPackageId) -> bool:
    """Return whether there is such a package. One that is found is not deleted before the transaction ends."""
    return bool(await conn.fetchval("select true from commission_packages where id = $1 for key share", package_id))


async def touch_packages(conn: Connection, package_ids: Collection[CommissionPackageId | None]) -> None:
    """Set `updated_at` of packages that were given to a seller, or taken from one, in key order."""
    await conn.execute(
        "with p as (select id from commission_packages where id = any($1::bigint[]) order by id for no key update)"
        " update commission_packages set updated_at = now() from p where commission_packages.id = p.id",
        [*package_ids],
    )


async def find_packages(conn: Connection, seller_ids: Collection[int]) -> dict[int, CommissionPackage]:
    """Return the package of each of the sellers: its own, or the default one. A seller may have none."""
    records = await conn.fetch(
        f"select s.id as of_seller, {COMMISSION_PACKAGES.select_list('p')} from sellers s join commission_packages p"
        " on p.id = s.commission_package_id or s.commission_package_id is null and p.is_default"
        " where s.id = any($1::bigint[])",
        [*seller_ids],
    )
    return {record["of_seller"]: COMMISSION_PACKAGES.from_record(record) for record in records}

"""Commission packages: creating, changing and deleting them. For the operator."""

from dataclasses import dataclass
from typing import Any

import asyncpg
from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import insert_row, update_row
from app.errors import Conflict, Forbidden, InvalidInput, NotFound
from app.kernel.attributes import ABSENT, Absent, sent_values
from app.kernel.problems import form_problems, value_problems
from app.marketplace.catalogue.db.commission_packages import (
    COMMISSION_PACKAGES,
    CommissionPackage,
    CommissionPackageId,
    clear_default,
    is_package_used,
    lock_package,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissionPackageAttributes:
    """Attributes of a commission package. An absent one stays as it is. `rate` is a fraction."""

    name: str | Absent | None = ABSENT
    rate: float | Absent | None = ABSENT
    applies_to_postage: bool | Absent | None = ABSENT
    default: bool | Absent | None = ABSENT


async def create_package(
    database: Database, viewer: Viewer, attributes: CommissionPackageAttributes
) -> CommissionPackage:
    """Create a package. Raises Forbidden; InvalidInput."""
    columns = _columns(viewer, attributes, is_new=True)
    async with transaction(database, actor=viewer.actor) as conn:
        return await _write(conn, None, columns)


async def update_package(
    database: Database, viewer: Viewer, package_id: CommissionPackageId, attributes: CommissionPackageAttributes
) -> CommissionPackage:
    """Change a package. What was sold before keeps its commission. Raises Forbidden; NotFound; InvalidInput."""
    columns = _columns(viewer, attributes, is_new=False)
    async with transaction(database, actor=viewer.actor) as conn:
        before = await _locked(conn, package_id)
        differing = {name: value for name, value in columns.items() if value != getattr(before, name)}
        return await _write(conn, package_id, differing) if differing else before


async def delete_package(database: Database, viewer: Viewer, package_id: CommissionPackageId) -> CommissionPackage:
    """Delete a package that no seller has, and return it as it was. Raises Forbidden; NotFound; Conflict."""
    _check_operator(viewer)
    async with transaction(database, actor=viewer.actor) as conn:
        before = await _locked(conn, package_id)
        if await is_package_used(conn, package_id):
            message = "has sellers: give them another package first"
            raise Conflict(f"The package {message}.", fields={"commission_package_id": [message]})
        await conn.execute("delete from commission_packages where id = $1", package_id)
        return before


async def _locked(conn: Connection, package_id: CommissionPackageId) -> CommissionPackage:
    before = await lock_package(conn, package_id)
    if before is None:
        raise NotFound.at("commission_package_id", "there is no such commission package")
    return before


def _check_operator(viewer: Viewer) -> None:
    if not viewer.is_operator:
        raise Forbidden("Commission packages can be changed by the marketplace operator only.")


def _columns(viewer: Viewer, attributes: CommissionPackageAttributes, *, is_new: bool) -> dict[str, Any]:
    _check_operator(viewer)
    problems = value_problems(attributes, "attributes")
    sent = sent_values(attributes)
    problems.include(form_problems(sent, required=("name", "rate"), not_null=sent, is_new=is_new, path="attributes"))
    if isinstance(rate := sent.get("rate"), float) and not 0 <= rate <= 1:
        problems.add("attributes.rate", "is a fraction, from 0 to 1: 0.1 is 10 %")
    problems.check()
    return {"is_default" if name == "default" else name: value for name, value in sent.items()}


async def _write(
    conn: Connection, package_id: CommissionPackageId | None, columns: dict[str, Any]
) -> CommissionPackage:
    if columns.get("is_default"):
        await clear_default(conn)
    try:
        if package_id is None:
            return await insert_row(conn, COMMISSION_PACKAGES, **columns)
        return await update_row(conn, COMMISSION_PACKAGES, package_id, columns)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name == "commission_packages_default":
            message = "another package has just become the default one"
            raise Conflict(f"{message.capitalize()}.", fields={"attributes.default": [message]}) from error
        raise InvalidInput.at("attributes.name", "is taken") from error

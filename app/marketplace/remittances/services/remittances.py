"""Remittances: releasing them to remittance advices, and noting that these were paid. For the operator."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import insert_row, lock_row, update_row
from app.errors import Forbidden, NotFound
from app.kernel.attributes import ABSENT, Absent, sent_values
from app.kernel.problems import BIGINT_MAX, Problems, value_problems
from app.marketplace.owned.services.images import NewImage, add_images, image_problems
from app.marketplace.remittances.db.remittances import (
    REMITTANCE_ADVICES,
    Remittance,
    RemittanceAdvice,
    RemittanceAdviceId,
    list_reviewed_invoices,
    lock_remittances,
    note_remitted,
    release_remittances,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemittanceRelease:
    """The input of `release`: at most MAX_ITEMS remittances."""

    remittance_ids: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class RemittanceAdviceUpdate:
    """The input of `update_advice`. An absent attribute stays as it is. The images are added."""

    remittance_advice_id: RemittanceAdviceId
    paid_at: datetime | Absent | None = ABSENT
    payment_reference: str | Absent | None = ABSENT
    attachments: Sequence[NewImage] = ()


async def release(database: Database, viewer: Viewer, given: RemittanceRelease) -> list[Remittance]:
    """Put remittances on new advices, one for each seller and currency. Return them in the order given.

    Raises:
        Forbidden: The viewer is not the operator.
        InvalidInput: Names each remittance that does not exist, is given twice, was released, or whose invoice's
            payment is under review. Nothing is released then.
    """
    _check_operator(viewer)
    problems = value_problems(given)
    if not given.remittance_ids:
        problems.add("remittance_ids", "must not be empty")
    problems.check()
    async with transaction(database, actor=viewer.actor) as conn:
        found = await lock_remittances(conn, given.remittance_ids)
        reviewed = await list_reviewed_invoices(conn, [row.invoice_id for row in found.values()])
        _release_problems(given.remittance_ids, found, reviewed).check()
        groups: dict[tuple[int, str], list[Remittance]] = defaultdict(list)
        for row_id in given.remittance_ids:
            groups[found[row_id].seller_id, found[row_id].currency].append(found[row_id])
        released = {row.id: row for group in groups.values() for row in await _advise(conn, group)}
        return [released[found[row_id].id] for row_id in given.remittance_ids]


async def update_advice(database: Database, viewer: Viewer, change: RemittanceAdviceUpdate) -> RemittanceAdvice:
    """Note that an advice was paid, which its invoices and amendments then tell, too.

    Raises:
        Forbidden: The viewer is not the operator.
        NotFound: There is no such advice.
        InvalidInput: Names every wrong attribute. The time of a payment can be corrected, not cleared.
    """
    _check_operator(viewer)
    problems = value_problems(change).include(image_problems(change.attachments, "attachments"))
    if change.paid_at is None:
        problems.add("paid_at", "can't be cleared")
    problems.check()
    columns = {name: value for name, value in sent_values(change).items() if name in ("paid_at", "payment_reference")}
    async with transaction(database, actor=viewer.actor) as conn:
        before = await lock_row(conn, REMITTANCE_ADVICES, change.remittance_advice_id)
        if before is None:
            raise NotFound.at("remittance_advice_id", "there is no such remittance advice")
        await add_images(conn, REMITTANCE_ADVICES.type_name, before.id, change.attachments)
        differing: dict[str, Any] = {name: value for name, value in columns.items() if value != getattr(before, name)}
        if not differing and not change.attachments:
            return before
        if "paid_at" in differing:
            await note_remitted(conn, before.id, differing["paid_at"])
        return await update_row(conn, REMITTANCE_ADVICES, before.id, differing)


def _check_operator(viewer: Viewer) -> None:
    if not viewer.is_operator:
        raise Forbidden("Sellers are paid by the marketplace operator only.")


def _release_problems(given: Sequence[int], found: Mapping[int, Remittance], reviewed: set[int]) -> Problems:
    problems = Problems()
    for index, row_id in enumerate(given):
        path, row = f"remittance_ids.{index}", found.get(row_id)
        if row is None:
            problems.add(path, "there is no such remittance")
        elif row_id in given[:index]:
            problems.add(path, "is given twice")
        elif row.remittance_advice_id is not None:
            problems.add(path, "has been released")
        elif row.invoice_id in reviewed:
            problems.add(path, "the payment of its invoice is under review")
    total = sum(abs(row.amount_cents) + abs(row.commission_amount_cents) for row in found.values())
    if total > BIGINT_MAX:
        problems.add("remittance_ids", "come to a sum that is too large")
    return problems


async def _advise(conn: Connection, group: Sequence[Remittance]) -> list[Remittance]:
    """Make an advice of locked remittances of one seller and currency."""
    advice = await insert_row(
        conn,
        REMITTANCE_ADVICES,
        seller_id=group[0].seller_id,
        total_cents=sum(row.amount_cents for row in group),
        commission_amount_total_cents=sum(row.commission_amount_cents for row in group),
        currency=group[0].currency,
    )
    return await release_remittances(conn, [row.id for row in group], advice.id)

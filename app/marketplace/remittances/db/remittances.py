"""Remittances: what sellers get of paid invoices, and the advices by which they are paid."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import OfSeller, Table, part_of
from app.marketplace.catalogue.db.sellers import SELLERS, SellerId
from app.marketplace.orders.db.invoice_amendments import INVOICE_AMENDMENTS, InvoiceAmendmentId
from app.marketplace.orders.db.invoices import INVOICES, InvoiceId
from app.marketplace.owned.db.images import IMAGES

RemittanceId = NewType("RemittanceId", int)
RemittanceAdviceId = NewType("RemittanceAdviceId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemittanceAdvice:
    """One payment to one seller in one currency. Its total is the sum of its remittances."""

    id: RemittanceAdviceId
    seller_id: SellerId
    total_cents: int
    commission_amount_total_cents: int
    currency: str
    payment_reference: str | None
    paid_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Remittance:
    """The seller's part of a paid invoice, or of an amendment of one.

    Args:
        invoice_amendment_id: None: it is of the invoice itself.
        remittance_advice_id: None: it has not been released yet.
    """

    id: RemittanceId
    seller_id: SellerId
    invoice_id: InvoiceId
    invoice_amendment_id: InvoiceAmendmentId | None
    remittance_advice_id: RemittanceAdviceId | None
    amount_cents: int
    commission_amount_cents: int
    currency: str
    released_at: datetime | None
    created_at: datetime


REMITTANCE_ADVICES = Table(
    "remittance_advices",
    RemittanceAdvice,
    type_name="RemittanceAdvice",
    seen_by=OfSeller(),
    keys={"seller_id": SELLERS},
    owns=(IMAGES,),
    is_subscribable=True,
)
REMITTANCES = Table(
    "remittances",
    Remittance,
    type_name="Remittance",
    seen_by=OfSeller(),
    keys={
        "seller_id": SELLERS,
        "invoice_id": INVOICES,
        "invoice_amendment_id": INVOICE_AMENDMENTS,
        "remittance_advice_id": part_of(REMITTANCE_ADVICES),
    },
)


async def add_remittances(conn: Connection, invoice_ids: Collection[InvoiceId]) -> None:
    """Add what is missing of the remittances of paid invoices and their amendments.

    The invoices are locked or new, so that nobody else adds the same. What was remitted elsewhere, such as the
    remittance of an imported invoice, is left out.
    """
    await conn.execute(
        "insert into remittances (seller_id, invoice_id, invoice_amendment_id, amount_cents, commission_amount_cents,"
        " currency) select i.seller_id, i.id, p.amendment_id, p.total_cents - p.commission_cents, p.commission_cents,"
        " i.currency from invoices i cross join lateral ("
        "select null::bigint as amendment_id, i.total_cents, coalesce(i.commission_amount_cents,"
        " (select sum(l.commission_amount_cents) from line_items l where l.invoice_id = i.id), 0)::bigint"
        " as commission_cents where i.remitted_at is null"
        " union all select a.id, a.remittance_cents + a.commission_amount_total_cents, a.commission_amount_total_cents"
        " from invoice_amendments a where a.invoice_id = i.id and a.remitted_at is null) p"
        " where i.id = any($1::bigint[]) and i.paid_at is not null and not exists (select from remittances r"
        " where r.invoice_id = i.id and r.invoice_amendment_id is not distinct from p.amendment_id)"
        " order by i.id, p.amendment_id nulls first",
        [*invoice_ids],
    )


async def remove_remittances(conn: Connection, invoice_ids: Collection[InvoiceId]) -> bool:
    """Remove the remittances of locked invoices that are no longer paid. Return whether none had been released."""
    await conn.execute(
        "delete from remittances where invoice_id = any($1::bigint[]) and released_at is null", [*invoice_ids]
    )
    return not await conn.fetchval(
        "select exists (select from remittances where invoice_id = any($1::bigint[]))", [*invoice_ids]
    )


async def lock_remittances(conn: Connection, remittance_ids: Collection[int]) -> dict[int, Remittance]:
    """Lock those of the remittances that exist, after their invoices, in key order.

    The invoices' locks hold back what would change a payment while its remittance is released.
    """
    await conn.execute(
        "select from invoices where id in (select r.invoice_id from remittances r where r.id = any($1::bigint[]))"
        " order by id for no key update",
        [*remittance_ids],
    )
    records = await conn.fetch(
        f"select {REMITTANCES.select_list('r')} from remittances r where r.id = any($1::bigint[])"
        " order by r.id for no key update",
        [*remittance_ids],
    )
    return {row.id: row for row in REMITTANCES.rows(records)}


async def list_reviewed_invoices(conn: Connection, invoice_ids: Collection[InvoiceId]) -> set[int]:
    """Return those of the invoices whose payment is under review."""
    records = await conn.fetch(
        "select id from invoices where id = any($1::bigint[]) and 'PAYMENT_UNDER_REVIEW' = any(status_flags)",
        [*invoice_ids],
    )
    return {record["id"] for record in records}


async def release_remittances(
    conn: Connection, remittance_ids: Collection[int], advice_id: RemittanceAdviceId
) -> list[Remittance]:
    """Put locked remittances on an advice, all at once."""
    records = await conn.fetch(
        "update remittances r set released_at = now(), remittance_advice_id = $2 where r.id = any($1::bigint[])"
        f" returning {REMITTANCES.select_list('r')}",
        [*remittance_ids],
        advice_id,
    )
    return REMITTANCES.rows(records)


async def note_remitted(conn: Connection, advice_id: RemittanceAdviceId, paid_at: datetime) -> None:
    """Set the time of the payment of all invoices and amendments of a locked advice; the invoices get REMITTED."""
    await conn.execute(
        "select from invoices where id in (select invoice_id from remittances where remittance_advice_id = $1)"
        " order by id for no key update",
        advice_id,
    )
    await conn.execute(
        "update invoice_amendments a set remitted_at = $2, updated_at = now() from remittances r"
        " where r.remittance_advice_id = $1 and a.id = r.invoice_amendment_id",
        advice_id,
        paid_at,
    )
    await conn.execute(
        "update invoices i set updated_at = now(), remitted_at = case when r.is_whole then $2 else i.remitted_at end,"
        " status_flags = case when r.is_whole and not 'REMITTED' = any(i.status_flags)"
        " then i.status_flags || array['REMITTED'] else i.status_flags end"
        " from (select invoice_id, bool_or(invoice_amendment_id is null) as is_whole from remittances"
        " where remittance_advice_id = $1 group by invoice_id) r where i.id = r.invoice_id",
        advice_id,
        paid_at,
    )

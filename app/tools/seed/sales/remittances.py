"""Write what sellers get of the invoices of a chunk, and the advices by which they were paid."""

from collections.abc import Sequence

from app.db.pool import Connection

_WRITE = """
with parts as (
  select i.seller_id, i.id as invoice_id, null::bigint as amendment_id, i.paid_at as at, i.remitted_at, i.currency,
    i.total_cents - i.commission_amount_cents as amount, i.commission_amount_cents as commission
  from invoices i where i.id = any($1::bigint[]) and i.paid_at is not null
  union all
  select i.seller_id, i.id, a.id, a.created_at, a.remitted_at, a.currency, a.remittance_cents,
    a.commission_amount_total_cents
  from invoices i join invoice_amendments a on a.invoice_id = i.id
  where i.id = any($1::bigint[]) and i.paid_at is not null
), advices as (
  insert into remittance_advices (seller_id, total_cents, commission_amount_total_cents, currency, payment_reference,
    paid_at, created_at, updated_at)
  select seller_id, sum(amount), sum(commission), currency,
    'PAY-' || to_char(remitted_at, 'YYMMDD') || '-' || sum(amount), remitted_at, remitted_at, remitted_at
  from parts where remitted_at is not null group by seller_id, currency, remitted_at order by remitted_at, seller_id
  returning id, seller_id, currency, paid_at, payment_reference
), receipts as (
  insert into images (owner_type, owner_id, url, alt, filename)
  select 'RemittanceAdvice', id, 'https://images.example/receipts/' || payment_reference || '.png', 'Receipt',
    payment_reference || '.png'
  from advices
), remitted as (
  insert into remittances (seller_id, invoice_id, invoice_amendment_id, remittance_advice_id, amount_cents,
    commission_amount_cents, currency, released_at, created_at)
  select p.seller_id, p.invoice_id, p.amendment_id, a.id, p.amount, p.commission, p.currency, a.paid_at, p.at
  from parts p left join advices a on (a.seller_id, a.currency, a.paid_at) = (p.seller_id, p.currency, p.remitted_at)
  order by p.at, p.invoice_id, p.amendment_id nulls first
  returning 1
)
select (select count(*) from advices) as remittance_advices, (select count(*) from remitted) as remittances
"""


async def write_remittances(conn: Connection, invoice_ids: Sequence[int]) -> dict[str, int]:
    """Write the remittances of paid invoices. Those that were remitted are on an advice for each seller and day.

    Returns:
        The numbers of rows by table.
    """
    written = await conn.fetchrow(_WRITE, invoice_ids)
    assert written is not None, "an aggregate has one row"
    return dict(written)

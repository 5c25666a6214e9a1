"""A large marketplace: the rules that it keeps, and the command that makes it.

Above 300 lines: every rule of the marketplace, and every way in which the command ends.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from databases import Database

from app.db.pool import Connection
from app.errors import Conflict
from app.marketplace.refunds.domain.refund_request import RefundRequestStatus
from app.tools.seed.seeding import Scale, seed_at_scale, seed_small
from tests.support.forked_commands import run_command
from tests.support.held import held
from tests.support.platform import SECRET_KEY

UNTIL = datetime(2026, 7, 1, tzinfo=UTC)
_END = "'2026-07-01Z'"

#: What breaks a rule, by the rule: each query finds nothing.
RULES = {
    "every advert has a variant": "select id from adverts a where not exists"
    " (select from variants v where v.advert_id = a.id and v.seller_id = a.seller_id)",
    "one invoice per order, seller and delivery type": "select order_id from invoices"
    " group by order_id, seller_id, delivery_type having count(*) > 1",
    "every order has an invoice, and adds up to its invoices": "select o.id from orders o left join invoices i"
    " on i.order_id = o.id group by o.id having count(i.id) = 0 or o.total_cents <> sum(i.total_cents)"
    " or o.subtotal_cents <> sum(i.subtotal_cents) or o.tax_total_cents <> sum(i.tax_total_cents)"
    " or o.shipping_cost_cents <> sum(i.shipping_cost_cents)",
    "every invoice has lines, and adds up to them": "select i.id from invoices i left join line_items l"
    " on l.invoice_id = i.id group by i.id having count(l.id) = 0 or i.subtotal_cents <> sum(l.subtotal_cents)"
    " or i.total_cents <> i.shipping_cost_cents + sum(l.total_cents) + coalesce((select sum(a.amount_cents)"
    " from adjustments a where a.invoice_id = i.id), 0)"
    " or i.tax_total_cents <> i.tax_shipping_cents + sum(l.tax_total_cents)"
    " or i.commission_amount_cents <> sum(l.commission_amount_cents)",
    "an invoice's discount is what promotions take off": "select i.id from invoices i where i.discount_cents"
    " <> coalesce((select sum(a.amount_cents) from adjustments a left join line_items l on l.id = a.line_item_id"
    " where a.adjustment_type = 'PROMOTION' and i.id in (a.invoice_id, l.invoice_id)), 0)",
    "a line is its quantity times its price, adjusted": "select l.id from line_items l"
    " where subtotal_cents <> quantity * item_amount_cents or total_cents <> subtotal_cents"
    " + coalesce((select sum(a.amount_cents) from adjustments a where a.line_item_id = l.id), 0)",
    "a line is a copy of its variant, of the invoice's seller": "select l.id from line_items l"
    " join invoices i on i.id = l.invoice_id left join variants v on v.id = l.variant_id"
    " and v.advert_id = l.advert_id and v.seller_id = i.seller_id and v.sku = l.variant_sku where v.id is null",
    "what was adjusted is what amendments say": "select i.id from invoices i left join invoice_amendments a"
    " on a.invoice_id = i.id group by i.id"
    " having i.adjustment_cents <> coalesce(sum(a.total_cents), 0) or i.total_cents + i.adjustment_cents < 0",
    "an amendment adds up to its lines": "select a.id from invoice_amendments a"
    " left join invoice_amendment_line_items l on l.invoice_amendment_id = a.id group by a.id"
    " having a.total_cents is distinct from sum(l.total_cents) or a.tax_cents is distinct from sum(l.tax_cents)"
    " or a.remittance_cents is distinct from sum(l.total_cents - l.commission_amount_cents)"
    " or a.commission_tax_total_cents is distinct from sum(l.commission_tax_cents)",
    "an item is settled by what amendments say, and whole at the end": "select i.id from line_items i"
    " left join invoice_amendment_line_items l on l.line_item_id = i.id group by i.id"
    " having i.settled_cents <> -coalesce(sum(l.total_cents), 0)"
    " or i.settled_tax_cents <> -coalesce(sum(l.tax_cents), 0)"
    " or i.settled_commission_cents <> -coalesce(sum(l.commission_amount_cents), 0)"
    " or i.settled_commission_tax_cents <> -coalesce(sum(l.commission_tax_cents), 0) or (sum(l.quantity) = i.quantity"
    " and (i.settled_cents, i.settled_tax_cents, i.settled_commission_cents, i.settled_commission_tax_cents)"
    " <> (i.total_cents, i.tax_total_cents, i.commission_amount_cents, i.commission_amount_tax_cents))",
    "what is given back whole leaves no tax and no commission": "select i.id from invoices i"
    " join invoice_amendments a on a.invoice_id = i.id where i.total_cents + i.adjustment_cents = 0 group by i.id"
    " having i.tax_total_cents + sum(a.tax_cents) <> 0"
    " or i.commission_amount_cents + sum(a.commission_amount_total_cents) <> 0"
    " or i.commission_amount_tax_cents + sum(a.commission_tax_total_cents) <> 0",
    "what awaits dispatch was neither sent, collected nor cancelled": """
      select l.id from counted l where l.quantity_awaiting_dispatch <> case
        when l.delivery_type = 'NO_DISPATCH' or 'COLLECTED' = any(l.status_flags) then 0
        else l.quantity - l.shipped - l.cancelled end""",
    "what is returnable was sent and has not been returned": """
      select l.id from counted l where l.quantity_returnable <> case
        when l.delivery_type = 'NO_DISPATCH' or 'COLLECTED' = any(l.status_flags) then l.quantity - l.cancelled
        else l.shipped end - l.returned""",
    "lines are settled by what was cancelled and returned": """
      select l.id from counted l join invoices i on i.id = l.invoice_id where l.status <> case
        when l.cancelled + l.returned < l.quantity then case when i.paid_at is null then 'NEW' else 'ALLOCATED' end
        when l.returned > 0 then 'REFUNDED' else 'CANCELLED' end""",
    "SENT and PARTIALLY_SENT are what the shipments say": """
      select invoice_id from counted group by invoice_id, status_flags
      having ('SENT' = any(status_flags)) <> (sum(shipped) > 0 and sum(quantity_awaiting_dispatch) = 0)
        or ('PARTIALLY_SENT' = any(status_flags)) <> (sum(shipped) > 0 and sum(quantity_awaiting_dispatch) > 0)""",
    "CANCELLED and REFUNDED are what the lines say": """
      select invoice_id from counted group by invoice_id, status_flags
      having ('CANCELLED' = any(status_flags)) <> bool_and(status = 'CANCELLED')
        or ('REFUNDED' = any(status_flags))
          <> (bool_and(status in ('CANCELLED', 'REFUNDED')) and bool_or(status = 'REFUNDED'))""",
    "AWAITING_RETURN and AWAITING_REFUND are what the refund lines say": """
      select i.id from invoices i left join refund_requests q on q.invoice_id = i.id
      left join refund_request_line_items l on l.refund_request_id = q.id group by i.id
      having ('AWAITING_RETURN' = any(i.status_flags))
          <> coalesce(bool_or(l.status = 'AWAITING_RETURN' and l.returned_at is null), false)
        or ('AWAITING_REFUND' = any(i.status_flags)) <> coalesce(bool_or(l.status = 'REFUND_ACCEPTED'
          or l.status = 'AWAITING_RETURN' and l.returned_at is not null), false)""",
    "PAID and REMITTED have their times, and only what is complete is paid": "select i.id from invoices i"
    " join orders o on o.id = i.order_id where ('PAID' = any(i.status_flags)) <> (i.paid_at is not null)"
    " or ('REMITTED' = any(i.status_flags)) <> (i.remitted_at is not null)"
    " or (o.status = 'COMPLETE') <> (i.paid_at is not null)",
    "what is complete was paid for in full": "select o.id from orders o where o.status = 'COMPLETE' and not exists"
    " (select from payment_events p where p.order_id = o.id and p.is_successful and p.amount_cents = o.total_cents)",
    "a refund that is paid out has one amendment of its amount": "select q.id from refund_requests q"
    " left join invoice_amendments a on a.refund_request_id = q.id group by q.id"
    " having (q.status = 'REFUNDED') <> (count(a.id) = 1)"
    " or q.refund_amount_cents is distinct from -sum(a.total_cents)::bigint"
    " or q.recovered_amount_cents is distinct from -sum(a.remittance_cents)::bigint",
    "a request is worth its lines": "select q.id from refund_requests q left join refund_request_line_items l"
    " on l.refund_request_id = q.id group by q.id having q.request_value_cents is distinct from sum(l.amount_cents)",
    "no more is claimed than there is": """
      select l.id from counted l join refund_request_line_items r on r.line_item_id = l.id
        and r.status in ('PENDING_APPROVAL', 'AWAITING_RETURN', 'REFUND_ACCEPTED')
      group by l.id, l.quantity_awaiting_dispatch, l.quantity_returnable
      having coalesce(sum(r.quantity) filter (where r.is_dispatched), 0) > l.quantity_returnable
        or coalesce(sum(r.quantity) filter (where not r.is_dispatched), 0) > l.quantity_awaiting_dispatch""",
    "no more comes back than was asked for": "select p.line_item_id from return_shipped_items p"
    " join return_shipments s on s.id = p.return_shipment_id join refund_request_line_items l"
    " on l.refund_request_id = s.refund_request_id and l.line_item_id = p.line_item_id where p.quantity > l.quantity",
    "nothing is sent before it was ordered": "select s.id from shipments s join invoices i on i.id = s.invoice_id"
    " where s.dispatched_at < i.created_at",
    "nothing is later than the end": "select id from (select id, updated_at as at from invoices"
    " union all select id, updated_at from orders union all select id, updated_at from refund_requests"
    " union all select id, updated_at from shipments union all select id, created_at from shipment_statuses"
    " union all select id, created_at from return_shipment_statuses union all select id, timestamp"
    " from refund_request_notes union all select id, updated_at from variants) x where at > '2026-07-01Z'",
    "nothing changes before it is made": "select id from invoices where updated_at < created_at"
    " union all select id from orders where updated_at < created_at or created_at < '2025-07-01Z'"
    " union all select id from refund_requests where updated_at < created_at",
    "an advert shows an image of its own": "select a.id from adverts a left join images i"
    " on i.id = a.display_image_id and i.owner_type = 'Advert' and i.owner_id = a.id where i.id is null",
    "an option's value is one of the option's": "select c.id from variant_option_values c join option_values v"
    " on v.id = c.option_value_id where v.option_type_id <> c.option_type_id",
    "a variant's inventory says what the variant does": "select v.id from variants v left join inventories n"
    " on n.variant_id = v.id and n.seller_id = v.seller_id and n.count_on_hand = v.count_on_hand"
    " and n.has_infinite_quantity = v.has_infinite_quantity and n.price_cents = v.price_cents where n.id is null",
}
#: Line items with what shipments and amendments say of them.
_COUNTED = """
create temporary view counted as
select l.*, i.delivery_type, i.status_flags,
  (select coalesce(sum(s.quantity), 0) from shipped_items s where s.line_item_id = l.id) as shipped,
  (select coalesce(sum(a.quantity) filter (where not a.is_dispatched), 0) from invoice_amendment_line_items a
   where a.line_item_id = l.id) as cancelled,
  (select coalesce(sum(a.quantity) filter (where a.is_dispatched), 0) from invoice_amendment_line_items a
   where a.line_item_id = l.id) as returned
from line_items l join invoices i on i.id = l.invoice_id
"""


async def seeded_at_scale(
    database: Database, invoices: int, *, seed: int = 1, again: bool = False, is_quiet: bool = False
) -> Counter[str]:
    """The rows written, by table."""
    written: Counter[str] = Counter()
    scale = Scale(invoices=invoices, until=UNTIL, seed=seed)
    async for chunk in seed_at_scale(database, scale, again=again, is_quiet=is_quiet):
        written = Counter(chunk)
    return written


async def test_a_large_marketplace_keeps_the_rules(conn: Connection, database: Database) -> None:
    written = await seeded_at_scale(database, 1_500)

    assert await _broken_rules(conn) == []
    assert written["invoices"] in range(1_500, 1_506)
    counts = {table: await conn.fetchval(f"select count(*) from {table}") for table in written}
    # Those of brands and other reference data are not counted: seedings share them.
    of_reference = {"images": 0, "external_ids": 0}
    assert {**counts, **of_reference} == {**written, **of_reference}


@pytest.mark.parametrize("seed", [1, 2])
async def test_the_small_marketplace_keeps_the_same_rules(conn: Connection, database: Database, seed: int) -> None:
    await seed_small(database, seed=seed)

    assert await _broken_rules(conn, end="now()") == []


async def _broken_rules(conn: Connection, *, end: str = _END) -> list[str]:
    await conn.execute(_COUNTED)
    return [rule for rule, sql in RULES.items() if await conn.fetch(sql.replace(_END, end))]


async def test_a_large_marketplace_has_everything(conn: Connection, database: Database) -> None:
    written = await seeded_at_scale(database, 300)

    assert [table for table, count in written.items() if not count] == []
    statuses = {row[0] for row in await conn.fetch("select distinct status from refund_requests")}
    assert statuses == {*RefundRequestStatus}
    flags = {row[0] for row in await conn.fetch("select distinct unnest(status_flags) from invoices")}
    assert flags >= {"PAID", "SENT", "PARTIALLY_SENT", "AWAITING_RETURN", "AWAITING_REFUND", "COLLECTED", "REMITTED"}
    parcels = {row[0] for row in await conn.fetch("select distinct count(*) from shipments group by invoice_id")}
    assert parcels == {1, 2}
    assert {row[0] for row in await conn.fetch("select distinct delivery_type from invoices")} == {
        "BUY_ONLINE",
        "CLICK_AND_COLLECT",
        "NO_DISPATCH",
    }


async def test_the_same_scale_gives_the_same_rows(conn: Connection, database: Database) -> None:
    written = await seeded_at_scale(database, 200, seed=7)
    # Reference data is shared, with its logos and external ids.
    shared = {
        table: await conn.fetchval(
            f"select max(id) from {table} where owner_type in ('Brand', 'Taxon', 'OptionType', 'OptionValue')"
        )
        for table in ("images", "external_ids")
    }
    first = {table: await _checksum(conn, table, above=shared.get(table, 0)) for table in written}
    last = {table: await conn.fetchval(f"select max(id) from {table}") for table in written}

    again = await seeded_at_scale(database, 200, seed=7, again=True)
    second = {table: await _checksum(conn, table, above=last[table]) for table in written}
    await seeded_at_scale(database, 200, seed=8, again=True)
    other = await _checksum(conn, "invoices", above=await conn.fetchval("select max(id) - 200 from invoices"))

    assert again == written
    assert second == first
    assert other != first["invoices"]


async def _checksum(conn: Connection, table: str, *, above: int) -> str:
    """Of all rows with a greater id, in their order, without ids and the orders' tokens, which are secrets."""
    return str(
        await conn.fetchval(
            "select md5(string_agg(j::text, e'\\n' order by id)) from (select t.id, (select jsonb_object_agg(k, v)"
            " from jsonb_each(to_jsonb(t)) e(k, v) where k <> 'id' and k <> 'token' and k not like '%\\_id') as j"
            f" from {table} t where t.id > $1) x",
            above,
        )
    )


async def test_what_is_seeded_at_scale_waits_for_nobody(conn: Connection, database: Database) -> None:
    await seeded_at_scale(database, 20)

    assert await conn.fetchval("select count(*) from change_events where published_at is null") == 0
    made = "select count(*) from change_events where entity_type = 'Invoice' and operation = 'CREATE'"
    assert await conn.fetchval(made) == await conn.fetchval("select count(*) from invoices") >= 20


@pytest.mark.parametrize("is_quiet", [False, True])
async def test_webhooks_are_told_of_what_is_seeded_at_scale_unless_it_is_quiet(
    conn: Connection, database: Database, is_quiet: bool
) -> None:
    await conn.execute(
        "insert into webhooks (type, events, url, query_string, secrets) values ('Invoice', '{CREATE}', 'u', 'q', '')"
    )

    await seeded_at_scale(database, 20, is_quiet=is_quiet)

    published = "select count(*) from change_events where (published_at is not null) <> $1"
    assert await conn.fetchval(published, is_quiet) == 0


async def test_refuses_to_seed_at_scale_beside_sellers(conn: Connection, database: Database) -> None:
    await seed_small(database)

    with pytest.raises(Conflict, match="--again"):
        await seeded_at_scale(database, 20)

    assert await conn.fetchval("select count(*) from sellers") == 5


async def test_a_chunk_that_is_interrupted_leaves_nothing_behind(conn: Connection, database: Database) -> None:
    chunks = seed_at_scale(database, Scale(invoices=3_000, until=UNTIL))
    async for written in chunks:
        if written["invoices"]:
            break
    counted = written["invoices"]
    await conn.execute("alter table invoice_annotations add constraint interrupted check (false) not valid")

    with pytest.raises(asyncpg.CheckViolationError):
        await anext(chunks)

    assert await conn.fetchval("select count(*) from invoices") == counted
    without = "select count(*) from orders o where not exists (select from invoices i where i.order_id = o.id)"
    assert await conn.fetchval(without) == 0


def test_the_command_seeds_a_year_up_to_a_day(database_url: str) -> None:
    done = _run(database_url, "--scale", "30", "--until", "2026-07-01")

    assert done.returncode == 0, done.stderr
    assert re.match(r"Seeded 5 sellers, \d+ adverts with \d+ variants, \d+ orders with 3\d invoices,", done.stdout)


def test_the_command_refuses_what_the_small_marketplace_does_not_know(database_url: str) -> None:
    done = _run(database_url, "--quiet-history")

    assert (done.returncode, done.stdout) == (1, "")
    assert "are for --scale" in done.stderr


async def test_the_command_says_how_far_it_came_when_it_is_interrupted(conn: Connection, database_url: str) -> None:
    # The second chunk of invoices stops in its midst.
    await conn.execute(
        "create function wait_for_lock() returns trigger language plpgsql as"
        " $$ begin if exists (select from invoices) then perform pg_advisory_xact_lock(1); end if; return null; end $$;"
        "create trigger wait_for_lock before insert on orders execute function wait_for_lock()"
    )
    async with held(database_url, "select pg_advisory_xact_lock(1)") as lock:
        running = await asyncio.create_subprocess_exec(
            *(Path(sys.executable).with_name("tellgraph"), "seed", "--scale", "1000"),
            env=_environment(database_url),
            stderr=asyncio.subprocess.PIPE,
        )
        await lock.reached("orders")
        running.send_signal(signal.SIGINT)
        _, said = await running.communicate()

    assert running.returncode == 130
    invoices = await conn.fetchval("select count(*) from invoices")
    assert 0 < invoices < 1000
    assert f"31 sellers and {invoices} of 1000 invoices are written and stay" in said.decode()


def _run(database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run_command(["seed", *arguments], _environment(database_url))


def _environment(database_url: str) -> dict[str, str]:
    servers = {"TELLGRAPH_DATABASE_URL": database_url, "TELLGRAPH_REDIS_URL": "redis://unused"}
    return {**os.environ, **servers, "TELLGRAPH_SECRET_KEY": SECRET_KEY}

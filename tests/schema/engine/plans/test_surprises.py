"""A database that changes meanwhile breaks plans: the reference executor takes over until they serve again."""

import asyncpg
import pytest

from app.telemetry.metrics import PLANS_BAILED_OUT
from tests.builders.sales import create_sales
from tests.support.executors import by_plan, by_reference, fresh_plans

PAGE = "{ invoices { totalCount nodes { id seller { businessName } lineItems { advertTitle } } } }"


async def test_column_that_is_gone_is_told_by_the_reference_executor(conn: asyncpg.Connection) -> None:
    await create_sales(conn, 2)
    planned, expected = fresh_plans(), await by_reference(conn, PAGE)
    assert await by_plan(planned, conn, PAGE) == expected
    planned.counts.clear()
    before = PLANS_BAILED_OUT._value.get()

    await conn.execute("alter table sellers rename column business_name to former_name")
    without = await by_plan(planned, conn, PAGE)
    broken = await by_reference(conn, PAGE)
    await conn.execute("alter table sellers rename column former_name to business_name")

    assert without is None
    assert b'"errors"' in broken
    # by_plan asks some times before it gives up.
    assert planned.counts["bailed_out"] == planned.counts["reference"] == PLANS_BAILED_OUT._value.get() - before > 0
    assert await by_plan(planned, conn, PAGE) == expected


@pytest.mark.parametrize(
    "migration",
    [
        "alter table line_items alter column advert_title type varchar(500)",
        "alter table sellers add column motto text not null default 'x'",
    ],
)
async def test_plan_goes_on_after_a_migration(conn: asyncpg.Connection, migration: str) -> None:
    await create_sales(conn, 2)
    planned, expected = fresh_plans(), await by_reference(conn, PAGE)
    assert await by_plan(planned, conn, PAGE) == expected
    planned.counts.clear()

    await conn.execute(migration)

    assert await by_plan(planned, conn, PAGE) == expected
    assert planned.counts == {"planned": 1}

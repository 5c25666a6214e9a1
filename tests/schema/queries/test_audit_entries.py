"""The list of audit entries: its filters, its pages, who sees what, and what a page costs."""

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import strawberry

from app.auth.db.audit_entries import AUDIT_ENTRIES
from app.auth.viewers import OPERATOR, Scope, Viewer
from app.db.keyset import Slice
from app.db.pool import Connection
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db import retention
from schema.engine.statements import listed_rows
from schema.entities.global_ids import encode
from schema.filters import audit_entries as filters
from schema.filters.audit_entries import AuditEntryFilters
from tests.builders.sellers import create_seller
from tests.support.operation import run_operation
from tests.support.watched import IS_LONG, buffers_read, rows_read

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
LIST = """
query($filters: AuditEntryFilters, $first: Int, $after: String, $last: Int, $before: String) {
  auditEntries(filters: $filters, first: $first, after: $after, last: $last, before: $before) {
    totalCount
    nodes { requestId seller { id } entityId apiKeyId }
    pageInfo { hasNextPage startCursor endCursor }
  }
}
"""
ADD = """
insert into audit_entries (recorded_at, actor, seller_id, api_key_id, api_key_name, action, entity_type, entity_id,
  fields, changes, address, request_id) values ($1, $2, $3, $4, 'k', $5, $6, $7, '{}', '[]', '10.0.0.1', $8)
"""


async def add(
    conn: Connection,
    number: int,
    *,
    seller_id: int | None = None,
    key_id: int | None = None,
    action: str = "orderUpdate",
    entity: tuple[str, int] = ("Order", 1),
) -> None:
    """An entry of the minute `number`, whose request id is `r-<number>`."""
    actor = "operator" if seller_id is None else f"seller:{seller_id}"
    at = NOON + timedelta(minutes=number)
    await conn.execute(ADD, at, actor, seller_id, key_id, action, *entity, f"r-{number}")


@pytest.fixture
async def past(conn: Connection) -> int:
    """Entries 1 to 5, of which 2 and 4 are a seller's; its number. The last two are of the same time."""
    seller = await create_seller(conn)
    await add(conn, 1, key_id=1)
    await add(conn, 2, seller_id=seller.id, key_id=2, action="webhookUpdate", entity=("Webhook", 7))
    await add(conn, 3, key_id=1, action="webhookUpdate", entity=("Webhook", 8))
    await add(conn, 4, seller_id=seller.id, entity=("Order", 7))
    await conn.execute(ADD, NOON + timedelta(minutes=4), "command line", None, None, "keys create", None, None, None)
    return seller.id


async def listed(conn: Connection, viewer: Viewer = OPERATOR, **variables: Any) -> list[str | None]:
    """The request ids of a page whose count fits."""
    answer = await run_operation(conn, LIST, viewer=viewer, **variables)
    assert answer.errors == []
    page = answer.data["auditEntries"]
    if not {"first", "last"} & variables.keys():
        assert page["totalCount"] == len(page["nodes"])
    return [node["requestId"] for node in page["nodes"]]


async def test_the_operator_sees_all_newest_first(conn: Connection, past: int) -> None:
    assert await listed(conn) == [None, "r-4", "r-3", "r-2", "r-1"]


async def test_a_seller_sees_its_own(conn: Connection, past: int) -> None:
    viewer, other = Viewer(SellerId(past)), Viewer((await create_seller(conn)).id)

    assert await listed(conn, viewer) == ["r-4", "r-2"]
    assert await listed(conn, viewer, filters={"action": "webhookUpdate"}) == ["r-2"]
    assert await listed(conn, viewer, filters={"requestId": "r-3"}) == []
    assert await listed(conn, other) == []
    found = await run_operation(conn, f'{{ node(id: "{encode("AuditEntry", 1)}") {{ id }} }}', viewer=viewer)
    assert found.data == {"node": None}


async def test_it_needs_its_scope(conn: Connection, past: int) -> None:
    viewer = Viewer(None, frozenset(Scope) - {Scope.AUDIT})

    answer = await run_operation(conn, "{ auditEntries { nodes { id } } }", viewer=viewer)
    node = await run_operation(conn, f'{{ node(id: "{encode("AuditEntry", 1)}") {{ id }} }}', viewer=viewer)

    assert [code for _, code in (*answer.failures, *node.failures)] == ["MISSING_SCOPE", "MISSING_SCOPE"]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"apiKeyId": encode("ApiKey", 1)}, ["r-3", "r-1"]),
        ({"apiKeyId": encode("ApiKey", 9)}, []),
        ({"action": "webhookUpdate"}, ["r-3", "r-2"]),
        ({"entityId": encode("Webhook", 7)}, ["r-2"]),
        ({"entityId": encode("Order", 7)}, ["r-4"]),
        ({"requestId": "r-3"}, ["r-3"]),
        ({"requestId": "\0"}, []),
        ({"recordedSince": (NOON + timedelta(minutes=3)).isoformat()}, [None, "r-4", "r-3"]),
        ({"recordedUntil": (NOON + timedelta(minutes=3)).isoformat()}, ["r-2", "r-1"]),
        ({"action": "webhookUpdate", "apiKeyId": encode("ApiKey", 1)}, ["r-3"]),
        ({"sellerId": encode("Seller", 1)}, ["r-4", "r-2"]),
        ({}, [None, "r-4", "r-3", "r-2", "r-1"]),
    ],
)
async def test_filters(conn: Connection, past: int, given: dict[str, Any], wanted: list[str | None]) -> None:
    assert await listed(conn, filters=given) == wanted


@pytest.mark.parametrize("field", ["apiKeyId", "sellerId", "entityId"])
async def test_a_wrong_id_is_named(conn: Connection, past: int, field: str) -> None:
    given = "x" if field == "entityId" else encode("Order", 1)

    answer = await run_operation(conn, LIST, filters={field: given})

    assert answer.failures == [(["auditEntries"], "BAD_USER_INPUT")]
    assert answer.errors[0]["message"].startswith(f"filters.{field}: ")


async def test_pages_join_both_ways(conn: Connection, past: int) -> None:
    whole = await listed(conn)
    forward: list[str | None] = []
    backward: list[str | None] = []
    after = before = None
    for _ in range(3):
        page = (await run_operation(conn, LIST, first=2, after=after)).data["auditEntries"]
        forward += [node["requestId"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        page = (await run_operation(conn, LIST, last=2, before=before)).data["auditEntries"]
        backward = [node["requestId"] for node in page["nodes"]] + backward
        before = page["pageInfo"]["startCursor"]

    assert (forward, backward) == (whole, whole)


async def test_statements_do_not_grow_with_the_page(conn: Connection, past: int) -> None:
    one = await run_operation(conn, LIST, first=1, filters={"action": "webhookUpdate"})
    all_ = await run_operation(conn, LIST, first=50)

    assert (len(one.data["auditEntries"]["nodes"]), len(all_.data["auditEntries"]["nodes"])) == (1, 5)
    assert one.statements <= all_.statements == 3


@pytest.mark.parametrize("statement", ["update audit_entries set actor = 'nobody'", "delete from audit_entries"])
async def test_entries_are_only_added(conn: Connection, past: int, statement: str) -> None:
    with pytest.raises(asyncpg.RestrictViolationError, match="only added"):
        await conn.execute(statement)
    with pytest.raises(asyncpg.RestrictViolationError, match="only added"):
        await conn.execute(statement.replace("audit_entries", "audit_entries_default"))
    with pytest.raises(asyncpg.RestrictViolationError, match="only added"):
        await conn.execute("truncate audit_entries")

    assert len(await listed(conn)) == 5


PARTITIONS, ROWS = (10, 1_000_000) if IS_LONG else (3, 20_000)
#: One seller, one key and one action have nearly all entries; the others have three each.
FILL = """
insert into audit_entries (recorded_at, actor, seller_id, api_key_id, api_key_name, action, entity_type, entity_id,
  fields, changes, address, request_id)
select at, 'x', case when n % 3 = 0 then null when n < 4 then 2 else 1 end, case when n % 3 = 0 then null
  when n < 6 then 2 else 1 end, 'k', case when n < 8 then 'webhookDelete' else 'variantUpdate' end,
  case when n < 10 then 'Webhook' else 'Variant' end, case when n < 10 then 7 else n % 1000 + 1 end,
  '{attributes.label}', '[]', '10.0.0.1', 'r-' || $1::date || n
from generate_series(1, $2::int) n
cross join lateral (select ($1::date + n::float8 / ($2 + 1) * interval '3 d') at time zone 'UTC' as at) t
"""


def _id(type_name: str, number: int) -> strawberry.ID:
    return strawberry.ID(encode(type_name, number))


def _lists() -> dict[str, tuple[Viewer, AuditEntryFilters | None]]:
    then = datetime.now(UTC) - timedelta(days=5)
    busy, quiet, nobody = (Viewer(SellerId(number)) for number in (1, 2, 3))
    return {
        "all": (OPERATOR, None),
        "of a busy key": (OPERATOR, AuditEntryFilters(api_key_id=_id("ApiKey", 1))),
        "of a quiet key": (OPERATOR, AuditEntryFilters(api_key_id=_id("ApiKey", 2))),
        "of a usual action": (OPERATOR, AuditEntryFilters(action="variantUpdate")),
        "of a rare action": (OPERATOR, AuditEntryFilters(action="webhookDelete")),
        "of no action": (OPERATOR, AuditEntryFilters(action="none")),
        "of an entity": (OPERATOR, AuditEntryFilters(entity_id=_id("Variant", 7))),
        "of a webhook": (OPERATOR, AuditEntryFilters(entity_id=_id("Webhook", 7))),
        "of a request": (OPERATOR, AuditEntryFilters(request_id="r-none")),
        "of a busy seller": (busy, None),
        "of a quiet seller": (quiet, None),
        "of nobody": (nobody, None),
        "a busy seller's of a rare action": (busy, AuditEntryFilters(action="webhookDelete")),
        "a quiet seller's of a usual action": (quiet, AuditEntryFilters(action="variantUpdate")),
        "a quiet seller's of an entity": (quiet, AuditEntryFilters(entity_id=_id("Variant", 7))),
        "of an hour": (
            OPERATOR,
            AuditEntryFilters(recorded_since=then - timedelta(hours=1), recorded_until=then),
        ),
        "until then": (OPERATOR, AuditEntryFilters(recorded_until=then)),
        "a quiet seller's until then": (quiet, AuditEntryFilters(recorded_until=then)),
    }


@pytest.mark.parametrize("mode", ["force_generic_plan", "force_custom_plan"])
async def test_pages_of_a_long_past_go_by_indexes(conn: asyncpg.Connection, mode: str) -> None:
    await conn.execute("set timezone = 'UTC'")
    today = await retention.today(conn)
    for number in range(PARTITIONS, 0, -1):
        since = today - timedelta(days=3 * number)
        await conn.execute("select add_partition('audit_entries', $1, $2)", since, since + timedelta(days=3))
        await conn.execute(FILL, since, ROWS)
    await conn.execute("analyze audit_entries")
    await conn.execute(f"set jit = off; set random_page_cost = 1.1; set plan_cache_mode = {mode}")
    middle = await conn.fetchrow(
        "select id, recorded_at from audit_entries where recorded_at > $1 order by recorded_at limit 1",
        datetime.now(UTC) - timedelta(days=4),
    )
    assert middle is not None

    for name, (viewer, given) in _lists().items():
        for cursor in (None, (middle["recorded_at"].isoformat(), middle["id"])):
            asked = filters.ask(viewer, given)
            page = listed_rows(AUDIT_ENTRIES, viewer, asked, Slice(size=50, is_backward=False, cursor=cursor))
            prepared = f"explain (analyze, buffers) {page.sql}"
            await conn.fetch(prepared, *page.args)

            plan = "\n".join(row[0] for row in await conn.fetch(prepared, *page.args))

            assert rows_read(plan) <= 1_000, f"{name}\n{plan}"
            assert buffers_read(plan) <= 500, f"{name}\n{plan}"

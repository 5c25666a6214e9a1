"""The list of delivery attempts: its filters, its pages, and who sees what."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.marketplace.catalogue.db.sellers import SellerId
from schema.entities import global_ids
from tests.builders.deliveries import create_due_events, create_subscription
from tests.builders.sellers import create_seller
from tests.support.operation import run_operation

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LIST = """
query($webhookId: ID, $filters: DeliveryAttemptFilters, $first: Int, $after: String, $last: Int, $before: String) {
  deliveryAttempts(webhookId: $webhookId, filters: $filters, first: $first, after: $after, last: $last,
    before: $before) {
    totalCount
    nodes { number status webhook { id } webhookEvent { id entityId } }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Two webhooks, and attempts numbered in the order of their begin; see `past`."""

    own: str
    other: str
    seller: Viewer


async def list_attempts(conn: Connection, *, viewer: Viewer = OPERATOR, **variables: Any) -> dict[str, Any]:
    answer = await run_operation(conn, LIST, viewer=viewer, **variables)
    assert answer.errors == []
    listed: dict[str, Any] = answer.data["deliveryAttempts"]
    return listed


def numbers(listed: dict[str, Any]) -> list[int]:
    return [node["number"] for node in listed["nodes"]]


async def insert_attempt(conn: Connection, event_id: int, number: int, at: datetime, outcome: int | str | None) -> None:
    """outcome: a status, an error's kind, or None while it is in flight."""
    await conn.execute(
        "insert into delivery_attempts (webhook_id, webhook_event_id, number, started_at, finished_at, status,"
        " error_kind) select webhook_id, id, $2, $3, $4, $5, $6 from webhook_events where id = $1",
        event_id,
        number,
        at,
        None if outcome is None else at,
        outcome if isinstance(outcome, int) else None,
        outcome if isinstance(outcome, str) else None,
    )


@pytest.fixture
async def past(conn: Connection) -> Past:
    """A seller's webhook about the invoices 1 and 2, the operator's about the invoice 2; the last two at one time."""
    seller = await create_seller(conn)
    own = await create_subscription(conn, "https://a.example/", seller_id=seller.id)
    other = await create_subscription(conn, "https://b.example/")
    first, second = await create_due_events(conn, own, 2)
    (third,) = await create_due_events(conn, other, 1, first_entity=2)
    begun: list[tuple[int, int, int | str | None]] = [
        (first, 0, 500), (first, 1, "TIMEOUT"), (first, 2, 204), (third, 3, 301), (second, 4, 200), (third, 4, None),
    ]  # fmt: skip
    for number, (event_id, minute, outcome) in enumerate(begun, 1):
        await insert_attempt(conn, event_id, number, NOON + minute * MINUTE, outcome)
    return Past(
        own=global_ids.encode("Webhook", own.id),
        other=global_ids.encode("Webhook", other.id),
        seller=Viewer(SellerId(seller.id)),
    )


async def test_attempts_are_found_by_each_filter_and_by_several(conn: Connection, past: Past) -> None:
    since, until = ({key: (NOON + 3 * MINUTE).isoformat()} for key in ("startedSince", "startedUntil"))
    about = {"entityId": global_ids.encode("Invoice", 2)}
    for webhook_id, filters, wanted in (
        (None, None, [6, 5, 4, 3, 2, 1]),
        (past.own, None, [5, 3, 2, 1]),
        (None, {"isFailed": True}, [4, 2, 1]),
        (None, {"isFailed": False}, [6, 5, 3]),
        (None, since, [6, 5, 4]),
        (None, until, [3, 2, 1]),
        (None, about, [6, 5, 4]),
        (None, {"entityId": global_ids.encode("Variant", 2)}, []),
        (past.other, {**about, **since, "isFailed": True}, [4]),
        (past.own, {**about, "isFailed": None}, [5]),
        (past.own, {**until, "isFailed": True}, [2, 1]),
    ):
        listed = await list_attempts(conn, webhookId=webhook_id, filters=filters)

        assert (numbers(listed), listed["totalCount"]) == (wanted, len(wanted)), (webhook_id, filters)


async def test_a_seller_sees_the_attempts_of_its_own_webhooks_alone(conn: Connection, past: Past) -> None:
    about = {"entityId": global_ids.encode("Invoice", 2)}

    all_, others, of_entity = [
        await list_attempts(conn, viewer=past.seller, **given)
        for given in ({}, {"webhookId": past.other}, {"filters": about})
    ]

    assert (numbers(all_), all_["totalCount"]) == ([5, 3, 2, 1], 4)
    assert {node["webhook"]["id"] for node in all_["nodes"]} == {past.own}
    assert (numbers(others), others["totalCount"]) == ([], 0)
    assert numbers(of_entity) == [5]
    assert of_entity["nodes"][0]["webhookEvent"]["entityId"] == about["entityId"]


@pytest.mark.parametrize("is_sellers", [False, True])
async def test_pages_go_on_among_attempts_that_began_together(conn: Connection, past: Past, is_sellers: bool) -> None:
    viewer = past.seller if is_sellers else OPERATOR
    await conn.execute("update delivery_attempts set started_at = $1", NOON)
    whole = numbers(await list_attempts(conn, viewer=viewer))
    forward, backward = [], []

    after = before = None
    for _ in whole:
        page = await list_attempts(conn, viewer=viewer, first=1, after=after)
        forward += numbers(page)
        after = page["pageInfo"]["endCursor"]
        last = await list_attempts(conn, viewer=viewer, last=1, before=before)
        backward += numbers(last)
        before = last["pageInfo"]["startCursor"]

    assert whole == ([5, 3, 2, 1] if is_sellers else [6, 5, 4, 3, 2, 1])
    assert (forward, backward) == (whole, whole[::-1])
    assert (page["pageInfo"]["hasNextPage"], last["pageInfo"]["hasPreviousPage"]) == (False, False)


async def test_an_attempt_outlives_its_event(conn: Connection, past: Past) -> None:
    await conn.execute("delete from webhook_events where webhook_id = $1", global_ids.decode(past.own)[1])

    listed = await list_attempts(conn, viewer=past.seller)

    assert [(node["number"], node["webhookEvent"]) for node in listed["nodes"]] == [
        (5, None), (3, None), (2, None), (1, None),
    ]  # fmt: skip


async def test_statements_do_not_grow_with_the_page_of_attempts(conn: Connection, past: Past) -> None:
    one, all_ = [await run_operation(conn, LIST, first=n) for n in (1, 6)]

    assert (len(one.data["deliveryAttempts"]["nodes"]), len(all_.data["deliveryAttempts"]["nodes"])) == (1, 6)
    assert one.statements == all_.statements == 4


async def test_ids_of_other_types_are_refused(conn: Connection, past: Past) -> None:
    wrong = await run_operation(conn, LIST, webhookId=global_ids.encode("Invoice", 1))
    none = await run_operation(conn, LIST, filters={"entityId": "x"})

    assert wrong.failures == none.failures == [(["deliveryAttempts"], "BAD_USER_INPUT")]
    assert [answer.errors[0]["message"].split()[0] for answer in (wrong, none)] == ["webhookId:", "filters.entityId:"]

"""`webhooks(filters:)`, and the health of each webhook: in one word, since when, and why."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.webhooks.db.webhook_outages import disable_webhook
from app.webhooks.db.webhooks import Webhook, mark_deleted
from app.webhooks.domain.webhook_health import WebhookHealth
from tests.builders.deliveries import create_subscription
from tests.builders.sellers import create_seller
from tests.support.operation import run_operation

LIST = """
query($filters: WebhookFilters, $first: Int, $after: String) {
  webhooks(filters: $filters, first: $first, after: $after) {
    totalCount
    pageInfo { endCursor hasNextPage }
    nodes { legacyId health healthSince healthReason }
  }
}
"""
DAY = timedelta(days=1)


async def listed(conn: Connection, *, viewer: Viewer = OPERATOR, **filters: Any) -> list[int]:
    """The numbers of the webhooks that meet the filters; their count is checked."""
    answer = await run_operation(conn, LIST, viewer=viewer, filters=filters)
    assert answer.errors == []
    found = [node["legacyId"] for node in answer.data["webhooks"]["nodes"]]
    assert answer.data["webhooks"]["totalCount"] == len(found)
    return found


async def one_of_each(conn: Connection) -> dict[WebhookHealth, Webhook]:
    """One webhook of each health; their hosts are called so."""
    made = {
        health: await create_subscription(conn, f"https://{health.lower().replace('_', '-')}.example/hook")
        for health in WebhookHealth
    }
    soon, long_ago = datetime.now(UTC) + DAY, datetime.now(UTC) - DAY
    await mark_deleted(conn, made[WebhookHealth.DELETED].id)
    await disable_webhook(conn, made[WebhookHealth.DISABLED_BY_TELLGRAPH].id, "The endpoint answered 410 Gone.")
    await conn.execute("select set_config('tellgraph.actor', 'seller:7', false)")
    await conn.execute("update webhooks set is_enabled = false where id = $1", made[WebhookHealth.DISABLED].id)
    await conn.execute("select set_config('tellgraph.actor', '', false)")
    broken = "update webhooks set broken_reason = 'queryString: no field lost' where id = $1"
    await conn.execute(broken, made[WebhookHealth.BROKEN].id)
    failing = "update webhooks set is_failing = true, failing_since = $2, paused_until = $3 where id = $1"
    await conn.execute(failing, made[WebhookHealth.FAILING].id, long_ago, soon)
    await conn.execute("update webhooks set missed_since = 1 where id = $1", made[WebhookHealth.CATCHING_UP].id)
    await conn.execute("update webhooks set paused_until = $2 where id = $1", made[WebhookHealth.PAUSED].id, soon)
    # A pause that is over.
    await conn.execute("update webhooks set paused_until = $2 where id = $1", made[WebhookHealth.OK].id, long_ago)
    return made


async def test_each_health_is_found_and_told_with_its_time_and_reason(conn: Connection) -> None:
    made = await one_of_each(conn)

    for health, webhook in made.items():
        answer = await run_operation(conn, LIST, filters={"health": [health]})
        page = answer.data["webhooks"]
        assert (page["totalCount"], [node["legacyId"] for node in page["nodes"]]) == (1, [webhook.id]), health
        assert page["nodes"][0]["health"] == health

    answer = await run_operation(conn, LIST, filters={"health": list(WebhookHealth)})
    told = {node["health"]: (node["healthSince"], node["healthReason"]) for node in answer.data["webhooks"]["nodes"]}
    assert {health for health, (since, _) in told.items() if since is None} == {"OK", "PAUSED", "CATCHING_UP"}
    reasons = {health: reason for health, (_, reason) in told.items()}
    failing, paused = reasons.pop("FAILING"), reasons.pop("PAUSED")
    assert failing.startswith("No delivery has succeeded since ")
    assert "The endpoint asked for a pause" in failing
    assert paused.startswith("The endpoint asked for a pause until ")
    assert paused.endswith(" UTC.")
    assert reasons == {
        "DELETED": "It was deleted.",
        "DISABLED_BY_TELLGRAPH": "The endpoint answered 410 Gone.",
        "DISABLED": "Disabled by the seller.",
        "BROKEN": "queryString: no field lost",
        "CATCHING_UP": "It is being sent the present state of what changed while it was disabled.",
        "OK": None,
    }


async def test_deleted_webhooks_are_listed_only_when_asked_for(conn: Connection) -> None:
    made = await one_of_each(conn)
    deleted = made.pop(WebhookHealth.DELETED).id
    there = [webhook.id for webhook in made.values()]

    assert await listed(conn) == there
    assert await listed(conn, health=[]) == []
    assert await listed(conn, health=list(WebhookHealth)) == [deleted, *there]
    assert await listed(conn, health=["DELETED", "OK"]) == [deleted, made[WebhookHealth.OK].id]


async def test_a_pause_that_is_over_is_no_pause(conn: Connection) -> None:
    made = await one_of_each(conn)
    ok, paused, failing = (
        made[health].id for health in (WebhookHealth.OK, WebhookHealth.PAUSED, WebhookHealth.FAILING)
    )

    assert await listed(conn, isPaused=True) == [failing, paused]
    assert await listed(conn, health=["OK", "PAUSED"]) == [paused, ok]
    assert paused not in await listed(conn, isPaused=False)


async def test_enabling_and_mending_end_what_was_told(conn: Connection) -> None:
    webhook = await create_subscription(conn, "https://a.example/")
    told = "select disabled_at is not null, disabled_by, broken_at is not null, health from webhooks where id = $1"

    await conn.execute("update webhooks set is_enabled = false, broken_reason = 'b' where id = $1", webhook.id)
    disabled = await conn.fetchrow(told, webhook.id)
    await conn.execute("update webhooks set is_enabled = true where id = $1", webhook.id)
    broken = await conn.fetchrow(told, webhook.id)
    await conn.execute("update webhooks set broken_reason = null where id = $1", webhook.id)
    mended = await conn.fetchrow(told, webhook.id)

    assert tuple(disabled or ()) == (True, "hand", True, "DISABLED")
    assert tuple(broken or ()) == (False, None, True, "BROKEN")
    assert (tuple(mended or ()))[:3] == (False, None, False)


async def test_webhooks_by_each_other_filter(conn: Connection) -> None:
    seller = await create_seller(conn)
    of_seller = await create_subscription(
        conn, "https://Hooks.Example:8443/a_b?c=1", seller_id=seller.id, type="VARIANT", description="for the ERP"
    )
    own = await create_subscription(conn, "https://[2001:db8::1]/hook")
    seller_id = (await run_operation(conn, "{ sellers { nodes { id } } }")).data["sellers"]["nodes"][0]["id"]

    for given in (
        {"types": ["VARIANT", "SHIPMENT"]},
        {"sellerIds": [seller_id]},
        {"isOperators": False},
        {"host": "hooks.example"},
        {"urlContains": "EXAMPLE:8443/A_B"},
        {"search": "the erp"},
        {"search": "hooks."},
        {"types": ["VARIANT"], "health": ["OK"], "search": "erp", "host": "HOOKS.example"},
    ):
        assert await listed(conn, **given) == [of_seller.id], given
    for given in ({"isOperators": True}, {"host": "[2001:db8::1]"}, {"types": ["INVOICE"]}):
        assert await listed(conn, **given) == [own.id], given
    # An underscore stands for itself alone.
    for given in ({"types": []}, {"sellerIds": []}, {"host": "example"}, {"urlContains": "hook_"}, {"search": "\0"}):
        assert await listed(conn, **given) == [], given
    assert await listed(conn, viewer=Viewer(seller.id), health=["OK"]) == [of_seller.id]


async def test_pages_of_several_healths_leave_none_out(conn: Connection) -> None:
    made = [await create_subscription(conn, f"https://h{n}.example/", is_enabled=n % 3 > 0) for n in range(10)]
    await conn.execute("update webhooks set is_failing = true, failing_since = now() where id % 3 = 1")

    found, after, pages = [], None, 0
    while True:
        answer = await run_operation(
            conn, LIST, filters={"health": ["FAILING", "DISABLED", "OK"]}, first=3, after=after
        )
        page = answer.data["webhooks"]
        found += [node["legacyId"] for node in page["nodes"]]
        pages += 1
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]

    assert (found, pages, page["totalCount"]) == ([webhook.id for webhook in made], 4, 10)


@pytest.mark.parametrize(("given", "meant"), [("7", "U2VsbGVyLTc="), ("Seller-7", "U2VsbGVyLTc=")])
async def test_a_number_is_answered_with_the_id_that_was_meant(conn: Connection, given: str, meant: str) -> None:
    answer = await run_operation(conn, LIST, filters={"sellerIds": [given]})

    assert answer.failures == [(["webhooks"], "BAD_USER_INPUT")]
    message = answer.errors[0]["message"]
    assert message.startswith(f"filters.sellerIds.0: '{given}' is not an id of this API; ")
    assert f"'{meant}'" in message

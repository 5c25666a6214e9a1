"""webhookReconcile, webhookReconcileCancel, webhookDigests, reconcileEveryHours: what each shows and refuses."""

from typing import Any

import pytest

from app.webhooks.services.webhook_reconciles import MAX_OF_NAMED
from schema.entities import global_ids
from tests.builders.deliveries import create_subscription
from tests.builders.sellers import create_seller
from tests.support.platform import Platform

URL = "http://127.0.0.1:9/"
SELECTION = """
webhookReconcile {
  id state everything scheduled ratePerSecond total done sent failed startedAt finishedAt confirmedAt reason
}
"""
DIGESTS = """
query($id: ID!, $first: Int, $after: String) {
  webhookDigests(webhookId: $id, first: $first, after: $after) {
    totalCount nodes { entityId digest sequence } pageInfo { hasNextPage hasPreviousPage endCursor }
  }
}
"""


def invoice(number: int) -> str:
    return global_ids.encode("Invoice", number)


async def subscribe(api: Platform, **given: Any) -> str:
    return global_ids.encode("Webhook", (await create_subscription(api.conn, URL, **given)).id)


async def test_a_reconcile_is_shown_with_its_webhook_and_can_be_ended(api: Platform) -> None:
    webhook_id = await subscribe(api)

    started = await api.mutate("webhookReconcile", SELECTION, webhookId=webhook_id)
    again = await api.mutate("webhookReconcile", SELECTION, webhookId=webhook_id)
    reconcile_id = started["webhookReconcile"]["id"]
    listed = await api.data(
        "query($id: ID!) { node(id: $id) { ... on Webhook {"
        " inSyncAsOf reconciles { totalCount nodes { id webhook { id } } } } } }",
        {"id": webhook_id},
    )
    ended = [
        (await api.mutate("webhookReconcileCancel", SELECTION, webhookReconcileId=reconcile_id))["webhookReconcile"]
        for _ in range(2)
    ]

    begun = {
        "id": reconcile_id,
        "state": "RUNNING",
        "everything": True,
        "scheduled": False,
        "ratePerSecond": 500,
        "total": None,
        "done": 0,
        "sent": 0,
        "failed": 0,
        "startedAt": None,
        "finishedAt": None,
        "confirmedAt": None,
        "reason": None,
    }
    assert started["webhookReconcile"] == begun
    assert (again["status"], again["webhookReconcile"]) == (409, None)
    assert "end it with `webhookReconcileCancel`" in again["errors"][0]["messages"][0]
    assert listed["node"] == {
        "inSyncAsOf": None,
        "reconciles": {"totalCount": 1, "nodes": [{"id": reconcile_id, "webhook": {"id": webhook_id}}]},
    }
    assert [one["state"] for one in ended] == ["CANCELLED"] * 2
    assert ended[0]["finishedAt"] is not None


async def test_named_entities_need_not_wait_for_a_reconcile_of_everything(api: Platform) -> None:
    webhook_id = await subscribe(api)
    await api.mutate("webhookReconcile", SELECTION, webhookId=webhook_id)

    named = [invoice(2), invoice(1), invoice(2)]
    runs = [
        await api.mutate("webhookReconcile", SELECTION, webhookId=webhook_id, entityIds=named)
        for _ in range(MAX_OF_NAMED + 1)
    ]

    assert [run["status"] for run in runs] == [200] * MAX_OF_NAMED + [409]
    assert runs[0]["webhookReconcile"]["everything"] is False
    ids = await api.conn.fetchval("select entity_ids from webhook_reconciles where entity_ids is not null limit 1")
    assert ids == [1, 2]


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"ratePerSecond": 0}, "ratePerSecond", "must be from 1 to 500"),
        ({"ratePerSecond": 501}, "ratePerSecond", "must be from 1 to 500"),
        ({"entityIds": []}, "entityIds", "must name at least one"),
        ({"entityIds": [global_ids.encode("Order", 1)]}, "entityIds", "Order"),
    ],
)
async def test_wrong_arguments_are_refused(api: Platform, given: Any, field: str, message: str) -> None:
    webhook_id = await subscribe(api)

    refused = await api.mutate("webhookReconcile", SELECTION, webhookId=webhook_id, **given)

    (error,) = refused["errors"]
    assert (refused["status"], error["field"]) == (422, field)
    assert message in error["messages"][0]
    assert await api.conn.fetchval("select count(*) from webhook_reconciles") == 0


async def test_what_only_happens_is_not_reconciled(api: Platform) -> None:
    webhook_id = await subscribe(api, type="OPERATIONAL_EVENT", event_names=["CREATE"])

    assert (await api.mutate("webhookReconcile", SELECTION, webhookId=webhook_id))["status"] == 409


async def test_another_sellers_webhook_reconcile_and_digests_are_unknown(api: Platform) -> None:
    owner, other = await create_seller(api.conn), await create_seller(api.conn)
    webhook_id, key = await subscribe(api, seller_id=owner.id), await api.seller_key(other.id)
    started = await api.mutate("webhookReconcile", SELECTION, webhookId=webhook_id)
    reconcile_id = started["webhookReconcile"]["id"]

    statuses = [
        (await api.mutate("webhookReconcile", "", key, webhookId=webhook_id, **given))["status"]
        for given in ({}, {"entityIds": [invoice(1)]})
    ]
    cancelled = await api.mutate("webhookReconcileCancel", "", key, webhookReconcileId=reconcile_id)
    node = await api.data("query($id: ID!) { node(id: $id) { id } }", {"id": reconcile_id}, key)
    digests = await api.data(DIGESTS, {"id": webhook_id}, key)

    assert (statuses, cancelled["status"], node, digests) == ([404, 404], 404, {"node": None}, {"webhookDigests": None})
    assert await api.conn.fetchval("select state from webhook_reconciles") == "RUNNING"


async def test_digests_come_in_pages_without_what_was_destroyed(api: Platform) -> None:
    webhook_id, other_id = await subscribe(api), await subscribe(api)
    for number, (name, digest) in enumerate(
        [("create", b"\x01" * 32), ("destroy", b"\x02" * 32), ("destroy", None), ("update", None), ("update", b"\xff")]
    ):
        await api.conn.execute(
            "insert into webhook_given values ($1, 'Invoice', $2, $3, $4, $5)",
            *(global_ids.decode(webhook_id)[1], number, 3_000_000_000 + number, name, digest),
        )

    first = (await api.data(DIGESTS, {"id": webhook_id, "first": 2}))["webhookDigests"]
    rest = (await api.data(DIGESTS, {"id": webhook_id, "first": 2, "after": first["pageInfo"]["endCursor"]}))[
        "webhookDigests"
    ]
    none = (await api.data(DIGESTS, {"id": other_id}))["webhookDigests"]

    assert first["nodes"] == [
        {"entityId": invoice(0), "digest": "01" * 32, "sequence": "3000000000"},
        {"entityId": invoice(2), "digest": None, "sequence": "3000000002"},
    ]
    assert [(one["entityId"], one["digest"]) for one in rest["nodes"]] == [(invoice(3), None), (invoice(4), "ff")]
    pages = [(page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]) for page in (first, rest)]
    assert pages == [(False, True), (True, False)]
    assert (first["totalCount"], none["totalCount"], none["nodes"]) == (4, 0, [])


async def test_digests_refuse_cursors_of_other_lists_and_large_pages(api: Platform) -> None:
    webhook_id = await subscribe(api)

    for given in ({"first": 501}, {"after": "b3RoZXI="}):
        answer = await api.graphql(DIGESTS, {"id": webhook_id, **given})
        assert answer["data"] == {"webhookDigests": None}
        assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"


@pytest.mark.parametrize(("hours", "status"), [(0, 422), (1, 200), (720, 200), (721, 422), (None, 200)])
async def test_the_schedule_is_set_and_shown(api: Platform, hours: int | None, status: int) -> None:
    webhook_id = await subscribe(api)

    changed = await api.mutate(
        "webhookUpdate",
        "webhook { reconcileEveryHours }",
        webhookId=webhook_id,
        attributes={"reconcileEveryHours": hours},
    )

    assert changed["status"] == status
    if status == 200:
        assert changed["webhook"] == {"reconcileEveryHours": hours}
        assert await api.conn.fetchval("select reconcile_due_at <= now() from webhooks") is (True if hours else None)
    else:
        assert changed["errors"] == [{"field": "attributes.reconcileEveryHours", "messages": ["must be from 1 to 720"]}]

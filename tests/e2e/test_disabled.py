"""A disabled webhook misses changes, and is sent the present states when it is enabled again."""

from collections.abc import Callable

from tests.builders.variants import create_variant
from tests.support.platform import Platform
from tests.support.receiver import Delivery, Receiver
from tests.support.waiting import until

QUERY = "query($id: ID!) { node(id: $id) { ... on Variant { id countOnHand } } }"
UPDATE = """
mutation($id: ID!, $enabled: Boolean!) {
  webhookUpdate(input: {webhookId: $id, attributes: {enabled: $enabled}}) { status webhook { enabled } }
}
"""
SHOWN = "query($id: ID!) { node(id: $id) { ... on Webhook { enabled catchingUp } } }"


async def test_changes_while_disabled_go_out_when_enabled_again(platform: Platform, receiver: Receiver) -> None:
    variant = await create_variant(platform.conn, count_on_hand=1)
    created = await platform.create_webhook(receiver.url(), QUERY, type="VARIANT")
    witness = await platform.create_webhook(receiver.url("/witness"), QUERY, type="VARIANT")
    webhook_id = created["webhook"]["id"]
    await platform.data(UPDATE, {"id": webhook_id, "enabled": False})

    for count in (2, 3):
        await platform.conn.execute("update variants set count_on_hand = $1 where id = $2", count, variant.id)
        await receiver.wait_for(_shows(count, path="/witness"))

    made = "select count(*) from webhook_events where webhook_id = 1"
    made_before = await platform.conn.fetchval(f"{made} and changed->'updated' <> '[]'")
    assert (made_before, await platform.conn.fetchval("select count(*) from missed_changes")) == (0, 1)
    assert witness["status"] == 200
    await platform.data(UPDATE, {"id": webhook_id, "enabled": True})
    (delivery,) = await receiver.wait_for(_shows(3, path="/hook"))
    assert [one for one in receiver.deliveries if _shows(2, path="/hook")(one)] == []
    assert delivery.headers["tellgraph-attempt"] == "1"
    await until(lambda: _has_caught_up(platform, webhook_id))
    # Nobody needs it any more.
    await until(lambda: platform.conn.fetchval("select count(*) = 0 from missed_changes"))


async def test_each_of_many_entities_is_told_once_as_it_is(platform: Platform, receiver: Receiver) -> None:
    created = await platform.create_webhook(receiver.url(), QUERY, type="VARIANT", enabled=False)
    webhook_id = created["webhook"]["id"]
    await platform.create_webhook(receiver.url("/witness"), QUERY, type="VARIANT")
    variants = [await create_variant(platform.conn, count_on_hand=1) for _ in range(5)]
    kept, gone = variants[:4], variants[4]
    await platform.conn.execute("update variants set count_on_hand = 7")
    await platform.conn.execute("update variants set deleted_at = now() where id = $1", gone.id)
    await receiver.wait_for(_shows(7, path="/witness"), count=4)
    await until(lambda: platform.conn.fetchval("select count(*) = 0 from change_events where published_at is null"))

    await platform.data(UPDATE, {"id": webhook_id, "enabled": True})
    deliveries = await receiver.wait_for(_shows(7, path="/hook"), count=4)
    await until(lambda: _has_caught_up(platform, webhook_id))

    assert {one.json["type"] for one in deliveries} == {"variant.create"}
    assert len({one.data["node"]["id"] for one in deliveries}) == len(kept)
    assert len([one for one in receiver.deliveries if one.path == "/hook"]) == len(kept)


async def _has_caught_up(platform: Platform, webhook_id: str) -> bool:
    shown = (await platform.data(SHOWN, {"id": webhook_id}))["node"]
    return bool(shown["enabled"] and not shown["catchingUp"])


def _shows(count: int, *, path: str) -> Callable[[Delivery], bool]:
    return lambda delivery: delivery.path == path and delivery.data["node"]["countOnHand"] == count

"""What changes while a webhook is disabled goes out as the newest state when it is enabled."""

from collections.abc import Callable

from tests.builders.variants import create_variant
from tests.support.platform import Platform
from tests.support.receiver import Delivery, Receiver

QUERY = "query($id: ID!) { node(id: $id) { ... on Variant { countOnHand } } }"
UPDATE = """
mutation($id: ID!, $enabled: Boolean!) {
  webhookUpdate(input: {webhookId: $id, attributes: {enabled: $enabled}}) { status webhook { enabled } }
}
"""


async def test_changes_while_disabled_go_out_when_enabled_again(platform: Platform, receiver: Receiver) -> None:
    variant = await create_variant(platform.conn, count_on_hand=1)
    created = await platform.create_webhook(receiver.url(), QUERY, type="VARIANT")
    witness = await platform.create_webhook(receiver.url("/witness"), QUERY, type="VARIANT")
    webhook_id = created["webhook"]["id"]
    await platform.data(UPDATE, {"id": webhook_id, "enabled": False})

    for count in (2, 3):
        await platform.conn.execute("update variants set count_on_hand = $1 where id = $2", count, variant.id)
        await receiver.wait_for(_shows(count, path="/witness"))

    # One small row for the entity, and nothing rendered.
    assert await platform.conn.fetchval("select count(*) from missed_changes") == 1
    since = "select count(*) from webhook_events e join webhooks w on w.id = e.webhook_id"
    assert await platform.conn.fetchval(f"{since} where w.id = 1 and e.created_at > w.updated_at") == 0
    assert witness["status"] == 200
    await platform.data(UPDATE, {"id": webhook_id, "enabled": True})
    (delivery,) = await receiver.wait_for(_shows(3, path="/hook"))
    assert [one for one in receiver.deliveries if _shows(2, path="/hook")(one)] == []
    assert delivery.headers["tellgraph-attempt"] == "1"


def _shows(count: int, *, path: str) -> Callable[[Delivery], bool]:
    return lambda delivery: delivery.path == path and delivery.data["node"]["countOnHand"] == count

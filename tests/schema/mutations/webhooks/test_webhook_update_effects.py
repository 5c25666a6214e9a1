"""webhookUpdate: what a change sets off, besides the webhook's own row."""

from typing import Any

from tests.support.platform import Platform

URL = "https://hooks.example.com/in"


async def update(api: Platform, webhook_id: str, **attributes: Any) -> None:
    payload = await api.mutate("webhookUpdate", "", webhookId=webhook_id, attributes=attributes)
    assert payload["status"] == 200


async def test_disabling_holds_what_is_open_and_enabling_lets_it_go(api: Platform) -> None:
    webhook = (await api.create_webhook(URL))["webhook"]["id"]
    await api.conn.execute(
        "insert into webhook_events (webhook_id, entity_type, entity_id, event_name, state, changed, changed_at,"
        " attempt_count, due_at) select 1, 'Invoice', n, 'update', state, '{}', now(), attempts, now()"
        " from (values (1, 'PENDING', 0), (2, 'RETRYING', 3), (3, 'SENDING', 1), (4, 'DELIVERED', 1))"
        " v(n, state, attempts)"
    )
    states = "select array_agg(state order by entity_id) from webhook_events"

    await update(api, webhook, enabled=False)
    held = await api.conn.fetchval(states)
    await update(api, webhook, enabled=True)

    assert held == ["HELD", "HELD", "SENDING", "DELIVERED"]
    assert await api.conn.fetchval(states) == ["PENDING", "RETRYING", "SENDING", "DELIVERED"]
    assert await api.conn.fetchval("select count(*) from webhook_events where due_at <= now() and entity_id < 3") == 2


async def test_rate_limit_is_set_and_taken_away(api: Platform) -> None:
    created = await api.create_webhook(URL, rateLimit=1_000)
    shown = "query($id: ID!) { node(id: $id) { ... on Webhook { rateLimit pausedUntil } } }"
    variables = {"id": created["webhook"]["id"]}
    limited = await api.data(shown, variables)

    await update(api, variables["id"], description="a note")
    untouched = await api.data(shown, variables)
    await update(api, variables["id"], rateLimit=None)
    unlimited = await api.data(shown, variables)

    assert limited == untouched == {"node": {"rateLimit": 1_000, "pausedUntil": None}}
    assert unlimited == {"node": {"rateLimit": None, "pausedUntil": None}}


async def test_another_url_ends_a_pause(api: Platform) -> None:
    created = await api.create_webhook(URL)
    await api.conn.execute("update webhooks set paused_until = now() + interval '1 h'")
    paused = "select paused_until is not null from webhooks"

    await update(api, created["webhook"]["id"], url=URL)
    after_the_same = await api.conn.fetchval(paused)
    await update(api, created["webhook"]["id"], url=URL + "/elsewhere")

    assert after_the_same is True
    assert await api.conn.fetchval(paused) is False

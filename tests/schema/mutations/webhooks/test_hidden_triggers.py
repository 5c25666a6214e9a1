"""A seller's webhook has no triggers through what no seller reads, whoever registers or changes it."""

from typing import Any

from schema.entities import global_ids
from tests.builders.sellers import create_seller
from tests.support.platform import Platform

URL = "https://hooks.example.com/in"


def problem_of(payload: Any) -> tuple[int, str, str]:
    (error,) = payload["errors"]
    return payload["status"], error["field"], error["messages"][0].partition(":")[0]


async def test_triggers_through_orders_are_the_operator_s(api: Platform) -> None:
    seller = await create_seller(api.conn)
    key = await api.seller_key(seller.id)
    given: dict[str, Any] = {"triggers": ["statusFlags", "order.isGift"], "everyChange": True}

    operators = await api.create_webhook(URL, **given)
    own = await api.create_webhook(URL, key=key, **given)
    for_seller = await api.create_webhook(URL, sellerId=global_ids.encode("Seller", seller.id), **given)
    plain = (await api.create_webhook(URL, key=key))["webhook"]["id"]
    changed = [
        await api.mutate("webhookUpdate", "webhook { id }", by, webhookId=plain, attributes={"triggers": ["order"]})
        for by in (key, None)
    ]

    assert operators["status"] == 200
    place = (422, "attributes.triggers.1", "leads through 'order', which the webhook's owner can't read")
    assert [problem_of(own), problem_of(for_seller)] == [place, place]
    assert [problem_of(one) for one in changed] == [(422, "attributes.triggers.0", place[2])] * 2
    assert await api.conn.fetchval("select count(*) from webhooks where triggers <> '{}'") == 1

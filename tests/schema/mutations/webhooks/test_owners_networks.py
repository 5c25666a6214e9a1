"""Networks that are not public are opened to the operator's webhooks and to sellers' apart."""

from typing import Any

import pytest

from tests.builders.sellers import create_seller
from tests.support.platform import Platform, running_platform, settings_for

URLS = ["http://127.0.0.1:9000/", "http://receiver:3000/", "https://erp.default.svc.cluster.local/"]


async def refused(api: Platform, urls: list[str], key: str | None = None, **given: Any) -> list[str]:
    answers = [(url, await api.create_webhook(url, key=key, **given)) for url in urls]
    assert all(answer["errors"][0]["field"] == "attributes.url" for _, answer in answers if answer["errors"])
    return [url for url, answer in answers if answer["webhook"] is None]


@pytest.mark.parametrize(("closed", "is_sellers"), [("egress_allow_sellers", True), ("egress_allow", False)])
async def test_each_kind_of_owner_has_its_own_setting(database_url: str, closed: str, is_sellers: bool) -> None:
    settings = settings_for(database_url).model_copy(update={closed: ()})

    async with running_platform(settings, with_worker=False) as api:
        key = await api.seller_key((await create_seller(api.conn)).id)

        assert await refused(api, URLS, key) == (URLS if is_sellers else [])
        assert await refused(api, URLS) == ([] if is_sellers else URLS)


async def test_a_seller_s_webhook_has_the_usual_ports_whoever_registers_it(database_url: str) -> None:
    settings = settings_for(database_url).model_copy(update={"egress_allow_sellers": ()})
    odd = ["https://example.com:22/", "https://example.com:6379/"]
    usual = ["https://example.com/", "https://example.com:8443/"]

    async with running_platform(settings, with_worker=False) as api:
        seller = await create_seller(api.conn)
        key = await api.seller_key(seller.id)
        from_seller = await refused(api, [*odd, *usual], key)
        from_operator = await refused(api, [*odd, *usual])

    assert (from_seller, from_operator) == (odd, [])

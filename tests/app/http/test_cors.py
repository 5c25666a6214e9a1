"""Web pages of other origins may use the API if the operator allows their origin."""

import httpx
import pytest
from pydantic import ValidationError

from app.settings import Settings
from tests.support.platform import Platform, running_platform, settings_for

SHOP = "https://shop.example"
PREFLIGHT = {
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,marketplacer-api-key,idempotency-key",
}


async def preflight(api: Platform, origin: str) -> httpx.Response:
    return await api.http.options(f"{api.url}/graphql", headers={"Origin": origin, **PREFLIGHT})


async def post(api: Platform, origin: str, key: str) -> httpx.Response:
    headers = {"Origin": origin, "Authorization": f"Bearer {key}"}
    return await api.http.post(f"{api.url}/graphql", json={"query": "{ __typename }"}, headers=headers)


async def test_page_of_an_allowed_origin_may_ask_and_read(database_url: str) -> None:
    settings = settings_for(database_url, cors_origins=f"{SHOP}, http://localhost:3000")
    async with running_platform(settings, with_worker=False) as api:
        asked = await preflight(api, SHOP)
        read, refused = await post(api, SHOP, api.key), await post(api, SHOP, "wrong")
        other = await preflight(api, "https://other.example")
        unread = await post(api, "https://other.example", api.key)

    assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, SHOP)
    assert asked.headers["access-control-allow-headers"] == PREFLIGHT["Access-Control-Request-Headers"]
    assert (read.status_code, refused.status_code, unread.status_code) == (200, 401, 200)
    for response in (read, refused):
        assert response.headers["access-control-allow-origin"] == SHOP
        assert "access-control-allow-credentials" not in response.headers
        assert {"Retry-After", "X-Request-Id"} <= {*response.headers["access-control-expose-headers"].split(", ")}
        assert response.headers["vary"] == "Accept, Accept-Encoding, Origin"
    assert other.status_code == 400
    assert "access-control-allow-origin" not in other.headers
    assert "access-control-allow-origin" not in unread.headers


async def test_star_allows_every_origin(database_url: str) -> None:
    async with running_platform(settings_for(database_url, cors_origins="*"), with_worker=False) as api:
        asked, read = await preflight(api, SHOP), await post(api, SHOP, api.key)

    assert asked.headers["access-control-allow-origin"] == read.headers["access-control-allow-origin"] == "*"


async def test_no_origin_is_allowed_unless_it_is_set(api: Platform) -> None:
    asked, read = await preflight(api, SHOP), await post(api, SHOP, api.key)

    assert (asked.status_code, read.status_code) == (405, 200)
    assert not [name for response in (asked, read) for name in response.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    "origin", ["shop.example", "https://shop.example/", "https://Shop.example", "https://*.example", "null", "https://"]
)
def test_wrong_origin_is_named(origin: str) -> None:
    with pytest.raises(ValidationError, match="is not an origin, as in"):
        Settings(cors_origins=origin)  # type: ignore[arg-type]  # split by the field's validator

"""One request within the limits holds the event loop for at most 100 ms at a stretch, whatever it asks for."""

import gc
import json
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from graphql import get_introspection_query

from app.cli.processes.memory import spare_collections
from schema.entities import global_ids
from tests.builders.adverts import create_advert
from tests.builders.variants import create_variant
from tests.support.large_operations import nested_variants, new
from tests.support.load import tell
from tests.support.platform import Platform
from tests.support.stretches import measured_stretches

#: CPU seconds.
MOST_S = 0.1
#: By the fourth request, whatever can be planned has a plan.
REQUESTS = 5
_VARIANTS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A seller with one advert of many variants, so that a small query has a large answer."""

    api: Platform
    key: str
    advert: str


@pytest.fixture(autouse=True)
def spared() -> Iterator[None]:
    """Collect garbage as rarely as `tellgraph serve` does: collections of all objects of the tests take long."""
    before = gc.get_threshold()
    spare_collections()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


@pytest.fixture
async def shop(api: Platform) -> Shop:
    advert = await create_advert(api.conn, description="é" * 10_000)
    for _ in range(_VARIANTS):
        await create_variant(api.conn, advert_id=advert.id)
    query = stored(" ".join(f"d{number}: title" for number in range(90)))
    for number in range(45):
        await api.create_webhook("https://a.example.com", f"# {number}\n{query}", type="ADVERT")
    await api.conn.execute("update webhooks set seller_id = $1", advert.seller_id)
    return Shop(api=api, key=await api.seller_key(advert.seller_id), advert=global_ids.encode("Advert", advert.id))


def stored(selection: str) -> str:
    return f"query($id: ID!) {{ node(id: $id) {{ ... on Advert {{ {selection} }} }} }}"


def long_texts() -> str:
    """An answer of nearly five megabytes, for a cost that is light."""
    descriptions = " ".join(f"d{number}: description" for number in range(4))
    return f"{{ variantsWhere(first: 60) {{ nodes {{ advert {{ ... on Advert {{ {descriptions} }} }} }} }} }}"


def dry_runs(advert: str) -> str:
    """As many as one operation may have, each of another large query and with another filter."""
    titles = " ".join(f"d{number}: title" for number in range(99))
    runs = []
    for number in range(9):
        query, passes = json.dumps(new(stored(titles))), json.dumps(f"{number} > {secrets.randbelow(9999)}")
        given = f"type: ADVERT, id: {json.dumps(advert)}, queryString: {query}, filter: {passes}"
        runs.append(f"x{number}: webhookDryRun({given}) {{ payload payloadSchema filterPasses }}")
    return f"{{ {' '.join(runs)} }}"


def by_ids(ids: object) -> dict[str, object]:
    return {
        "query": new("query($ids: [Int!]) { advertsWhere(legacyIds: $ids) { nodes { id } } }"),
        "variables": {"ids": ids},
    }


def large_webhook() -> dict[str, object]:
    query = stored(" ".join(f"d{number}: titel" for number in range(900)))
    text = """mutation($query: String) { webhookCreate(input: {attributes:
        {url: "https://a.example.com", type: ADVERT, queryString: $query}}) { status } }"""
    return {"query": text, "variables": {"query": query}}


#: The request of each case, with the beginning of its answer.
CASES: dict[str, tuple[Callable[[Shop], dict[str, object]], str]] = {
    "a large answer": (lambda _: {"query": new(nested_variants())}, '{"data":{"variantsWhere"'),
    "a light answer": (lambda _: {"query": new(nested_variants(first=22))}, '{"data":{"variantsWhere"'),
    "long texts": (lambda _: {"query": new(long_texts())}, '{"data":{"variantsWhere"'),
    "introspection": (lambda _: {"query": new(get_introspection_query())}, '{"data":{"__schema"'),
    "dry runs": (lambda shop: {"query": dry_runs(shop.advert)}, '{"data":{"x0":{"payload":"{'),
    "a large webhook": (lambda _: large_webhook(), '{"data":{"webhookCreate":{"status":422}}'),
    "schemas of webhooks": (
        lambda _: {"query": new("{ webhooks(first: 45) { nodes { id payloadSchema } } }")},
        '{"data":{"webhooks":{"nodes":[{"id"',
    ),
    "unknown fields": (
        lambda _: {"query": new("{" + " ".join(f"a{number}" for number in range(3_900)) + "}")},
        '{"errors":[{"message":"Cannot query field',
    ),
    "a long list": (lambda _: by_ids([1] * 300_000), '{"errors":[{"message":"The list in'),
    "lists in a list": (lambda _: by_ids([[]] * 200_000), '{"errors":[{"message":"The list in'),
    "an error at the end": (
        lambda _: {"query": new("{" + "a { c } " * 990 + "}}")},
        '{"errors":[{"message":"Syntax Error',
    ),
}


@pytest.mark.parametrize("case", CASES)
async def test_a_request_holds_the_event_loop_for_100_ms_at_most(shop: Shop, case: str) -> None:
    request, answer = CASES[case]
    body = json.dumps(request(shop)).encode()
    headers = {"Authorization": f"Bearer {shop.key}", "Content-Type": "application/json"}
    await shop.api.graphql("{ __typename }", key=shop.key)

    async with measured_stretches() as stretches:
        answers = [
            await shop.api.http.post(f"{shop.api.url}/graphql", content=body, headers=headers) for _ in range(REQUESTS)
        ]

    tell(f"the event loop beside {case}", longest_cpu_ms=stretches.longest_s * 1000)
    assert {one.text[: len(answer)] for one in answers} == {answer}
    assert stretches.longest_s < MOST_S


async def test_the_body_of_a_wrong_key_is_not_parsed(api: Platform) -> None:
    body = b"[" + b"[]," * 300_000 + b"[]]"
    headers = {"Authorization": "Bearer tgk_wrong", "Content-Type": "application/json"}

    wrong = await api.http.post(f"{api.url}/graphql", content=body, headers=headers)
    right = await api.http.post(f"{api.url}/graphql", content=b"no JSON", headers=headers)

    assert [wrong.status_code, right.status_code] == [401, 401]

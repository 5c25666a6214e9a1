"""Over HTTP an operation gives the same bytes by its plan as before it had one, to everybody what is theirs."""

import asyncio
import secrets
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from app.auth.viewers import Scope, create_key
from app.http.persisted_queries import hash_of
from app.main import create_app
from app.marketplace.catalogue.db.sellers import SellerId
from schema.engine.plan_executor import PlanExecutor
from schema.engine.plans.cache import OFTEN
from schema.entities.global_ids import encode
from tests.builders.difficult_sales import create_difficult_sales
from tests.builders.sales import Sale, create_sales
from tests.support.platform import settings_for

PAGE = """
query Page($first: Int, $after: String) { invoices(first: $first, after: $after) { totalCount
  pageInfo { hasNextPage endCursor } edges { cursor node { id statusFlags createdAt totalFormatted
  seller { id businessName } lineItems { id advertTitle } shipments { shippedItems { quantity } } } } } }
"""
ORDERS = '{ updatedOrders(updatedSince: "2000-01-01T00:00:00Z") { nodes { id surname invoices { totalCount } } } }'


def new(query: str) -> str:
    """A text that was not seen before: what is known of a document is known to the whole process."""
    return f"# {secrets.token_hex(8)}\n{query}"


@dataclass(slots=True, kw_only=True)
class Api:
    """The application, asked without a network between. `planned` tells how operations were executed."""

    client: httpx.AsyncClient
    plan_executor: PlanExecutor
    conn: asyncpg.Connection
    key: str

    @property
    def counts(self) -> Counter[str]:
        return self.plan_executor.counts

    async def ask(self, query: str, *, key: str | None = None, **request: Any) -> bytes:
        response = await self.post(query, key=key, **request)
        assert response.status_code == 200, response.text
        return response.content

    async def post(self, query: str, *, key: str | None = None, **request: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {key or self.key}"}
        return await self.client.post("/graphql", json={"query": query, **request}, headers=headers)

    async def compiled(self, query: str, *, key: str | None = None, **request: Any) -> bytes:
        """Ask until there is a plan; what was answered before there was one."""
        answers = {await self.ask(query, key=key, **request) for _ in range(OFTEN + 1)}
        await self.plan_executor.plans.settle()
        (answer,) = answers
        return answer

    async def seller_key(self, sale: Sale, *scopes: Scope) -> str:
        return await create_key(self.conn, name="a seller's", seller_id=SellerId(sale.seller.id), scopes=scopes or None)


@pytest.fixture
async def api(database_url: str, conn: asyncpg.Connection) -> AsyncIterator[Api]:
    application = create_app(settings_for(database_url, max_cost=10_000))
    transport = httpx.ASGITransport(application)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=transport, base_url="http://api") as client,
    ):
        key = await create_key(conn, name="the operator's", seller_id=None)
        yield Api(client=client, plan_executor=application.state.plan_executor, conn=conn, key=key)


async def test_every_request_of_a_document_gives_the_same_bytes(api: Api) -> None:
    await create_difficult_sales(api.conn)
    page = new(PAGE)

    before = await api.compiled(page, variables={"first": 2})
    after = [await api.ask(page, variables={"first": 2}) for _ in range(3)]

    assert after == [before] * 3
    assert b'"extensions":{"cost":' in before
    assert api.counts == {"reference": 3, "planned": 3}


async def test_requests_do_not_wait_for_a_plan(api: Api) -> None:
    await create_sales(api.conn, 3)
    page = new(PAGE)

    answers = await asyncio.gather(*(api.ask(page) for _ in range(20)))
    during = api.counts["reference"]
    await api.plan_executor.plans.settle()
    after = await api.ask(page)

    assert set(answers) == {after}
    assert during >= 2
    assert api.counts["planned"] == 21 - during


async def test_sellers_who_share_a_plan_see_what_is_theirs(api: Api) -> None:
    first, second = await create_sales(api.conn, 2)
    keys = {sale.id_of("seller"): await api.seller_key(sale) for sale in (first, second)}
    expected = {seller: await api.ask(new(PAGE), key=key) for seller, key in keys.items()}
    page = new(PAGE)
    await api.compiled(page)

    for _ in range(3):
        for seller, key in keys.items():
            answer = await api.ask(page, key=key)
            assert answer == expected[seller]
            (edge,) = orjson.loads(answer)["data"]["invoices"]["edges"]
            assert edge["node"]["seller"]["id"] == seller

    assert api.counts["planned"] == 6


async def test_one_plan_goes_through_all_pages(api: Api) -> None:
    sales, query = await create_sales(api.conn, 5), new(PAGE)
    await api.compiled(query)

    found, after = [], None
    while True:
        page = orjson.loads(await api.ask(query, variables={"first": 2, "after": after}))["data"]["invoices"]
        found += [edge["node"]["id"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]

    assert found == [sale.id_of("invoice") for sale in sales]
    assert api.counts["planned"] == 3


async def test_what_is_forbidden_stays_so_on_a_plan(api: Api) -> None:
    (sale,) = await create_sales(api.conn, 1)
    key = await api.seller_key(sale)
    refusal, query = await api.ask(new(ORDERS), key=key), new(ORDERS)
    orders = await api.compiled(query)

    answers = [await api.ask(query, key=one) for one in (key, api.key, key)]

    assert b'"code":"FORBIDDEN"' in refusal
    assert len(orjson.loads(orders)["data"]["updatedOrders"]["nodes"]) == 1
    assert answers == [refusal, orders, refusal]
    assert api.counts["planned"] == 1


async def test_scope_is_asked_for_on_a_plan(api: Api) -> None:
    (sale,) = await create_sales(api.conn, 1)
    writing, page = await api.seller_key(sale, Scope.WRITE), new(PAGE)
    await api.compiled(page)

    answer = await api.ask(page, key=writing)

    assert b'"code":"MISSING_SCOPE"' in answer
    assert api.counts["planned"] == 0


@pytest.mark.parametrize("sales", [0, 1])
@pytest.mark.parametrize("change", ["revoked_at = now()", "expires_at = now()"])
async def test_key_that_ceases_is_refused_on_a_plan(api: Api, sales: int, change: str) -> None:
    page = new(PAGE)
    await create_sales(api.conn, sales)
    await api.compiled(page)
    await api.conn.execute(f"update api_keys set {change}")

    responses = [await api.post(page) for _ in range(2)]

    assert [response.status_code for response in responses] == [401, 401]
    assert b"invoices" not in responses[0].content


@pytest.mark.parametrize("is_planned", [True, False])
@pytest.mark.parametrize(
    ("mutation", "arguments"), [("apiKeyRevoke", ""), ("apiKeyRotate", ", overlapSeconds: 0")], ids=["revoke", "rotate"]
)
async def test_key_that_a_mutation_ends_is_refused_by_the_next_request(
    api: Api, mutation: str, arguments: str, is_planned: bool
) -> None:
    await create_sales(api.conn, 1)
    key = await create_key(api.conn, name="the ERP", seller_id=None)
    page = new(PAGE)
    if is_planned:
        await api.compiled(page, key=key)
    before = (await api.post(page, key=key)).status_code
    api_key_id = encode("ApiKey", await api.conn.fetchval("select max(id) from api_keys"))

    ended = await api.ask(f'mutation {{ {mutation}(input: {{apiKeyId: "{api_key_id}"{arguments}}}) {{ status }} }}')

    assert orjson.loads(ended)["data"] == {mutation: {"status": 200}}
    response = await api.post(page, key=key)
    assert (before, response.status_code) == (200, 401)
    assert b"invoices" not in response.content
    assert api.counts["planned"] == int(is_planned)


async def test_key_that_changes_hands_shows_what_is_its_new_owners(api: Api) -> None:
    first, second = await create_sales(api.conn, 2)
    key, page = await api.seller_key(first), new(PAGE)
    await api.compiled(page, key=key)
    await api.conn.execute("update api_keys set seller_id = $1 where seller_id is not null", second.seller.id)

    answers = [orjson.loads(await api.ask(page, key=key))["data"]["invoices"]["edges"] for _ in range(2)]

    assert [edge["node"]["id"] for answer in answers for edge in answer] == [second.id_of("invoice")] * 2


async def test_scope_that_is_taken_away_is_missed_on_a_plan(api: Api) -> None:
    await create_sales(api.conn, 1)
    page = new(PAGE)
    await api.compiled(page)
    await api.conn.execute("update api_keys set scopes = '{write}'")

    answer = await api.ask(page)

    assert b'"code":"MISSING_SCOPE"' in answer
    assert b'"data":null' in answer


REFUSED: Mapping[str, tuple[dict[str, Any], str]] = {
    "too much": ({"first": 500}, "COST_LIMIT"),
    "negative page": ({"first": -1}, "BAD_USER_INPUT"),
    "wrong variable": ({"first": "x"}, "BAD_USER_INPUT"),
    "no cursor": ({"after": "x"}, "BAD_USER_INPUT"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_refusals_are_the_same_on_a_plan(api: Api, case: str) -> None:
    variables, code = REFUSED[case]
    expected, page = await api.post(new(PAGE), variables=variables), new(PAGE)
    await api.compiled(page)

    answer = await api.post(page, variables=variables)

    assert (answer.status_code, answer.content) == (expected.status_code, expected.content)
    assert answer.json()["errors"][0]["extensions"]["code"] == code
    assert api.counts["planned"] == 0


async def test_operation_name_chooses_the_plan(api: Api) -> None:
    await create_sales(api.conn, 1)
    document = new("query A { invoices { totalCount } } query B { sellers { totalCount nodes { businessName } } }")
    before = [await api.compiled(document, operationName=name) for name in "AB"]
    api.counts.clear()

    after = [await api.ask(document, operationName=name) for name in "AB"]

    assert after == before
    assert api.counts == {"planned": 2}


async def test_get_is_answered_by_the_plan_too(api: Api) -> None:
    await create_sales(api.conn, 1)
    page = new(PAGE)
    before = await api.compiled(page)

    response = await api.client.get("/graphql", params={"query": page}, headers={"Authorization": f"Bearer {api.key}"})

    assert response.content == before
    assert api.counts["planned"] == 1


@pytest.mark.parametrize(
    "document",
    ["{ __schema { queryType { name } } }", 'mutation { orderUpdate(input: {orderId: "x"}) { status } }', "{ a }"],
)
async def test_never_by_a_plan(api: Api, document: str) -> None:
    answers = {await api.ask(document) for _ in range(5)}
    await api.plan_executor.plans.settle()

    assert len(answers) == 1
    assert api.counts == {"reference": 5}


async def test_persisted_query_is_kept_and_found_when_a_plan_answers_it(api: Api) -> None:
    query = "query($first: Int) { invoices(first: $first) { totalCount nodes { id } } }"
    expected = await api.compiled(query, variables={"first": 5})
    given: Any = {
        "variables": {"first": 5},
        "extensions": {"persistedQuery": {"version": 1, "sha256Hash": hash_of(query)}},
    }
    before = api.counts["planned"]

    sent = await api.ask(query, **given)
    known = await api.ask("", **given)

    assert [sent, known] == [expected] * 2
    assert api.counts["planned"] == before + 2

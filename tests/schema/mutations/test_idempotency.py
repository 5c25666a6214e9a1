"""The header `Idempotency-Key`: the same request twice makes one change."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest

from app.auth.viewers import Viewer, create_key
from app.db.pool import Connection
from app.docs.links import error_extensions
from app.marketplace.catalogue.db.sellers import SellerId
from schema.entities.global_ids import encode
from tests.builders.invoices import create_line_item
from tests.builders.sellers import create_seller
from tests.builders.shipments import create_shipment_carrier
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate
from tests.support.platform import Platform
from tests.support.waiting import until

ORDER = "order { id totalCents firstName invoices { nodes { id } } }"


async def _order(conn: Connection, **order: Any) -> dict[str, Any]:
    """An input of orderCreate: one of a variant of which there are ten."""
    variant = await create_variant(conn)
    return {"order": order, "lineItems": [{"variantId": encode("Variant", variant.id), "quantity": 1}]}


async def _orders(conn: Connection) -> tuple[int, int]:
    """Count the orders, and the items that are left."""
    return await conn.fetchval("select count(*) from orders"), await conn.fetchval("select count_on_hand from variants")


async def test_the_same_request_is_carried_out_once(conn: Connection, mutate: Mutate) -> None:
    given = await _order(conn, firstName="Ada")

    first = await mutate("orderCreate", ORDER, given, key="k-1")
    second = await mutate("orderCreate", ORDER, given, key="k-1")

    assert first["data"]["orderCreate"]["status"] == 200
    assert second == first
    assert await _orders(conn) == (1, 9)


async def test_without_a_key_or_under_another_each_request_counts(conn: Connection, mutate: Mutate) -> None:
    given = await _order(conn)

    await mutate("orderCreate", ORDER, given)
    await mutate("orderCreate", ORDER, given)
    await mutate("orderCreate", ORDER, given, key="k-1")
    await mutate("orderCreate", ORDER, given, key="k-2")

    assert await _orders(conn) == (4, 6)


async def test_another_request_under_the_key_is_a_conflict(conn: Connection, mutate: Mutate) -> None:
    given = await _order(conn)
    await mutate("orderCreate", ORDER, given, key="k-1")

    other = await mutate("orderCreate", ORDER, {**given, "order": {"firstName": "Bo"}}, key="k-1")
    asking_more = await mutate("orderCreate", "order { id token }", given, key="k-1")

    for answer in (other, asking_more):
        assert answer["data"] == {"orderCreate": None}
        (error,) = answer["errors"]
        assert error["extensions"] == error_extensions("IDEMPOTENCY_CONFLICT")
        assert error["message"] == "This Idempotency-Key was sent with another request before."
    assert await _orders(conn) == (1, 9)


async def test_keys_are_each_viewers_own(conn: Connection, mutate: Mutate) -> None:
    line = await create_line_item(conn, quantity=2, quantity_returnable=0)
    carrier = await create_shipment_carrier(conn)
    given = {
        "invoiceId": encode("Invoice", line.invoice_id),
        "dispatchedAt": f"{datetime.now(UTC).date()}T03:04:05Z",
        "postageCarrierId": encode("ShipmentCarrier", carrier.id),
        "trackingNumber": "T-1",
        "shippedItems": [{"lineItemId": encode("LineItem", line.id), "quantity": 1}],
    }
    seller = Viewer(SellerId(await conn.fetchval("select seller_id from invoices")))

    own = await mutate("shipmentCreate", "shipment { id }", given, seller, key="k-1")
    again = await mutate("shipmentCreate", "shipment { id }", given, seller, key="k-1")
    operators = await mutate("shipmentCreate", "shipment { id }", given, key="k-1")

    assert again == own
    assert operators["data"]["shipmentCreate"]["shipment"] != own["data"]["shipmentCreate"]["shipment"]
    assert await conn.fetchval("select count(*) from shipments") == 2


async def test_another_key_of_the_same_owner_is_another_sender(api: Platform) -> None:
    seller = await create_seller(api.conn)
    keys = [await api.seller_key(seller.id) for _ in range(2)]
    document = """mutation { webhookCreate(input: {attributes: {url: "https://93.184.216.34/hook", type: INVOICE}}) {
      hmacKey webhook { id } } }"""

    first, second, again = [await _post(api, document, {}, "k-1", as_key=key) for key in (*keys, keys[0])]

    assert first["data"]["webhookCreate"]["hmacKey"] != second["data"]["webhookCreate"]["hmacKey"]
    assert first["data"]["webhookCreate"]["webhook"] != second["data"]["webhookCreate"]["webhook"]
    assert again["data"] == first["data"]
    actors = [row["actor"] for row in await api.conn.fetch("select actor from idempotency_keys order by 1")]
    assert actors == [f"seller:{seller.id} key:2", f"seller:{seller.id} key:3"]


async def test_a_new_key_is_shown_again_to_its_maker_alone(api: Platform) -> None:
    other = await create_key(api.conn, name="other", seller_id=None)
    document = 'mutation { apiKeyCreate(input: {name: "the ERP"}) { key apiKey { id } } }'

    first, again, others = [await _post(api, document, {}, "k-1", as_key=key) for key in (api.key, api.key, other)]

    assert again == first
    assert others["data"]["apiKeyCreate"]["key"] != first["data"]["apiKeyCreate"]["key"]
    stored = await api.conn.fetchval("select string_agg(k::text, ' ') from idempotency_keys k")
    assert first["data"]["apiKeyCreate"]["key"] not in stored
    assert await api.conn.fetchval("select count(*) from api_keys where name = 'the ERP'") == 2


async def test_a_refused_request_leaves_its_key_free(conn: Connection, mutate: Mutate) -> None:
    given = await _order(conn)
    await conn.execute("update variants set count_on_hand = 0")

    refused = await mutate("orderCreate", ORDER, given, key="k-1")
    await conn.execute("update variants set count_on_hand = 10")
    made = await mutate("orderCreate", ORDER, given, key="k-1")

    assert (refused["data"]["orderCreate"]["status"], made["data"]["orderCreate"]["status"]) == (422, 200)
    assert await _orders(conn) == (1, 9)


async def test_a_key_is_as_new_after_a_day(conn: Connection, mutate: Mutate) -> None:
    given = await _order(conn)
    await mutate("orderCreate", ORDER, given, key="k-1")
    await mutate("orderCreate", ORDER, given, key="k-2")
    await conn.execute("update idempotency_keys set created_at = now() - interval '24 hours 1 second'")

    await mutate("orderCreate", ORDER, given, key="k-1")

    assert await _orders(conn) == (3, 7)
    # A key that is used takes expired ones along.
    assert [row["key"] for row in await conn.fetch("select key from idempotency_keys")] == ["k-1"]


async def test_a_generated_secret_is_told_again_and_not_stored_readable(conn: Connection, mutate: Mutate) -> None:
    given = {"attributes": {"url": "https://93.184.216.34/hook", "type": "INVOICE"}}

    first = await mutate("webhookCreate", "hmacKey webhook { id }", given, key="k-1")
    second = await mutate("webhookCreate", "hmacKey webhook { id }", given, key="k-1")

    secret = first["data"]["webhookCreate"]["hmacKey"]
    assert secret.startswith("whsec_")
    assert second == first
    row = await conn.fetchrow("select made::text as made, sealed from idempotency_keys")
    assert row is not None
    assert secret not in row["made"]
    assert secret.encode() not in row["sealed"]


async def test_each_mutation_of_an_operation_counts_for_itself(api: Platform) -> None:
    document = """mutation($input: SellerCreateMutationInput!) {
      a: sellerCreate(input: $input) { seller { id } } b: sellerCreate(input: $input) { seller { id } } }"""
    attributes = {"businessName": "Kettles", "emailAddress": "orders@kettles.example"}
    variables = {"input": {"attributes": attributes}}

    answers = [await _post(api, document, variables, "k-1") for _ in range(2)]

    first, second = (answer["data"] for answer in answers)
    assert first == second
    assert first["a"] != first["b"]
    assert await api.conn.fetchval("select count(*) from sellers") == 2


async def test_parallel_requests_over_http_make_one_order(api: Platform) -> None:
    given = await _order(api.conn)
    document = "mutation($input: OrderCreateMutationInput!) { orderCreate(input: $input) { status order { id } } }"

    answers = await asyncio.gather(*(_post(api, document, {"input": given}, "k-1") for _ in range(6)))

    assert len({answer["data"]["orderCreate"]["order"]["id"] for answer in answers}) == 1
    assert await _orders(api.conn) == (1, 9)


async def test_waits_for_the_first_and_makes_no_second(conn: Connection, mutate: Mutate, database_url: str) -> None:
    given = await _order(conn)
    holder = await asyncpg.connect(database_url)
    async with holder.transaction():
        # Holds the first request up before its commit, after it has taken its key.
        await holder.execute("select from variants for update")
        first = asyncio.create_task(_after_key(mutate, given))
        second = asyncio.create_task(_after_key(mutate, given))
        await _until_waiting(conn, 2)
    await holder.close()

    answers = await asyncio.gather(first, second)

    assert answers[0] == answers[1]
    assert await _orders(conn) == (1, 9)


async def test_does_not_wait_for_ever(conn: Connection, mutate: Mutate, database_url: str) -> None:
    given = await _order(conn)
    holder = await asyncpg.connect(database_url)
    async with holder.transaction():
        await holder.execute("insert into idempotency_keys values ('operator', 'k-1', 'orderCreate', '')")
        answer = await _after_key(mutate, given)
    await holder.close()

    assert answer["errors"][0]["message"] == "A request with this Idempotency-Key is being carried out."
    assert answer["errors"][0]["extensions"] == error_extensions("IDEMPOTENCY_CONFLICT")
    assert await _orders(conn) == (0, 10)


async def _after_key(mutate: Mutate, given: dict[str, Any]) -> dict[str, Any]:
    return await mutate("orderCreate", "order { __typename }", given, key="k-1")


async def _until_waiting(conn: Connection, number: int) -> None:
    """Until so many sessions of this database wait for a lock."""
    sql = "select count(*) = $1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"

    async def are_waiting() -> bool:
        return bool(await conn.fetchval(sql, number))

    await until(are_waiting)


async def test_a_crash_before_the_commit_leaves_nothing_behind(conn: Connection, mutate: Mutate) -> None:
    given = await _order(conn)
    await conn.execute(
        "create function crash() returns trigger language plpgsql as"
        " $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;"
        "create constraint trigger crash after update on idempotency_keys deferrable initially deferred"
        " for each row execute function crash()"
    )

    crashed = await mutate("orderCreate", ORDER, given, key="k-1")
    after_crash = await _orders(conn), await conn.fetchval("select count(*) from idempotency_keys")
    await conn.execute("drop trigger crash on idempotency_keys")
    made = await mutate("orderCreate", ORDER, given, key="k-1")
    again = await mutate("orderCreate", ORDER, given, key="k-1")

    assert crashed["data"] == {"orderCreate": None}
    assert after_crash == ((0, 10), 0)
    assert made["data"]["orderCreate"]["status"] == 200
    assert again == made
    assert await _orders(conn) == (1, 9)


async def test_shows_what_was_made_as_it_is_now(conn: Connection, mutate: Mutate) -> None:
    given = await _order(conn, firstName="Ada")
    await mutate("orderCreate", ORDER, given, key="k-1")
    await conn.execute("update orders set first_name = 'Bo'")

    again = await mutate("orderCreate", ORDER, given, key="k-1")

    assert again["data"]["orderCreate"]["order"]["firstName"] == "Bo"


@pytest.mark.parametrize("key", ["", "two words", "k" * 256])
async def test_refuses_what_is_no_key(conn: Connection, mutate: Mutate, key: str) -> None:
    answer = await mutate("orderCreate", ORDER, await _order(conn), key=key)

    assert answer["data"]["orderCreate"]["errors"] == [
        {"field": "Idempotency-Key", "messages": ["must be 1 to 255 visible ASCII characters"]}
    ]
    assert await _orders(conn) == (0, 10)


async def _post(
    api: Platform, document: str, variables: dict[str, Any], key: str, *, as_key: str | None = None
) -> dict[str, Any]:
    response = await api.http.post(
        f"{api.url}/graphql",
        json={"query": document, "variables": variables},
        headers={"Authorization": f"Bearer {as_key or api.key}", "Idempotency-Key": key},
    )
    assert response.status_code == httpx.codes.OK, response.text
    answer: dict[str, Any] = response.json()
    return answer

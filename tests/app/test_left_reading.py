"""An error of one field cancels no read of another, and no read is left on the connection."""

import asyncio

import orjson
import pytest

from app.db.pool import Connection
from schema.entities import global_ids
from tests.builders.sales import create_sale
from tests.builders.variants import create_variant
from tests.support.platform import Platform, running_platform, settings_for
from tests.support.receiver import Receiver
from tests.support.waiting import LOCK_IS_AWAITED, until

#: The shipments can't be read, and may not be null.
FAILS = "shipments { dispatchedAt }"
SELLER = "seller { businessName }"
SHARING = f"""query($id: ID!) {{
  a: node(id: $id) {{ ... on Invoice {{ {FAILS} {SELLER} }} }}
  b: node(id: $id) {{ ... on Invoice {{ {SELLER} }} }}
}}"""


async def test_error_cancels_no_read_of_others(conn: Connection, database_url: str) -> None:
    sale = await create_sale(conn)
    await conn.execute("update shipments set dispatched_at = '0044-03-15 BC'")
    async with running_platform(settings_for(database_url), with_worker=False) as api:
        answer = await api.graphql(SHARING, {"id": sale.id_of("invoice")})

    assert answer["data"] == {"a": None, "b": {"seller": {"businessName": sale.seller.business_name}}}
    assert [error["path"] for error in answer["errors"]] == [["a", "shipments", 0, "dispatchedAt"]]


@pytest.mark.parametrize(
    ("beside", "table"),
    [('node(id: "VmFyaWFudC0x") { id }', "variants"), ("webhooks { totalCount nodes { id } }", "webhooks")],
)
async def test_connection_is_given_back_when_nothing_reads_on_it(
    conn: Connection, database_url: str, beside: str, table: str
) -> None:
    await create_sale(conn)
    await conn.execute("update sellers set created_at = '0044-03-15 BC'")
    ended_by_an_error = f"{{ sellers {{ nodes {{ createdAt }} }} {beside} }}"
    async with running_platform(settings_for(database_url), with_worker=False) as api:
        async with conn.transaction():
            await conn.execute(f"lock table {table}")
            ended = asyncio.create_task(api.graphql(ended_by_an_error))
            await until(lambda: conn.fetchval(LOCK_IS_AWAITED))
            following = asyncio.create_task(api.graphql("{ invoices { nodes { id } } }"))
            # The error is there; what was read beside it waits for the lock.
            await following
            assert not ended.done()

        assert [error["path"] for error in (await ended)["errors"]] == [["sellers", "nodes", 0, "createdAt"]]
        assert len((await following)["data"]["invoices"]["nodes"]) == 1


async def test_fields_that_go_on_after_the_answer_are_waited_for(conn: Connection, database_url: str) -> None:
    """An error in the second advert ends the list. The first one's variants have not been asked for by then."""
    await create_variant(conn)
    await create_variant(conn)
    await conn.execute("update adverts set created_at = '0044-03-15 BC' where id = (select max(id) from adverts)")
    ended_by_an_error = "{ advertsWhere { nodes { variants(first: 1) { nodes { id } } createdAt } } }"
    async with running_platform(settings_for(database_url), with_worker=False) as api:
        async with conn.transaction():
            await conn.execute("lock table variants")
            ended = asyncio.create_task(api.graphql(ended_by_an_error))
            await until(lambda: conn.fetchval(LOCK_IS_AWAITED))
            following = asyncio.create_task(api.graphql("{ sellers { nodes { id } } }"))
            await following
            assert not ended.done()

        assert [error["path"] for error in (await ended)["errors"]] == [["advertsWhere", "nodes", 1, "createdAt"]]
        assert len((await following)["data"]["sellers"]["nodes"]) == 2


async def test_batch_with_an_entity_that_can_not_be_read_is_told(platform: Platform, receiver: Receiver) -> None:
    sale = await create_sale(platform.conn)
    query = f"query($id: ID!) {{ node(id: $id) {{ ... on Invoice {{ id {SELLER} {FAILS} }} }} }}"
    await platform.create_webhook(receiver.url(), query)

    await platform.conn.execute("update shipments set dispatched_at = '0044-03-15 BC'")

    (told,) = await receiver.wait_for(lambda one: "errors" in one.json["payload"])
    assert told.json["entity"]["id"] == global_ids.encode("Invoice", sale.invoice.id)
    assert orjson.loads(told.body)["payload"]["data"] == {"node": None}

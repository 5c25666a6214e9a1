"""Relay's compiler takes the schema, and its runtime finds one type under each id."""

from schema.entities import global_ids
from tests.builders.adverts import create_advert
from tests.clients import needs_node_packages, run_client
from tests.support.platform import Platform


@needs_node_packages
async def test_relay_s_store_has_one_type_under_each_id(api: Platform) -> None:
    adverts = [await create_advert(api.conn, is_published=number != 1) for number in range(3)]
    await api.conn.execute("update adverts set deleted_at = now() where id = $1", adverts[2].id)
    told = await run_client("sh", "relay/check.sh", GRAPHQL_URL=f"{api.url}/graphql", GRAPHQL_KEY=api.key)

    names = ["Advert", "UnpublishedAdvert", "DeletedAdvert"]
    expected = {global_ids.encode(name, one.id): name for name, one in zip(names, adverts, strict=True)}
    assert {node["id"]: node["__typename"] for node in told["listed"]} == expected
    assert {node["id"]: node["__typename"] for node in told["found"]} == expected
    assert (told["types"], told["warnings"]) == (expected, [])

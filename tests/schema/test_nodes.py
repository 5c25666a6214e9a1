"""A global id is of one type, and `node` finds the object of every id that the API gives."""

import asyncpg
import pytest

from app.auth.viewers import Viewer
from app.db.pool import Connection
from app.errors import InvalidInput
from schema import schema
from schema.entities import global_ids
from schema.entities.declarations import ENTITIES, Leaf
from schema.entities.declared import declared_fields
from tests.builders.adverts import create_advert
from tests.builders.sellers import create_seller
from tests.schema.marked import create_marked
from tests.support.operation import read_node, run_operation

GRAPH = schema._schema
NODES = sorted(kind.name for kind in GRAPH.get_possible_types(GRAPH.type_map["Node"]))  # type: ignore[arg-type]
ALL_ADVERTS = "{ allAdverts { nodes { __typename ... on Node { id } } } }"


@pytest.mark.parametrize("name", NODES)
def test_id_is_of_its_own_type(name: str) -> None:
    kind = GRAPH.type_map[name]

    declared = dict(declared_fields(kind))["id"]  # type: ignore[arg-type]

    assert isinstance(declared, Leaf)
    assert declared.id_of == name


async def test_every_node_is_found_again(conn: asyncpg.Connection) -> None:
    await create_marked(conn)
    await create_advert(conn, is_published=False)
    deleted = await create_advert(conn)
    await conn.execute("update adverts set deleted_at = now() where id = $1", deleted.id)
    found, expected = {}, {}

    for name in NODES:
        entity = ENTITIES[name]
        live = "t.deleted_at is null" if entity.table.has("deleted_at") and not entity.is_stand_in else "true"
        key = await conn.fetchval(f"select id from {entity.table.name} t where {entity.where} and {live} order by id")
        expected[name] = {"__typename": name, "id": global_ids.encode(name, key)}
        found[name] = (await read_node(conn, expected[name]["id"], f"{name} {{ __typename id }}")).data

    assert found == expected
    assert {"DeliveryAttempt", "UnpublishedAdvert", "DeletedAdvert"} <= found.keys()


async def test_stand_ins_have_ids_of_their_own_that_lead_to_them(conn: Connection) -> None:
    seller = await create_seller(conn)
    adverts = [await create_advert(conn, seller_id=seller.id, is_published=number != 1) for number in range(3)]
    await conn.execute("update adverts set deleted_at = now() where id = $1", adverts[2].id)
    names = ["Advert", "UnpublishedAdvert", "DeletedAdvert"]

    listed = await run_operation(conn, ALL_ADVERTS)
    ids = [global_ids.encode(name, advert.id) for name, advert in zip(names, adverts, strict=True)]
    everybodys = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    again = [
        await run_operation(conn, everybodys, viewer=viewer, ids=ids)
        for viewer in (Viewer(None), Viewer(seller.id), Viewer((await create_seller(conn)).id))
    ]

    given = [{"__typename": name, "id": one} for name, one in zip(names, ids, strict=True)]
    assert sorted(listed.data["allAdverts"]["nodes"], key=lambda node: names.index(node["__typename"])) == given
    assert [answer.data["nodes"] for answer in again] == [given, given, [None] * 3]


@pytest.mark.parametrize(
    ("is_published", "is_deleted", "is_found"),
    [
        (True, False, ["Advert"]),
        (False, False, ["Advert", "UnpublishedAdvert"]),
        (True, True, ["DeletedAdvert"]),
        (False, True, ["DeletedAdvert"]),
    ],
)
async def test_stand_in_is_found_while_it_stands_there(
    conn: Connection, is_published: bool, is_deleted: bool, is_found: list[str]
) -> None:
    advert = await create_advert(conn, is_published=is_published)
    if is_deleted:
        await conn.execute("update adverts set deleted_at = now() where id = $1", advert.id)

    found = [
        name
        for name in ("Advert", "UnpublishedAdvert", "DeletedAdvert")
        if (await read_node(conn, global_ids.encode(name, advert.id), "Node { id }")).data
    ]

    assert found == is_found


def test_id_of_a_stand_in_is_taken_where_that_of_the_entity_is() -> None:
    stand_in, own = global_ids.encode("UnpublishedAdvert", 7), global_ids.encode("Advert", 7)

    assert global_ids.key_of(stand_in, "Advert", field="advertId") == 7
    assert global_ids.decode_entity(stand_in) == global_ids.decode_entity(own) == ("Advert", 7)
    with pytest.raises(InvalidInput, match="is the id of an Advert, not of an Order"):
        global_ids.key_of(stand_in, "Order", field="orderId")

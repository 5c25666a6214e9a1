from app.auth.viewers import Viewer
from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.sellers import create_seller
from tests.schema.mutations.conftest import Mutate

ADVERT = "advert { id title published productFeatures variants { nodes { id label countOnHand } } }"


async def test_advert_upsert_makes_and_then_changes(conn: Connection, mutate: Mutate) -> None:
    viewer = Viewer((await create_seller(conn)).id)
    attributes = {"title": "Kettle", "productFeatures": ["Quiet"], "variants": [{"label": "Red"}]}

    made = await mutate("advertUpsert", ADVERT, {"attributes": attributes}, viewer)
    advert = made["data"]["advertUpsert"]["advert"]
    (red,) = advert["variants"]["nodes"]
    variants = [{"id": red["id"], "countOnHand": 4}, {"label": "Blue"}]
    changed = await mutate(
        "advertUpsert",
        ADVERT,
        {"advertId": advert["id"], "attributes": {"published": False, "variants": variants}},
        viewer,
    )

    assert (advert["title"], advert["published"], red["label"]) == ("Kettle", True, "Red")
    assert changed["data"]["advertUpsert"]["errors"] is None
    after = changed["data"]["advertUpsert"]["advert"]
    assert (after["id"], after["title"], after["published"]) == (advert["id"], "Kettle", False)
    assert after["productFeatures"] == ["Quiet"]
    found = [(each["label"], each["countOnHand"]) for each in after["variants"]["nodes"]]
    assert found == [("Red", 4), ("Blue", 0)]


async def test_advert_upsert_needs_a_seller_from_the_operator(conn: Connection, mutate: Mutate) -> None:
    seller = await create_seller(conn)
    attributes = {"title": "Kettle", "variants": [{"label": "Red", "id": None}]}

    without = await mutate("advertUpsert", ADVERT, {"attributes": attributes})
    given = await mutate("advertUpsert", ADVERT, {"sellerId": encode("Seller", seller.id), "attributes": attributes})

    assert without["data"]["advertUpsert"]["errors"] == [
        {"field": "sellerId", "messages": ["is required for a new advert"]}
    ]
    assert given["data"]["advertUpsert"]["status"] == 200
    assert await conn.fetchval("select array_agg(seller_id) from adverts") == [seller.id]

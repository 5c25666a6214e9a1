from app.auth.viewers import Viewer
from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate


async def test_variant_update_changes_what_is_given_and_clears_what_is_null(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn, notes="Fragile", barcode="978")

    answer = await mutate(
        "variantUpdate",
        "variant { label sku barcode notes countOnHand infiniteQuantity published }",
        {
            "variantId": encode("Variant", variant.id),
            "attributes": {"countOnHand": 0, "infiniteQuantity": True, "published": False, "notes": None},
        },
        Viewer(variant.seller_id),
    )

    assert answer["data"]["variantUpdate"]["variant"] == {
        "label": "Red",
        "sku": "K-RED",
        "barcode": "978",
        "notes": None,
        "countOnHand": 0,
        "infiniteQuantity": True,
        "published": False,
    }


async def test_variant_update_does_not_find_another_sellers(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn)
    other = await create_seller(conn)
    given = {"attributes": {"countOnHand": 1}}

    theirs = await mutate(
        "variantUpdate",
        "variant { id }",
        {**given, "variantId": encode("Variant", variant.id)},
        Viewer(other.id),
    )
    nobodys = await mutate(
        "variantUpdate", "variant { id }", {**given, "variantId": encode("Variant", 10**25)}, Viewer(other.id)
    )

    assert theirs == nobodys
    assert theirs["data"]["variantUpdate"] == {
        "status": 404,
        "clientMutationId": None,
        "errors": [{"field": "variantId", "messages": ["there is no such variant"]}],
        "variant": None,
    }
    assert await conn.fetchval("select count_on_hand from variants") == 10

from app.auth.viewers import Scope, Viewer
from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate

ORDER = """order { firstName isGift status totalCents taxTotalCents shippingCostCents
  invoices { nodes { deliveryType statusFlags buyerMessageToSeller lineItems { quantity variantSku } } } }"""


async def test_order_create_splits_lines(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn, price_cents=1100)
    line = {"variantId": encode("Variant", variant.id), "quantity": 1, "taxRate": 0.1}

    answer = await mutate(
        "orderCreate",
        ORDER,
        {
            "clientMutationId": "c1",
            "order": {"firstName": "Ada", "isGift": True, "messageToSeller": "Hi"},
            "lineItems": [line, {**line, "quantity": 2, "deliveryType": "CLICK_AND_COLLECT"}],
        },
    )

    invoice = {"statusFlags": ["PAID"], "buyerMessageToSeller": "Hi"}
    assert answer == {
        "data": {
            "orderCreate": {
                "status": 200,
                "clientMutationId": "c1",
                "errors": None,
                "order": {
                    "firstName": "Ada",
                    "isGift": True,
                    "status": "COMPLETE",
                    "totalCents": 3300,
                    "taxTotalCents": 300,
                    "shippingCostCents": 0,
                    "invoices": {
                        "nodes": [
                            {
                                **invoice,
                                "deliveryType": "BUY_ONLINE",
                                "lineItems": [{"quantity": 1, "variantSku": "K-RED"}],
                            },
                            {
                                **invoice,
                                "deliveryType": "CLICK_AND_COLLECT",
                                "lineItems": [{"quantity": 2, "variantSku": "K-RED"}],
                            },
                        ]
                    },
                },
            }
        }
    }


async def test_order_create_takes_invoices(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn)
    invoice = {
        "sellerId": encode("Seller", variant.seller_id),
        "shippingCostCents": 500,
        "lineItems": [{"variantId": encode("Variant", variant.id), "quantity": 1}],
    }

    answer = await mutate("orderCreate", "order { totalCents }", {"order": {"status": "NEW"}, "invoices": [invoice]})

    assert answer["data"]["orderCreate"]["order"] == {"totalCents": 1500}
    assert await conn.fetchval("select status_flags from invoices") == []


async def test_order_create_names_every_id_of_another_type(conn: Connection, mutate: Mutate) -> None:
    lines = [{"variantId": encode("Order", 1), "quantity": 1}, {"variantId": "?", "quantity": 1}]

    answer = await mutate("orderCreate", "order { id }", {"order": {}, "lineItems": lines})

    assert answer["data"]["orderCreate"] == {
        "status": 422,
        "clientMutationId": None,
        "errors": [
            {"field": "lineItems.0.variantId", "messages": ["is the id of an Order, not of a Variant"]},
            {"field": "lineItems.1.variantId", "messages": ["'?' is not an id of this API"]},
        ],
        "order": None,
    }


async def test_order_create_is_the_operators_and_needs_the_write_scope(conn: Connection, mutate: Mutate) -> None:
    variant = await create_variant(conn)
    given = {"order": {}, "lineItems": [{"variantId": encode("Variant", variant.id), "quantity": 1}]}

    sellers = await mutate("orderCreate", "order { id }", given, Viewer(variant.seller_id))
    readers = await mutate("orderCreate", "order { id }", given, Viewer(None, frozenset({Scope.READ})))

    assert sellers["data"]["orderCreate"]["status"] == 403
    assert readers["data"] == {"orderCreate": None}
    assert readers["errors"][0]["extensions"]["code"] == "MISSING_SCOPE"
    assert await conn.fetchval("select count(*) from orders") == 0

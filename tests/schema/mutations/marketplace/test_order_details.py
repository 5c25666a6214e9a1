"""Addresses, payment events, brands and images, as mutations take them along."""

from typing import Any

import pytest

from app.auth.viewers import Viewer
from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.catalogue import create_brand, create_taxon
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate

ADDRESS = {
    "address": "1 High Street",
    "city": "Melbourne",
    "postcode": "3000",
    "country": {"code": "AU"},
    "state": {"short": "VIC"},
}
SHOWN = "{ address city postcode country { iso } state { short } }"
ORDER = f"""order {{ id address {SHOWN} billingAddress {SHOWN}
  paymentEvents {{ nodes {{ amount successful transactionId }} }}
  invoices {{ nodes {{ shippingAddress {{ city }} buyerBillingAddress {{ city }} lineItems {{ brandName }} }} }} }}"""


async def _order(conn: Connection, mutate: Mutate, **order: Any) -> dict[str, Any]:
    variant = await create_variant(conn)
    brand = await create_brand(conn, name="Acme")
    await conn.execute("update adverts set brand_id = $1", brand.id)
    lines = [{"variantId": encode("Variant", variant.id), "quantity": 1}]
    answer = await mutate("orderCreate", ORDER, {"order": order, "lineItems": lines})
    assert "errors" not in answer
    payload: dict[str, Any] = answer["data"]["orderCreate"]
    return payload


async def test_an_order_keeps_addresses_payments_and_brands(conn: Connection, mutate: Mutate) -> None:
    events = [
        {"amountCents": 1000, "successful": False, "responseMessage": "Declined"},
        {"amountCents": 1000, "successful": True, "transactionId": "tx-2"},
    ]

    payload = await _order(
        conn, mutate, address=ADDRESS, billingAddress={**ADDRESS, "city": "Geelong"}, paymentEvents=events
    )

    order = payload["order"]
    assert order["address"] == {
        "address": "1 High Street",
        "city": "Melbourne",
        "postcode": "3000",
        "country": {"iso": "AU"},
        "state": {"short": "VIC"},
    }
    assert order["invoices"]["nodes"] == [
        {
            "shippingAddress": {"city": "Melbourne"},
            "buyerBillingAddress": {"city": "Geelong"},
            "lineItems": [{"brandName": "Acme"}],
        }
    ]
    assert [(event["successful"], event["transactionId"]) for event in order["paymentEvents"]["nodes"]] == [
        (False, None),
        (True, "tx-2"),
    ]
    assert await conn.fetchval("select count(*) from countries") == 1
    assert await conn.fetchval("select count(*) from states") == 1


async def test_an_order_moves_and_is_paid(conn: Connection, mutate: Mutate) -> None:
    made = (await _order(conn, mutate, status="PAYMENT_IN_PROGRESS", address=ADDRESS, billingAddress=ADDRESS))["order"]
    given = {
        "orderId": made["id"],
        "status": "COMPLETE",
        "attributes": {"address": {**ADDRESS, "city": "Hobart"}, "billingAddress": None},
        "paymentEvents": [{"amountCents": 1000, "successful": True, "transactionId": "tx-9"}],
    }

    answer = await mutate("orderUpdate", ORDER, given)

    order = answer["data"]["orderUpdate"]["order"]
    assert (order["address"]["city"], order["billingAddress"]) == ("Hobart", None)
    assert order["invoices"]["nodes"][0]["shippingAddress"] == {"city": "Hobart"}
    assert order["invoices"]["nodes"][0]["buyerBillingAddress"] is None
    assert [event["transactionId"] for event in order["paymentEvents"]["nodes"]] == ["tx-9"]


async def test_names_what_is_wrong_with_details(conn: Connection, mutate: Mutate) -> None:
    payload = await _order(
        conn,
        mutate,
        address={**ADDRESS, "city": " ", "country": {"code": "Australia"}, "lat": 91},
        paymentEvents=[{"amountCents": -1, "successful": True}],
    )

    assert payload["errors"] == [
        {"field": "order.paymentEvents.0.amountCents", "messages": ["must not be negative"]},
        {"field": "order.address.city", "messages": ["must not be blank"]},
        {
            "field": "order.address.country.code",
            "messages": ["must be an ISO 3166-1 code of two letters such as AU"],
        },
        {"field": "order.address.lat", "messages": ["must be from -90 to 90"]},
    ]
    assert await conn.fetchval("select count(*) from addresses") == 0


async def test_a_seller_moves(conn: Connection, mutate: Mutate) -> None:
    seller = await create_seller(conn)

    answer = await mutate(
        "sellerUpdate", "seller { address { city } }", {"attributes": {"address": ADDRESS}}, Viewer(seller.id)
    )

    assert answer["data"]["sellerUpdate"]["seller"] == {"address": {"city": "Melbourne"}}


ADVERT = "advert { id brand { name slug } taxon { displayName } displayImage { url } images { nodes { url alt } } }"


async def test_an_advert_gets_brand_taxon_and_images(conn: Connection, mutate: Mutate) -> None:
    seller, taxon = await create_seller(conn), await create_taxon(conn, display_name="Kitchen")
    await create_brand(conn, name="Café Co", slug="cafe-co")
    attributes = {
        "title": "Kettle",
        "brandName": "Cafe & Co",
        "taxonId": encode("Taxon", taxon.id),
        "images": [{"sourceUrl": "https://i.example/1.jpg", "alt": "Front"}, {"sourceUrl": "https://i.example/2.jpg"}],
        "variants": [{"label": "Red"}],
    }

    created = await mutate("advertUpsert", ADVERT, {"attributes": attributes}, Viewer(seller.id))
    advert = created["data"]["advertUpsert"]["advert"]
    more = [{"sourceUrl": "https://i.example/2.jpg"}, {"sourceUrl": "https://i.example/3.jpg"}]
    updated = await mutate(
        "advertUpsert",
        ADVERT,
        {"advertId": advert["id"], "attributes": {"brandName": None, "taxonId": None, "images": more}},
    )

    assert advert["brand"]["name"] == "Cafe & Co"
    assert advert["brand"]["slug"].startswith("cafe-co-")
    assert advert["taxon"] == {"displayName": "Kitchen"}
    assert advert["displayImage"] == {"url": "https://i.example/1.jpg"}
    after = updated["data"]["advertUpsert"]["advert"]
    assert (after["brand"], after["taxon"]) == (None, None)
    assert after["displayImage"] == {"url": "https://i.example/2.jpg"}
    assert [image["url"][-5:] for image in after["images"]["nodes"]] == ["2.jpg", "3.jpg"]


@pytest.mark.parametrize(
    ("attributes", "field", "message"),
    [
        ({"brandName": " "}, "attributes.brandName", "must not be blank"),
        ({"taxonId": encode("Taxon", 10**9)}, "attributes.taxonId", "there is no such taxon"),
        (
            {"images": [{"sourceUrl": "file:///x"}]},
            "attributes.images.0.sourceUrl",
            "must be an http:// or https:// URL",
        ),
    ],
)
async def test_names_what_is_wrong_with_an_advert(
    conn: Connection, mutate: Mutate, attributes: dict[str, Any], field: str, message: str
) -> None:
    seller = await create_seller(conn)
    given = {"attributes": {"title": "Kettle", "variants": [{"label": "Red"}], **attributes}}

    answer = await mutate("advertUpsert", "advert { id }", given, Viewer(seller.id))

    assert answer["data"]["advertUpsert"]["errors"] == [{"field": field, "messages": [message]}]
    assert await conn.fetchval("select count(*) from adverts") == 0

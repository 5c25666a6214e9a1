"""Fields that mutations set are shown as they were given, and wrong ones are refused by name."""

from typing import Any

import pytest

from app.auth.viewers import Viewer
from app.db.pool import Connection
from schema.entities.global_ids import encode
from tests.builders.addresses import create_address
from tests.builders.adverts import create_advert
from tests.builders.catalogue import create_brand
from tests.builders.invoices import create_line_item
from tests.builders.sales import create_sale
from tests.builders.sellers import create_seller
from tests.builders.shipments import create_shipment_carrier
from tests.builders.variants import create_variant
from tests.schema.mutations.conftest import Mutate

SELLER = {
    "mobile": "0400 000 000",
    "emailCc": "accounts@pots.example",
    "contactFirstName": "Mei",
    "contactSurname": "Chen",
    "storeDescription": "Pots & pans",
    "openingHours": "9 to 17",
    "deliveryDetails": "By post",
    "returnPolicy": "30 days",
    "servicePolicy": "Within a day",
    "clickAndCollectPolicy": "Bring the number",
    "youtubeVideoUrl": "https://video.example/1",
}
ADVERT = {
    "specifications": "1 kg",
    "promotionText": "New",
    "youtubeVideoUrl": "https://video.example/2",
    "originCountryCode": "AU",
    "gender": "FEMALE",
    "year": 2025,
    "hasFreeDomesticShipping": True,
    "vettingRejectedReason": "Blurred",
}


async def test_a_seller_keeps_what_it_says_of_itself(conn: Connection, mutate: Mutate) -> None:
    seller = encode("Seller", (await create_seller(conn)).id)
    given = {"sellerId": seller, "attributes": {**SELLER, "metadata": [{"key": "tier", "value": "gold"}]}}

    answer = await mutate(
        "sellerUpdate", f"seller {{ {' '.join(SELLER)} storeDescriptionHtml metadata {{ value }} }}", given
    )

    assert answer["data"]["sellerUpdate"]["seller"] == {
        **SELLER,
        "storeDescriptionHtml": "<p>Pots &amp; pans</p>",
        "metadata": [{"value": "gold"}],
    }


async def test_a_new_seller_has_a_person_to_talk_to(conn: Connection, mutate: Mutate) -> None:
    user = {"emailAddress": "mei@pots.example", "firstName": "Mei", "surname": "Chen"}
    attributes = {"businessName": "Pots", "accountType": "PROSPECTIVE", "user": user}
    selection = "seller { emailAddress contactFirstName contactSurname online accountType businessNumber }"

    made = await mutate("sellerCreate", selection, {"attributes": {**attributes, "businessRegistrationCode": "51"}})
    refused = await mutate("sellerCreate", selection, {"attributes": {"businessName": "Pots"}})

    assert made["data"]["sellerCreate"]["seller"] == {
        "emailAddress": "mei@pots.example",
        "contactFirstName": "Mei",
        "contactSurname": "Chen",
        "online": False,
        "accountType": "PROSPECTIVE",
        "businessNumber": "51",
    }
    assert refused["data"]["sellerCreate"]["errors"] == [
        {"field": "attributes.emailAddress", "messages": ["is required"]}
    ]


async def test_an_advert_keeps_what_it_says(conn: Connection, mutate: Mutate) -> None:
    advert = encode("Advert", (await create_advert(conn)).id)
    brand = encode("Brand", (await create_brand(conn, name="Acme")).id)
    attributes = {**ADVERT, "baseDomesticShippingCost": "9.90", "brandId": brand}
    shown = (
        f"advert {{ {' '.join(ADVERT)} baseDomesticShippingCost specificationsHtml vettingRejected brand {{ name }} }}"
    )

    answer = await mutate("advertUpsert", shown, {"advertId": advert, "attributes": attributes})

    assert answer["data"]["advertUpsert"]["advert"] == {
        **ADVERT,
        "baseDomesticShippingCost": 9.9,
        "specificationsHtml": "<p>1 kg</p>",
        "vettingRejected": True,
        "brand": {"name": "Acme"},
    }


@pytest.mark.parametrize(
    ("attributes", "field", "message"),
    [
        ({"brandId": encode("Brand", 10**9)}, "brandId", "there is no such brand"),
        (
            {"originCountryCode": "Australia"},
            "originCountryCode",
            "must be an ISO 3166-1 code of two letters such as AU",
        ),
        ({"baseDomesticShippingCost": "-1"}, "baseDomesticShippingCost", "must not be negative"),
        ({"baseDomesticShippingCost": "a lot"}, "baseDomesticShippingCost", "must be an amount such as 12.50"),
        ({"youtubeVideoUrl": "ftp://x"}, "youtubeVideoUrl", "must be an http:// or https:// URL"),
        ({"hasFreeDomesticShipping": None}, "hasFreeDomesticShipping", "can't be null"),
        ({"year": 0}, "year", "must be from 1 to 9999"),
    ],
)
async def test_names_what_is_wrong_with_an_advert(
    conn: Connection, mutate: Mutate, attributes: dict[str, Any], field: str, message: str
) -> None:
    advert = encode("Advert", (await create_advert(conn)).id)

    answer = await mutate("advertUpsert", "", {"advertId": advert, "attributes": attributes})

    assert answer["data"]["advertUpsert"]["errors"] == [{"field": f"attributes.{field}", "messages": [message]}]


@pytest.mark.parametrize(
    ("url", "video_id"),
    [
        ("https://www.youtube.com/watch?v=dQw4w9WgXcQ", "dQw4w9WgXcQ"),
        ("https://www.youtube.com/watch?list=a&v=dQw4w9WgXcQ&t=1", "dQw4w9WgXcQ"),
        ("https://youtu.be/dQw4w9WgXcQ?t=1", "dQw4w9WgXcQ"),
        ("https://www.youtube-nocookie.com/embed/dQw4w9WgXcQ", "dQw4w9WgXcQ"),
        ("https://youtu.be/dQw4w9WgXcQQ", None),
        ("https://video.example/watch?v=dQw4w9WgXcQ", None),
        ("https://video.example/?https://youtu.be/dQw4w9WgXcQ", None),
        (None, None),
    ],
)
async def test_a_film_at_youtube_has_its_id(conn: Connection, mutate: Mutate, url: str | None, video_id: str) -> None:
    advert = encode("Advert", (await create_advert(conn)).id)

    answer = await mutate(
        "advertUpsert", "advert { youtubeVideoId }", {"advertId": advert, "attributes": {"youtubeVideoUrl": url}}
    )

    assert answer["data"]["advertUpsert"]["advert"] == {"youtubeVideoId": video_id}


async def test_new_variants_take_the_prices_of_their_advert(conn: Connection, mutate: Mutate) -> None:
    seller = encode("Seller", (await create_seller(conn)).id)
    variants = [{"sku": "K-1"}, {"price": "13.00"}, {"label": "Red", "priceCents": 1400}]
    attributes = {"title": "Kettle", "price": "12.50", "salePrice": "9.99", "variants": variants}
    selection = "advert { variants { nodes { label editablePriceCents editableSalePriceFormatted } } }"

    made = await mutate("advertUpsert", selection, {"sellerId": seller, "attributes": attributes})

    assert made["data"]["advertUpsert"]["advert"]["variants"]["nodes"] == [
        {"label": "K-1", "editablePriceCents": 1250, "editableSalePriceFormatted": "$9.99"},
        {"label": "Kettle", "editablePriceCents": 1300, "editableSalePriceFormatted": "$9.99"},
        {"label": "Red", "editablePriceCents": 1400, "editableSalePriceFormatted": "$9.99"},
    ]


async def test_a_variants_prices_have_the_decimals_of_its_currency(conn: Connection, mutate: Mutate) -> None:
    dinar = encode("Variant", (await create_variant(conn, currency="BHD")).id)
    yen = encode("Variant", (await create_variant(conn, currency="JPY")).id)
    selection = "variant { editablePriceCents wholesalePrice recommendedRetailPriceFormatted description }"
    prices = {"price": "1.500", "wholesalePrice": "0.750", "recommendedRetailPrice": "2.000", "description": "Small"}

    made = await mutate("variantUpdate", selection, {"variantId": dinar, "attributes": prices})
    refused = await mutate("variantUpdate", selection, {"attributes": {"id": yen, "price": "1.5", "priceCents": 1}})

    assert made["data"]["variantUpdate"]["variant"] == {
        "editablePriceCents": 1500,
        "wholesalePrice": "0.750",
        "recommendedRetailPriceFormatted": "BHD 2.000",
        "description": "Small",
    }
    assert refused["data"]["variantUpdate"]["errors"] == [
        {
            "field": "attributes.price",
            "messages": ["give `price` or `priceCents`", "has more decimals than JPY has"],
        }
    ]


async def test_a_variants_id_is_given_once(conn: Connection, mutate: Mutate) -> None:
    one, other = [encode("Variant", (await create_variant(conn)).id) for _ in range(2)]

    missing = await mutate("variantUpdate", "", {"attributes": {"label": "Blue"}})
    differing = await mutate("variantUpdate", "", {"variantId": one, "attributes": {"id": other, "label": "Blue"}})
    same = await mutate("variantUpdate", "", {"variantId": one, "attributes": {"id": one, "label": "Blue"}})

    assert missing["data"]["variantUpdate"]["errors"] == [{"field": "variantId", "messages": ["is required"]}]
    assert differing["data"]["variantUpdate"]["errors"] == [
        {"field": "variantId", "messages": ["differs from attributes.id"]}
    ]
    assert same["data"]["variantUpdate"]["status"] == 200


async def test_a_shipment_tells_where_it_comes_from_and_who_carries_it(conn: Connection, mutate: Mutate) -> None:
    home, elsewhere = await create_address(conn, city="Hobart"), await create_address(conn)
    line = await create_line_item(conn, quantity=2)
    await conn.execute("update sellers set address_id = $1", home.id)
    carrier = await create_shipment_carrier(conn, name="Fast", homepage_url="https://fast.example/")
    given = {
        "invoiceId": encode("Invoice", line.invoice_id),
        "dispatchedAt": f"{await conn.fetchval('select now()::date')}",
        "postageCarrierId": encode("ShipmentCarrier", carrier.id),
        "trackingNumber": "T-1",
        "shippedItems": [{"lineItemId": encode("LineItem", line.id), "quantity": 1}],
    }

    made = await mutate("shipmentCreate", "shipment { homepageLink shippedFrom { city } }", given)
    refused = await mutate("shipmentCreate", "", {**given, "shippedFromId": encode("Address", elsewhere.id)})

    assert made["data"]["shipmentCreate"]["shipment"] == {
        "homepageLink": "https://fast.example/",
        "shippedFrom": {"city": "Hobart"},
    }
    assert refused["data"]["shipmentCreate"]["errors"] == [
        {"field": "shippedFromId", "messages": ["is not the seller's address"]}
    ]


async def test_notes_keep_pictures_and_addresses(conn: Connection, mutate: Mutate) -> None:
    sale = await create_sale(conn)
    note = {"note": "Broken", "ipAddress": "203.0.113.7", "attachments": [{"sourceUrl": "https://a.example/1.png"}]}
    line = {"custom": "Goodwill", "quantity": 1, "amountPerItemCents": 100}
    kept = {"externalIds": [{"key": "erp", "value": "R-1"}], "metadata": [{"key": "desk", "value": "2"}]}
    given = {"invoiceId": sale.id_of("invoice"), "lineItems": [{**line, **kept}], "notes": [note], **kept}
    shown = "externalIds { value } metadata { value }"
    selection = (
        f"""refundRequest {{ notes {{ note ipAddress attachments {{ url }} }} {shown} lineItems {{ {shown} }} }}"""
    )

    made = await mutate("refundRequestCreate", selection, given, Viewer(sale.seller.id))
    refused = await mutate("refundRequestCreate", "", {**given, "notes": [{"note": "x", "ipAddress": "here"}]})

    values = {"externalIds": [{"value": "R-1"}], "metadata": [{"value": "2"}]}
    assert made["data"]["refundRequestCreate"]["refundRequest"] == {
        "notes": [{"note": "Broken", "ipAddress": "203.0.113.7", "attachments": [{"url": "https://a.example/1.png"}]}],
        **values,
        "lineItems": [values],
    }
    assert refused["data"]["refundRequestCreate"]["errors"] == [
        {"field": "notes.0.ipAddress", "messages": ["must be an IP address"]}
    ]


async def test_an_order_keeps_its_gift_and_its_delivery(conn: Connection, mutate: Mutate) -> None:
    sale = await create_sale(conn)
    attributes = {
        "messageToGiftRecipient": "Enjoy",
        "expectedDeliveryDate": "2026-12-24",
        "expectedDeliverySlot": "8-12",
        "paymentInstrumentType": "card",
    }
    selection = f"""order {{ {" ".join(attributes)} aggregateInvoiceStatusFinal
      total totalCents invoices {{ nodes {{ paymentInstrumentType }} }} }}"""

    answer = await mutate("orderUpdate", selection, {"orderId": sale.id_of("order"), "attributes": attributes})

    order = answer["data"]["orderUpdate"]["order"]
    assert order["total"] * 100 == order["totalCents"]
    assert order["aggregateInvoiceStatusFinal"] is False
    assert {name: order[name] for name in attributes} == {
        **attributes,
        "expectedDeliveryDate": "2026-12-24T00:00:00+00:00",
    }
    assert order["invoices"]["nodes"] == [{"paymentInstrumentType": "card"}]

"""Each row of the entity graph shows its values."""

import asyncpg
import pytest

from app.db.pool import Connection
from schema.entities import global_ids
from tests.builders.addresses import create_address, create_state
from tests.builders.adverts import create_advert
from tests.builders.catalogue import create_inventory, create_option_type, create_taxon, create_variant_option_value
from tests.builders.invoice_parts import create_adjustment, create_invoice_annotation, create_payment_event
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.orders import create_order
from tests.builders.owned import create_image
from tests.builders.sellers import create_seller
from tests.builders.shipments import create_shipment, create_shipped_item
from tests.builders.tracking import create_return_shipment, create_shipment_status
from tests.builders.variants import create_variant
from tests.builders.whole_sales import create_whole_sale
from tests.support.operation import read_node


async def test_address_with_state_and_country(conn: Connection) -> None:
    state = await create_state(conn)
    address = await create_address(
        conn, subaddress="Unit 3", state_id=state.id, country_id=state.country_id, lat=-37.8, lng=144.9
    )

    answer = await read_node(
        conn,
        global_ids.encode("Address", address.id),
        "Address { address subaddress city postcode fullAddress lat lng country { name iso } state { name short } }",
    )

    assert answer.data == {
        "address": "12 High Street",
        "subaddress": "Unit 3",
        "city": "Melbourne",
        "postcode": "3000",
        "fullAddress": "Unit 3, 12 High Street, Melbourne 3000",
        "lat": -37.8,
        "lng": 144.9,
        "country": {"name": "Australia", "iso": None},
        "state": {"name": "Victoria", "short": "VIC"},
    }


async def test_image_url_takes_a_size(conn: Connection) -> None:
    image = await create_image(conn, "Brand", 1, url="https://images.example/k.jpg?v=2&width=9", filename="k.jpg")

    answer = await read_node(
        conn,
        global_ids.encode("Image", image.id),
        "Image { url sized: url(width: 80, height: 60) wrong: url(width: 0) alt filename position }",
    )

    # `url` is not nullable, so the wrong size takes the whole node with it.
    assert (answer.data, answer.failures) == (None, [(["node", "wrong"], "BAD_USER_INPUT")])
    right = await read_node(
        conn, global_ids.encode("Image", image.id), "Image { url sized: url(width: 80, height: 60) filename position }"
    )
    assert right.data == {
        "url": "https://images.example/k.jpg?v=2&width=9",
        "sized": "https://images.example/k.jpg?v=2&width=80&height=60",
        "filename": "k.jpg",
        "position": 0,
    }


async def test_logo_is_apart_from_store_images(conn: Connection) -> None:
    whole = await create_whole_sale(conn)

    answer = await read_node(conn, whole.id_of("seller"), "Seller { logo { id } storeImages { id } address { id } }")

    (store,) = answer.data["storeImages"]
    assert answer.data["logo"] == {"id": whole.id_of("logo", "Image")}
    assert store != answer.data["logo"]
    assert answer.data["address"] == {"id": whole.id_of("address")}


async def test_taxon_is_named_from_the_root_down_whoever_renames_or_moves(conn: Connection) -> None:
    kitchen = await create_taxon(conn)
    kettles = await create_taxon(conn, parent_id=kitchen.id, display_name="Kettles")
    whistling = await create_taxon(conn, parent_id=kettles.id, display_name="Whistling")
    await conn.execute("update taxons set display_name = 'Home' where id = $1", kitchen.id)

    answer = await read_node(
        conn,
        global_ids.encode("Taxon", whistling.id),
        "Taxon { treeName parent { treeName children { totalCount nodes { displayName } } parent { treeName } } }",
    )

    assert answer.data == {
        "treeName": "Home > Kettles > Whistling",
        "parent": {
            "treeName": "Home > Kettles",
            "children": {"totalCount": 1, "nodes": [{"displayName": "Whistling"}]},
            "parent": {"treeName": "Home"},
        },
    }


async def test_taxon_can_not_lie_below_itself(conn: Connection) -> None:
    kitchen = await create_taxon(conn)
    kettles = await create_taxon(conn, parent_id=kitchen.id, display_name="Kettles")

    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute("update taxons set parent_id = $1 where id = $2", kettles.id, kitchen.id)


async def test_variant_with_options_and_inventories(conn: Connection) -> None:
    variant = await create_variant(conn)
    chosen = await create_variant_option_value(conn, variant_id=variant.id)
    engraved = await create_option_type(conn, name="engraving", display_name="Engraving", field_type="FREE_TEXT")
    await create_variant_option_value(conn, variant_id=variant.id, option_type_id=engraved.id, text_value="Ada")
    await create_inventory(conn, variant_id=variant.id)
    other = await create_seller(conn)
    await create_inventory(
        conn, variant_id=variant.id, seller_id=other.id, price_cents=None, has_infinite_quantity=True
    )

    answer = await read_node(
        conn,
        global_ids.encode("Variant", variant.id),
        "Variant { variantOptionValues { nodes { optionType { displayName fieldType } textValue"
        " optionValue { legacyId displayName } } }"
        " inventories { nodes { countOnHand infiniteQuantity price { amount currencyCode formatted } } } }",
    )

    assert answer.errors == []
    assert answer.data["variantOptionValues"]["nodes"] == [
        {
            "optionType": {"displayName": "Size", "fieldType": "SINGLE_SELECT"},
            "textValue": None,
            "optionValue": {"legacyId": chosen.option_value_id, "displayName": "M"},
        },
        {"optionType": {"displayName": "Engraving", "fieldType": "FREE_TEXT"}, "textValue": "Ada", "optionValue": None},
    ]
    assert answer.data["inventories"]["nodes"] == [
        {
            "countOnHand": 5,
            "infiniteQuantity": False,
            "price": {"amount": "9.00", "currencyCode": "AUD", "formatted": "$9.00"},
        },
        {"countOnHand": 5, "infiniteQuantity": True, "price": None},
    ]


async def test_lowest_price_and_displayable_variants(conn: Connection) -> None:
    advert, empty = await create_advert(conn), await create_advert(conn)
    dear = await create_variant(conn, advert_id=advert.id, price_cents=3000)
    cheap = await create_variant(conn, advert_id=advert.id, price_cents=2550)
    hidden = await create_variant(conn, advert_id=advert.id, price_cents=100, is_published=False)
    fragment = "Advert { lowestPrice variants(displayableOnly: true) { totalCount nodes { legacyId } } all: variants"
    fragment += "(displayableOnly: null) { nodes { legacyId } } }"

    answer = await read_node(conn, global_ids.encode("Advert", advert.id), fragment)
    none = await read_node(conn, global_ids.encode("Advert", empty.id), "Advert { lowestPrice }")

    assert answer.data == {
        "lowestPrice": "25.50",
        "variants": {"totalCount": 2, "nodes": [{"legacyId": dear.id}, {"legacyId": cheap.id}]},
        "all": {"nodes": [{"legacyId": dear.id}, {"legacyId": cheap.id}, {"legacyId": hidden.id}]},
    }
    assert none.data == {"lowestPrice": None}


async def test_order_gathers_what_is_of_all_its_invoices(conn: Connection) -> None:
    order = await create_order(conn)
    sent = await create_invoice(conn, order_id=order.id, status_flags=["PAID", "SENT"])
    paid = await create_invoice(conn, order_id=order.id)
    lines = [await create_line_item(conn, invoice_id=one.id) for one in (sent, paid)]
    shipment = await create_shipment(conn, invoice_id=sent.id)
    await create_payment_event(conn, order_id=order.id, amount_cents=1250, is_successful=False)
    await create_line_item(conn)

    answer = await read_node(
        conn,
        global_ids.encode("Order", order.id),
        "Order { aggregateInvoiceStatus lineItems { totalCount nodes { legacyId } } shipments { legacyId }"
        " paymentEvents { nodes { amount successful transactionId responseMessage } } }",
    )

    assert answer.errors == []
    assert answer.data == {
        "aggregateInvoiceStatus": "PARTIALLY_SENT",
        "lineItems": {"totalCount": 2, "nodes": [{"legacyId": line.id} for line in lines]},
        "shipments": [{"legacyId": shipment.id}],
        "paymentEvents": {
            "nodes": [{"amount": "12.50", "successful": False, "transactionId": "tx-1", "responseMessage": None}]
        },
    }


async def test_invoice_and_line_have_adjustments_of_their_own(conn: Connection) -> None:
    line = await create_line_item(conn)
    await create_adjustment(conn, invoice_id=line.invoice_id, description="Summer")
    await create_adjustment(conn, line_item_id=line.id, adjustment_type="FEE", amount_cents=100)
    await create_invoice_annotation(conn, invoice_id=line.invoice_id)
    fields = "adjustments { adjustmentType appliesTo amountCents amountFormatted description }"

    answer = await read_node(
        conn,
        global_ids.encode("Invoice", line.invoice_id),
        f"Invoice {{ {fields} lineItems {{ {fields} }} annotations {{ content resolved }} }}",
    )

    common = {"appliesTo": "SUBTOTAL_DISCOUNT"}
    promotion = {"adjustmentType": "PROMOTION", "amountCents": -500, "amountFormatted": "-$5.00"}
    fee = {"adjustmentType": "FEE", "amountCents": 100, "amountFormatted": "$1.00", "description": None}
    assert answer.data == {
        "adjustments": [{**common, **promotion, "description": "Summer"}],
        "lineItems": [{"adjustments": [{**common, **fee}]}],
        "annotations": [{"content": "Call the buyer.", "resolved": False}],
    }


async def test_line_is_in_each_of_its_shipments_once(conn: Connection) -> None:
    line = await create_line_item(conn)
    shipment = await create_shipment(conn, invoice_id=line.invoice_id)
    for _ in range(2):
        await create_shipped_item(conn, shipment_id=shipment.id, line_item_id=line.id)
    await create_shipment_status(conn, shipment_id=shipment.id, status="OutForDelivery")

    answer = await read_node(
        conn,
        global_ids.encode("LineItem", line.id),
        "LineItem { shipments { legacyId statusLog { totalCount nodes { status } } } image { id } }",
    )

    log = {"totalCount": 1, "nodes": [{"status": "OutForDelivery"}]}
    assert answer.data == {"shipments": [{"legacyId": shipment.id, "statusLog": log}], "image": None}


async def test_return_shipment_of_a_request(conn: Connection) -> None:
    back = await create_return_shipment(conn, note="Box", drop_off_url="https://post.example/drop")

    answer = await read_node(
        conn,
        global_ids.encode("RefundRequest", back.refund_request_id),
        "RefundRequest { shipments { legacyId trackingNumber note dropOffUrl carrier { legacyId } shippedItems { id }"
        " statusLog { nodes { id } } } }",
    )

    assert answer.data["shipments"] == [
        {
            "legacyId": back.id,
            "trackingNumber": "BACK-1",
            "note": "Box",
            "dropOffUrl": "https://post.example/drop",
            "carrier": {"legacyId": back.carrier_id},
            "shippedItems": [],
            "statusLog": {"nodes": []},
        }
    ]

"""Every part of the graph reports to all entities above it, each with the path that names it there."""

import re
from typing import Any

import pytest

from app.auth.viewers import OPERATOR
from app.capture.captured import CAPTURED
from app.capture.change_events import claim_batch
from app.db.pool import Connection
from schema import schema
from schema.entities import global_ids
from schema.stored.changed import describe_changes
from tests.builders.whole_sales import WholeSale, create_whole_sale
from tests.support.outbox import fold_entities

RETURN = "shipments[<return_shipment>]"
REQUEST = "refundRequests[<refund_request>]"

#: An UPDATE of one row (its attribute stands for its id) → entity type → what is named as updated.
CHANGES: dict[str, dict[str, list[str]]] = {
    "payment_events set response_message = 'x' @payment_event": {
        "Order": ["paymentEvents[<payment_event>].responseMessage"],
        "Invoice": ["order.paymentEvents[<payment_event>].responseMessage"],
    },
    "adjustments set description = 'x' @adjustment": {
        "Invoice": ["adjustments[<adjustment>].description"],
        "Order": ["invoices[<invoice>].adjustments[<adjustment>].description"],
    },
    "adjustments set description = 'x' @line_adjustment": {
        "Invoice": ["lineItems[<line_item>].adjustments[<line_adjustment:Adjustment>].description"],
        "Order": ["invoices[<invoice>].lineItems[<line_item>].adjustments[<line_adjustment:Adjustment>].description"],
    },
    "invoice_annotations set is_resolved = true @invoice_annotation": {
        "InvoiceAnnotation": ["resolved"],
        "Invoice": ["annotations[<invoice_annotation>].resolved"],
        "Order": ["invoices[<invoice>].annotations[<invoice_annotation>].resolved"],
    },
    "shipments set note = 'x' @shipment": {
        "Shipment": ["note"],
        "Invoice": ["shipments[<shipment>].note"],
        "Order": ["invoices[<invoice>].shipments[<shipment>].note"],
    },
    "shipped_items set quantity = 2 @shipped_item": {
        "Shipment": ["shippedItems[<shipped_item>].quantity"],
        "Invoice": ["shipments[<shipment>].shippedItems[<shipped_item>].quantity"],
        "Order": ["invoices[<invoice>].shipments[<shipment>].shippedItems[<shipped_item>].quantity"],
    },
    "shipment_statuses set status = 'Delivered' @shipment_status": {
        "Shipment": ["statusLog[<shipment_status>].status"],
        "Invoice": ["shipments[<shipment>].statusLog[<shipment_status>].status"],
        "Order": ["invoices[<invoice>].shipments[<shipment>].statusLog[<shipment_status>].status"],
    },
    "return_shipments set note = 'x' @return_shipment": {
        "ReturnShipment": ["note"],
        "RefundRequest": [f"{RETURN}.note"],
        "Invoice": [f"{REQUEST}.{RETURN}.note"],
        "Order": [f"invoices[<invoice>].{REQUEST}.{RETURN}.note"],
    },
    "return_shipped_items set quantity = 2 @return_shipped_item": {
        "ReturnShipment": ["shippedItems[<return_shipped_item>].quantity"],
        "RefundRequest": [f"{RETURN}.shippedItems[<return_shipped_item>].quantity"],
        "Invoice": [f"{REQUEST}.{RETURN}.shippedItems[<return_shipped_item>].quantity"],
        "Order": [f"invoices[<invoice>].{REQUEST}.{RETURN}.shippedItems[<return_shipped_item>].quantity"],
    },
    "return_shipment_statuses set status = 'Delivered' @return_shipment_status": {
        "ReturnShipment": ["statusLog[<return_shipment_status>].status"],
        "RefundRequest": [f"{RETURN}.statusLog[<return_shipment_status>].status"],
        "Invoice": [f"{REQUEST}.{RETURN}.statusLog[<return_shipment_status>].status"],
        "Order": [f"invoices[<invoice>].{REQUEST}.{RETURN}.statusLog[<return_shipment_status>].status"],
    },
    "variant_option_values set option_value_id = null, text_value = 'x' @variant_option_value": {
        "Variant": [
            "variantOptionValues[<variant_option_value>].optionValue",
            "variantOptionValues[<variant_option_value>].textValue",
        ],
        "Advert": [
            "variants[<variant>].variantOptionValues[<variant_option_value>].optionValue",
            "variants[<variant>].variantOptionValues[<variant_option_value>].textValue",
        ],
    },
    "advert_option_values set option_value_id = null, text_value = 'x' @advert_option_value": {
        "Advert": [
            "advertOptionValues[<advert_option_value>].optionValue",
            "advertOptionValues[<advert_option_value>].textValue",
        ],
        "Variant": [
            "advert.advertOptionValues[<advert_option_value>].optionValue",
            "advert.advertOptionValues[<advert_option_value>].textValue",
        ],
    },
    "inventories set count_on_hand = 4 @inventory": {
        # It is the variant's own seller's, so that it is the variant's stock.
        "Variant": ["countOnHand", "inventories[<inventory>].countOnHand"],
        "Advert": [
            "variants[<variant>].countOnHand",
            "variants[<variant>].inventories[<inventory>].countOnHand",
        ],
    },
    "variants set barcode = 'x' @variant": {"Variant": ["barcode"], "Advert": ["variants[<variant>].barcode"]},
    "adverts set code = 'x' @advert": {
        "Advert": ["fullTitle", "code"],
        "Variant": ["advert.fullTitle", "advert.code"],
    },
    "images set alt = 'x' @advert_image": {
        "Advert": ["images[<advert_image:Image>].alt"],
        "Variant": ["advert.images[<advert_image:Image>].alt"],
    },
    "images set alt = 'x' @logo": {"Seller": ["logo.alt"]},
    "sellers set phone = 'x' @seller": {"Seller": ["phone"]},
    "addresses set lat = 1 @address": {
        "Order": ["address.lat", "billingAddress.lat"],
        "Invoice": ["shippingAddress.lat", "buyerBillingAddress.lat", "order.address.lat", "order.billingAddress.lat"],
        "Seller": ["address.lat"],
    },
    "external_ids set value = 'x' @external_ids.line_item": {
        "Invoice": ["lineItems[<line_item>].externalIds[<external_ids.line_item>].value"],
        "Order": ["invoices[<invoice>].lineItems[<line_item>].externalIds[<external_ids.line_item>].value"],
    },
    "external_ids set value = 'x' @external_ids.return_shipment": {
        "ReturnShipment": ["externalIds[<external_ids.return_shipment>].value"],
        "RefundRequest": [f"{RETURN}.externalIds[<external_ids.return_shipment>].value"],
        "Invoice": [f"{REQUEST}.{RETURN}.externalIds[<external_ids.return_shipment>].value"],
        "Order": [f"invoices[<invoice>].{REQUEST}.{RETURN}.externalIds[<external_ids.return_shipment>].value"],
    },
    "external_ids set value = 'x' @external_ids.advert": {
        "Advert": ["externalIds[<external_ids.advert>].value"],
        "Variant": ["advert.externalIds[<external_ids.advert>].value"],
    },
    "external_ids set value = 'x' @external_ids.order": {
        "Order": ["externalIds[<external_ids.order>].value"],
        "Invoice": ["order.externalIds[<external_ids.order>].value"],
    },
    "external_ids set value = 'x' @external_ids.seller": {"Seller": ["externalIds[<external_ids.seller>].value"]},
}


async def described(conn: Connection) -> dict[str, Any]:
    """`changed.updated` by entity type, of all that waits; it counts as published from now on."""
    found = {}
    async with conn.transaction():
        while events := await claim_batch(conn, limit=1000):
            for change in fold_entities(events):
                told = describe_changes(
                    schema._schema, OPERATOR, change.entity_type, change.changes, is_cut=change.is_cut
                )
                found[change.entity_type] = told["updated"]
            await conn.execute(
                "update change_events set published_at = now() where id = any($1)", [e.id for e in events]
            )
    return found


def row_of(whole: WholeSale, name: str) -> Any:
    if name.startswith("external_ids."):
        return whole.external_ids[name.removeprefix("external_ids.")]
    return getattr(whole, name, None) or getattr(whole.sale, name)


def with_ids(path: str, whole: WholeSale) -> str:
    def named(match: re.Match[str]) -> str:
        name, _, type_name = match[1].partition(":")
        if name.startswith("external_ids."):
            return global_ids.encode("ExternalID", row_of(whole, name).id)
        return whole.id_of(name, type_name or None)

    return re.sub(r"<([\w.:]+)>", named, path)


@pytest.mark.parametrize("change", CHANGES)
async def test_a_part_reports_to_all_above_it_by_its_path(conn: Connection, change: str) -> None:
    whole = await create_whole_sale(conn)
    await conn.execute("update change_events set published_at = now()")
    statement, name = change.split(" @")

    await conn.execute(f"update {statement} where id = $1", row_of(whole, name).id)

    expected = {entity: [with_ids(path, whole) for path in paths] for entity, paths in CHANGES[change].items()}
    assert await described(conn) == expected


async def test_a_new_name_of_an_option_is_a_change_of_those_who_chose_it(conn: Connection) -> None:
    whole = await create_whole_sale(conn)
    await create_whole_sale(conn)
    await conn.execute("update change_events set published_at = now()")

    await conn.execute(
        "update option_values set display_name = 'Medium' where id = $1", whole.variant_option_value.option_value_id
    )

    found = await conn.fetch("select entity_type, entity_id, columns from change_events where published_at is null")
    columns = ["option_values.display_name"]
    assert sorted(map(tuple, found)) == [
        ("Advert", whole.sale.advert.id, columns),
        ("OptionType", whole.variant_option_value.option_type_id, columns),
        ("OptionValue", whole.variant_option_value.option_value_id, columns),
        ("Variant", whole.sale.variant.id, columns),
    ]
    changed = await described(conn)
    assert (changed["Advert"], changed["Variant"], changed["OptionValue"]) == ([], [], ["displayName"])


async def test_brands_taxons_and_carriers_are_not_passed_on(conn: Connection) -> None:
    await create_whole_sale(conn)
    await conn.execute("update change_events set published_at = now()")

    for table, column in (
        ("brands", "slug"),
        ("taxons", "title"),
        ("shipment_carriers", "name"),
        ("countries", "name"),
    ):
        await conn.execute(f"update {table} set {column} = {column} || 'x'")

    found = await conn.fetch("select distinct entity_type from change_events where published_at is null")
    assert [row[0] for row in found] == ["Taxon"]
    assert not {"brands", "shipment_carriers", "countries", "states"} & {one.table for one in CAPTURED}

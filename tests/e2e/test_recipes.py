"""Each recipe, registered as it is listed, is sent the changes that it promises and no others.

Above 300 lines: each recipe with the changes that it is sent, and those that it is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from schema.webhook_queries.recipes import RECIPES
from schema.webhook_queries.recipes.recipe import WebhookRecipe
from tests.builders.sales import Sale, create_sale
from tests.support.platform import Platform
from tests.support.receiver import Receiver
from tests.support.waiting import until

PUBLISHED = "select not exists (select from change_events where published_at is null)"
ATTRIBUTES = "type eventNames triggers filter queryString allowSkip includePrevious"


RAISE = "insert into operational_events (webhook_id, kind, reason) select id,"
OF_SELLER = "from webhooks where seller_id = $1"
A_POT = "select 'Pots', 'Pots', 'pots' where $1::bigint is not null"
A_SIZE = "select 'size', 'Size', 'SINGLE_SELECT' where $1::bigint is not null"


@dataclass(frozen=True)
class Step:
    """A statement, and what its delivery shows of `data.node`; None when it is not to be delivered."""

    sql: str
    told: Mapping[str, Any] | None = None


#: By recipe: changes of one sale ($1 is the row named first), in their order. The last one is delivered, so that it
#: proves that those before it were not.
STORIES: Mapping[str, tuple[str, list[Step]]] = {
    "invoices-for-an-erp": (
        "invoice",
        [
            Step("update shipments set tracking_number = 'T-2' where invoice_id = $1", {"totalCents": 2000}),
            Step("update invoices set buyer_phone = '1' where id = $1"),
            Step(
                "update orders set surname = 'King' where id = (select order_id from invoices where id = $1)",
                {"statusFlags": ["PAID"]},
            ),
        ],
    ),
    "own-invoices-for-an-erp": (
        "invoice",
        [
            Step("update refund_requests set status = 'RETURNED' where invoice_id = $1", {"totalCents": 2000}),
            Step("update orders set surname = 'King' where id = (select order_id from invoices where id = $1)"),
            Step("update invoice_amendments set total_cents = -5 where invoice_id = $1", {"statusFlags": ["PAID"]}),
        ],
    ),
    "invoices-to-dispatch": (
        "invoice",
        [
            Step(
                "update line_items set quantity_awaiting_dispatch = 1 where invoice_id = $1", {"statusFlags": ["PAID"]}
            ),
            Step("update line_items set quantity_awaiting_dispatch = 0 where invoice_id = $1"),
            Step("update invoices set buyer_surname = 'King' where id = $1"),
            Step(
                "update line_items set quantity_awaiting_dispatch = 2 where invoice_id = $1", {"buyerSurname": "King"}
            ),
        ],
    ),
    "invoice-ids": (
        "invoice",
        [
            Step("update shipments set tracking_number = 'T-2' where invoice_id = $1", {}),
            Step("update invoices set buyer_surname = 'King' where id = $1"),
            Step("update refund_requests set status = 'RETURNED' where invoice_id = $1", {}),
        ],
    ),
    "shipping-notices": (
        "shipment",
        [
            Step("update shipments set tracking_number = 'T-2' where id = $1", {"trackingNumber": "T-2"}),
            Step("update shipments set note = 'Left at the door' where id = $1"),
            Step(
                "insert into shipment_statuses (shipment_id, status) values ($1, 'Delivered')",
                {"trackingNumber": "T-2", "carrier": "Post"},
            ),
        ],
    ),
    "refund-desk": (
        "refund_request",
        [
            Step("update refund_requests set status = 'RETURNED' where id = $1", {"status": "RETURNED"}),
            Step("update refund_requests set total_cents = 5 where id = $1"),
            Step("update refund_requests set initiated_by = 'ADMIN', status = 'REFUNDED' where id = $1"),
            Step(
                "update refund_requests set initiated_by = 'SELLER', status = 'PROCESSED' where id = $1",
                {"status": "PROCESSED", "initiatedBy": "SELLER"},
            ),
        ],
    ),
    "returns-on-their-way": (
        "refund_request",
        [
            Step(
                "with carrier as (insert into shipment_carriers (name) values ('Rail') returning id)"
                " insert into return_shipments (refund_request_id, carrier_id, tracking_number)"
                " select $1, id, 'R-1' from carrier",
                {"trackingNumber": "R-1", "carrier": {"name": "Rail"}},
            ),
            Step("update return_shipments set note = 'Wet' where refund_request_id = $1"),
            Step(
                "update return_shipments set tracking_number = 'R-2' where refund_request_id = $1",
                {"trackingNumber": "R-2"},
            ),
        ],
    ),
    "refunded-items": (
        "refund_request",
        [
            Step(
                "update refund_request_line_items set status = 'REFUND_ACCEPTED' where refund_request_id = $1",
                {"status": "REFUND_ACCEPTED"},
            ),
            Step("update refund_request_line_items set reason = 'Torn' where refund_request_id = $1"),
            Step(
                "update refund_request_line_items set status = 'REFUNDED' where refund_request_id = $1",
                {"status": "REFUNDED"},
            ),
        ],
    ),
    "notes-on-invoices": (
        "invoice",
        [
            Step(
                "with t as (insert into invoice_annotation_types (name, description) values ('Call', '') returning id)"
                " insert into invoice_annotations (invoice_id, invoice_annotation_type_id, content)"
                " select $1, id, 'Call' from t",
                {"content": "Call"},
            ),
            Step("update invoices set total_cents = 5 where id = $1"),
            Step("update invoice_annotations set is_resolved = true where invoice_id = $1", {"resolved": True}),
        ],
    ),
    "payouts": (
        "seller",
        [
            Step(
                "insert into remittance_advices (seller_id, total_cents, currency) values ($1, 1800, 'AUD')",
                {"totalCents": 1800, "paidAt": None, "remittances": []},
            ),
            Step("update remittance_advices set commission_amount_total_cents = 200 where seller_id = $1"),
            Step(
                "update remittance_advices set payment_reference = 'PAY-1' where seller_id = $1",
                {"paymentReference": "PAY-1"},
            ),
        ],
    ),
    "order-status": (
        "order",
        [
            Step("update invoices set status_flags = '{SENT}' where order_id = $1", {"status": "COMPLETE"}),
            Step("update orders set surname = 'King' where id = $1"),
            Step("update orders set status = 'PENDING_REVIEW' where id = $1", {"status": "PENDING_REVIEW"}),
        ],
    ),
    "stock-and-price": (
        "variant",
        [
            Step("update variants set count_on_hand = 3 where id = $1", {"countOnHand": 3}),
            Step("update variants set barcode = '1' where id = $1"),
            Step("update variants set price_cents = 900 where id = $1", {"countOnHand": 3, "lowestPriceCents": 900}),
        ],
    ),
    "back-in-stock": (
        "variant",
        [
            Step("update variants set count_on_hand = 0 where id = $1", {"buyable": False}),
            Step("update variants set count_on_hand = 7 where id = $1", {"buyable": True}),
            Step("update variants set count_on_hand = 6 where id = $1"),
            Step("update variants set price_cents = 5 where id = $1"),
            Step("update variants set count_on_hand = 0 where id = $1", {"buyable": False}),
        ],
    ),
    "low-stock": (
        "variant",
        [
            Step("update variants set count_on_hand = 4 where id = $1", {"countOnHand": 4}),
            Step("update variants set count_on_hand = 5 where id = $1"),
            Step("update variants set label = 'Blue' where id = $1"),
            Step("update variants set count_on_hand = 1 where id = $1", {"countOnHand": 1, "label": "Blue"}),
        ],
    ),
    "price-changes": (
        "variant",
        [
            Step("update variants set price_cents = 900 where id = $1", {"lowestPriceCents": 900}),
            Step("update variants set count_on_hand = 1 where id = $1"),
            Step("update variants set price_cents = 800 where id = $1", {"lowestPriceCents": 800}),
        ],
    ),
    "adverts-for-a-search": (
        "advert",
        [
            Step("update adverts set title = 'Pot' where id = $1", {"title": "Pot"}),
            Step("update variants set count_on_hand = 1 where advert_id = $1"),
            Step("update adverts set is_published = false where id = $1", {"title": "Pot", "displayable": False}),
        ],
    ),
    "category-tree": (
        "seller",
        [
            Step(f"insert into taxons (display_name, title, url_slug) {A_POT}", {"treeName": "Pots", "parent": None}),
            Step("update taxons set title = 'All pots' where $1::bigint is not null"),
            Step("update taxons set display_name = 'Pans' where $1::bigint is not null", {"treeName": "Pans"}),
        ],
    ),
    "options": (
        "seller",
        [
            Step(f"insert into option_types (name, display_name, field_type) {A_SIZE}", {"fieldType": "SINGLE_SELECT"}),
            Step("update option_types set position = 5 where $1::bigint is not null"),
            Step(
                "insert into option_values (option_type_id, name, display_name) select id, 'm', 'M' from option_types"
                " where $1::bigint is not null",
                {"displayName": "Size"},
            ),
        ],
    ),
    "option-values": (
        "seller",
        [
            Step(
                f"with size as (insert into option_types (name, display_name, field_type) {A_SIZE} returning id)"
                " insert into option_values (option_type_id, name, display_name) select id, 'm', 'M' from size",
                {"displayName": "M", "optionType": {"name": "size"}},
            ),
            Step("update option_values set position = 5 where $1::bigint is not null"),
            Step("update option_values set display_name = 'Medium' where $1::bigint is not null", {"name": "m"}),
        ],
    ),
    "seller-details": (
        "seller",
        [
            Step("update sellers set phone = '1' where id = $1", {"phone": "1"}),
            Step("update sellers set business_number = '1' where id = $1"),
            Step("update sellers set business_name = 'Pots' where id = $1", {"phone": "1", "businessName": "Pots"}),
        ],
    ),
    "commissions": (
        "seller",
        [
            Step(
                "insert into commission_packages (name, rate) select 'Basic', 0.1 where $1::bigint is not null",
                {"name": "Basic", "rate": "0.1", "sellers": {"nodes": []}},
            ),
            Step("update sellers set phone = '1' where id = $1"),
            Step(
                "update sellers set commission_package_id = p.id from commission_packages p where sellers.id = $1",
                {"name": "Basic"},
            ),
        ],
    ),
    "operational-alerts": (
        "seller",
        [
            Step(
                f"{RAISE} 'FAILING', 'No answer.' {OF_SELLER}",
                {"kind": "FAILING", "reason": "No answer."},
            ),
            Step(f"{RAISE} 'EXHAUSTED', 'No retries.' {OF_SELLER}"),
            Step(
                f"{RAISE} 'RECOVERED', 'It works.' {OF_SELLER}",
                {"kind": "RECOVERED"},
            ),
        ],
    ),
}


async def register(platform: Platform, receiver: Receiver, recipe: WebhookRecipe, key: str | None) -> None:
    """Register a recipe as it is listed for the key."""
    listed = (await platform.data(f"{{ webhookRecipes {{ name {ATTRIBUTES} }} }}", key=key))["webhookRecipes"]
    (attributes,) = [one for one in listed if one.pop("name") == recipe.name]
    made = await platform.create_webhook(receiver.url(), attributes.pop("queryString"), key, **attributes)
    assert made["errors"] is None


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
async def test_recipe_is_sent_what_it_promises(platform: Platform, receiver: Receiver, recipe: WebhookRecipe) -> None:
    sale: Sale = await create_sale(platform.conn)
    about, steps = STORIES[recipe.name]
    key = None if recipe.is_operators_only else await platform.seller_key(sale.seller.id)
    await register(platform, receiver, recipe, key)

    told = []
    for step in steps:
        await platform.conn.execute(step.sql, getattr(sale, about).id)
        # Each change is published alone: together with the next one it would be told as a part of that.
        await until(lambda: platform.conn.fetchval(PUBLISHED))
        if step.told is not None:
            told.append(step.told)
            await receiver.wait_for(count=len(told))

    nodes = [delivery.data["node"] for delivery in receiver.deliveries]
    assert [{**node, **wanted} for node, wanted in zip(nodes, told, strict=True)] == nodes
    assert not any("errors" in delivery.json["payload"] for delivery in receiver.deliveries)
    assert all(("previous" in delivery.json) == recipe.include_previous for delivery in receiver.deliveries)


def test_every_recipe_has_a_story_that_ends_with_a_delivery() -> None:
    assert set(STORIES) == {recipe.name for recipe in RECIPES}
    for _, steps in STORIES.values():
        assert steps[-1].told is not None
        assert any(step.told is None for step in steps)

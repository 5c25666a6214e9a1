"""Triggers: paths of the schema, as the columns that they read."""

import pytest
from graphql import build_schema

from app.auth.viewers import OPERATOR, Viewer
from app.errors import InvalidInput
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.stored.triggers import check_triggers, trigger_columns
from schema.stored.validate import stored_query

SCHEMA = schema._schema
#: What decides which line items an invoice has.
LINES = {"invoices.id", "invoices.seller_id", "line_items.invoice_id", "line_items.*"}


def test_a_field_stands_for_what_it_reads() -> None:
    assert trigger_columns(SCHEMA, "Invoice", ("statusFlags",)) == {"invoices.status_flags", "invoices.*"}


def test_a_path_stands_for_its_end_and_for_the_rows_on_its_way() -> None:
    columns = trigger_columns(SCHEMA, "Invoice", ("lineItems.quantity",))

    assert columns == LINES | {"line_items.quantity", "invoices.*"}


def test_a_relation_stands_for_every_column_of_its_rows() -> None:
    columns = trigger_columns(SCHEMA, "Invoice", ("lineItems",))

    assert columns > LINES | {"line_items.quantity", "line_items.advert_title", "line_items.total_cents"}
    assert {column.split(".")[0] for column in columns} == {"invoices", "line_items"}


def test_several_paths_add_up() -> None:
    both = trigger_columns(SCHEMA, "Invoice", ("statusFlags", "lineItems.quantity"))

    assert both == trigger_columns(SCHEMA, "Invoice", ("statusFlags",)) | trigger_columns(
        SCHEMA, "Invoice", ("lineItems.quantity",)
    )


@pytest.mark.parametrize("path", ["order.invoices.legacyId", "order.invoices.nodes.legacyId"])
def test_rows_of_a_connection_need_no_nodes_in_between(path: str) -> None:
    assert trigger_columns(SCHEMA, "Invoice", (path,)) == trigger_columns(
        SCHEMA, "Invoice", ("order.invoices.edges.node.legacyId",)
    )


def test_a_union_is_read_through_its_members() -> None:
    assert "adverts.title" in trigger_columns(SCHEMA, "Variant", ("advert.title",))


def test_a_path_reads_what_a_query_of_it_would() -> None:
    text = "query($id: ID!) { node(id: $id) { ... on Invoice { shipments { shippedItems { quantity } } } } }"
    watched = stored_query(SCHEMA, text, WebhookKlass.INVOICE).watched

    assert trigger_columns(SCHEMA, "Invoice", ("shipments.shippedItems.quantity",)) == watched


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("nope", "Invoice has no field 'nope'; a trigger is a path as in lineItems.quantity"),
        ("lineItems.nope", "LineItem has no field 'nope'; a trigger is a path as in lineItems.quantity"),
        ("line_items", "Invoice has no field 'line_items'; a trigger is a path as in lineItems.quantity"),
        ("totalCents.x", "Int has no field 'x'; a trigger is a path as in lineItems.quantity"),
        ("lineItems.", "LineItem has no field ''; a trigger is a path as in lineItems.quantity"),
        ("", "Invoice has no field ''; a trigger is a path as in lineItems.quantity"),
        ("__typename", "Invoice has no field '__typename'; a trigger is a path as in lineItems.quantity"),
        ("externalIds.owner", "ExternalID.owner can't be a trigger: it stands for no columns of its own"),
        ("a" * 301, "has 301 characters; at most 300 are allowed"),
    ],
)
def test_what_is_no_path_is_refused_at_its_place(path: str, message: str) -> None:
    problems = check_triggers(SCHEMA, OPERATOR, "Invoice", ["statusFlags", path])

    assert problems == {"attributes.triggers.1": [message]}
    with pytest.raises(InvalidInput):
        trigger_columns(SCHEMA, "Invoice", (path,))


def test_there_is_a_limit_to_their_number() -> None:
    assert check_triggers(SCHEMA, OPERATOR, "Invoice", ["statusFlags"] * 100) == {}
    assert check_triggers(SCHEMA, OPERATOR, "Invoice", ["statusFlags"] * 101) == {
        "attributes.triggers": ["there are 101; at most 100 are allowed"]
    }


def test_paths_are_checked_against_a_schema_from_a_file() -> None:
    other = build_schema("type Query { a: Invoice } type Invoice { lines: [Line!]! } type Line { quantity: Int }")

    assert check_triggers(other, OPERATOR, "Invoice", ["lines.quantity", "lineItems.quantity"]) == {
        "attributes.triggers.1": ["Invoice has no field 'lineItems'; a trigger is a path as in lineItems.quantity"]
    }


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("order.isGift", "order"),
        ("order.paymentEvents", "order"),
        ("order", "order"),
        ("shipments.invoice.order.firstName", "shipments.invoice.order"),
    ],
)
def test_a_seller_s_trigger_may_not_lead_through_what_no_seller_reads(path: str, place: str) -> None:
    assert check_triggers(SCHEMA, Viewer(SellerId(1)), "Invoice", ["statusFlags", path]) == {
        "attributes.triggers.1": [
            f"leads through '{place}', which the webhook's owner can't read: An order can be seen by the marketplace"
            " operator only."
        ]
    }
    assert check_triggers(SCHEMA, OPERATOR, "Invoice", [path]) == {}

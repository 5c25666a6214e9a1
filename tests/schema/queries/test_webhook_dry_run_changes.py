"""A dry run names the fields that a webhook watches, and judges the entity's last recorded change."""

from typing import Any

import pytest

from app.auth.viewers import OPERATOR
from app.webhooks.domain.webhook_event import UNTRIGGERED, UNWATCHED
from app.webhooks.domain.webhook_filter import FALSE
from schema import schema
from schema.entities import global_ids
from schema.stored.triggers import check_triggers
from schema.stored.validate import stored_query
from schema.webhook_queries.recipes import RECIPES
from schema.webhook_queries.watched_fields import watched_fields
from tests.builders.invoices import create_invoice
from tests.builders.sales import create_sale
from tests.builders.variants import create_variant
from tests.support.platform import Platform

QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { totalCents shipments { carrier } } } }"
DRY_RUN = """
query(
  $type: WebhookKlassEnum!, $query: String!, $id: ID!, $filter: String, $triggers: [String!]
  $eventNames: [WebhookEventEnum!]
) {
  webhookDryRun(
    type: $type, queryString: $query, id: $id, filter: $filter, triggers: $triggers, eventNames: $eventNames
  ) {
    watchedFields lastChange { recordedAt operation changed isSent reason } errors { field messages }
  }
}
"""


async def dry_run(api: Platform, entity: str, key: str | None = None, **given: Any) -> Any:
    variables = {"type": "INVOICE", "query": QUERY, "id": entity, **given}
    made = (await api.data(DRY_RUN, variables, key))["webhookDryRun"]
    assert made["errors"] == []
    return made


async def test_watched_fields_are_those_of_the_triggers_or_else_of_the_query(api: Platform) -> None:
    entity = global_ids.encode("Invoice", (await create_invoice(api.conn)).id)

    of_query = await dry_run(api, entity)
    of_triggers = await dry_run(api, entity, triggers=["statusFlags", "lineItems"])

    assert of_query["watchedFields"] == ["totalCents", "shipments.carrier"]
    assert of_triggers["watchedFields"] == ["statusFlags", "lineItems"]


async def test_rows_of_a_connection_and_types_of_a_union_are_paths(api: Platform) -> None:
    variant = await create_variant(api.conn)
    query = """query($id: ID!) { node(id: $id) { ...V } }
      fragment V on Variant {
        id stock: countOnHand images(first: 2) { totalCount nodes { url } }
        inventories { edges { node { seller { businessName } } } pageInfo { hasNextPage } }
        advert { ... on Advert { title } ... on DeletedAdvert { __typename } }
      }"""

    made = await dry_run(api, global_ids.encode("Variant", variant.id), type="VARIANT", query=query)

    assert made["watchedFields"] == [
        "countOnHand",
        "images.url",
        "inventories.seller.businessName",
        "advert.title",
    ]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_every_watched_field_can_be_a_trigger(recipe: Any) -> None:
    graph, entity_type = schema._schema, recipe.type.entity_type
    fields = watched_fields(graph, stored_query(graph, recipe.query_string, recipe.type).document, entity_type)

    assert check_triggers(graph, OPERATOR, entity_type, fields) == {}


@pytest.mark.parametrize(
    ("statement", "given", "is_sent", "reason"),
    [
        ("total_cents = 7", {}, True, None),
        ("buyer_surname = 'King'", {}, False, UNWATCHED),
        ("total_cents = 7", {"triggers": ["statusFlags"]}, False, UNTRIGGERED),
        ("total_cents = 7", {"eventNames": ["CREATE"]}, False, "Its kind is UPDATE, which `eventNames` leave out."),
        ("total_cents = 7", {"filter": "data.node.totalCents > 7"}, False, FALSE),
        ("total_cents = 7", {"filter": "'totalCents' in event.changed.updated"}, True, None),
        ("total_cents = 7", {"filter": "data.node.shipments[5].carrier == 'Post'"}, True, "The filter failed: "),
    ],
)
async def test_last_change_says_whether_it_would_have_been_sent(
    api: Platform, statement: str, given: dict[str, Any], is_sent: bool, reason: str | None
) -> None:
    invoice = await create_invoice(api.conn)
    await api.conn.execute(f"update invoices set {statement} where id = $1", invoice.id)

    change = (await dry_run(api, global_ids.encode("Invoice", invoice.id), **given))["lastChange"]

    assert (change["operation"], change["isSent"]) == ("UPDATE", is_sent)
    assert (change["reason"] or "").startswith(reason or "")
    assert (change["reason"] is None) == (reason is None)
    assert statement.startswith("total_cents") == ("totalCents" in change["changed"]["updated"])


async def test_a_seller_is_told_of_no_change_that_it_may_not_know(api: Platform) -> None:
    sale = await create_sale(api.conn)
    key = await api.seller_key(sale.seller.id)
    await api.conn.execute("update shipments set carrier = 'Rail'")
    await api.conn.execute("update orders set surname = 'King'")

    own = await dry_run(api, sale.id_of("invoice"), key)
    operators = await dry_run(api, sale.id_of("invoice"))

    assert own["lastChange"]["changed"]["updated"] == [f"shipments[{sale.id_of('shipment')}].carrier"]
    assert own["lastChange"]["isSent"] is True
    assert operators["lastChange"]["changed"]["updated"] == ["order.surname"]
    assert operators["lastChange"]["reason"] == UNWATCHED


async def test_there_is_no_last_change_where_none_is_kept(api: Platform) -> None:
    invoice = await create_invoice(api.conn)
    await api.conn.execute("delete from change_events")

    assert (await dry_run(api, global_ids.encode("Invoice", invoice.id)))["lastChange"] is None

"""webhookDryRun: everything about a webhook before there is one, and nothing left behind."""

from typing import Any

import orjson
import pytest

from app.auth.viewers import Scope, create_key
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.cel.filters import OVERSPENT, TOO_SLOW
from app.webhooks.domain.signing import signatures
from schema.entities import global_ids
from schema.webhook_queries.dry_run import sample_headers
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.json_schemas import faults
from tests.support.platform import Platform

QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { buyerSurname totalCents lineItems { quantity } } } }"
DRY_RUN = """
query($type: WebhookKlassEnum!, $query: String!, $id: ID!, $filter: String, $triggers: [String!]) {
  webhookDryRun(type: $type, queryString: $query, id: $id, filter: $filter, triggers: $triggers) {
    payload bytes cost watchedColumns payloadSchema headers filterPasses filterError errors { field messages }
  }
}
"""


async def dry_run(api: Platform, entity: str, key: str | None = None, **given: Any) -> Any:
    variables = {"type": "INVOICE", "query": QUERY, "id": entity, **given}
    return (await api.data(DRY_RUN, variables, key))["webhookDryRun"]


async def an_invoice(api: Platform, **values: Any) -> str:
    invoice = await create_invoice(api.conn, buyer_surname="King", total_cents=1500, **values)
    return global_ids.encode("Invoice", invoice.id)


async def test_shows_what_would_be_sent(api: Platform) -> None:
    made = await dry_run(api, await an_invoice(api))

    assert made["payload"] == '{"data":{"node":{"buyerSurname":"King","totalCents":1500,"lineItems":[]}}}'
    assert made["bytes"] == len(made["payload"])
    assert made["cost"] == 14
    assert made["watchedColumns"] == [
        "invoices.*",
        *("invoices.buyer_surname", "invoices.id", "invoices.seller_id", "invoices.total_cents"),
        *("line_items.*", "line_items.invoice_id", "line_items.quantity"),
    ]
    assert faults(made["payloadSchema"]["properties"]["payload"], orjson.loads(made["payload"])) == []
    assert (made["filterPasses"], made["filterError"], made["errors"]) == (None, None, [])


async def test_the_schema_has_previous_for_who_would_ask_for_it(api: Platform) -> None:
    asked = DRY_RUN.replace("$id: ID!,", "$id: ID!, $previous: Boolean!,").replace(
        "id: $id,", "id: $id, includePrevious: $previous,"
    )
    variables = {"type": "INVOICE", "query": QUERY, "id": await an_invoice(api)}

    without, with_it = [
        (await api.data(asked, {**variables, "previous": asks}))["webhookDryRun"]["payloadSchema"]
        for asks in (False, True)
    ]

    assert with_it["$defs"]["payload"] == without["properties"]["payload"]
    assert (set(with_it["required"]) - set(without["required"])) == {"previous"}


async def test_a_payload_that_is_too_large_is_said_to_be(api: Platform) -> None:
    limit = api.settings.max_payload_bytes
    ask = DRY_RUN.replace("payload bytes", "payload bytes excess")
    variables = {"type": "INVOICE", "query": QUERY, "id": await an_invoice(api)}

    fitting = (await api.data(ask, variables))["webhookDryRun"]
    await api.conn.execute("update invoices set buyer_surname = repeat('x', $1)", limit)
    large = (await api.data(ask, variables))["webhookDryRun"]

    assert fitting["excess"] is None
    assert (large["payload"], large["errors"]) == (None, [])
    assert large["excess"].startswith(f"The payload has {large['bytes']:,} bytes; at most {limit:,} are allowed.")
    assert f"Largest fields: buyerSurname ({limit:,} bytes), totalCents (4 bytes)" in large["excess"]


async def test_sends_and_stores_nothing(api: Platform) -> None:
    entity = await an_invoice(api)

    await dry_run(api, entity, filter="data.node.totalCents > 1", triggers=["statusFlags"])

    for table in ("webhooks", "webhook_events", "payloads", "delivery_attempts"):
        assert await api.conn.fetchval(f"select count(*) from {table}") == 0


async def test_triggers_are_looked_up_in_place_of_the_query(api: Platform) -> None:
    made = await dry_run(api, await an_invoice(api), triggers=["statusFlags"])

    assert made["watchedColumns"] == ["invoices.*", "invoices.status_flags"]


@pytest.mark.parametrize(
    ("text", "passes", "error"),
    [
        ("data.node.totalCents == 1500", True, None),
        ("data.node.totalCents > 1500", False, None),
        ("event.type == 'invoice.update' && event.changed.updated == []", True, None),
        ("[true][1]", True, "index out of bounds: 1"),
    ],
)
async def test_the_filter_is_tried(api: Platform, text: str, passes: bool, error: str | None) -> None:
    made = await dry_run(api, await an_invoice(api), filter=text)

    assert (made["filterPasses"], made["filterError"]) == (passes, error)


@pytest.mark.parametrize(
    ("given", "errors"),
    [
        (
            {"query": "query($id: ID!) { node(id: $id) { nope } }"},
            [("queryString", "line 1, column 35: Cannot query field 'nope' on type 'Node'.")],
        ),
        ({"filter": "nope"}, [("filter", "nope is unknown; what can be read is event and data")]),
        (
            {"triggers": ["totalCents", "nope"], "filter": "a"},
            [
                ("triggers.1", "Invoice has no field 'nope'; a trigger is a path as in lineItems.quantity"),
                ("filter", "a is unknown; what can be read is event and data"),
            ],
        ),
        ({"id": global_ids.encode("Invoice", 999)}, [("id", "there is no such Invoice")]),
    ],
)
async def test_what_is_wrong_is_said_at_its_place(
    api: Platform, given: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    made = await dry_run(api, await an_invoice(api), **given)

    assert [(error["field"], *error["messages"]) for error in made["errors"]] == errors
    assert {name: value for name, value in made.items() if name != "errors" and value is not None} == {}


async def test_an_entity_of_another_type_is_refused(api: Platform) -> None:
    made = await dry_run(api, global_ids.encode("Variant", 1))

    assert [error["field"] for error in made["errors"]] == ["id"]


async def test_a_seller_sees_what_its_webhook_would(api: Platform) -> None:
    own, other = await create_seller(api.conn), await create_seller(api.conn)
    key = await api.seller_key(own.id)

    mine = await dry_run(api, await an_invoice(api, seller_id=own.id), key)
    others = await dry_run(api, await an_invoice(api, seller_id=other.id), key)
    orders = await dry_run(api, "x", key, type="ORDER", query="")

    assert mine["errors"] == []
    assert others["errors"] == [{"field": "id", "messages": ["there is no such Invoice"]}]
    assert orders["errors"] == [
        {"field": "type", "messages": ["webhooks about ORDER are for the marketplace operator only"]}
    ]


async def test_needs_the_scope_of_webhooks(api: Platform) -> None:
    seller = await create_seller(api.conn)
    key = await create_key(api.conn, name="reader", seller_id=SellerId(seller.id), scopes=[Scope.READ])

    answer = await api.graphql(DRY_RUN, {"type": "INVOICE", "query": QUERY, "id": await an_invoice(api)}, key)

    assert answer["data"] == {"webhookDryRun": None}
    assert answer["errors"][0]["extensions"]["code"] == "MISSING_SCOPE"


async def test_dry_runs_of_one_operation_share_one_limit(api: Platform) -> None:
    entity = await an_invoice(api)
    wide = "query($id: ID!) { node(id: $id) { ... on Invoice { order { invoices(first: 500) { nodes {"
    wide += " lineItems { id quantity advertTitle variantSku totalCents } } } } } } }"
    one = "webhookDryRun(type: INVOICE, queryString: $query, id: $id) { cost errors { field messages } }"
    document = f"query($query: String!, $id: ID!) {{ {' '.join(f'a{n}: {one}' for n in range(5))} }}"

    answers = (await api.data(document, {"query": wide, "id": entity})).values()

    refused = [answer for answer in answers if answer["errors"]]
    assert 0 < len(refused) < 5
    assert refused[0]["errors"] == [
        {"field": "queryString", "messages": ["the dry runs of one operation may return 100000 values together"]}
    ]


def test_sample_headers_are_those_of_a_delivery() -> None:
    sent = signatures.delivery_headers(
        event_id="x",
        timestamp=1,
        body=b"",
        keys=[b"key"],
        user_agent="x",
        sequence=1,
        attempt=1,
        digest="ab12",
        traceparent="00-x",
    )

    shown = sample_headers()
    assert list(shown) == [name for name, _ in sent]
    assert all(shown[name] == value for name, value in sent if name in ("Content-Type", "Accept", "Accept-Encoding"))


async def test_dry_runs_share_one_process_and_their_owners_time(api: Platform) -> None:
    entity = await an_invoice(api)
    ten = "[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]"
    endless = f"{ten}.map(a, {ten}.map(b, {ten}.map(c, {ten}.map(d, {ten}.map(e, {ten}.map(f, a + f)))))) == "
    runs = [
        f'd{n}: webhookDryRun(type: INVOICE, queryString: "", id: "{entity}", filter: "{endless}[{n}]")'
        " { filterError }"
        for n in range(9)
    ]
    other = await create_key(api.conn, name="other", seller_id=SellerId((await create_seller(api.conn)).id))

    made = await api.data(f"{{ {' '.join(runs)} }}")
    errors = [run["filterError"] for run in made.values()]

    assert errors.count(TOO_SLOW) <= 5
    # None of those that could not even be checked.
    assert set(errors[5:]) <= {OVERSPENT, None}
    (refused,) = (await dry_run(api, entity, filter="true"))["errors"]
    assert refused["messages"] == [f"The filter can't be checked at the moment: {OVERSPENT}. Try again in a minute."]
    theirs = await create_invoice(api.conn, seller_id=(await api.conn.fetchval("select max(id) from sellers")))
    decided = await dry_run(api, global_ids.encode("Invoice", theirs.id), other, filter="data.node.totalCents < 0")
    assert (decided["filterPasses"], decided["filterError"]) == (False, None)


async def test_the_operator_tries_what_a_seller_would_be_sent(api: Platform) -> None:
    seller, other = await create_seller(api.conn), await create_seller(api.conn)
    key = await api.seller_key(seller.id)
    entity, hidden = await an_invoice(api, seller_id=seller.id), await an_invoice(api, seller_id=other.id)
    ask = DRY_RUN.replace("$id: ID!,", "$id: ID!, $seller: ID,").replace("id: $id,", "id: $id, sellerId: $seller,")
    query = QUERY.replace("totalCents", "totalCents order { id }")

    async def tried(entity: str, of: SellerId, key: str | None = None) -> Any:
        variables = {"type": "INVOICE", "query": query, "id": entity, "seller": global_ids.encode("Seller", of)}
        return (await api.data(ask, variables, key))["webhookDryRun"]

    own = await dry_run(api, entity, key, query=query)
    assert (await tried(entity, seller.id))["payload"] == own["payload"]
    assert "operator" in own["payload"]
    for entity_id, of, asker, field in [
        (hidden, seller.id, None, "id"),
        (entity, other.id, key, "base"),
        (entity, SellerId(10**9), None, "id"),
    ]:
        refused = await tried(entity_id, of, asker)
        assert [one["field"] for one in refused["errors"]] == [field]
        assert refused["payload"] is None

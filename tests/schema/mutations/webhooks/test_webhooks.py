"""webhookCreate and webhookUpdate: what is wrong is said at its path, and changes nothing.

Above 300 lines: one table of wrong attributes, and what both mutations do with the right ones.
"""

from typing import Any

import pytest

from schema.entities import global_ids
from tests.builders.invoices import create_invoice
from tests.builders.sellers import create_seller
from tests.support.platform import Platform

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3"
URL = "https://hooks.example.com/in"
UPDATE = """
mutation($id: ID!, $attributes: WebhookUpdateAttributes!) {
  webhookUpdate(input: {webhookId: $id, attributes: $attributes}) {
    status errors { field messages } webhook { id enabled queryString headers eventNames }
  }
}
"""
CREATE = """
mutation($attributes: WebhookCreateAttributes!) {
  webhookCreate(input: {attributes: $attributes}) { status errors { field messages } hmacKey webhook { id } }
}
"""
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "not http": ({"url": "ftp://hooks.example.com"}, "attributes.url"),
    "plain http": ({"url": "http://93.184.215.14/"}, "attributes.url"),
    "no host": ({"url": "https://"}, "attributes.url"),
    "no url": ({"url": None}, "attributes.url"),
    "blank url": ({"url": ""}, "attributes.url"),
    "userinfo": ({"url": "https://u:p@hooks.example.com"}, "attributes.url"),
    "private address": ({"url": "https://10.0.0.8/"}, "attributes.url"),
    "metadata address": ({"url": "https://169.254.169.254/latest"}, "attributes.url"),
    "private address as a number": ({"url": "https://167772168/"}, "attributes.url"),
    "inside IPv6": ({"url": "https://[::ffff:10.0.0.8]/"}, "attributes.url"),
    "NUL in url": ({"url": "https://hooks.example.com/\0"}, "attributes.url"),
    "long url": ({"url": "https://hooks.example.com/" + "a" * 5_000}, "attributes.url"),
    "reserved header": ({"headers": {"Host": "x"}}, "attributes.headers.Host"),
    "header of ours": ({"headers": {"webhook-signature": "x"}}, "attributes.headers.webhook-signature"),
    "header name": ({"headers": {"a b": "x"}}, "attributes.headers.a b"),
    "header value": ({"headers": {"X-A": "a\r\nX-B: c"}}, "attributes.headers.X-A"),
    "header number": ({"headers": {"X-A": 5}}, "attributes.headers.X-A"),
    "header list": ({"headers": {"X-A": [[["x"]]]}}, "attributes.headers.X-A"),
    "headers list": ({"headers": [{"X-A": "x"}]}, "attributes.headers"),
    "headers text": ({"headers": "X-A: x"}, "attributes.headers"),
    "too many headers": ({"headers": {f"X-{n}": "x" for n in range(31)}}, "attributes.headers"),
    "blank key": ({"hmacKey": ""}, "attributes.hmacKey"),
    "key form": ({"hmacKey": "secret"}, "attributes.hmacKey"),
    "short key": ({"hmacKey": "whsec_QUJD"}, "attributes.hmacKey"),
    "NUL in key": ({"hmacKey": "whsec_\0"}, "attributes.hmacKey"),
    "retries": ({"maxRetries": 51}, "attributes.maxRetries"),
    "negative retries": ({"maxRetries": -1}, "attributes.maxRetries"),
    "no place": ({"concurrentSendLimit": 0}, "attributes.concurrentSendLimit"),
    "too many places": ({"concurrentSendLimit": 201}, "attributes.concurrentSendLimit"),
    "no rate": ({"rateLimit": 0}, "attributes.rateLimit"),
    "too high a rate": ({"rateLimit": 1_001}, "attributes.rateLimit"),
    "no time": ({"timeoutSeconds": 0}, "attributes.timeoutSeconds"),
    "largest Int": ({"timeoutSeconds": 2**31 - 1}, "attributes.timeoutSeconds"),
    "both forms of events": ({"eventName": "CREATE", "eventNames": ["UPDATE"]}, "attributes.eventName"),
    "no events": ({"eventNames": []}, "attributes.eventNames"),
    "long description": ({"description": "a" * 2_001}, "attributes.description"),
    "NUL in description": ({"description": "a\0"}, "attributes.description"),
    "query": ({"queryString": "{ nope }"}, "attributes.queryString"),
    "NUL in query": (
        {"queryString": "query($id: ID!) { node(id: $id) { id } } # \0"},
        "attributes.queryString",
    ),
}


async def stored(api: Platform) -> list[Any]:
    return await api.conn.fetch("select * from webhooks order by id")


@pytest.mark.parametrize("case", WRONG)
async def test_wrong_input_is_refused_at_its_path_and_nothing_changes(api: Platform, case: str) -> None:
    attributes, field = WRONG[case]
    good = await api.create_webhook(URL, headers={"X-A": "1"}, hmacKey=SECRET)
    before = await stored(api)

    created = await api.data(CREATE, {"attributes": {"url": URL, "type": "INVOICE", **attributes}})
    updated = await api.data(UPDATE, {"id": good["webhook"]["id"], "attributes": attributes})

    for payload in (created["webhookCreate"], updated["webhookUpdate"]):
        assert (payload["status"], payload["webhook"]) == (422, None)
        assert [error["field"] for error in payload["errors"]] == [field]
        assert all(error["messages"] for error in payload["errors"])
    assert await stored(api) == before


@pytest.mark.parametrize(
    ("attributes", "message"),
    [
        ({"maxRetries": 2**31}, "non 32-bit signed integer"),
        ({"timeoutSeconds": 10**40}, "non 32-bit signed integer"),
        ({"timeoutSeconds": "5"}, "Int cannot represent non-integer value"),
        ({"eventNames": ["NOPE"]}, "does not exist in 'WebhookEventEnum' enum"),
        ({"eventNames": [None]}, "not to be None"),
        ({"nope": 1}, "not to include unknown field 'nope'"),
    ],
)
async def test_what_the_schema_refuses_is_a_request_error(
    api: Platform, attributes: dict[str, Any], message: str
) -> None:
    answer = await api.graphql(CREATE, {"attributes": {"url": URL, "type": "INVOICE", **attributes}})

    assert message in answer["errors"][0]["message"]
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
    assert await stored(api) == []


FAULTS: dict[str, Any] = {
    "url": "ftp://x",
    "queryString": "{",
    "filter": "data.node =>",
    "triggers": ["nope"],
    "eventName": "CREATE",
    "eventNames": ["UPDATE"],
    "maxRetries": 99,
    "headers": {"Host": "x"},
    "hmacKey": "k",
}
FAULTY = {
    *("attributes.url", "attributes.queryString", "attributes.filter", "attributes.triggers.0"),
    *("attributes.eventName", "attributes.maxRetries", "attributes.headers.Host", "attributes.hmacKey"),
}


async def test_all_faults_are_named_at_once(api: Platform) -> None:
    webhook = (await api.create_webhook(URL))["webhook"]["id"]
    before = await stored(api)

    made = await api.data(CREATE, {"attributes": {**FAULTS, "type": "INVOICE", "sellerId": "?"}})
    changed = await api.data(UPDATE, {"id": webhook, "attributes": {**FAULTS, "headers": "X-A: x"}})

    created, updated = made["webhookCreate"], changed["webhookUpdate"]
    assert {error["field"] for error in created["errors"]} == FAULTY | {"attributes.sellerId"}
    assert {error["field"] for error in updated["errors"]} == FAULTY - {"attributes.headers.Host"} | {
        "attributes.headers"
    }
    assert (created["status"], updated["status"]) == (422, 422)
    assert await stored(api) == before


@pytest.mark.parametrize(("name", "meant"), [("query", "queryString"), ("secret", "hmacKey"), ("urll", "url")])
async def test_a_usual_name_suggests_the_attribute_that_it_means(api: Platform, name: str, meant: str) -> None:
    answer = await api.graphql(CREATE, {"attributes": {"url": URL, "type": "INVOICE", name: "x"}})

    assert f"unknown field '{name}'. Did you mean '{meant}'? Found: " in answer["errors"][0]["message"]


async def test_an_unusable_webhook_id_changes_nothing(api: Platform) -> None:
    webhook = (await api.create_webhook(URL))["webhook"]["id"]
    invoice = await create_invoice(api.conn)
    stranger = await api.seller_key((await create_seller(api.conn)).id)
    before = await stored(api)
    wrong = [
        ("not an id", None, 422, "webhookId"),
        (global_ids.encode("Invoice", invoice.id), None, 422, "webhookId"),
        (global_ids.encode("Webhook", 999), None, 404, "base"),
        (global_ids.encode("Webhook", 10**25), None, 404, "base"),
        (webhook, stranger, 404, "base"),
    ]

    for id_, key, status, field in wrong:
        payload = (await api.data(UPDATE, {"id": id_, "attributes": {"enabled": False}}, key))["webhookUpdate"]
        assert (payload["status"], [error["field"] for error in payload["errors"]]) == (status, [field])

    assert await stored(api) == before


async def test_a_seller_registers_for_itself_only(api: Platform) -> None:
    own, other = await create_seller(api.conn), await create_seller(api.conn)
    key = await api.seller_key(own.id)
    attributes = {"url": URL, "type": "INVOICE"}

    refused = await api.data(
        CREATE, {"attributes": {**attributes, "sellerId": global_ids.encode("Seller", other.id)}}, key
    )
    made = await api.data(CREATE, {"attributes": attributes}, key)

    assert (refused["webhookCreate"]["status"], refused["webhookCreate"]["webhook"]) == (403, None)
    assert made["webhookCreate"]["status"] == 200
    assert [row["seller_id"] for row in await stored(api)] == [own.id]


@pytest.mark.parametrize("seller_id", ["x", global_ids.encode("Invoice", 1), global_ids.encode("Seller", 77)])
async def test_an_unknown_seller_is_refused(api: Platform, seller_id: str) -> None:
    payload = (await api.data(CREATE, {"attributes": {"url": URL, "type": "INVOICE", "sellerId": seller_id}}))[
        "webhookCreate"
    ]

    assert (payload["status"], payload["errors"][0]["field"]) == (422, "attributes.sellerId")
    assert await stored(api) == []


async def test_secrets_are_stored_sealed_and_never_read_back(api: Platform) -> None:
    token = "Bearer abcdefghijklmnopqrstuvwxyz0123456789"
    given = await api.create_webhook(URL, headers={"Authorization": token, "X-Pin": "1234"}, hmacKey=SECRET)
    generated = await api.create_webhook(URL)

    read = await api.graphql("{ webhooks { nodes { id headers url description disabledReason } } }")

    assert given["hmacKey"] is None
    assert generated["hmacKey"].startswith("whsec_")
    assert [node["headers"] for node in read["data"]["webhooks"]["nodes"]] == [
        {"Authorization": "••••••••6789", "X-Pin": "••••••••"},
        {},
    ]
    table = "".join(
        bytes(value).decode("latin-1") if isinstance(value, bytes) else str(value)
        for row in await stored(api)
        for value in row.values()
    )
    for secret in (token, "1234", SECRET, SECRET.removeprefix("whsec_"), generated["hmacKey"]):
        assert secret not in table
        assert secret not in str(read)


def changed_columns(before: Any, after: Any) -> set[str]:
    """But those that follow from others: triggers note who changed it, its health, and since when it misses changes."""
    changed = {name for name in after.keys() if after[name] != before[name]}  # noqa: SIM118  # a Record iterates its values
    noted = {"updated_at", "missed_since", "enabled_turn", "changed_xid", "disabled_at", "disabled_by", "health"}
    return changed - noted


CHOSEN: dict[str, Any] = {
    "eventNames": ["UPDATE"],
    "queryString": "query($id: ID!) { node(id: $id) { id } }",
    "headers": {"X-A": "1"},
    "signatureSchemes": ["ED25519"],
    "description": "mine",
    "handle": "mine",
    "enabled": False,
    "allowSkip": False,
    "everyChange": True,
    "includePrevious": True,
    "triggers": ["statusFlags"],
    "filter": "event.name == 'update'",
    "maxRetries": 3,
    "concurrentSendLimit": 3,
    "rateLimit": 3,
    "timeoutSeconds": 3,
}
#: What an update with null resets beside the attribute's own column.
COLUMNS = {
    "eventNames": {"event_names"},
    "queryString": {"query_string"},
    "headers": {"headers", "headers_shown"},
    "signatureSchemes": {"signature_schemes", "secrets", "public_key"},
    "enabled": {"is_enabled"},
    "allowSkip": {"allow_skip"},
    "everyChange": {"every_change"},
    "includePrevious": {"include_previous"},
    "maxRetries": {"max_retries"},
    "concurrentSendLimit": {"concurrent_send_limit"},
    "rateLimit": {"rate_limit"},
    "timeoutSeconds": {"timeout_s"},
}


async def test_update_changes_nothing_but_what_is_given(api: Platform) -> None:
    webhook = (await api.create_webhook(URL, **CHOSEN))["webhook"]["id"]
    (before,) = await stored(api)

    await api.data(UPDATE, {"id": webhook, "attributes": {}})
    (after_nothing,) = await stored(api)
    await api.data(UPDATE, {"id": webhook, "attributes": {"maxRetries": 4}})
    (after_one,) = await stored(api)

    assert changed_columns(before, after_nothing) == set()
    assert (changed_columns(before, after_one), after_one["max_retries"]) == ({"max_retries"}, 4)


@pytest.mark.parametrize("name", CHOSEN)
async def test_null_is_the_default_in_an_update_as_in_a_new_webhook(api: Platform, name: str) -> None:
    webhook = (await api.create_webhook(URL, **CHOSEN))["webhook"]["id"]
    nulls: dict[str, Any] = dict.fromkeys([*CHOSEN, "hmacKey", "sellerId"])
    for attributes in (nulls, {}):
        await api.data(CREATE, {"attributes": {"url": URL, "type": "INVOICE", **attributes}})
    before, of_nulls, of_nothing = await stored(api)

    await api.data(UPDATE, {"id": webhook, "attributes": {name: None}})

    after, _, _ = await stored(api)
    columns = COLUMNS.get(name, {name})
    assert changed_columns(before, after) == columns
    assert {one: after[one] for one in columns - {"secrets"}} == {one: of_nothing[one] for one in columns - {"secrets"}}
    assert changed_columns(of_nulls, of_nothing) == {"id", "created_at", "secrets"}


@pytest.mark.parametrize("name", ["url", "hmacKey"])
async def test_what_has_no_default_can_not_be_null(api: Platform, name: str) -> None:
    webhook = (await api.create_webhook(URL))["webhook"]["id"]
    before = await stored(api)

    payload = (await api.data(UPDATE, {"id": webhook, "attributes": {name: None, "maxRetries": 3}}))["webhookUpdate"]

    assert (payload["status"], [error["field"] for error in payload["errors"]]) == (422, [f"attributes.{name}"])
    assert await stored(api) == before


async def test_either_way_of_naming_events_may_be_null(api: Platform) -> None:
    webhook = (await api.create_webhook(URL, eventName=None, eventNames=["DESTROY"]))["webhook"]["id"]

    one = await api.data(UPDATE, {"id": webhook, "attributes": {"eventName": "CREATE", "eventNames": None}})
    every = await api.data(UPDATE, {"id": webhook, "attributes": {"eventName": None}})

    assert one["webhookUpdate"]["webhook"]["eventNames"] == ["CREATE"]
    assert every["webhookUpdate"]["webhook"]["eventNames"] == ["CREATE", "UPDATE", "DESTROY"]


async def test_a_query_left_out_reads_back_as_the_default(api: Platform) -> None:
    data = await api.data(CREATE, {"attributes": {"url": URL, "type": "INVOICE"}})

    read = await api.data("{ webhooks { nodes { id queryString } } }")

    default = "query($id: ID!){ node(id: $id) { __typename } }"
    assert read["webhooks"]["nodes"] == [{**data["webhookCreate"]["webhook"], "queryString": default}]

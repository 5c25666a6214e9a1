"""Every code, state and kind has an address in the documentation, and something stands there."""

import socket
from collections.abc import Iterator

import pytest
from graphql import GraphQLInputObjectType

from app.docs import links
from app.docs.manual import manual
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.operational_event import OperationalEventKind
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.domain.webhook_health import WebhookHealth
from schema import schema
from schema.entities.global_ids import encode
from schema.errors import CODES
from schema.stored.explain import ChangeVerdict
from tests.support.platform import Platform
from tests.support.waiting import until


def addresses() -> Iterator[tuple[str, str]]:
    """Each address that an answer of the API may name, with the code that has to stand there."""
    for code in CODES:
        yield code, links.error_page(code)
    for kind in ErrorKind:
        yield kind, links.attempt_page(kind)
    for state in (*WebhookEventState, *ChangeVerdict):
        yield state, links.event_page(state)
    for health in WebhookHealth:
        yield health, links.health_page(health)
    for told in OperationalEventKind:
        yield told, links.operational_event_page(told)


@pytest.mark.parametrize(("code", "address"), [*addresses()])
def test_code_has_a_place_of_its_own(code: str, address: str) -> None:
    page, _, anchor = address.removeprefix("/docs/").partition("#")

    (section,) = [one for one in manual().pages[page].sections if one.anchor == anchor]
    assert section.title == code
    assert section.text


def test_attributes_of_webhooks_lead_to_headings() -> None:
    headings = {f"/docs/{name}#{one.anchor}" for name, page in manual().pages.items() for one in page.headings}

    assert set(links.attribute_pages()) - headings == set()


def test_attributes_of_webhooks_exist() -> None:
    inputs = (one for one in schema._schema.type_map.values() if isinstance(one, GraphQLInputObjectType))
    given = {name for one in inputs if one.name.startswith("Webhook") for name in one.fields}

    assert set(links._ATTRIBUTES) - given == set()


@pytest.mark.parametrize(
    ("field", "code", "is_about_webhooks", "address"),
    [
        ("attributes.url", "BAD_USER_INPUT", True, "/docs/contract#endpoints"),
        ("url", "BAD_USER_INPUT", True, "/docs/contract#endpoints"),
        ("attributes.images.0.url", "BAD_USER_INPUT", False, "/docs/errors#bad_user_input"),
        ("webhookId", "NOT_FOUND", True, "/docs/errors#not_found"),
        ("base", "TOO_SOON", True, "/docs/errors#too_soon"),
    ],
)
def test_refusal_leads_to_its_field_or_to_its_code(
    field: str, code: str, is_about_webhooks: bool, address: str
) -> None:
    assert links.refusal_page(field, code, is_about_webhooks=is_about_webhooks) == address


async def test_answers_of_the_api_name_their_pages(platform: Platform) -> None:
    refused = await platform.mutate(
        "webhookCreate", "errors { docs }", attributes={"url": "ftp://warehouse.example/", "type": "INVOICE"}
    )
    unknown = await platform.mutate("webhookResume", "errors { docs }", webhookId=encode("Webhook", 99))
    wrong = await platform.graphql('{ node(id: "?") { id } }')

    assert [(one["field"], one["docs"]) for one in refused["errors"]] == [
        ("attributes.url", "/docs/contract#endpoints")
    ]
    assert [one["docs"] for one in unknown["errors"]] == ["/docs/errors#not_found"]
    assert wrong["errors"][0]["extensions"]["docs"] == "/docs/errors#bad_user_input"


async def test_states_of_a_failing_webhook_name_their_pages(platform: Platform) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        created = await platform.create_webhook(f"http://127.0.0.1:{closed.getsockname()[1]}/")
        webhook_id = created["webhook"]["id"]
        await platform.mutate("webhookTest", "webhookEvent { id }", webhookId=webhook_id)
        assert await until(lambda: _pages_of_attempts(platform)) == ["/docs/errors#connect"]
    await platform.mutate("webhookUpdate", "webhook { id }", webhookId=webhook_id, attributes={"enabled": False})

    data = await platform.data(_STATES, {"id": webhook_id})

    (event,) = data["webhookEvents"]["nodes"]
    assert event["docs"] == links.event_page(event["state"])
    assert data["node"] == {"health": "DISABLED", "docs": "/docs/contract#disabled"}
    assert data["operationalEvents"]["nodes"] == [{"kind": "DISABLED", "docs": "/docs/operational-events#disabled"}]


async def _pages_of_attempts(platform: Platform) -> list[str]:
    """The pages that explain attempts; empty while there is no outcome."""
    data = await platform.data("{ deliveryAttempts { nodes { docs } } }")
    return [one["docs"] for one in data["deliveryAttempts"]["nodes"] if one["docs"]]


_STATES = """
query($id: ID!) {
  webhookEvents(webhookId: $id) { nodes { state docs } }
  node(id: $id) { ... on Webhook { health docs } }
  operationalEvents { nodes { kind docs } }
}
"""

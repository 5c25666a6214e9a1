"""The filters of a backfill: kept as they were given, and only those of the webhook's type."""

from typing import Any

import orjson
import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLNonNull,
)

from app.auth.viewers import Viewer
from app.errors import InvalidInput
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.filters.webhooks.webhook_backfills import ask, from_text, to_text

INPUT = schema._schema.type_map["WebhookBackfillFilters"]
assert isinstance(INPUT, GraphQLInputObjectType)
FIELDS = INPUT.fields
LEAVES = {
    "ID": "U2VsbGVyLTE=",
    "String": "Ä\"'{",
    "Int": 7,
    "Boolean": False,
    "ISO8601DateTime": "2026-01-02T03:04:05+10:00",
}


def whole(kind: GraphQLInputType) -> Any:
    """A value of an input type in which all is given."""
    if isinstance(kind, GraphQLNonNull):
        return whole(kind.of_type)
    if isinstance(kind, GraphQLList):
        return [whole(kind.of_type)]
    if isinstance(kind, GraphQLInputObjectType):
        return {name: whole(field.type) for name, field in kind.fields.items()}
    return next(iter(kind.values)) if isinstance(kind, GraphQLEnumType) else LEAVES[kind.name]


@pytest.mark.parametrize("name", FIELDS)
def test_every_filter_is_kept_as_it_was_given(name: str) -> None:
    given = {name: whole(FIELDS[name].type)}

    read = from_text(schema, orjson.dumps(given).decode())

    assert orjson.loads(to_text(read)) == given


@pytest.mark.parametrize(
    ("klass", "name"),
    [
        (WebhookKlass.INVOICE, "variants"),
        (WebhookKlass.VARIANT, "invoices"),
        (WebhookKlass.ADVERT, "variants"),
        (WebhookKlass.REFUND_REQUEST, "invoices"),
        (WebhookKlass.ORDER, "invoices"),
        (WebhookKlass.SHIPMENT, "invoices"),
    ],
)
def test_filters_of_another_type_are_refused_at_their_field(klass: WebhookKlass, name: str) -> None:
    filters = from_text(schema, f'{{"{name}": {{}}}}')

    with pytest.raises(InvalidInput) as refused:
        ask(Viewer(None), klass, filters)

    assert list(refused.value.fields) == [f"filters.{name}"]
    assert klass.value in refused.value.fields[f"filters.{name}"][0]


@pytest.mark.parametrize(
    "text",
    ['{"gone": {}}', '{"invoices": {"gone": 1}}', '{"invoices": {"statuses": ["GONE"]}}', '{"invoices": 1}'],
)
def test_what_the_schema_does_not_know_any_more_is_named(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        from_text(schema, text)

    assert list(refused.value.fields) == ["filters"]


@pytest.mark.parametrize(("title", "part"), [("\0", "NUL"), ("x" * 100_000, "100000")])
def test_what_can_not_be_kept_is_refused(title: str, part: str) -> None:
    filters = from_text(schema, orjson.dumps({"adverts": {"title": title}}).decode())

    with pytest.raises(InvalidInput, match=part):
        to_text(filters)

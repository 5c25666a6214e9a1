"""The filters of backfills: those of the root list of the webhook's type. They are stored with the backfill."""

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any

import orjson
import strawberry
from graphql import GraphQLInputObjectType
from graphql.utilities import coerce_input_value, validate_input_value
from strawberry.schema.schema import Schema
from strawberry.types.arguments import convert_argument

from app.auth.viewers import Viewer
from app.errors import InvalidInput
from app.webhooks.domain.webhook import WebhookKlass
from schema.entities.declarations import ListQuery, everything
from schema.entities.names import graphql_name
from schema.filters import adverts, invoices, refund_requests, variants
from schema.filters.adverts import AdvertFilterInput
from schema.filters.conditions import input_field, keys, value_or_none
from schema.filters.invoices import InvoiceFilters
from schema.filters.refund_requests import RefundRequestFilters
from schema.filters.variants import VariantFilterInput

#: Characters of the stored filters, which each batch reads.
MAX_CHARACTERS = 100_000


@strawberry.input(
    description="The entities to send: those that meet all given filters. The filters must fit the type of the webhook."
)
class WebhookBackfillFilters:
    ids: list[strawberry.ID] | None = input_field("Of any type: only the entities of these global ids.")
    invoices: InvoiceFilters | None = input_field("Of INVOICE: as `filters` of `invoices`.")
    refund_requests: RefundRequestFilters | None = input_field("Of REFUND_REQUEST: as `filters` of `refundRequests`.")
    variants: VariantFilterInput | None = input_field("Of VARIANT: as `variantFilters` of `variantsWhere`.")
    adverts: AdvertFilterInput | None = input_field(
        "Of ADVERT: only such adverts. Of VARIANT: only variants of such adverts, as `advertFilters` of"
        " `variantsWhere`."
    )


#: The query of a type's root list, and its arguments by the fields of WebhookBackfillFilters.
_LISTS: Mapping[WebhookKlass, tuple[Callable[..., ListQuery], Mapping[str, str]]] = {
    WebhookKlass.INVOICE: (invoices.ask, {"invoices": "filters"}),
    WebhookKlass.REFUND_REQUEST: (refund_requests.ask, {"refund_requests": "filters"}),
    WebhookKlass.VARIANT: (variants.ask, {"variants": "variant_filters", "adverts": "advert_filters"}),
    WebhookKlass.ADVERT: (adverts.ask_filtered, {"adverts": "filters"}),
}


def ask(viewer: Viewer, klass: WebhookKlass, filters: WebhookBackfillFilters | None) -> ListQuery:
    """Return the query of a backfill, ordered by id. Raises InvalidInput, also for filters of another type."""
    parts = {
        field.name: part for field in fields(WebhookBackfillFilters) if (part := _part(filters, field.name)) is not None
    }
    ids = keys(parts.pop("ids", None), klass.entity_type, field="filters.ids")
    list_of, arguments = _LISTS.get(klass, (everything, {}))
    if wrong := [name for name in parts if name not in arguments]:
        taken = " or ".join(map(graphql_name, arguments)) or "none of them"
        message = f"does not fit a webhook about {klass.value}, which takes {taken}"
        raise InvalidInput("The filters are of another type.", fields={f"filters.{graphql_name(wrong[0])}": [message]})
    try:
        wanted = list_of(viewer, **{arguments[name]: part for name, part in parts.items()})
    except InvalidInput as error:
        raise InvalidInput(error.message, fields=_within(error)) from error
    if ids is None:
        return wanted
    one_of_them = f"t.id = any(${len(wanted.args) + 1}::bigint[])"
    return replace(wanted, where=f"({wanted.where}) and {one_of_them}", parts=(), args=(*wanted.args, ids))


def to_text(filters: WebhookBackfillFilters) -> str:
    """Return the filters as JSON with the schema's names. Raises InvalidInput if they can't be stored."""
    text = orjson.dumps(_plain(filters)).decode()
    if len(text) > MAX_CHARACTERS:
        raise InvalidInput.at("filters", f"has {len(text)} characters; at most {MAX_CHARACTERS} are allowed")
    if "\\u0000" in text:
        raise InvalidInput.at("filters", "must not contain NUL characters")
    return text


def from_text(schema: Schema, text: str) -> WebhookBackfillFilters:
    """Return the filters of a text of `to_text`. Raises InvalidInput if they no longer fit the schema."""
    kind = schema._schema.type_map[WebhookBackfillFilters.__name__]
    assert isinstance(kind, GraphQLInputObjectType)
    converter = schema.schema_converter
    kept = orjson.loads(text)
    problems: list[str] = []
    validate_input_value(kept, kind, lambda error, _: problems.append(error.message))
    if problems:
        raise InvalidInput.at("filters", *problems)
    coerced = coerce_input_value(kept, kind)
    read: Any = convert_argument(coerced, WebhookBackfillFilters, converter.scalar_registry, converter.config)
    assert isinstance(read, WebhookBackfillFilters)
    return read


def _part(filters: WebhookBackfillFilters | None, name: str) -> Any:
    return None if filters is None else value_or_none(getattr(filters, name))


def _within(error: InvalidInput) -> dict[str, list[str]]:
    found = error.fields or {"": [error.message]}
    return {f"filters.{path}".removesuffix("."): list(messages) for path, messages in found.items()}


def _plain(value: Any) -> Any:
    """Return a value's JSON form, without the fields that were not given."""
    if is_dataclass(value):
        kept = {field.name: value_or_none(getattr(value, field.name)) for field in fields(value)}
        return {graphql_name(name): _plain(one) for name, one in kept.items() if one is not None}
    if isinstance(value, list):
        return [_plain(one) for one in value]
    return value.isoformat() if isinstance(value, datetime) else value

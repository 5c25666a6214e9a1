"""The filters of webhooks."""

from collections.abc import Sequence

import strawberry

from app.auth.viewers import Viewer
from app.webhooks.domain.webhook_health import WebhookHealth
from schema.entities.declarations import ListQuery, Part
from schema.entities.fields import argument
from schema.enums.webhooks import WebhookHealthEnum, WebhookKlassEnum
from schema.filters.conditions import Conditions, input_field, keys, value_or_none


@strawberry.input(description="The webhooks to return: those that meet all given filters.")
class WebhookFilters:
    health: list[WebhookHealthEnum] | None = input_field(
        "Of one of these; an empty list: none. Deleted webhooks are returned only if DELETED is among them."
    )
    is_paused: bool | None = input_field("Sent nothing at present because its endpoint asked for a pause.")
    types: list[WebhookKlassEnum] | None = input_field("About one of these types; an empty list: none.")
    seller_ids: list[strawberry.ID] | None = input_field("Of one of these sellers; an empty list: none.")
    is_operators: bool | None = input_field("Of the operator; false: of sellers.")
    host: str | None = input_field("To this host, without a port, as in `hooks.example.com`; ignoring case.")
    url_contains: str | None = input_field("With this text in the URL, ignoring case.")
    search: str | None = input_field("With this text in the URL or the description, ignoring case.")


ARGUMENTS = (argument("filters", WebhookFilters | None, "The webhooks to return; all that the key sees if absent."),)

#: The health that a webhook with a pause may have.
_PAUSED = tuple(one for one in WebhookHealth if one not in (WebhookHealth.DELETED, WebhookHealth.OK))
_IS_PAUSED = "t.paused_until > statement_timestamp()"


def ask(viewer: Viewer, filters: WebhookFilters | None = None) -> ListQuery:
    query = Conditions(viewer)
    if filters is None:
        return query.list_query()
    health: Sequence[WebhookHealth] | None = value_or_none(filters.health)
    host = value_or_none(filters.host)
    return query.list_query(
        _has_health(query, health),
        query.holds(_IS_PAUSED, filters.is_paused),
        query.is_one("t.type", filters.types),
        query.one_of("t.seller_id", keys(filters.seller_ids, "Seller", field="filters.sellerIds"), "bigint"),
        query.holds("t.seller_id is null", filters.is_operators),
        query.equal("t.host", None if host is None else host.lower()),
        query.containing("t.url", filters.url_contains),
        query.containing("(coalesce(t.url, '') || ' ' || coalesce(t.description, ''))", filters.search),
        with_deleted=WebhookHealth.DELETED in (health or ()),
        parts=_parts(filters),
    )


def _has_health(query: Conditions, health: Sequence[WebhookHealth] | None) -> str | None:
    """Return the condition for a health. A stored PAUSED whose pause is over is OK."""
    if health is None:
        return None
    is_one = query.is_one("t.health", _stored(health))
    if WebhookHealth.OK in health and WebhookHealth.PAUSED in health:
        return is_one
    if WebhookHealth.OK in health:
        return f"{is_one} and (t.health <> 'PAUSED' or ({_IS_PAUSED}) is not true)"
    return f"{is_one} and (t.health <> 'PAUSED' or {_IS_PAUSED})" if WebhookHealth.PAUSED in health else is_one


def _stored(health: Sequence[WebhookHealth]) -> list[WebhookHealth]:
    """Return the health that the table may store for one of these."""
    over = [WebhookHealth.PAUSED] if WebhookHealth.OK in health else []
    return list(dict.fromkeys((*health, *over)))


def _parts(filters: WebhookFilters) -> list[Part]:
    """Return one part for each health, or else for each type, each of which has an index.

    With one condition, PostgreSQL would scan all webhooks in the order of their ids for the few that fail.
    """
    if health := value_or_none(filters.health):
        return [_part("health", _stored(health))]
    if value_or_none(filters.is_paused):
        return [_part("health", _PAUSED)]
    if types := value_or_none(filters.types):
        return [_part("type", types)]
    return []


def _part(column: str, values: Sequence[str]) -> Part:
    listed = ", ".join(f"('{value}')" for value in dict.fromkeys(values))
    return Part(where=f"t.{column} = f.{column}", each=f"(values {listed}) f({column})")

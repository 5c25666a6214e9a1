"""Traits of the kinds of webhooks, from what the tables say of the entities that they are about."""

from app.db.graph import path_to_seller, subscribable
from app.db.table import OperatorOnly
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass


def is_operators_only(klass: WebhookKlass) -> bool:
    """Return whether no seller can see any such entity, so that a seller's webhook would never be told anything."""
    _, rule = path_to_seller(subscribable()[klass.entity_type])
    return isinstance(rule, OperatorOnly)


def possible_event_names(klass: WebhookKlass) -> tuple[WebhookEventName, ...]:
    """Return what can happen to such an entity. A log's rows are written once, and nobody is told of their end."""
    is_log = subscribable()[klass.entity_type].is_log
    return (WebhookEventName.CREATE,) if is_log else tuple(WebhookEventName)

"""Register and change webhooks.

The caller has the schema, so it checks query and filter. It passes on their problems: all are reported together.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypedDict

import orjson
from databases import Database

from app.auth.secrets import box_of
from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.errors import Conflict, Forbidden, InvalidInput, NotFound
from app.kernel import clock
from app.marketplace.catalogue.db import sellers
from app.marketplace.catalogue.db.sellers import SellerId
from app.settings import Settings
from app.webhooks.db import webhook_events, webhooks
from app.webhooks.db.runs import webhook_reconciles
from app.webhooks.db.webhooks import Webhook, WebhookId
from app.webhooks.domain import headers as header_rules
from app.webhooks.domain.endpoints.endpoint import EgressRules, RefusedEndpoint, check_endpoint, origin_of
from app.webhooks.domain.signing.secret_ring import SignatureScheme
from app.webhooks.domain.signing.signing_secret import check_secret
from app.webhooks.domain.webhook import WebhookDelivery, WebhookEventName, WebhookKlass
from app.webhooks.services.egress_rules import egress_rules
from app.webhooks.services.webhook_handles import check_handle, check_unchanged, refusing_taken_handle
from app.webhooks.services.webhook_klasses import is_operators_only, possible_event_names
from app.webhooks.services.webhook_secrets import SECRETS as SECRETS
from app.webhooks.services.webhook_secrets import SecretColumns, WebhookWithKey, secret_columns

HEADERS = "webhook.headers"
"""The purpose for which header values are encrypted."""

_LIMITS = {"max_retries": (0, 50), "concurrent_send_limit": (1, 200), "timeout_s": (1, 30), "rate_limit": (1, 1000)}
_LIMITS["reconcile_every_hours"] = (1, 720)
#: What has other limits where receivers take the messages.
_PULL_LIMITS = {**_LIMITS, "concurrent_send_limit": (1, 1000)}
#: What the input calls an attribute that is called otherwise there.
_INPUT_NAMES = {"timeout_s": "timeout_seconds"}
_MAX_DESCRIPTION_CHARS = 2_000
_HEADERS_STAY = (
    "must be given again, or be null: `url` moves to another scheme, host or port, and header values do not follow it"
)
_URL_MISSING = "must be given: results are POSTed to it. For a webhook without a URL choose `delivery: PULL`"
_NOT_TEMPORARY = "is for webhooks without a URL (`delivery: PULL`): nobody asks for what is POSTed"
_NO_URL = "can't be given: nothing is POSTed (`delivery: PULL`)"


class WebhookAttributes(TypedDict, total=False):
    """The attributes of a webhook. On an update, an absent key changes nothing, and None sets the default.

    `delivery` and `is_temporary` are given at the creation alone.
    """

    delivery: WebhookDelivery | None
    url: str
    event_names: list[WebhookEventName] | None
    query_string: str
    headers: Mapping[str, Any] | None
    hmac_key: str
    signature_schemes: list[SignatureScheme] | None
    description: str | None
    handle: str | None
    is_enabled: bool | None
    is_temporary: bool | None
    allow_skip: bool | None
    every_change: bool | None
    include_previous: bool | None
    triggers: list[str]
    filter: str | None
    broken_reason: str | None
    max_retries: int | None
    concurrent_send_limit: int | None
    timeout_s: int | None
    rate_limit: int | None
    reconcile_every_hours: int | None


async def create_webhook(
    database: Database,
    viewer: Viewer,
    settings: Settings,
    *,
    klass: WebhookKlass,
    seller_id: SellerId | None,
    attributes: WebhookAttributes,
    filter_problems: Sequence[str] = (),
    problems: Mapping[str, Sequence[str]] = MappingProxyType({}),
) -> WebhookWithKey:
    """Register a webhook, owned by `seller_id`, or by the viewer if that is None.

    Args:
        filter_problems: What is wrong with the filter.
        problems: What the caller has found wrong with other attributes. All problems are reported together.

    Raises:
        InvalidInput: An attribute is wrong.
        Forbidden: The viewer may not register it.
        Conflict: The seller has as many webhooks as it may have, or another webhook of the owner has the handle.
    """
    owner = _owner(viewer, seller_id)
    if is_operators_only(klass) and owner is not None:
        raise Forbidden(f"Webhooks about {klass.value} are for the marketplace operator only.")
    delivery = attributes.get("delivery") or WebhookDelivery.PUSH
    problems = {**problems, **_url_problems(attributes, delivery)}
    values = _columns(attributes, egress_rules(settings, owner), klass, delivery, filter_problems, problems)
    async with transaction(database, actor=viewer.actor) as conn:
        await _check_owner(conn, owner, settings)
        webhook_id = await webhooks.next_webhook_id(conn)
        headers = _sealed_headers(webhook_id, attributes, settings)
        ringed = _ringed(webhook_id, None, attributes, settings)
        own = {"id": webhook_id, "type": klass.value, "seller_id": owner, "delivery": delivery.value}
        with refusing_taken_handle():
            webhook = await webhooks.insert_webhook(conn, {**values, **headers, **ringed.columns, **own})
    return WebhookWithKey(webhook=webhook, hmac_key=ringed.hmac_key)


async def update_webhook(
    database: Database,
    viewer: Viewer,
    settings: Settings,
    *,
    webhook_id: WebhookId,
    attributes: WebhookAttributes,
    filter_problems: Sequence[str] = (),
    problems: Mapping[str, Sequence[str]] = MappingProxyType({}),
    if_updated_at: datetime | None = None,
) -> WebhookWithKey:
    """Change a webhook. Disabling it holds its waiting events, and enabling it sends them.

    It misses changes while it is disabled, and catches up when it is enabled (workers/upkeep/catch_up.py). A new
    signing secret replaces all former ones at once.

    Secrets do not follow the URL to another origin (scheme, host or port): header values have to be given again, and
    new signing secrets are made.

    Args:
        if_updated_at: When the caller has seen it last changed; None: it is changed whatever happened meanwhile.

    Raises:
        Conflict: It was changed since then, or another webhook of the owner has the handle.
        InvalidInput: An attribute is wrong.
        NotFound: There is no such webhook, or it is another seller's.
    """
    async with transaction(database, actor=viewer.actor) as conn:
        before = await webhooks.lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)
        check_unchanged(before, if_updated_at)
        rules = egress_rules(settings, before.seller_id)
        values = _columns(attributes, rules, before.type, before.delivery, filter_problems, problems)
        is_moved = before.url is not None and origin_of(values.get("url", before.url)) != origin_of(before.url)
        if is_moved and "headers" not in attributes and orjson.loads(before.headers_shown):
            raise InvalidInput("The webhook was not saved.", fields={"attributes.headers": [_HEADERS_STAY]})
        values |= _sealed_headers(webhook_id, attributes, settings)
        if values.get("reconcile_every_hours") == before.reconcile_every_hours:
            values.pop("reconcile_due_at", None)
        is_enabled = attributes.get("is_enabled", before.is_enabled) is not False
        if is_enabled and not before.is_enabled:
            values = {**values, "disabled_reason": None, "is_failing": False, "failing_since": None}
            await webhook_events.release_held(conn, webhook_id)
        elif before.is_enabled and not is_enabled:
            await webhook_events.hold_open(conn, webhook_id)
        if (is_enabled and not before.is_enabled) or values.get("url", before.url) != before.url:
            # After a repair or a new URL, the pause that the old endpoint has asked for ends.
            values = {**values, "paused_until": None}
        ringed = _ringed(webhook_id, before, attributes, settings, is_moved=is_moved)
        with refusing_taken_handle():
            webhook = await webhooks.update_webhook(conn, webhook_id, {**values, **ringed.columns})
        webhook = await webhook_reconciles.void_changed(conn, before, webhook)
    return WebhookWithKey(webhook=webhook, hmac_key=ringed.hmac_key)


def _owner(viewer: Viewer, seller_id: SellerId | None) -> SellerId | None:
    if viewer.seller_id is not None and seller_id not in (None, viewer.seller_id):
        raise Forbidden("A seller's key registers webhooks for itself only.")
    return viewer.seller_id if seller_id is None else seller_id


async def _check_owner(conn: Connection, seller_id: SellerId | None, settings: Settings) -> None:
    """Refuse an unknown seller, and one that has as many webhooks as it may have.

    The seller stays locked until the transaction ends, so that two registrations at once are counted one after the
    other.

    Raises:
        InvalidInput: There is no such seller.
        Conflict: The seller has as many webhooks as it may have.
    """
    if seller_id is None:
        return
    try:
        await sellers.lock_seller(conn, seller_id)
    except NotFound as error:
        raise InvalidInput.at("attributes.seller_id", "there is no such seller") from error
    count, maximum = await webhooks.count_webhooks(conn, seller_id), settings.max_webhooks_per_seller
    if count >= maximum:
        raise Conflict(
            f"The seller has {count} webhooks, and may have {maximum} (TELLGRAPH_MAX_WEBHOOKS_PER_SELLER). Delete"
            " one of them, or change one instead."
        )


def _columns(
    attributes: WebhookAttributes,
    rules: EgressRules,
    klass: WebhookKlass,
    delivery: WebhookDelivery,
    filter_problems: Sequence[str],
    others: Mapping[str, Sequence[str]],
) -> dict[str, Any]:
    """Check the attributes, and return them as columns, without secrets. Raise InvalidInput with all problems."""
    problems = {**others, **_problems(attributes, klass, delivery, filter_problems)}
    values: dict[str, Any] = {
        name: value
        for name, value in attributes.items()
        if name not in ("headers", "hmac_key", "signature_schemes", "event_names", "url", "delivery")
    }
    if "url" in attributes and delivery is WebhookDelivery.PULL:
        problems["attributes.url"] = [_NO_URL]
    elif "url" in attributes:
        try:
            values["url"] = check_endpoint(attributes["url"], rules).url
        except RefusedEndpoint as error:
            problems["attributes.url"] = [str(error)]
    if problems:
        raise InvalidInput("The webhook was not saved.", fields=problems)
    if "reconcile_every_hours" in attributes:
        # The first one is due at once.
        values["reconcile_due_at"] = clock.now() if attributes["reconcile_every_hours"] else None
    if "event_names" in attributes:
        values["event_names"] = [*dict.fromkeys(attributes["event_names"] or possible_event_names(klass))]
    return values


def _ringed(
    webhook_id: WebhookId,
    before: Webhook | None,
    attributes: WebhookAttributes,
    settings: Settings,
    *,
    is_moved: bool = False,
) -> SecretColumns:
    schemes = attributes.get("signature_schemes")
    if schemes is None and "signature_schemes" in attributes:
        schemes = [SignatureScheme.HMAC]
    box, hmac_key = box_of(settings), attributes.get("hmac_key")
    return secret_columns(webhook_id, before, box, schemes=schemes, hmac_key=hmac_key, is_moved=is_moved)


def _url_problems(attributes: WebhookAttributes, delivery: WebhookDelivery) -> dict[str, list[str]]:
    is_missing = delivery is WebhookDelivery.PUSH and "url" not in attributes
    return {"attributes.url": [_URL_MISSING]} if is_missing else {}


def _problems(
    attributes: WebhookAttributes, klass: WebhookKlass, delivery: WebhookDelivery, filter_problems: Sequence[str]
) -> dict[str, list[str]]:
    problems: dict[str, list[str]] = {}
    limits = _PULL_LIMITS if delivery is WebhookDelivery.PULL else _LIMITS
    for name, (least, most) in limits.items():
        value = attributes.get(name)
        if isinstance(value, int) and not least <= value <= most:
            problems[f"attributes.{_INPUT_NAMES.get(name, name)}"] = [f"must be from {least} to {most}"]
    names = attributes.get("event_names")
    if names is not None and not names:
        problems["attributes.event_names"] = ["must name at least one of CREATE, UPDATE, DESTROY"]
    elif not set(names or ()) <= set(possible_event_names(klass)):
        happens = ", ".join(possible_event_names(klass))
        problems["attributes.event_names"] = [f"must be {happens} alone: nothing else happens to {klass.entity_type}"]
    description = attributes.get("description") or ""
    if len(description) > _MAX_DESCRIPTION_CHARS or "\0" in description:
        problems["attributes.description"] = [f"must be at most {_MAX_DESCRIPTION_CHARS} characters, none of them NUL"]
    if messages := check_handle(attributes.get("handle")):
        problems["attributes.handle"] = messages
    for name, messages in header_rules.check_headers(attributes.get("headers") or {}).items():
        problems[f"attributes.headers.{name}".removesuffix(".")] = messages
    if filter_problems:
        problems["attributes.filter"] = [*filter_problems]
    key = attributes.get("hmac_key")
    if key is not None and (messages := check_secret(key)):
        problems["attributes.hmac_key"] = messages
    if attributes.get("is_temporary") and delivery is WebhookDelivery.PUSH:
        problems["attributes.temporary"] = [_NOT_TEMPORARY]
    return problems


def _sealed_headers(webhook_id: WebhookId, attributes: WebhookAttributes, settings: Settings) -> dict[str, Any]:
    if "headers" not in attributes:
        return {}
    if attributes["headers"] is None:
        return {"headers": None, "headers_shown": None}
    given = dict(attributes["headers"])
    return {
        "headers": box_of(settings).seal(given, purpose=HEADERS, row=webhook_id),
        "headers_shown": orjson.dumps({name: header_rules.mask(given[name]) for name in given}).decode(),
    }

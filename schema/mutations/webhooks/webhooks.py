"""webhookCreate, webhookUpdate."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any, cast

import strawberry
from databases import Database

from app.auth.viewers import Scope, Viewer
from app.db.pool import connection
from app.errors import InvalidInput
from app.kernel.problems import Problems
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.webhooks import Webhook as WebhookRow
from app.webhooks.db.webhooks import WebhookId, lock_webhook
from app.webhooks.domain.webhook import DEFAULT_QUERY, WebhookEventName, WebhookKlass
from app.webhooks.services import webhooks
from app.webhooks.services.webhooks import WebhookAttributes
from schema.engine.context import Info
from schema.entities import global_ids
from schema.mutations.inputs import optional
from schema.mutations.payload import MutationPayload, ValidationError, as_warnings, client_mutation_id, run_mutation
from schema.mutations.webhooks.webhook_attributes import (
    WebhookAttributesInput,
    WebhookCreateAttributes,
    WebhookUpdateAttributes,
)
from schema.mutations.webhooks.webhook_inputs import IF_UPDATED_AT, moment
from schema.stored.check import problem_of
from schema.stored.triggers import check_triggers
from schema.stored.validate import stored_query
from schema.types.webhooks.webhook import Webhook
from schema.webhook_queries.warnings import filter_problems, warnings_of_webhook


@strawberry.input(description="Input of webhookCreate.")
class WebhookCreateMutationInput:
    attributes: WebhookCreateAttributes = strawberry.field(description="The attributes of the webhook.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of webhookUpdate.")
class WebhookUpdateMutationInput:
    webhook_id: strawberry.ID = strawberry.field(description="The webhook to change.")
    attributes: WebhookUpdateAttributes = strawberry.field(description="The changes.")
    if_updated_at: datetime | None = optional(IF_UPDATED_AT)
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type
class WebhookSavedPayload(MutationPayload):
    """The base of the payloads of a saved webhook."""

    @strawberry.field(
        description="What is allowed and surely not meant, by attribute; empty when there is nothing to say, and on"
        " errors."
    )
    def warnings(self, info: Info) -> list[ValidationError]:
        webhook = getattr(self, "webhook", None)
        if not isinstance(webhook, WebhookRow):
            return []
        found = warnings_of_webhook(info.schema._schema, webhook)
        return as_warnings({f"attributes.{name}": messages for name, messages in found.items()})


@strawberry.type(description="Answer of webhookCreate.")
class WebhookCreateMutationPayload(WebhookSavedPayload):
    webhook: Webhook | None = strawberry.field(default=None, description="The new webhook; null on errors.")
    hmac_key: str | None = strawberry.field(
        default=None,
        description="The generated signing secret. It is shown this once; null when you gave one yourself.",
    )


@strawberry.type(description="Answer of webhookUpdate.")
class WebhookUpdateMutationPayload(WebhookSavedPayload):
    webhook: Webhook | None = strawberry.field(default=None, description="The changed webhook; null on errors.")
    hmac_key: str | None = strawberry.field(
        default=None,
        description="The generated signing secret, if there was none or `url` has another origin. Shown this once.",
    )


@strawberry.type
class WebhookMutations:
    @strawberry.field(
        description="Register a webhook: a query, and the endpoint that its result is POSTed to at each change. Needs"
        " the scopes webhooks and read."
    )
    async def webhook_create(
        self,
        info: Info,
        input: Annotated[WebhookCreateMutationInput, strawberry.argument(description="The webhook to register.")],
    ) -> WebhookCreateMutationPayload | None:
        info.context.viewer.require(Scope.READ, reason=_READS)

        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            given = input.attributes
            await info.context.turn()
            problems, seller_id = Problems(), viewer.seller_id
            with problems.collecting():
                seller_id = _seller_id(given.seller_id) or viewer.seller_id
            attributes = _attributes(given, info, given.type, Viewer(seller_id), problems)
            if given.delivery is not strawberry.UNSET:
                attributes["delivery"] = given.delivery
            if given.temporary is not strawberry.UNSET:
                attributes["is_temporary"] = given.temporary
            created = await webhooks.create_webhook(
                database,
                viewer,
                info.context.settings,
                klass=given.type,
                seller_id=seller_id,
                attributes={"event_names": None, "query_string": DEFAULT_QUERY, **attributes},
                filter_problems=await _filter_problems(attributes, None, given.type, info, problems),
                problems=problems,
            )
            return {"webhook": created.webhook, "hmac_key": created.hmac_key}

        return await run_mutation(info, WebhookCreateMutationPayload, input, create, scope=Scope.WEBHOOKS)

    @strawberry.field(
        description=(
            "Change a webhook. Disabling it holds the events that were not sent yet. Changes apply to events"
            " that are published afterwards. Waiting events keep their payload and are sent to the new `url`. Needs the"
            " scope webhooks, and read for `url` and `queryString`."
        )
    )
    async def webhook_update(
        self,
        info: Info,
        input: Annotated[WebhookUpdateMutationInput, strawberry.argument(description="The changes.")],
    ) -> WebhookUpdateMutationPayload | None:
        if any(getattr(input.attributes, name) is not strawberry.UNSET for name in _WHAT_IS_SENT_WHERE):
            info.context.viewer.require(Scope.READ, reason=_READS)

        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            webhook_id = WebhookId(global_ids.key_of(input.webhook_id, "Webhook", field="webhookId"))
            async with connection(database) as conn:
                before = await lock_webhook(conn, webhook_id, seller_id=viewer.seller_id)
            problems = _nulls(input.attributes)
            attributes = _attributes(input.attributes, info, before.type, Viewer(before.seller_id), problems)
            found = await _filter_problems(attributes, before, before.type, info, problems)
            if not problems:
                attributes.update(await _soundness(attributes, before, info))
            updated = await webhooks.update_webhook(
                database,
                viewer,
                info.context.settings,
                webhook_id=webhook_id,
                attributes=attributes,
                filter_problems=found,
                problems=problems,
                if_updated_at=moment(input.if_updated_at, field="ifUpdatedAt"),
            )
            return {"webhook": updated.webhook, "hmac_key": updated.hmac_key}

        return await run_mutation(info, WebhookUpdateMutationPayload, input, update, scope=Scope.WEBHOOKS)


#: Attributes that decide what is sent, and where to. Whoever sets them can read what the owner sees.
_WHAT_IS_SENT_WHERE = ("url", "query_string")
_READS = "a webhook is sent what its query reads"
#: Attributes that are passed to the service unchanged, by the name in the input.
_PLAIN = {
    "signature_schemes": "signature_schemes",
    "description": "description",
    "handle": "handle",
    "enabled": "is_enabled",
    "allow_skip": "allow_skip",
    "every_change": "every_change",
    "include_previous": "include_previous",
    "max_retries": "max_retries",
    "concurrent_send_limit": "concurrent_send_limit",
    "rate_limit": "rate_limit",
    "timeout_seconds": "timeout_s",
    "reconcile_every_hours": "reconcile_every_hours",
}
#: Attributes without a default, with their names in the schema.
_NEVER_NULL = {"url": "url", "hmac_key": "hmacKey"}


def _attributes(
    given: WebhookAttributesInput, info: Info, klass: WebhookKlass, owner: Viewer, problems: Problems
) -> WebhookAttributes:
    """Return the given attributes after those checks that only the schema can make.

    Args:
        problems: Takes the problems of the attributes that are left out, so that the service reports all together.
    """
    values: dict[str, Any] = {
        attribute: getattr(given, name)
        for name, attribute in _PLAIN.items()
        if getattr(given, name) is not strawberry.UNSET
    }
    for name in _NEVER_NULL:
        if (value := getattr(given, name)) not in (None, strawberry.UNSET):
            values[name] = value
    if any(names is not strawberry.UNSET for names in (given.event_name, given.event_names)):
        with problems.collecting():
            values["event_names"] = _event_names(given)
    if given.headers is not strawberry.UNSET:
        if isinstance(given.headers, dict | None):
            values["headers"] = given.headers
        else:
            problems.add("attributes.headers", "must be an object of names and values")
    if given.query_string is not strawberry.UNSET:
        with problems.collecting():
            query = stored_query(
                info.schema._schema, given.query_string or "", klass, max_cost=info.context.settings.max_cost
            )
            values["query_string"] = query.text
    if given.triggers is not strawberry.UNSET:
        values["triggers"] = list(dict.fromkeys(given.triggers or ()))
        problems.include(check_triggers(info.schema._schema, owner, klass.entity_type, values["triggers"]))
    if given.filter is not strawberry.UNSET:
        values["filter"] = given.filter if given.filter and given.filter.strip() else None
    return cast(WebhookAttributes, values)


async def _filter_problems(
    attributes: WebhookAttributes, before: WebhookRow | None, klass: WebhookKlass, info: Info, problems: Problems
) -> list[str]:
    """List the problems of the filter that the webhook would have, also where only its query changes.

    Args:
        before: The webhook as it is; None for a new one.
        problems: Those of the other attributes. A filter is not checked by type beside a wrong query.

    Raises:
        TooSoon: The filter's owner has used up the time for filters.
    """
    text = attributes.get("filter", before.filter if before else None)
    if not text or not {"filter", "query_string"} & attributes.keys():
        return []
    if "filter" in attributes and (found := await _compile_problems(text, info)):
        return found
    if "attributes.queryString" in problems:
        return []
    query_text = attributes.get("query_string", before.query_string if before else DEFAULT_QUERY)
    try:
        query = stored_query(info.schema._schema, query_text, klass)
    except InvalidInput:
        return []  # The webhook is broken by its query, which is not changed here.
    return filter_problems(info.schema._schema, query, klass, text)


async def _compile_problems(text: str | None, info: Info) -> list[str]:
    if not text:
        return []
    filters = info.context.filters
    assert filters is not None, "mutations are not run while rendering"
    return await filters.check(text, owner=info.context.viewer.seller_id)


async def _soundness(attributes: WebhookAttributes, before: WebhookRow, info: Info) -> WebhookAttributes:
    """Check whether the webhook is still broken, if an attribute was changed that may have broken it.

    A new filter is not checked here: a wrong one is refused.
    """
    changed: dict[str, Any] = {name: attributes.get(name) for name in ("query_string", "filter") if name in attributes}
    if "triggers" in attributes:
        changed["triggers"] = tuple(attributes["triggers"])
    if not changed:
        return {}
    compile_problems = [] if "filter" in attributes else await _compile_problems(before.filter, info)
    return {"broken_reason": problem_of(info.schema._schema, replace(before, **changed), compile_problems)}


def _nulls(given: WebhookUpdateAttributes) -> Problems:
    nulls = [named for name, named in _NEVER_NULL.items() if getattr(given, name) is None]
    return Problems({f"attributes.{name}": ["can't be null: leave it out to keep the present one"] for name in nulls})


def _event_names(given: WebhookAttributesInput) -> list[WebhookEventName] | None:
    """Return the kinds of change that `eventName` or `eventNames` names; None if neither is given."""
    one = given.event_name or None
    several = None if given.event_names is strawberry.UNSET else given.event_names
    if one is not None and several is not None:
        raise InvalidInput.at("attributes.eventName", "can't be combined with eventNames")
    return [one] if one is not None else several


def _seller_id(given: str | None) -> SellerId | None:
    if given is None or given is strawberry.UNSET:
        return None
    return SellerId(global_ids.key_of(given, "Seller", field="attributes.sellerId"))

"""`webhookDryRun`: the result that a webhook would be sent for one entity. Nothing is sent or stored."""

from dataclasses import dataclass, field, replace
from typing import Annotated, Any

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from app import __version__
from app.auth.viewers import Scope, Viewer
from app.errors import Conflict, Forbidden, InvalidInput, NotFound
from app.kernel import clock
from app.webhooks.cel.filters import FilterResult
from app.webhooks.domain.payload_bound import describe_excess
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.domain.webhook_filter import event_of
from app.webhooks.services.webhook_klasses import event_names, is_operators_only
from schema.engine.context import Context, Info
from schema.engine.cost.operation_cost import Costs
from schema.entities import global_ids
from schema.entities.declarations import ENTITIES
from schema.enums.webhooks import (
    WebhookKlassEnum,
)
from schema.mutations.payload import ValidationError, validation_errors
from schema.stored.execute import render_stored_query
from schema.stored.json_schema import payload_schema
from schema.stored.triggers import check_triggers, trigger_columns
from schema.stored.validate import stored_query


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """The result of a dry run; only `errors` if it could not be run."""

    payload: str | None = None
    bytes: int | None = None
    excess: str | None = None
    cost: int | None = None
    watched_columns: list[str] | None = None
    payload_schema: dict[str, Any] | None = None
    headers: dict[str, str] | None = None
    filter_passes: bool | None = None
    filter_error: str | None = None
    errors: list[ValidationError] = field(default_factory=list)


@strawberry.type(
    description="The result that a webhook with this query would be sent for one entity. Nothing was sent or stored."
)
class WebhookDryRun:
    payload: str | None = strawberry.field(
        description="The GraphQL response as JSON text, byte for byte as `payload` of the body; null on errors and when"
        " it is too large to be sent."
    )
    bytes: int | None = strawberry.field(description="Length of the payload in bytes.")
    excess: str | None = strawberry.field(
        description="The reason why the payload is too large to be sent, with its largest fields; null if it is not."
    )
    cost: int | None = strawberry.field(description="The query's cost: the number of values that it may return.")
    watched_columns: list[str] | None = strawberry.field(
        description=(
            "The columns (`table.column`) of which an UPDATE has to change at least one. `table.*`: rows are"
            " added or removed."
        )
    )
    payload_schema: JSON | None = strawberry.field(
        description="JSON Schema (2020-12) of the whole body that would be POSTed."
    )
    headers: JSON | None = strawberry.field(
        description="The headers of a first attempt, by name; ids, time and signature are samples."
    )
    filter_passes: bool | None = strawberry.field(
        description="Whether the filter passes the result, as an UPDATE without any changes (a CREATE for"
        " OPERATIONAL_EVENT). A filter that fails passes it. null without a filter."
    )
    filter_error: str | None = strawberry.field(description="The reason why the filter failed on this result.")
    errors: list[ValidationError] = strawberry.field(description="The problems of the arguments.")


async def webhook_dry_run(
    info: Info,
    type: Annotated[
        WebhookKlassEnum, strawberry.argument(description="The type of entity that the webhook would report.")
    ],
    query_string: Annotated[str, strawberry.argument(description="The query to run; blank: only the type's name.")],
    id: Annotated[strawberry.ID, strawberry.argument(description="The entity's global id.")],
    filter: Annotated[str | None, strawberry.argument(description="A filter to try on the result.")] = UNSET,
    triggers: Annotated[list[str] | None, strawberry.argument(description="Triggers to look up.")] = UNSET,
    include_previous: Annotated[
        bool, strawberry.argument(description="Whether bodies would have a `previous`, as `payloadSchema` then says.")
    ] = False,
) -> WebhookDryRun | None:
    viewer = info.context.viewer
    viewer.require(Scope.WEBHOOKS)
    viewer.require(Scope.READ, reason="a dry run shows what the query reads")
    try:
        klass = WebhookKlass(type)
        made = await _run(info, klass, query_string, id, filter or "", tuple(triggers or ()), include_previous)
    except (InvalidInput, NotFound, Conflict, Forbidden) as error:
        made = DryRun(errors=[_shown(one) for one in validation_errors(error, WebhookDryRun.__name__)])
    return made  # type: ignore[return-value]  # the fields' source


async def _run(
    info: Info,
    klass: WebhookKlass,
    text: str,
    entity_id: str,
    expression: str,
    triggers: tuple[str, ...],
    include_previous: bool,
) -> DryRun:
    context, schema = info.context, info.schema._schema
    await context.turn()
    query = stored_query(schema, text, klass, max_cost=context.settings.max_cost)
    await _check(info, klass, expression, triggers)
    cost = Costs(schema, query.document).of().total
    _count(context, cost)
    # As when a change is published: deleted entities are found, and the viewer has all scopes.
    rendering = Context.for_rendering(context.reader, Viewer(context.viewer.seller_id), context.settings)
    key = await _key(rendering, klass, entity_id)
    payload = (await render_stored_query(info.schema, query, [key], rendering))[key]
    excess = describe_excess(payload, context.settings.max_payload_bytes)
    verdict = await _filter(context, klass, expression, entity_id, payload) if expression.strip() else None
    return DryRun(
        payload=None if excess else payload.decode(),
        bytes=len(payload),
        excess=excess,
        cost=cost,
        watched_columns=sorted(trigger_columns(schema, klass.entity_type, triggers) if triggers else query.watched),
        payload_schema=payload_schema(schema, query, klass, include_previous=include_previous),
        headers=sample_headers(),
        filter_passes=verdict.passes if verdict else None,
        filter_error=verdict.error if verdict else None,
    )


async def _check(info: Info, klass: WebhookKlass, expression: str, triggers: tuple[str, ...]) -> None:
    problems = check_triggers(info.schema._schema, info.context.viewer, klass.entity_type, triggers)
    filters = info.context.filters
    assert filters is not None, "stored queries contain no dry runs"
    if expression.strip() and (messages := await filters.check(expression, owner=info.context.viewer.seller_id)):
        problems["attributes.filter"] = messages
    if is_operators_only(klass) and not info.context.viewer.is_operator:
        problems["attributes.type"] = [f"webhooks about {klass.value} are for the marketplace operator only"]
    if problems:
        raise InvalidInput("The webhook could not be registered.", fields=problems)


def _count(context: Context, cost: int) -> None:
    """Add to the cost of the operation's dry runs, which has the same limit as the operation itself.

    Dry runs are not part of the operation's static cost.
    """
    context.dry_run_cost += cost
    if context.dry_run_cost > context.settings.max_cost:
        raise InvalidInput.at(
            "queryString", f"the dry runs of one operation may return {context.settings.max_cost} values together"
        )


async def _key(context: Context, klass: WebhookKlass, entity_id: str) -> int:
    key = global_ids.key_of(entity_id, klass.entity_type, field="id")
    if await context.loaders.by_id(ENTITIES[klass.entity_type].table, key, with_deleted=True) is None:
        raise InvalidInput.at("id", f"there is no such {klass.entity_type}")
    return key


async def _filter(
    context: Context, klass: WebhookKlass, expression: str, entity_id: str, payload: bytes
) -> FilterResult:
    assert context.filters is not None, "stored queries contain no dry runs"
    names = event_names(klass)
    name = WebhookEventName.UPDATE if WebhookEventName.UPDATE in names else names[0]
    event = event_of(klass, name, entity_id, {"added": [], "updated": [], "removed": []})
    verdict, _ = await context.filters.evaluate(expression, event, payload, owner=context.viewer.seller_id)
    return verdict


def sample_headers() -> dict[str, str]:
    """Return sample headers, with the names and order of app/webhooks/domain/signing/signatures.py."""
    event_id = global_ids.encode("WebhookEvent", 1)
    return {
        "Content-Type": "application/json",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "User-Agent": f"Tellgraph/{__version__}",
        "webhook-id": event_id,
        "webhook-timestamp": str(int(clock.now().timestamp())),
        "webhook-signature": "v1,<base64 of HMAC-SHA256 over webhook-id.webhook-timestamp.body>",
        "Idempotency-Key": event_id,
        "Tellgraph-Sequence": "1",
        "Tellgraph-Attempt": "1",
        "Tellgraph-Digest": "<SHA-256 of the payload, in hexadecimal>",
        "traceparent": f"00-{'0' * 31}1-{'0' * 15}1-01",
    }


def _shown(error: ValidationError) -> ValidationError:
    return replace(error, field=error.field.removeprefix("attributes."))

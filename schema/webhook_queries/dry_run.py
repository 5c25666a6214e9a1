"""`webhookDryRun`: the result that a webhook would be sent for one entity. Nothing is sent or stored."""

from dataclasses import dataclass, field, replace
from typing import Annotated, Any, cast

import strawberry
from strawberry import UNSET
from strawberry.scalars import JSON

from app import __version__
from app.auth.viewers import Scope, Viewer
from app.errors import Conflict, Forbidden, InvalidInput, NotFound
from app.kernel import clock
from app.kernel.parsed_json import JsonObject
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.cel.filters import FilterResult
from app.webhooks.domain.payload_bound import describe_excess
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.domain.webhook_filter import event_of
from app.webhooks.services.webhook_klasses import is_operators_only, possible_event_names
from schema.engine.context import Context, Info
from schema.engine.cost.operation_cost import Costs
from schema.entities import global_ids
from schema.entities.declarations import ENTITIES
from schema.enums.webhooks import WebhookEventEnum, WebhookKlassEnum, WebhookTypesLanguageEnum
from schema.mutations.payload import ValidationError, as_warnings, validation_errors
from schema.payload_types.language import TypesLanguage
from schema.stored.execute import render_stored_query
from schema.stored.json_schema import payload_schema
from schema.stored.triggers import check_triggers, trigger_columns
from schema.stored.validate import StoredQuery, stored_query
from schema.webhook_queries.dry_run_change import WebhookDryRunChange, judge_last_change
from schema.webhook_queries.payload_types import payload_types
from schema.webhook_queries.warnings import WebhookDraft, filter_problems, warnings_of
from schema.webhook_queries.watched_fields import watched_fields


@dataclass(frozen=True, slots=True, kw_only=True)
class DryRun:
    """The result of a dry run; only `errors` if it could not be run."""

    payload: str | None = None
    bytes: int | None = None
    excess: str | None = None
    cost: int | None = None
    watched_columns: list[str] | None = None
    watched_fields: list[str] | None = None
    last_change: WebhookDryRunChange | None = None
    payload_schema: dict[str, Any] | None = None
    klass: WebhookKlass | None = None
    headers: dict[str, str] | None = None
    filter_passes: bool | None = None
    filter_error: str | None = None
    warnings: list[ValidationError] = field(default_factory=list)
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
    watched_fields: list[str] | None = strawberry.field(
        description="The fields of which an UPDATE has to change at least one, as paths: the triggers, or else the"
        " fields of the query. Each can be a trigger. Rows that are added or removed count, too."
    )
    last_change: WebhookDryRunChange | None = strawberry.field(
        description="The entity's last recorded change, and whether the webhook would have been sent it; null if none"
        " is kept."
    )
    payload_schema: JSON | None = strawberry.field(
        description="JSON Schema (2020-12) of the whole body that would be POSTed."
    )

    @strawberry.field(description="The types of the whole body that would be POSTed, as text of a module.")
    def payload_types(
        self,
        language: Annotated[WebhookTypesLanguageEnum, strawberry.argument(description="The language of the types.")],
        name: Annotated[
            str | None, strawberry.argument(description="What the type of the whole body is called.")
        ] = None,
    ) -> str | None:
        made = cast(DryRun, self)
        if made.payload_schema is None or made.klass is None:
            return None
        return payload_types(made.payload_schema, made.klass, TypesLanguage(language), name)

    headers: JSON | None = strawberry.field(
        description="The headers of a first attempt, by name; ids, time and signature are samples."
    )
    filter_passes: bool | None = strawberry.field(
        description="Whether the filter passes the result, as an UPDATE without any changes (a CREATE for"
        " OPERATIONAL_EVENT). A filter that fails passes it. null without a filter."
    )
    filter_error: str | None = strawberry.field(description="The reason why the filter failed on this result.")
    warnings: list[ValidationError] = strawberry.field(
        description="What is allowed and surely not meant, by argument, as in the answer of webhookCreate."
    )
    errors: list[ValidationError] = strawberry.field(description="The problems of the arguments.")


async def webhook_dry_run(
    info: Info,
    type: Annotated[
        WebhookKlassEnum, strawberry.argument(description="The type of entity that the webhook would report.")
    ],
    query_string: Annotated[str, strawberry.argument(description="The query to run; blank: only the type's name.")],
    id: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="The entity's global id; null: the arguments are checked, and nothing is run."),
    ] = None,
    filter: Annotated[str | None, strawberry.argument(description="A filter to try on the result.")] = UNSET,
    triggers: Annotated[list[str] | None, strawberry.argument(description="Triggers to look up.")] = UNSET,
    event_names: Annotated[
        list[WebhookEventEnum] | None,
        strawberry.argument(description="The kinds of change that the webhook would be sent; null: all."),
    ] = UNSET,
    include_previous: Annotated[
        bool, strawberry.argument(description="Whether bodies would have a `previous`, as `payloadSchema` then says.")
    ] = False,
    seller_id: Annotated[
        strawberry.ID | None,
        strawberry.argument(description="The seller whose webhook it would be; for the operator's keys only."),
    ] = None,
) -> WebhookDryRun | None:
    viewer = info.context.viewer
    viewer.require(Scope.WEBHOOKS)
    viewer.require(Scope.READ, reason="a dry run shows what the query reads")
    try:
        klass = WebhookKlass(type)
        draft = WebhookDraft(
            owner=_owner(viewer, seller_id),
            klass=klass,
            event_names=tuple(dict.fromkeys(event_names or possible_event_names(klass))),
            triggers=tuple(triggers or ()),
            filter=filter if filter and filter.strip() else None,
        )
        made = await _run(info, draft, query_string, id, include_previous)
    except (InvalidInput, NotFound, Conflict, Forbidden) as error:
        made = DryRun(errors=[_shown(one) for one in validation_errors(error, WebhookDryRun)])
    return made  # type: ignore[return-value]  # the fields' source


def _owner(viewer: Viewer, seller_id: str | None) -> Viewer:
    """Return whose webhook it would be. A seller's can only be its own."""
    if seller_id is None:
        return Viewer(viewer.seller_id)
    wanted = SellerId(global_ids.key_of(seller_id, "Seller", field="sellerId"))
    if viewer.seller_id not in (None, wanted):
        raise Forbidden("Only the operator's keys can try a webhook of another seller.")
    return Viewer(wanted)


async def _run(info: Info, draft: WebhookDraft, text: str, entity_id: str | None, include_previous: bool) -> DryRun:
    context, schema = info.context, info.schema._schema
    klass, triggers = draft.klass, tuple(draft.triggers)
    await context.turn()
    query = stored_query(schema, text, klass, max_cost=context.settings.max_cost)
    await _check(info, draft, query)
    cost = Costs(schema, query.document).of().total
    watched = trigger_columns(schema, klass.entity_type, triggers) if triggers else query.watched
    checked = DryRun(
        cost=cost,
        watched_columns=sorted(watched),
        watched_fields=list(triggers) or watched_fields(schema, query.document, klass.entity_type),
        klass=klass,
        payload_schema=payload_schema(schema, query, klass, include_previous=include_previous),
        headers=sample_headers(),
        warnings=as_warnings(warnings_of(schema, query, draft)),
    )
    if entity_id is None:
        return checked
    _count(context, cost)
    # As when a change is published: deleted entities are found, and the viewer has all scopes.
    rendering = Context.for_rendering(context.reader, draft.owner, context.settings)
    key = await _key(rendering, klass, entity_id)
    payload = (await render_stored_query(info.schema, query, [key], rendering))[key]
    excess = describe_excess(payload, context.settings.max_payload_bytes)

    async def filtering(name: WebhookEventName, changed: JsonObject) -> FilterResult | None:
        if draft.filter is None:
            return None
        return await _filter(context, klass, draft.filter, entity_id, payload, name, changed)

    names = possible_event_names(klass)
    usual = WebhookEventName.UPDATE if WebhookEventName.UPDATE in names else names[0]
    verdict = await filtering(usual, {"added": [], "updated": [], "removed": []})
    return replace(
        checked,
        payload=None if excess else payload.decode(),
        bytes=len(payload),
        excess=excess,
        last_change=await judge_last_change(
            info,
            draft.owner,
            klass,
            key,
            watched=watched,
            has_triggers=bool(triggers),
            event_names=frozenset(draft.event_names),
            filtering=filtering,
        ),
        filter_passes=verdict.passes if verdict else None,
        filter_error=verdict.error if verdict else None,
    )


async def _check(info: Info, draft: WebhookDraft, query: StoredQuery) -> None:
    klass, schema = draft.klass, info.schema._schema
    problems = check_triggers(schema, draft.owner, klass.entity_type, draft.triggers)
    filters = info.context.filters
    assert filters is not None, "stored queries contain no dry runs"
    if draft.filter:
        messages = await filters.check(draft.filter, owner=info.context.viewer.seller_id)
        if messages := messages or filter_problems(schema, query, klass, draft.filter):
            problems["attributes.filter"] = messages
    if is_operators_only(klass) and not draft.owner.is_operator:
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
    context: Context,
    klass: WebhookKlass,
    expression: str,
    entity_id: str,
    payload: bytes,
    name: WebhookEventName,
    changed: JsonObject,
) -> FilterResult:
    assert context.filters is not None, "stored queries contain no dry runs"
    event = event_of(klass, name, entity_id, changed)
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

"""The form of every mutation: `name(input: NameMutationInput!): NameMutationPayload`, but for a name or two."""

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import orjson
import strawberry
from databases import Database
from graphql import print_ast

from app.auth.viewers import Scope, Viewer
from app.db.pool import WholeTransaction, one_transaction
from app.docs.links import refusal_page
from app.errors import Conflict, Forbidden, IdempotencyConflict, InvalidInput, NotFound, TellgraphError
from app.http.idempotency import KeyedRequest, RememberedResult, run_once
from schema.engine.context import Info
from schema.entities.declarations import ENTITIES, DeclaredAttribute
from schema.entities.names import graphql_message, input_path
from schema.mutations.audit import entities_by_row, log_mutation, record_mutation, refusals_logged


@strawberry.type(description="The problems of one field of the input.")
class ValidationError:
    field: str = strawberry.field(description="Path of the input field, as in `shippedItems.0.quantity`.")
    messages: list[str] = strawberry.field(description="The problems, in words.")
    docs: str = strawberry.field(
        description="The page of this server that explains them, as in `/docs/contract#endpoints`."
    )


@strawberry.type
class MutationPayload:
    """The base of all payloads. A business error is data, with HTTP status 200."""

    client_mutation_id: str | None = strawberry.field(
        default=None, description="The `clientMutationId` of the input, for telling answers apart."
    )
    errors: list[ValidationError] | None = strawberry.field(
        default=None, description="The problems; null if the change was made."
    )
    status: int = strawberry.field(
        default=200,
        description="An HTTP-like status: 200 made, 403, 404, 409, 422 or 429 refused, and nothing changed.",
    )


def client_mutation_id() -> DeclaredAttribute:
    """Declare the input field that every mutation has."""
    return strawberry.field(default=None, description="Any text; it comes back in the payload.")


Payload = TypeVar("Payload", bound=MutationPayload)
Change = Callable[[Database, Viewer], Awaitable[Mapping[str, object]]]


async def run_mutation(
    info: Info, payload: type[Payload], given: Any, change: Change, *, scope: Scope = Scope.WRITE
) -> Payload:
    """Make one change and return its payload. Its audit entry is written in the same transaction.

    With the header `Idempotency-Key`, the same request of the same API key is carried out once within 24 hours. If it
    is sent again, the answer shows the result of the first one.

    A row that the API key may not read is an error at its field; the change was made.

    Args:
        given: The mutation's input, which has the clientMutationId.
        change: Calls one service function, which owns the transaction. Returns the payload's fields.
        scope: The scope that the API key must have.

    Raises:
        Forbidden: The API key lacks the scope. That is not a business error.
        IdempotencyConflict: The key was used by another request.
    """
    return await _answered(info, payload, given, lambda: _make_change(info, given, change), scope)


async def run_unrecorded(info: Info, payload: type[Payload], given: Any, change: Change, *, scope: Scope) -> Payload:
    """Do the same for a mutation that is recorded elsewhere: without an audit entry, and without `Idempotency-Key`.

    Args:
        change: Owns its transactions, as many as it needs.
    """

    async def make() -> Mapping[str, object]:
        database = info.context.database
        assert database is not None, "mutations are not run while rendering"
        return await change(database, info.context.viewer)

    return await _answered(info, payload, given, make, scope)


async def _answered(
    info: Info,
    payload: type[Payload],
    given: Any,
    make: Callable[[], Awaitable[Mapping[str, object]]],
    scope: Scope,
) -> Payload:
    """Return the payload of what is made, or of the business error that it raises."""
    context = info.context
    with refusals_logged(info):
        context.viewer.require(scope)
    try:
        with refusals_logged(info):
            made = await make()
    except IdempotencyConflict:
        # Like a missing scope, this is an error of the request as a whole: the caller's program must be corrected.
        raise
    except (InvalidInput, NotFound, Conflict, Forbidden) as error:
        return payload(
            client_mutation_id=given.client_mutation_id,
            errors=validation_errors(error, type(given)),
            status=error.status,
        )
    # Rows that an earlier mutation of the same request has read may be stale now.
    context.loaders.forget()
    values: dict[str, Any] = {name: _readable(value, context.viewer) for name, value in made.items()}
    return payload(client_mutation_id=given.client_mutation_id, **values)


async def _make_change(info: Info, given: Any, change: Change) -> Mapping[str, object]:
    """Make the change, or return the result of the first such request."""
    context = info.context
    assert context.database is not None, "mutations are not run while rendering"
    async with one_transaction(context.database, actor=context.viewer.actor) as whole:
        made = await _make_once(info, given, change, whole)
    if not isinstance(made, RememberedResult):
        log_mutation(info, made, is_repeated=False)
        return made
    rows = {
        name: await context.loaders.by_id(ENTITIES[type_name].table, row_id, with_deleted=True)
        for name, (type_name, row_id) in made.rows.items()
    }
    log_mutation(info, rows, is_repeated=True)
    return {**rows, **made.values}


async def _make_once(
    info: Info, given: Any, change: Change, whole: WholeTransaction
) -> Mapping[str, object] | RememberedResult:
    """Make and record the change, unless it was made under the same Idempotency-Key before."""
    context, viewer = info.context, info.context.viewer
    database = context.database
    assert database is not None

    async def make() -> Mapping[str, object]:
        made = await change(database, viewer)
        await record_mutation(whole, info, given, made)
        return made

    key = context.request_headers.get("idempotency-key")
    if key is None:
        return await make()
    request = KeyedRequest(key=key, field=str(info.path.key), hash=_request_hash(info))
    return await run_once(database, viewer, request, make, remember=_to_remember, settings=context.settings)


def _readable(value: object, viewer: Viewer) -> object:
    """Return the value of a payload's field; for rows that the viewer's key may not read the error to raise there."""
    rows = value if isinstance(value, list | tuple) else (value,)
    try:
        for entity in filter(None, (entities_by_row().get(type(row)) for row in rows)):
            viewer.require(entity.scope)
    except Forbidden as error:
        # graphql-core raises an error that is a field's value.
        return error
    return value


def _to_remember(made: Mapping[str, Any]) -> RememberedResult:
    """Reduce rows to their type and id: a repeated answer shows their state at that time."""
    types = entities_by_row()
    rows = {name: (types[type(value)].name, int(value.id)) for name, value in made.items() if type(value) in types}
    rest = {name: value for name, value in made.items() if name not in rows and value is not None}
    return RememberedResult(rows=rows, values=rest)


def _request_hash(info: Info) -> bytes:
    """Hash an operation with its fragments and variables, independently of its layout.

    Raises:
        InvalidInput: The variables nest too deeply to be written as JSON.
    """
    raw = info._raw_info
    document = [print_ast(raw.operation), *(print_ast(raw.fragments[name]) for name in sorted(raw.fragments))]
    options = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS
    try:
        variables = orjson.dumps(raw.variable_values, default=str, option=options)
    except orjson.JSONEncodeError as error:
        raise InvalidInput("The variables nest too deeply for a request with an Idempotency-Key.") from error
    return hashlib.sha256("\n".join(document).encode() + b"\0" + variables).digest()


def as_warnings(found: Mapping[str, list[str]]) -> list[ValidationError]:
    """Return what is allowed and surely not meant of a webhook, by the paths of its attributes."""
    return [
        ValidationError(
            field=path, messages=messages, docs=refusal_page(path, InvalidInput.code, is_about_webhooks=True)
        )
        for path, messages in found.items()
    ]


def validation_errors(error: TellgraphError, given: type) -> list[ValidationError]:
    """Return one ValidationError per field of the input class. An error without a field has the field `base`."""
    fields = error.fields or {"base": [error.message]}
    is_about_webhooks = given.__name__.startswith("Webhook")
    return [
        ValidationError(
            field=(path := input_path(field, given)),
            messages=[graphql_message(message) for message in messages],
            docs=refusal_page(path, error.code, is_about_webhooks=is_about_webhooks),
        )
        for field, messages in fields.items()
    ]

"""The form of every mutation: `name(input: NameMutationInput!): NameMutationPayload`."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import strawberry
from databases import Database

from app.auth import Scope, Viewer
from app.errors import Conflict, Forbidden, InvalidInput, NotFound, TellgraphError
from schema.context import Info


@strawberry.type(description="What is wrong with one field of the input.")
class ValidationError:
    field: str = strawberry.field(description="Path of the input field, as in `shippedItems.0.quantity`.")
    messages: list[str] = strawberry.field(description="What is wrong with it, in words.")


@strawberry.type
class MutationPayload:
    """Base of every payload; a business error is data, with HTTP 200."""

    client_mutation_id: str | None = strawberry.field(
        default=None, description="The `clientMutationId` of the input, for telling answers apart."
    )
    errors: list[ValidationError] | None = strawberry.field(
        default=None, description="What was wrong; null when the change was made."
    )
    status: int = strawberry.field(
        default=200, description="An HTTP-like status: 200 made, 403, 404, 409 or 422 refused, and nothing changed."
    )


def client_mutation_id() -> Any:
    """The input field that every mutation has."""
    return strawberry.field(default=None, description="Any text; it comes back in the payload.")


Payload = TypeVar("Payload", bound=MutationPayload)
Change = Callable[[Database, Viewer], Awaitable[Mapping[str, Any]]]


async def run_mutation(
    info: Info, payload: type[Payload], given: Any, change: Change, *, scope: Scope = Scope.WRITE
) -> Payload:
    """Make one change and answer with its payload.

    given   the mutation's input, for its clientMutationId.
    change  calls one service function, which owns the transaction; returns the payload's entity fields.
    Raises: Forbidden when the key lacks the scope: that is no business error.
    """
    context = info.context
    context.viewer.require(scope)
    assert context.database is not None, "mutations are not run while rendering"
    try:
        made = await change(context.database, context.viewer)
    except (InvalidInput, NotFound, Conflict, Forbidden) as error:
        return payload(
            client_mutation_id=given.client_mutation_id, errors=validation_errors(error), status=error.status
        )
    # What an earlier mutation of the same request has read may be stale now.
    context.loaders.forget()
    return payload(client_mutation_id=given.client_mutation_id, **made)


def validation_errors(error: TellgraphError) -> list[ValidationError]:
    """One per field; an error about no field in particular is about `base`."""
    fields = error.fields or {"base": [error.message]}
    return [ValidationError(field=field, messages=list(messages)) for field, messages in fields.items()]

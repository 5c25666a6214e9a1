"""changeEventsRetry."""

from collections.abc import Mapping
from typing import Annotated, Any

import strawberry
from databases import Database

from app.auth.viewers import Scope, Viewer
from app.webhooks.services import change_events
from schema.engine.context import Info
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation


@strawberry.input(description="Input of changeEventsRetry.")
class ChangeEventsRetryMutationInput:
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of changeEventsRetry.")
class ChangeEventsRetryMutationPayload(MutationPayload):
    count: int | None = strawberry.field(
        default=None, description="How many recorded changes are published now; null on errors."
    )


@strawberry.type
class ChangeEventMutations:
    @strawberry.field(
        description="Publish the changes that were set aside because they could not be published: those that the"
        " operational events of the kind PUBLISH_FAILED name. For the operator, once the cause is mended."
    )
    async def change_events_retry(
        self,
        info: Info,
        input: Annotated[ChangeEventsRetryMutationInput, strawberry.argument(description="Nothing is needed.")],
    ) -> ChangeEventsRetryMutationPayload | None:
        async def retry(database: Database, viewer: Viewer) -> Mapping[str, Any]:
            return {"count": await change_events.retry_set_aside(database, viewer)}

        return await run_mutation(info, ChangeEventsRetryMutationPayload, input, retry, scope=Scope.WEBHOOKS)

"""changeEventsRetry."""

from collections.abc import Mapping
from typing import Annotated

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
        default=None, description="Number of recorded changes that are published now; null on errors."
    )


@strawberry.type
class ChangeEventMutations:
    @strawberry.field(
        description=(
            "Retry the changes that could not be published and were set aside. The operational events of the"
            " kind PUBLISH_FAILED name them. For the operator, after the cause was fixed."
        )
    )
    async def change_events_retry(
        self,
        info: Info,
        input: Annotated[
            ChangeEventsRetryMutationInput, strawberry.argument(description="An input without fields of its own.")
        ],
    ) -> ChangeEventsRetryMutationPayload | None:
        async def retry(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"count": await change_events.retry_set_aside(database, viewer)}

        return await run_mutation(info, ChangeEventsRetryMutationPayload, input, retry, scope=Scope.WEBHOOKS)

"""Execution by the reference executor: what an error leaves in the background is waited for."""

from collections.abc import Awaitable
from typing import Any

from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext


class ReferenceExecution(StrawberryGraphQLCoreExecutionContext):
    """Tells the loaders of fields that go on in the background after an error.

    graphql-core answers as soon as an error is certain. Fields beside it go on, and may begin to read from the
    connection of the operation after its answer.
    """

    def settle_in_background(self, awaitables: list[Awaitable[Any]]) -> None:
        before = set(self.background_futures)
        super().settle_in_background(awaitables)
        for future in self.background_futures - before:
            self.context_value.loaders.wait_for(future)

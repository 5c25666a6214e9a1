"""`schema`: the one GraphQL schema, executed by the API and by the workers."""

from typing import Any

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, ExecutionResult

from schema.engine.context import Context
from schema.engine.documents import Documents, PreparedOperation
from schema.engine.execution import ReferenceExecution
from schema.entities.connections import TypeNames
from schema.entities.declaration_check import check_declarations
from schema.entities.scalars import SCALARS
from schema.errors import log_unknown
from schema.mutation import Mutation
from schema.query import Query
from schema.subscription import Subscription
from schema.types.catalogue.advert import DeletedAdvert, UnpublishedAdvert
from schema.types.orders.invoice_amendment import InvoiceAmendment


class TellgraphSchema(strawberry.Schema):
    """Logs internal errors, whose details callers don't see, and waits for running statements at the end."""

    async def execute(
        self,
        query: str | None,
        variable_values: dict[str, Any] | None = None,
        context_value: Context | None = None,
        *args: Any,
        **given: Any,
    ) -> ExecutionResult:
        try:
            return await super().execute(query, variable_values, context_value, *args, **given)
        finally:
            if context_value is not None:
                await context_value.loaders.settle()

    def process_errors(self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None) -> None:
        log_unknown(errors)


#: Shown by GraphiQL and other readers of the schema before anything else.
DESCRIPTION = """
Tellgraph: orders, refunds and adverts of a marketplace, and webhooks that send what a stored query selects.

Start with `invoices` and with `webhookCreate`. [Getting started](/docs/getting-started) makes a webhook step by step,
[Using the API](/docs/api) tells of keys, scopes, cost and limits, and [Errors](/docs/errors) of every error code.
""".strip()

#: The names of types and scalars.
CONFIG = StrawberryConfig(name_converter=TypeNames(), scalar_map=SCALARS)

#: The documents that were executed.
documents = Documents()

schema = TellgraphSchema(
    query=Query,
    mutation=Mutation,
    subscription=Subscription,
    types=[InvoiceAmendment, UnpublishedAdvert, DeletedAdvert],
    config=CONFIG,
    extensions=[lambda: PreparedOperation(documents)],
    execution_context_class=ReferenceExecution,
)
# Strawberry has no argument for it.
schema._schema.description = DESCRIPTION
check_declarations(schema._schema)

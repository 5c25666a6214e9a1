"""Execution by the reference executor: lists of plain texts are read at once, and nothing goes on after the answer."""

from collections.abc import AsyncIterable, Awaitable, Iterable
from typing import Any, Final, TypeVar

from graphql import GraphQLList, GraphQLOutputType, GraphQLResolveInfo, get_named_type
from graphql.execution.collect_fields import DeferUsage, FieldDetailsList
from graphql.execution.incremental.incremental_executor import DeliveryGroup
from graphql.pyutils import AwaitableOrValue, Path, RefMap
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

T = TypeVar("T")
Info = GraphQLResolveInfo[Any]

#: The types of `texts_alone`: by their names, the attribute of each field.
_TEXTS: Final[dict[str, dict[str, str]]] = {}


def texts_alone(of: type[T]) -> type[T]:
    """Declare that all fields of a Strawberry type are texts, never null, and attributes of the same names.

    A list of such objects is completed without a resolver for each field, which would take ten times as long.
    """
    definition = of.__strawberry_definition__  # type: ignore[attr-defined]  # Strawberry's decorator adds it
    _TEXTS[definition.name] = {field.name: field.name for field in definition.fields}
    return of


class ReferenceExecution(StrawberryGraphQLCoreExecutionContext):
    """Completes lists of texts at once, and tells the loaders of fields that go on in the background after an error.

    graphql-core answers as soon as an error is certain. Fields beside it go on, and may begin to read from the
    connection of the operation after its answer.
    """

    def settle_in_background(self, awaitables: list[Awaitable[Any]]) -> None:
        before = set(self.background_futures)
        super().settle_in_background(awaitables)
        for future in self.background_futures - before:
            self.context_value.loaders.wait_for(future)

    def complete_list_value(
        self,
        return_type: GraphQLList[GraphQLOutputType],
        field_details_list: FieldDetailsList,
        info: Info,
        path: Path,
        result: AsyncIterable[object] | Iterable[object],
        position_context: RefMap[DeferUsage, DeliveryGroup] | None,
    ) -> AwaitableOrValue[list[object]]:
        """Complete a list; one of texts alone without their resolvers."""
        item_type = get_named_type(return_type)
        texts = _TEXTS.get(item_type.name)
        if texts is not None and isinstance(result, list):
            fields = self.collect_subfields(item_type, field_details_list).grouped_field_set  # type: ignore[arg-type]
            names = [(shown, texts.get(details[0].node.name.value)) for shown, details in fields.items()]
            # `__typename` is no attribute.
            if all(attribute for _, attribute in names):
                return [{shown: getattr(one, attribute) for shown, attribute in names if attribute} for one in result]
        return super().complete_list_value(return_type, field_details_list, info, path, result, position_context)

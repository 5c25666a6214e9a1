"""Execution by the reference executor: leaves have no resolvers, and nothing goes on after the answer."""

from collections.abc import AsyncIterable, Awaitable, Iterable
from functools import cached_property
from typing import Any, Final, TypeVar

from graphql import GraphQLList, GraphQLObjectType, GraphQLOutputType, GraphQLResolveInfo, get_named_type
from graphql.execution.collect_fields import DeferUsage, FieldDetailsList, GroupedFieldSet
from graphql.execution.incremental.incremental_executor import DeliveryGroup
from graphql.pyutils import AwaitableOrValue, Path, RefMap
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext

from schema.entities.leaf_values import LeafReader, leaf_readers

T = TypeVar("T")
Info = GraphQLResolveInfo[Any]

#: The types of `texts_alone`: by their names, the attribute of each field.
_TEXTS: Final[dict[str, dict[str, str]]] = {}


def texts_alone(of: type[T]) -> type[T]:
    """Declare that all fields of a Strawberry type are texts, never null, and attributes of the same names.

    A list of such objects is completed as a whole. Object by object it would take three times as long.
    """
    definition = of.__strawberry_definition__  # type: ignore[attr-defined]  # Strawberry's decorator adds it
    _TEXTS[definition.name] = {field.name: field.name for field in definition.fields}
    return of


class ReferenceExecution(StrawberryGraphQLCoreExecutionContext):
    """Reads leaves at once, and tells the loaders of fields that go on in the background after an error.

    graphql-core answers as soon as an error is certain. Fields beside it go on, and may begin to read from the
    connection of the operation after its answer.
    """

    @cached_property
    def _selected(self) -> dict[int, tuple[GroupedFieldSet, dict[str, LeafReader], GroupedFieldSet]]:
        """Return selections with their readers and other fields, by their identity: a list's rows share theirs."""
        return {}

    def execute_fields(
        self,
        parent_type: GraphQLObjectType,
        source_value: object,
        path: Path | None,
        grouped_field_set: GroupedFieldSet,
        position_context: RefMap[DeferUsage, DeliveryGroup] | None,
    ) -> AwaitableOrValue[dict[str, object]]:
        """Read an object's leaves, and have graphql-core execute the rest, or everything if a leaf is an error."""
        selected = self._selected.get(id(grouped_field_set))
        if selected is None:
            readers = leaf_readers(self.schema, parent_type, grouped_field_set)
            others = {shown: details for shown, details in grouped_field_set.items() if shown not in readers}
            selected = self._selected[id(grouped_field_set)] = (grouped_field_set, readers, others)
        _, readers, others = selected
        try:
            values = {shown: read(source_value) for shown, read in readers.items()}
        except Exception:
            # Its resolver comes upon the same error, which is then reported as the specification says.
            values, others = {}, grouped_field_set
        if not others:
            return values
        found = super().execute_fields(parent_type, source_value, path, others, position_context)
        if not values:
            return found
        if isinstance(found, dict):
            return _in_order(grouped_field_set, values, found)

        async def await_found() -> dict[str, object]:
            return _in_order(grouped_field_set, values, await found)

        return await_found()

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


def _in_order(selected: GroupedFieldSet, values: dict[str, object], found: dict[str, object]) -> dict[str, object]:
    all_values = values | found
    return {shown: all_values[shown] for shown in selected if shown in all_values}

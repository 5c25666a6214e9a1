"""Relay connections over keyset pages."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

import strawberry
from strawberry.schema.name_converter import NameConverter
from strawberry.types.base import StrawberryObjectDefinition, StrawberryType

from app.db.keyset import Slice, Sort, encode_cursor
from schema.entities.names import graphql_name

T = TypeVar("T")


@strawberry.type(description="Where this page lies in the whole list.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether there is more after `endCursor`.")
    has_previous_page: bool = strawberry.field(description="Whether there is more before `startCursor`.")
    start_cursor: str | None = strawberry.field(description="Cursor of the first edge; null on an empty page.")
    end_cursor: str | None = strawberry.field(description="Cursor of the last edge; null on an empty page.")


@strawberry.type(description="One object of a page, with its place in the list.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="Opaque place of this object; pass it as `after` or `before`.")
    node: T = strawberry.field(description="The object itself.")


@strawberry.type(description="One page of a list. Pages stay stable while objects are added.")
class Connection(Generic[T]):
    edges: list[Edge[T]] = strawberry.field(description="The page's objects with their cursors.")
    nodes: list[T] = strawberry.field(description="The page's objects without cursors.")
    page_info: PageInfo = strawberry.field(description="Where this page lies in the whole list.")
    count: strawberry.Private[Callable[[], Awaitable[int]]]

    @strawberry.field(
        description=(
            "How many objects the whole list has: counted up to 10,000, an estimate beyond for lists of the root."
            " Counted only when selected."
        )
    )
    async def total_count(self) -> int:
        return await self.count()


@strawberry.type(name="sConnection", description="One page of a list. Pages stay stable while objects are added.")
class ListConnection(Connection[T]):
    """The connection of a root list, such as `InvoicesConnection`."""


@strawberry.type(
    name="Updated{}sConnection", description="One page of a list. Pages stay stable while objects are added."
)
class UpdatedConnection(Connection[T]):
    """The connection of a root list of what has changed since a time, such as `UpdatedOrdersConnection`."""


class TypeNames(NameConverter):
    """Names generic types: a `{}` in the declared name stands for the type that the objects are of."""

    def from_generic(self, generic_type: StrawberryObjectDefinition, types: list[StrawberryType | type]) -> str:
        if "{}" not in generic_type.name:
            return super().from_generic(generic_type, types)
        return generic_type.name.format(*map(self.get_name_from_type, types))

    def apply_naming_config(self, name: str) -> str:
        return graphql_name(name)


def make_connection(
    rows: Sequence[T], part: Slice, sort: Sort, resource: str, count: Callable[[], Awaitable[int]]
) -> Connection[T]:
    """Return a page.

    Args:
        rows: Up to `part.size + 1` rows in the order of the statement. One more than the size tells that more follow.
        count: Counts all rows of the list; called only if the client asks for `totalCount`.
    """
    has_more = len(rows) > part.size
    kept = list(rows[: part.size])
    if part.is_backward:
        kept.reverse()
    edges = [Edge(cursor=encode_cursor(resource, sort, row), node=row) for row in kept]
    info = PageInfo(
        has_next_page=part.cursor is not None if part.is_backward else has_more,
        has_previous_page=has_more if part.is_backward else part.cursor is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=edges[-1].cursor if edges else None,
    )
    return Connection(edges=edges, nodes=kept, page_info=info, count=count)

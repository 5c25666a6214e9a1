"""Root fields that list a table's rows: those that the viewer may see and the arguments ask for."""

from collections.abc import Callable, Sequence

from strawberry.types.arguments import StrawberryArgument

from app.auth.viewers import Scope
from app.db.table import Table
from schema.engine.context import Info
from schema.entities.declarations import ArgumentValues, Classify, DeclaredAttribute, Listing, ListQuery, everything
from schema.entities.fields import PAGE_ARGUMENTS, DeclaredField


class ListField(DeclaredField):
    """A root field that resolves from its `Listing`."""

    def resolve(self, source: object, info: Info, arguments: ArgumentValues) -> object:
        listing = self.declaration
        assert isinstance(listing, Listing)
        loaders = info.context.loaders
        return loaders.whole(listing, **arguments) if listing.is_whole else loaders.listed(listing, **arguments)


def listing(
    target: Table[object],
    *,
    description: str,
    scope: Scope = Scope.READ,
    ask: Callable[..., ListQuery] = everything,
    classify: Classify | None = None,
    arguments: Sequence[StrawberryArgument] = (),
    is_whole: bool = False,
) -> DeclaredAttribute:
    """Declare a root list: a Relay connection, or a plain list if it `is_whole`.

    Args:
        ask: Takes the viewer and the arguments, and returns the query. See `Listing`.
        arguments: The arguments of `ask`.
    """
    made = ListField(
        python_name=None,
        graphql_name=None,
        type_annotation=None,
        description=description,
        metadata={
            "declaration": Listing(target=target, scope=scope, ask=ask, classify=classify, is_whole=is_whole),
        },
    )
    made.arguments = [*arguments, *(() if is_whole else PAGE_ARGUMENTS)]
    return made

"""Root fields that list a table's rows: what the viewer sees of them and asks for."""

from collections.abc import Callable, Sequence

from strawberry.types.arguments import StrawberryArgument

from app.auth.viewers import Scope
from app.db.table import Table
from schema.engine.context import Info
from schema.entities.declarations import ArgumentValues, Classify, DeclaredAttribute, Listing, ListQuery, everything
from schema.entities.fields import PAGE_ARGUMENTS, DeclaredField


class ListField(DeclaredField):
    """Resolves from what `Listing` says."""

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
    """A list as a Relay connection, or as a plain one when it `is_whole`.

    arguments  those of `ask`, which is given the viewer before them.
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

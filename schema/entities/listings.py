"""Root fields that list a table's rows: what the viewer sees of them and asks for."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from strawberry.types.arguments import StrawberryArgument

from app.auth.viewers import Scope
from app.db.table import Table
from schema.entities.declarations import Listing, ListQuery, everything
from schema.entities.fields import PAGE_ARGUMENTS, DeclaredField


class ListField(DeclaredField):
    """Resolves from what `Listing` says."""

    def get_result(self, source: Any, info: Any, args: list[Any], kwargs: dict[str, Any]) -> Awaitable[Any] | Any:
        listing = self.declaration
        assert isinstance(listing, Listing)
        loaders = info.context.loaders
        return loaders.whole(listing, **kwargs) if listing.is_whole else loaders.listed(listing, **kwargs)


def listing(
    target: Table[Any],
    *,
    description: str,
    scope: Scope = Scope.READ,
    ask: Callable[..., ListQuery] = everything,
    classify: Callable[[Any], Any] | None = None,
    arguments: Sequence[StrawberryArgument] = (),
    is_whole: bool = False,
) -> Any:
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

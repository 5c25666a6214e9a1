"""Functions that declare a type's leaves: `column`, `computed`, `cents`. Its relations are in `relations.py`.

Each declaration says which columns it reads. Dataloaders, compiled plans and a stored query's watched columns all use
this one source. No resolver below the root does I/O of its own: a leaf is a column or a pure function of one row, and
a relation goes through `context.loaders`.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import strawberry
from strawberry.annotation import StrawberryAnnotation
from strawberry.types.arguments import StrawberryArgument
from strawberry.types.field import StrawberryField

from app.auth.viewers import Scope
from app.db.table import Table
from app.errors import InvalidInput
from app.marketplace import money
from schema.engine.context import Info
from schema.engine.unreadable import computed_value, readable
from schema.entities import global_ids
from schema.entities.declarations import (
    ENTITIES,
    SCOPES,
    VISIBILITY,
    ArgumentValues,
    Declaration,
    DeclaredAttribute,
    Entity,
    Leaf,
    Relation,
)
from schema.entities.names import graphql_name
from schema.entities.visibility import Visibility, rule_of

T = TypeVar("T")
_DECLARATION = "declaration"


class DeclaredField(StrawberryField):
    """A field that resolves from its declaration alone."""

    @property
    def declaration(self) -> Declaration:
        declared: Declaration = self.metadata[_DECLARATION]
        return declared

    @property
    def is_basic_field(self) -> bool:
        return False

    def get_result(self, source: object, info: Info | None, args: list[object], kwargs: ArgumentValues) -> object:
        assert info is not None, "Strawberry leaves it out for basic fields alone"
        return self.resolve(source, info, kwargs)

    def resolve(self, source: object, info: Info, arguments: ArgumentValues) -> object:
        """Return the field's value, or an awaitable of it."""
        declaration = self.declaration
        if isinstance(declaration, Leaf):
            return computed_value(declaration.of_schema(info.schema._schema), source, arguments)
        assert isinstance(declaration, Relation)
        return info.context.loaders.related(declaration, source, **arguments)


def entity(
    table: Table[object],
    *,
    description: str,
    name: str | None = None,
    row: type | None = None,
    where: str = "true",
    scope: Scope = Scope.READ,
) -> Callable[[type[T]], type[T]]:
    """Declare a class as the GraphQL type of a table's rows.

    Args:
        row: The rows' class, if it is not the table's.
        where: The condition of the rows that the type shows, over the alias `t`.
        scope: The scope that a key needs to read such an object, by its id or as a relation.
    """

    def declare(cls: type[T]) -> type[T]:
        row_class = row or table.row
        cls.is_type_of = classmethod(lambda _, obj, info: type(obj) is row_class)  # type: ignore[attr-defined]
        declared = strawberry.type(cls, name=name, description=description)
        type_name = declared.__strawberry_definition__.name  # type: ignore[attr-defined]
        interfaces = declared.__strawberry_definition__.interfaces  # type: ignore[attr-defined]
        ENTITIES[type_name] = Entity(
            name=type_name,
            table=table,
            row=row_class,
            visibility=rows_of(table, scope=scope),
            is_node=bool(interfaces),
            scope=scope,
            where=where,
        )
        return declared

    return declare


def rows_of(table: Table[object], *, scope: Scope) -> Visibility:
    """Let relations read the rows of a table, also of one that has no GraphQL type. Return who sees them.

    Args:
        scope: The scope that a key needs to read them.
    """
    rule = rule_of(table)
    VISIBILITY[table.name] = rule
    SCOPES[table.name] = scope
    return rule


def column(description: str, name: str | None = None, *, deprecated: str | None = None) -> DeclaredAttribute:
    """Declare a leaf that shows a column.

    Args:
        name: The column. None: the column has the attribute's name.
    """
    return _Column(description, name, deprecated)


def computed(
    compute: Callable[..., object],
    *,
    reads: Sequence[str],
    description: str,
    arguments: Sequence[StrawberryArgument] = (),
    deprecated: str | None = None,
    of_values: Callable[..., object] | None = None,
    needs_schema: bool = False,
) -> DeclaredAttribute:
    """Declare a leaf that is a pure function of the row and of the field's arguments.

    Args:
        compute: Takes the row, and the arguments by name.
        reads: The columns that it reads.
        of_values: See `Leaf`.
        needs_schema: See `Leaf`.
    """
    leaf = Leaf(reads=tuple(reads), compute=compute, of_values=of_values, needs_schema=needs_schema)
    return declared_field(leaf, description, arguments=arguments, deprecated=deprecated)


def argument(name: str, type_: object, description: str, default: object = strawberry.UNSET) -> StrawberryArgument:
    """Declare an argument of a field.

    An argument that the client leaves out is not passed to the function, so the function's own default applies.
    """
    return StrawberryArgument(
        python_name=name,
        graphql_name=None,
        type_annotation=StrawberryAnnotation(type_),
        description=description,
        default=default,
    )


PAGE_ARGUMENTS = (
    argument("first", int | None, "How many to return, counted from the start. 50 by default, at most 500."),
    argument("after", str | None, "Return those after this cursor, as given by `pageInfo.endCursor`."),
    argument("last", int | None, "How many to return, counted from the end. At most 500."),
    argument("before", str | None, "Return those before this cursor, as given by `pageInfo.startCursor`."),
)


def global_id(type_name: str) -> DeclaredAttribute:
    encode = global_ids.encoder(type_name)
    leaf = Leaf(reads=("id",), compute=lambda row: encode(row.id), of_values=encode, id_of=type_name)
    return declared_field(leaf, "Opaque global id; `node(id:)` finds the object again.")


def legacy_id() -> DeclaredAttribute:
    return column("The number inside `id`, as older integrations know it.", "id")


Amount = Callable[[Any], int | None]


def cents(
    description: str,
    name: str,
    *,
    of: Amount | None = None,
    reads: Sequence[str] = (),
    twin: str | None = None,
) -> DeclaredAttribute:
    """Declare `xCents`: an amount in minor units of the row's `currency`.

    An amount that GraphQL's Int can't hold is an error (INT_OVERFLOW), never a wrong number.

    Args:
        name: The column of the amount.
        of: Computes the amount from the row, if it is no column.
        reads: The columns that `of` reads.
        twin: The field that the error names. None: the `xFormatted` of `name`.
    """
    amount_of: Amount = of or attrgetter(name)
    fitting = twin or f"{graphql_name(name.removesuffix('_cents'))}Formatted"

    def compute(row: Any) -> int | None:
        amount = amount_of(row)
        if amount is not None and not -(2**31) <= amount < 2**31:
            raise InvalidInput(f"The amount does not fit GraphQL's Int; read {fitting} instead.", code="INT_OVERFLOW")
        return amount

    leaf = Leaf(reads=tuple(reads) or (name,), compute=compute, is_column=of is None)
    return declared_field(leaf, f"{description} In minor units (cents).")


def formatted(description: str, name: str, *, of: Amount | None = None, reads: Sequence[str] = ()) -> DeclaredAttribute:
    """Declare `xFormatted(currency)`: the same amount as text. `of` and `reads` are those of `cents`."""
    amount_of: Amount = of or attrgetter(name)

    def compute(row: Any, currency: str | None = None) -> str | None:
        return money.format_cents(amount_of(row), row.currency, asked=currency)

    leaf = Leaf(
        reads=(*(reads or (name,)), "currency"),
        compute=compute,
        of_values=money.format_cents if of is None else None,
    )
    return declared_field(
        leaf,
        f"{description} Formatted, as in `$1,234.50`.",
        arguments=(argument("currency", str | None, "ISO 4217 code that the amount must be in; no conversion."),),
    )


class Amounts:
    """One declaration of an amount that a type shows twice: as `xCents` and as `xFormatted(currency)`.

    Example:
        `_TOTAL = Amounts("What the buyer pays.", "total_cents")`, then `total_cents: int | None = _TOTAL.cents()` and
        `total_formatted: str | None = _TOTAL.formatted()`.
    """

    def __init__(
        self,
        description: str,
        name: str,
        *,
        of: Amount | None = None,
        reads: Sequence[str] = (),
        twin: str | None = None,
    ) -> None:
        self._description, self._name, self._of, self._reads, self._twin = description, name, of, reads, twin

    def cents(self) -> DeclaredAttribute:
        return cents(self._description, self._name, of=self._of, reads=self._reads, twin=self._twin)

    def formatted(self) -> DeclaredAttribute:
        return formatted(self._description, self._name, of=self._of, reads=self._reads)


def declared_field(
    declaration: Declaration,
    description: str,
    *,
    arguments: Sequence[StrawberryArgument] = (),
    deprecated: str | None = None,
) -> DeclaredAttribute:
    made = DeclaredField(
        python_name=None,
        graphql_name=None,
        type_annotation=None,
        description=description,
        deprecation_reason=deprecated,
        metadata={_DECLARATION: declaration},
    )
    made.arguments = list(arguments)
    return made


class _Column(DeclaredField):
    """A field that shows a column. The column's name may be known only after the class has named the field."""

    def __init__(self, description: str, name: str | None, deprecated: str | None) -> None:
        super().__init__(description=description, deprecation_reason=deprecated, metadata={"column": name})

    @property
    def declaration(self) -> Declaration:
        name = self.metadata["column"] or self.python_name
        return Leaf(reads=(name,), compute=attrgetter(name), is_column=True)

    def get_result(self, source: object, info: object, args: list[object], kwargs: dict[str, object]) -> object:
        return readable(getattr(source, self.metadata["column"] or self.python_name))

    @property
    def is_basic_field(self) -> bool:
        return True

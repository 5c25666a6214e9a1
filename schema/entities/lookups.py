"""Root fields that find objects by their global ids."""

from collections.abc import Sequence

import strawberry

from app.errors import InvalidInput
from schema.engine.context import Context, Info
from schema.entities import global_ids
from schema.entities.declarations import ENTITIES, ArgumentValues, DeclaredAttribute, Lookup
from schema.entities.fields import DeclaredField, argument
from schema.entities.names import graphql_name

MAX_IDS = 100


def lookup(
    name: str, argument_description: str, *, type_name: str | None = None, description: str
) -> DeclaredAttribute:
    """Declare a field that finds one object by the id in the argument `name`.

    Args:
        type_name: The type that the id must be of. None: any type that has ids.
    """
    return _looked_up(Lookup(argument=name, type=type_name), strawberry.ID, argument_description, description)


def lookups(name: str, argument_description: str, *, description: str) -> DeclaredAttribute:
    """Declare a field that finds objects by the ids in the argument `name`, at most MAX_IDS, in their order."""
    return _looked_up(Lookup(argument=name, is_list=True), list[strawberry.ID], argument_description, description)


def find_keys(lookup: Lookup, given: str | Sequence[str]) -> list[tuple[str, int]]:
    """Return type and key of each id. Raises InvalidInput for a text that is no id, or an id of another type."""
    if not lookup.is_list:
        assert isinstance(given, str)
        return [_key(lookup, given, graphql_name(lookup.argument))]
    _check_number(lookup, given)
    return [_key(lookup, one, f"{lookup.argument}.{place}") for place, one in enumerate(given)]


class LookedUp(DeclaredField):
    """A root field that resolves from its `Lookup`."""

    def resolve(self, source: object, info: Info, arguments: ArgumentValues) -> object:
        lookup = self.declaration
        assert isinstance(lookup, Lookup)
        given = arguments[lookup.argument]
        if not lookup.is_list:
            return _find(info.context, lookup, given, graphql_name(lookup.argument))
        _check_number(lookup, given)
        # They are not awaited here: so the dataloaders read all of them at once, and each fails by itself.
        return [_find(info.context, lookup, one, f"{lookup.argument}.{place}") for place, one in enumerate(given)]


async def _find(context: Context, lookup: Lookup, global_id: str, field: str) -> object:
    """Return the row of a global id, or None. Raises InvalidInput for a malformed id, and Forbidden."""
    if lookup.type is not None:
        context.viewer.require(ENTITIES[lookup.type].scope)
    type_name, key = _key(lookup, global_id, field)
    entity = ENTITIES[type_name]
    context.viewer.require(entity.scope)
    with_deleted = context.is_rendering or entity.is_stand_in
    row = await context.loaders.by_id(entity.table, key, with_deleted=with_deleted, where=entity.where)
    return None if row is None else entity.row_of(row)


def _key(lookup: Lookup, global_id: str, field: str) -> tuple[str, int]:
    if lookup.type is not None:
        return lookup.type, global_ids.key_of(global_id, lookup.type, field=field)
    type_name, key = global_ids.decode(global_id, field=field)
    entity = ENTITIES.get(type_name)
    if entity is None or not entity.is_node:
        raise InvalidInput.at(field, f"{type_name} is not a type of this API")
    return type_name, key


def _check_number(lookup: Lookup, given: Sequence[str]) -> None:
    if len(given) > MAX_IDS:
        raise InvalidInput.at(lookup.argument, f"at most {MAX_IDS} can be asked for at once")


def _looked_up(declaration: Lookup, type_: object, argument_description: str, description: str) -> DeclaredAttribute:
    made = LookedUp(
        python_name=None,
        graphql_name=None,
        type_annotation=None,
        description=description,
        metadata={"declaration": declaration},
    )
    made.arguments = [argument(declaration.argument, type_, argument_description)]
    return made

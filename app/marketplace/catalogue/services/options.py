"""The option values of variants and adverts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.db.pool import Connection
from app.db.table import Table
from app.db.write import insert_rows
from app.kernel.problems import Problems
from app.marketplace.catalogue.db.option_types import (
    VARIANT_OPTION_VALUES,
    AdvertOptionValue,
    OptionTypeId,
    OptionValueId,
    VariantOptionValue,
    lock_choices,
)
from app.marketplace.catalogue.domain.option import Choice, choice_problems

ChoiceRow = TypeVar("ChoiceRow", VariantOptionValue, AdvertOptionValue)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChoice:
    """A chosen value: one of the type's values or, for a FREE_TEXT type, a text."""

    option_type_id: OptionTypeId
    option_value_id: OptionValueId | None = None
    text_value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersChoices:
    """All choices that a locked variant or advert is to have. `path` is their place in the input."""

    owner_id: int
    choices: Sequence[NewChoice]
    path: str


_NAMES = ("option_type_id", "option_value_id", "text_value")
#: An owner with the values of those columns.
_Row = tuple[int, OptionTypeId, OptionValueId | None, str | None]


async def set_choices(conn: Connection, table: Table[ChoiceRow], asked: Sequence[OwnersChoices]) -> set[int]:
    """Set the choices of variants or adverts, by the same number of statements for one as for many.

    Choices that stay keep their rows, so that webhooks are told of the others alone.

    Args:
        table: The table of the owners. Their choices have a `variant_id` or an `advert_id`.

    Returns:
        The ids of the owners whose choices were changed.

    Raises:
        InvalidInput: Names everything that is wrong with any of them.
    """
    if not asked:
        return set()
    owner = "variant_id" if table.name == VARIANT_OPTION_VALUES.name else "advert_id"
    await _check(conn, asked)
    missing: Counter[_Row] = Counter(row for one in asked for row in _rows(one))
    gone: dict[int, int] = {}
    for record in await conn.fetch(
        f"select id, {owner}, {', '.join(_NAMES)} from {table.name} where {owner} = any($1::bigint[]) order by id",
        [one.owner_id for one in asked],
    ):
        choice: _Row = tuple(record)[1:]
        if missing[choice]:
            missing[choice] -= 1
        else:
            gone[record["id"]] = record[owner]
    if gone:
        await conn.execute(f"delete from {table.name} where id = any($1::bigint[])", [*gone])
    rows: list[Mapping[str, object]] = [
        dict(zip((owner, *_NAMES), choice, strict=True)) for choice in missing.elements()
    ]
    if rows:
        await insert_rows(conn, table, rows)
    return {*gone.values(), *(choice[0] for choice in missing.elements())}


async def _check(conn: Connection, asked: Sequence[OwnersChoices]) -> None:
    choices = [choice for one in asked for choice in one.choices]
    types = await lock_choices(
        conn,
        {choice.option_type_id for choice in choices},
        {choice.option_value_id for choice in choices if choice.option_value_id is not None},
    )
    problems = Problems()
    for one in asked:
        problems.include(choice_problems([_choice(choice) for choice in one.choices], types, one.path))
    problems.check()


def _rows(one: OwnersChoices) -> list[_Row]:
    return [(one.owner_id, choice.option_type_id, choice.option_value_id, choice.text_value) for choice in one.choices]


def _choice(choice: NewChoice) -> Choice:
    return Choice(type_id=choice.option_type_id, value_id=choice.option_value_id, text=choice.text_value)

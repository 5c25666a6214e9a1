"""What variants and adverts have chosen of options: what tells an advert's variants apart, and what all have."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from app.db.option_types import (
    VARIANT_OPTION_VALUES,
    AdvertOptionValue,
    OptionTypeId,
    OptionValueId,
    VariantOptionValue,
    find_choices,
)
from app.db.pool import Connection
from app.db.table import Table
from app.db.write import insert_rows
from app.domain.option import Choice, choice_problems

ChoiceRow = TypeVar("ChoiceRow", VariantOptionValue, AdvertOptionValue)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChoice:
    """Either one of the type's values or, of a FREE_TEXT type, a text."""

    option_type_id: OptionTypeId
    option_value_id: OptionValueId | None = None
    text_value: str | None = None


async def set_choices(
    conn: Connection, table: Table[ChoiceRow], owner_id: int, choices: Sequence[NewChoice], path: str
) -> bool:
    """Give a locked variant or advert these choices and no other; whether that changed anything.

    table  the owner's: its choices are told by `variant_id` or `advert_id`.
    Raises InvalidInput.
    """
    owner = "variant_id" if table.name == VARIANT_OPTION_VALUES.name else "advert_id"
    types = await find_choices(conn, [choice.option_type_id for choice in choices])
    choice_problems([_choice(choice) for choice in choices], types, path).check()
    records = await conn.fetch(
        f"select option_type_id, option_value_id, text_value from {table.name} where {owner} = $1",
        owner_id,
    )
    wanted = [(choice.option_type_id, choice.option_value_id, choice.text_value) for choice in choices]
    if sorted(map(repr, wanted)) == sorted(repr(tuple(record)) for record in records):
        return False
    await conn.execute(f"delete from {table.name} where {owner} = $1", owner_id)
    names = ("option_type_id", "option_value_id", "text_value")
    rows: list[Mapping[str, object]] = [{owner: owner_id, **dict(zip(names, values, strict=True))} for values in wanted]
    if rows:
        await insert_rows(conn, table, rows)
    return True


def _choice(choice: NewChoice) -> Choice:
    return Choice(type_id=choice.option_type_id, value_id=choice.option_value_id, text=choice.text_value)

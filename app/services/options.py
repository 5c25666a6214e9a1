"""What a variant has chosen of the options that tell it from its advert's others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.db.option_types import VARIANT_OPTION_VALUES, OptionTypeId, OptionValueId, find_choices
from app.db.pool import Connection
from app.db.variants import VariantId
from app.db.write import insert_rows
from app.domain.option import Choice, choice_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class NewChoice:
    """Either one of the type's values or, of a FREE_TEXT type, a text."""

    option_type_id: OptionTypeId
    option_value_id: OptionValueId | None = None
    text_value: str | None = None


async def set_choices(conn: Connection, variant_id: VariantId, choices: Sequence[NewChoice], path: str) -> bool:
    """Give a locked variant these choices and no other; whether that changed anything. Raises InvalidInput."""
    types = await find_choices(conn, [choice.option_type_id for choice in choices])
    choice_problems([_choice(choice) for choice in choices], types, path).check()
    records = await conn.fetch(
        "select option_type_id, option_value_id, text_value from variant_option_values where variant_id = $1",
        variant_id,
    )
    wanted = [(choice.option_type_id, choice.option_value_id, choice.text_value) for choice in choices]
    if sorted(map(repr, wanted)) == sorted(repr(tuple(record)) for record in records):
        return False
    await conn.execute("delete from variant_option_values where variant_id = $1", variant_id)
    names = ("option_type_id", "option_value_id", "text_value")
    rows: list[Mapping[str, object]] = [
        {"variant_id": variant_id, **dict(zip(names, values, strict=True))} for values in wanted
    ]
    if rows:
        await insert_rows(conn, VARIANT_OPTION_VALUES, rows)
    return True


def _choice(choice: NewChoice) -> Choice:
    return Choice(type_id=choice.option_type_id, value_id=choice.option_value_id, text=choice.text_value)

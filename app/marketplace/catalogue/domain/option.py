"""Terms and rules of options, which distinguish the variants of an advert."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from app.kernel.problems import Problems


class FieldType(StrEnum):
    SINGLE_SELECT = "SINGLE_SELECT"
    MULTI_SELECT = "MULTI_SELECT"
    FREE_TEXT = "FREE_TEXT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A chosen option value: one of the type's values, or a text."""

    type_id: int
    value_id: int | None
    text: str | None


def choice_problems(
    choices: Sequence[Choice], types: Mapping[int, tuple[FieldType, frozenset[int]]], path: str
) -> Problems:
    """List the problems of a variant's choices.

    Args:
        types: Field type of each type that exists, and those of the chosen values that it has.
    """
    problems = Problems()
    seen: set[int] = set()
    for index, choice in enumerate(choices):
        place = f"{path}.{index}"
        if choice.type_id not in types:
            problems.add(f"{place}.option_type_id", "there is no such option type")
            continue
        kind, values = types[choice.type_id]
        if kind is FieldType.FREE_TEXT:
            if not (choice.text or "").strip() or choice.value_id is not None:
                problems.add(f"{place}.text_value", "is required, and nothing else, for an option of free text")
        elif choice.value_id not in values or choice.text is not None:
            problems.add(f"{place}.option_value_id", "must be one of the option type's values")
        if choice.type_id in seen and kind is not FieldType.MULTI_SELECT:
            problems.add(f"{place}.option_type_id", "is given twice")
        seen.add(choice.type_id)
    return problems

"""Finding, in an answer, the marks of `marked`: whose each value is."""

import base64
import re
from typing import Any

import orjson

from tests.schema.marked import HIDDEN


def hidden_in(answer: Any) -> list[str]:
    """Every value, deep inside, that is marked as seller 2's or as the operator's own."""
    if isinstance(answer, dict):
        return [found for key, value in answer.items() for found in (*hidden_in(key), *hidden_in(value))]
    if isinstance(answer, list):
        return [found for value in answer for found in hidden_in(value)]
    return [str(answer)] if _is_hidden(answer) else []


def _is_hidden(value: Any) -> bool:
    if isinstance(value, bool) or value is None:
        return False
    if isinstance(value, int | float):
        return int(value) in HIDDEN or round(value * 100_000) in HIDDEN
    if re.search(r"S[02]-|2082-", value) or _in_global_id(value):
        return True
    digits = re.sub(r"\D", "", value)
    return not re.search("[A-Za-z]", value) and digits != "" and int(digits) in HIDDEN


def _in_global_id(value: str) -> bool:
    try:
        text = base64.b64decode(value, validate=True).decode()
    except ValueError:
        return False
    number = re.fullmatch(r"[A-Za-z]+-(\d+)", text)
    return number is not None and int(number[1]) in HIDDEN


def seen_in(answer: Any) -> set[str]:
    """The tables whose rows of seller 1 an answer shows."""
    return set(re.findall(r"S1-([a-z_]+)-", orjson.dumps(answer).decode()))

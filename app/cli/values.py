"""Values that commands take: ids in both forms, durations and times."""

import re
from datetime import UTC, datetime, timedelta

import typer

from app.errors import InvalidInput
from schema.entities import global_ids

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
#: Ten years. A longer one is surely a mistake, and must not leave the calendar.
_MAX_DURATION_S = 3653 * 86_400


def row_id(text: str, type_name: str) -> int:
    """Return the key of a row, given as its number, as `Type-<number>` or as its global id.

    Raises:
        BadParameter: It is neither, or the id of something else.
    """
    if re.fullmatch(r"[0-9]{1,18}", text):
        return int(text)
    try:
        # A longer number is no key of ours.
        global_id = text if text.isdecimal() else global_ids.from_any_form(text, type_name)
        return global_ids.key_of(global_id, type_name, field="id")
    except InvalidInput as error:
        example = f"a number such as 3, or a global id such as {global_ids.encode(type_name, 3)}"
        what = error.message.removeprefix("id: ")
        told = what if what.startswith("is the id of") else f"is no id of a {type_name}"
        raise typer.BadParameter(f"{text!r} {told}. Give {example}.") from error


def duration_s(text: str) -> int:
    """Return the seconds of a duration such as `90d`, `12h`, `30m` or `0`. Raises BadParameter."""
    match = re.fullmatch(r"([0-9]{1,12})([smhdw]?)", text)
    if match is None or (not match[2] and match[1].strip("0")):
        raise typer.BadParameter(f"{text!r} is no duration. Give one such as 90d, 12h or 30m (s, m, h, d, w), or 0.")
    seconds = int(match[1]) * _UNITS.get(match[2], 1)
    if seconds > _MAX_DURATION_S:
        raise typer.BadParameter(f"{text!r} is longer than ten years.")
    return seconds


def time_ahead(text: str, now: datetime) -> datetime:
    """Return a time, given as a duration from now or as a date or time in UTC. Raises BadParameter."""
    return _time(text, now, 1)


def time_ago(text: str, now: datetime) -> datetime:
    """Return a time, given as a duration until now or as a date or time in UTC. Raises BadParameter."""
    return _time(text, now, -1)


def _time(text: str, now: datetime, direction: int) -> datetime:
    if re.fullmatch(r"[0-9]+[a-z]?", text):
        return now + direction * timedelta(seconds=duration_s(text))
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise typer.BadParameter(
            f"{text!r} is no duration, such as 90d or 12h, and no date or time, such as 2027-01-31."
        ) from error

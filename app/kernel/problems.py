"""Problems of an input: the path of a field, by the names of the services' inputs, and messages about it."""

import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from enum import Enum

from app.errors import InvalidInput

MAX_TEXT = 500
MAX_LONG_TEXT = 10_000
MAX_ITEMS = 500
INT4_MAX = 2**31 - 1
BIGINT_MAX = 2**63 - 1

_WEB_ADDRESS = re.compile(r"https?://[^\s/?#]+[^\s]*\Z", re.IGNORECASE)
_LONG_TEXTS = frozenset(
    {
        "note",
        "notes",
        "description",
        "message_to_seller",
        "specifications",
        "ingredients",
        "nutrition_information",
        "directions",
        "product_warnings",
        "health_warnings",
    }
)
_INT4 = frozenset({"quantity", "count_on_hand", "min_purchase_quantity", "max_purchase_quantity"})


class Problems(dict[str, list[str]]):
    """Messages by the path of the field. All problems of an input are reported at once."""

    def add(self, path: str, message: str) -> None:
        self.setdefault(path, []).append(message)

    def include(self, others: Mapping[str, Sequence[str]]) -> "Problems":
        for path, messages in others.items():
            self.setdefault(path, []).extend(messages)
        return self

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Include the problems of an InvalidInput that is raised in the context, and go on after it."""
        try:
            yield
        except InvalidInput as error:
            self.include(error.fields)

    def check(self) -> None:
        """Raise InvalidInput that names every field, if there is a problem."""
        if self:
            told = "; ".join(f"{path}: {', '.join(messages)}" for path, messages in self.items())
            raise InvalidInput(told, fields=self)


def value_problems(value: object, path: str = "") -> Problems:
    """List the values of a (nested) input, a dataclass or a mapping, that PostgreSQL can't store or that are too long.

    Texts are bounded and have no NUL and no half of a surrogate pair. Numbers fit their columns. Times fit UTC.
    """
    problems = Problems()
    _add_problems(value, path, problems)
    return problems


def _add_problems(value: object, path: str, problems: Problems) -> None:
    # Scalars come first: most values are, and `Mapping` takes long to tell. In this order an input takes a third.
    if value is None or isinstance(value, (Enum, bool)):
        return
    if isinstance(value, (str, int, float, datetime)):
        if (message := _scalar_problem(value, path)) is not None:
            problems.add(path, message)
    elif is_dataclass(value):
        for field in fields(value):
            _add_problems(getattr(value, field.name), join(path, field.name), problems)
    elif isinstance(value, Mapping):
        for name, one in value.items():
            _add_problems(one, join(path, name), problems)
    elif isinstance(value, (list, tuple)):
        if len(value) > MAX_ITEMS:
            problems.add(path, f"must not have more than {MAX_ITEMS} entries")
        for index, item in enumerate(value[:MAX_ITEMS]):
            _add_problems(item, join(path, str(index)), problems)


def form_problems(
    sent: Mapping[str, object],
    *,
    required: Collection[str] = (),
    not_null: Collection[str] = (),
    is_new: bool = False,
    path: str = "",
) -> Problems:
    """List the attributes that are missing, null or blank and must not be.

    Args:
        required: Those that a new object must have. They can't be cleared later.
        not_null: Others that can't be cleared.
        path: The place of the attributes in the input.
    """
    problems = Problems()
    for name in dict.fromkeys((*required, *not_null)):
        if name not in sent:
            if is_new and name in required:
                problems.add(join(path, name), "is required")
        elif (value := sent[name]) is None:
            problems.add(join(path, name), "can't be null")
        elif isinstance(value, str) and not value.strip():
            problems.add(join(path, name), "must not be blank")
    return problems


def blank_problems(texts: Mapping[str, str]) -> Problems:
    """List the texts that are blank, by their paths."""
    return Problems({path: ["must not be blank"] for path, text in texts.items() if not text.strip()})


def url_problems(urls: Mapping[str, str | None]) -> Problems:
    """List the texts that are not http(s) URLs, by their paths. None is allowed."""
    wrong = [path for path, url in urls.items() if url is not None and not _WEB_ADDRESS.match(url)]
    return Problems({path: ["must be an http:// or https:// URL"] for path in wrong})


def join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _scalar_problem(value: object, path: str) -> str | None:
    name = next((part for part in reversed(path.split(".")) if not part.isdigit()), "")
    if isinstance(value, str):
        return text_problem(value, longest_text(name))
    if isinstance(value, int) and abs(value) > (INT4_MAX if name in _INT4 else BIGINT_MAX):
        return "is too large"
    if isinstance(value, float) and not math.isfinite(value):
        return "must be a finite number"
    if isinstance(value, datetime):
        return _time_problem(value)
    return None


def longest_text(name: str) -> int:
    """Return how many characters a text of this name may have."""
    return MAX_LONG_TEXT if name in _LONG_TEXTS else MAX_TEXT


def text_problem(text: str, longest: int) -> str | None:
    """Return why a text can't be stored; None if it can."""
    if len(text) > longest:
        return f"must not be longer than {longest} characters"
    if "\x00" in text:
        return "must not contain the NUL character"
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        return "must not contain half of a surrogate pair"
    return None


def _time_problem(time: datetime) -> str | None:
    try:
        time.astimezone(UTC)
    except (OverflowError, ValueError):
        return "is beyond the years 1 to 9999"
    return None

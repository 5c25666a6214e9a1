"""Check the size of a payload, and name the fields that make it too large."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any

import orjson

#: Number of fields that are named, and number of the fields from which they are chosen.
_NAMED, _COMPARED = 3, 50
#: A payload with more commas, or more lists and objects, is not looked into: parsing it would hold the event loop for
#: too long. Five megabytes of usual rows have fewer.
_MAX_COMMAS, _MAX_CONTAINERS = 350_000, 60_000
#: Rows of a list that are looked into, from where it is the largest. The others count as if they were like these.
_ROWS = 10
#: What is deeper, or comes after so many values, counts as one value.
_MAX_DEPTH = 20
_MAX_VALUES = 10_000
#: Characters of a path: an alias may be as long as a query.
_MAX_PATH = 200


def describe_excess(body: bytes, limit: int) -> str | None:
    """Describe by how much a payload is too large, and its largest fields. None when it fits.

    Args:
        body: The GraphQL response, as JSON.
        limit: The greatest number of bytes.
    """
    if len(body) <= limit:
        return None
    text = f"The payload has {len(body):,} bytes; at most {limit:,} are allowed."
    if body.count(b",") > _MAX_COMMAS or body.count(b"{") + body.count(b"[") > _MAX_CONTAINERS:
        return f"{text} It has too many values to tell which fields are the largest."
    try:
        largest = _find_largest(orjson.loads(body))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        # It nests too deeply to be parsed or written.
        return text
    named = ", ".join(_shown(path, size) for path, size in largest)
    return f"{text} Largest fields: {named}." if named else text


@dataclass(slots=True)
class _Size:
    """The bytes of all values at one path, and the rows of lists. With `is_estimate`, only a part was measured."""

    bytes: float = 0
    rows: float = 0
    is_estimate: bool = False


@dataclass(slots=True)
class _Sizes:
    """Sizes by path, as in `lineItems[].advertTitle`. A list has the path of its field."""

    by_path: dict[str, _Size] = field(default_factory=dict)
    seen: int = 0

    def measure(self, path: str, value: Any, scale: float = 1, depth: int = 0) -> float:
        """Return the value's bytes. Add them, times `scale`, to the size of its path."""
        self.seen += 1
        if depth < _MAX_DEPTH and self.seen <= _MAX_VALUES:
            if isinstance(value, dict):
                return self._measure_object(path, value, scale, depth + 1)
            if isinstance(value, list):
                return self._measure_list(path, value, scale, depth + 1)
        size = _length(value)
        self._add(path, size, scale, is_estimate=scale != 1 or isinstance(value, dict | list))
        return size

    def _measure_object(self, path: str, value: Mapping[str, Any], scale: float, depth: int) -> float:
        names = sum(len(name) + 4 for name in value) + 1
        return names + sum(
            self.measure(f"{path}.{name}" if path else name, each, scale, depth) for name, each in value.items()
        )

    def _measure_list(self, path: str, rows: Sequence[Any], scale: float, depth: int) -> float:
        chosen, part, whole = _choose_rows(rows)
        below = scale * whole / part
        measured = sum(self.measure(f"{path}[]", row, below, depth) for row in chosen)
        size = measured * whole / part + len(rows) + 1
        self._add(path, size, scale, rows=len(rows), is_estimate=below != 1)
        return size

    def _add(self, path: str, size: float, scale: float, *, rows: int = 0, is_estimate: bool) -> None:
        found = self.by_path.setdefault(path, _Size())
        found.bytes += size * scale
        found.rows += rows * scale
        found.is_estimate |= is_estimate


def _choose_rows(rows: Sequence[Any]) -> tuple[Sequence[Any], int, int]:
    """Return at most _ROWS rows, from the largest part of the list, their bytes, and the bytes of all rows."""
    part = whole = 1
    while len(rows) > _ROWS:
        step = -(-len(rows) // _ROWS)
        parts = [rows[start : start + step] for start in range(0, len(rows), step)]
        sizes = [_length(each) for each in parts]
        part, rows = max(zip(sizes, parts, strict=True), key=lambda one: one[0])
        whole = max(whole, sum(sizes))
    return rows, part, whole


def _length(value: Any) -> int:
    """Return the bytes of a value's JSON; of a text without its quotation marks."""
    return len(orjson.dumps(value)) - (2 if isinstance(value, str) else 0)


def _find_largest(response: Mapping[str, Any]) -> list[tuple[str, _Size]]:
    """Return the largest fields with their sizes, largest first. A field that makes up most of a list replaces it."""
    sizes = _Sizes()
    for name, value in response.items():
        if name == "data" and isinstance(value, dict):
            # Paths begin with the fields of `node`, whatever its alias.
            for alias, node in value.items():
                sizes.measure("" if isinstance(node, dict) else alias, node)
        else:
            sizes.measure(name, value)
    by_size = nlargest(_COMPARED, sizes.by_path.items(), key=lambda one: one[1].bytes)
    found: list[tuple[str, _Size]] = []
    for path, size in by_size:
        is_inside = any(path.startswith(f"{outer}[]") for outer, _ in found)
        if not is_inside and not any(_is_most_of(path, size, *one) for one in by_size):
            found.append((path, size))
    return found[:_NAMED]


def _is_most_of(path: str, size: _Size, inner: str, inner_size: _Size) -> bool:
    """Return whether one path inside a list makes up half of it, and is named in its place."""
    return inner.startswith(f"{path}[]") and inner_size.bytes * 2 >= size.bytes


def _shown(path: str, size: _Size) -> str:
    shown = path.removesuffix("[]") if len(path) <= _MAX_PATH else f"{path[:_MAX_PATH]}…"
    about = "about " if size.is_estimate else ""
    rows = f"{round(size.rows):,} rows, " if size.rows else ""
    return f"{shown} ({rows}{about}{round(size.bytes):,} bytes)"

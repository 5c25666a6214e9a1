"""Notes on the parts of an expression, each with line and column."""

from collections.abc import Sequence
from typing import Final

from app.webhooks.cel.types.expression import Expression

_SHOWN_CHARACTERS: Final = 60
_LISTED: Final = 8


class Notes:
    """The notes on one expression, in the order in which they were made."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.messages: list[str] = []

    def add(self, tree: Expression, message: str, *, at: int | None = None) -> str:
        """Keep a note on a part, and return it. `at` is its place if that is not the beginning of the part."""
        before = self._text[: tree.start if at is None else at]
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
        self.messages.append(f"line {line}, column {column}: {self.shown(tree)} {message}")
        return self.messages[-1]

    def shown(self, tree: Expression) -> str:
        """Return the text of a part in one line, shortened if it is long."""
        shown = " ".join(self._text[tree.start : tree.end].split())
        return shown if len(shown) <= _SHOWN_CHARACTERS else f"{shown[: _SHOWN_CHARACTERS - 1]}…"


def listed(words: Sequence[str]) -> str:
    """Return the first words, quoted and with commas."""
    shown = ", ".join(map(repr, words[:_LISTED]))
    return f"{shown}, …" if len(words) > _LISTED else shown

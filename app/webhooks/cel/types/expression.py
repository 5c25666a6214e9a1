"""The tree of an expression, with the place of each part. Pure.

The library that runs expressions has compiled the text before, but does not give its tree away. This parser reads the
standard grammar alone. It refuses the rest, and what it refuses is not checked by type.

Source: the language definition of the Common Expression Language, "Syntax".
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final


class Form(Enum):
    """The form of an expression. `parts` of METHOD begin with the receiver; those of MAP are keys and values."""

    NAME = auto()
    LITERAL = auto()
    FIELD = auto()
    INDEX = auto()
    CALL = auto()
    METHOD = auto()
    LIST = auto()
    MAP = auto()
    OPERATOR = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """An expression. `text` is its name, operator or literal; `start` and `end` are its place in the source."""

    form: Form
    text: str
    parts: "tuple[Expression, ...]" = ()
    start: int
    end: int


class UnknownSyntax(Exception):
    """The text has a form that this parser does not know."""


_TOKEN: Final = re.compile(
    r"""(?P<space>(?:\s|//[^\n]*)+)
    |(?P<text>[rR]?(?:\"\"\"(?:\\.|[^\\])*?\"\"\"|\'\'\'(?:\\.|[^\\])*?\'\'\'|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<number>0x[0-9a-fA-F]+[uU]?|(?:\d*\.\d+|\d+)(?:[eE][+-]?\d+)?[uU]?)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>&&|\|\||[=!<>]=|[-<>+*/%!?:.,()\[\]{}])""",
    re.VERBOSE | re.DOTALL,
)
#: Operators of two operands, those that bind least first.
_LEVELS: Final = (
    frozenset({"||"}),
    frozenset({"&&"}),
    frozenset({"==", "!=", "<", "<=", ">", ">=", "in"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)
_CONSTANTS: Final = frozenset({"true", "false", "null"})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int
    end: int


def parse(text: str) -> Expression:
    """Return the tree of an expression that compiles.

    Raises:
        UnknownSyntax: It has another form than the standard's grammar.
        RecursionError: It nests too deeply.
    """
    parser = _Parser(_tokens(text))
    tree = parser.ternary()
    parser.take("end")
    return tree


def _tokens(text: str) -> list[_Token]:
    tokens, at = [], 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise UnknownSyntax(text[at : at + 1])
        kind = match.lastgroup or ""
        if kind != "space":
            tokens.append(_Token("sign" if match[0] == "in" else kind, match[0], at, match.end()))
        at = match.end()
    return [*tokens, _Token("end", "", len(text), len(text))]


class _Parser:
    def __init__(self, tokens: Sequence[_Token]) -> None:
        self._tokens = tokens
        self._at = 0

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def take(self, kind: str, text: str | None = None) -> _Token:
        token = self._next
        if token.kind != kind or text not in (None, token.text):
            raise UnknownSyntax(token.text)
        self._at += 1
        return token

    def _skip(self, sign: str) -> bool:
        found = self._next.kind == "sign" and self._next.text == sign
        self._at += found
        return found

    def ternary(self) -> Expression:
        condition = self._level(0)
        if not self._skip("?"):
            return condition
        first = self._level(0)
        self.take("sign", ":")
        return _operator("?:", condition, first, self.ternary())

    def _level(self, level: int) -> Expression:
        if level == len(_LEVELS):
            return self._unary()
        left = self._level(level + 1)
        while self._next.kind == "sign" and self._next.text in _LEVELS[level]:
            sign = self.take("sign")
            left = _operator(sign.text, left, self._level(level + 1))
        return left

    def _unary(self) -> Expression:
        signs = []
        while self._next.kind == "sign" and self._next.text in ("!", "-"):
            signs.append(self.take("sign"))
        made = self._member()
        for sign in reversed(signs):
            made = Expression(form=Form.OPERATOR, text=sign.text, parts=(made,), start=sign.start, end=made.end)
        return made

    def _member(self) -> Expression:
        made = self._primary()
        while True:
            start = made.start
            if self._skip("."):
                name = self.take("name")
                if self._skip("("):
                    parts, end = self._list(")")
                    made = Expression(form=Form.METHOD, text=name.text, parts=(made, *parts), start=start, end=end)
                else:
                    made = Expression(form=Form.FIELD, text=name.text, parts=(made,), start=start, end=name.end)
            elif self._skip("["):
                key = self.ternary()
                end = self.take("sign", "]").end
                made = Expression(form=Form.INDEX, text="", parts=(made, key), start=start, end=end)
            else:
                return made

    def _primary(self) -> Expression:
        token = self._next
        self._at += 1
        if token.kind in ("text", "number") or (token.kind == "name" and token.text in _CONSTANTS):
            return Expression(form=Form.LITERAL, text=token.text, start=token.start, end=token.end)
        if token.kind == "name" and self._skip("("):
            parts, end = self._list(")")
            return Expression(form=Form.CALL, text=token.text, parts=parts, start=token.start, end=end)
        if token.kind == "name":
            return Expression(form=Form.NAME, text=token.text, start=token.start, end=token.end)
        if token.text == "(":
            made = self.ternary()
            self.take("sign", ")")
            return made
        if token.text in ("[", "{"):
            form, closing = (Form.LIST, "]") if token.text == "[" else (Form.MAP, "}")
            parts, end = self._list(closing)
            return Expression(form=form, text="", parts=parts, start=token.start, end=end)
        raise UnknownSyntax(token.text)

    def _list(self, closing: str) -> tuple[tuple[Expression, ...], int]:
        """Return the expressions up to the closing bracket, and where it ends. A map's have `:` after each key."""
        parts = []
        while self._next.text != closing:
            parts.append(self.ternary())
            if closing == "}":
                self.take("sign", ":")
                parts.append(self.ternary())
            if not self._skip(","):
                break
        return tuple(parts), self.take("sign", closing).end


def _operator(sign: str, *parts: Expression) -> Expression:
    return Expression(form=Form.OPERATOR, text=sign, parts=parts, start=parts[0].start, end=parts[-1].end)

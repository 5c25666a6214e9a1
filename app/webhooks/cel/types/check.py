"""Check an expression by the types of what it reads. Pure.

The walk finds the values that each part may have, and notes each part that certainly fails or whose comparison is
certain. A filter is wrong only if the whole can't be true. Other notes are warnings.
"""

import difflib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from app.webhooks.cel.types.expression import Expression, Form, UnknownSyntax, parse
from app.webhooks.cel.types.notes import Notes, listed
from app.webhooks.cel.types.values import (
    ANYTHING,
    BOOLEAN,
    BOOLEANS,
    NOTHING,
    NUMBER,
    TEXT,
    Kind,
    Values,
    constant,
    list_of,
    literal,
    of_kinds,
    union,
)

_MOMENTS: Final = frozenset({Kind.TIMESTAMP, Kind.DURATION})
_SIZED: Final = frozenset({Kind.TEXT, Kind.BYTES, Kind.LIST, Kind.MAP})
#: Kinds whose values have an order among themselves. True and false have one together.
_ORDERED: Final = (TEXT.kinds, NUMBER.kinds, BOOLEANS, *(frozenset({kind}) for kind in (*_MOMENTS, Kind.BYTES)))
_TEXT_METHODS: Final = frozenset({"contains", "startsWith", "endsWith", "matches"})
_MACROS: Final = frozenset({"all", "exists", "exists_one", "existsOne", "filter", "map"})
_RESULTS: Final[Mapping[str, Values]] = {
    **dict.fromkeys(("int", "uint", "double"), NUMBER),
    "string": TEXT,
    "bytes": of_kinds(Kind.BYTES),
    "timestamp": of_kinds(Kind.TIMESTAMP),
    "duration": of_kinds(Kind.DURATION),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TypeReport:
    """The result of a check. Each text begins with line and column."""

    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def check_types(text: str, variables: Mapping[str, Values]) -> TypeReport:
    """Check an expression that compiles.

    Args:
        variables: What it reads, by name: `event` and `data`.
    """
    try:
        tree = parse(text)
        walk = _Walk(text, dict(variables))
        values = walk.values(tree)
    except (UnknownSyntax, RecursionError):
        return TypeReport()
    notes = tuple(dict.fromkeys(walk.notes.messages))
    if Kind.TRUE in values.kinds:
        return TypeReport(warnings=notes)
    if values.kinds and not values.kinds & BOOLEANS:
        notes = (*notes, walk.notes.add(tree, f"is {values.described()}, but a filter must be true or false"))
    return TypeReport(problems=notes or (walk.notes.add(tree, "is never true, so that nothing would be sent"),))


class _Walk:
    def __init__(self, text: str, variables: dict[str, Values]) -> None:
        self._variables = variables
        self.notes = Notes(text)
        self._forms: Mapping[Form, Callable[[Expression], Values]] = {
            Form.NAME: lambda tree: self._variables.get(tree.text, ANYTHING),
            Form.LITERAL: lambda tree: literal(tree.text),
            Form.FIELD: lambda tree: self._field(tree, tree.parts[0], tree.text),
            Form.INDEX: self._index,
            Form.CALL: self._call,
            Form.METHOD: self._method,
            Form.LIST: lambda tree: list_of(self._each(tree.parts)),
            Form.MAP: self._map,
            Form.OPERATOR: self._operator,
        }

    def values(self, tree: Expression) -> Values:
        return self._forms[tree.form](tree)

    def _fails(self, tree: Expression, message: str, *, at: int | None = None) -> Values:
        self.notes.add(tree, message, at=at)
        return NOTHING

    def _each(self, trees: Sequence[Expression]) -> list[Values]:
        return [self.values(tree) for tree in trees]

    def _field(self, tree: Expression, of: Expression, name: str, *, is_asked: bool = False) -> Values:
        """Return what a field may be.

        Args:
            is_asked: Whether `has(…)` asks for it.
        """
        owner = self.values(of)
        if not owner.kinds:
            return NOTHING
        if Kind.MAP not in owner.kinds:
            return self._fails(of, f"is {owner.described()}, and has no fields")
        found = owner.field(name)
        if not found.kinds:
            close = difflib.get_close_matches(name, owner.field_names(), n=1)
            meant = f". Did you mean {close[0]!r}?" if close else f"; it has {listed(owner.field_names())}"
            self.notes.add(
                of, f"has no field {name!r}{meant}", at=tree.end - len(name) if tree.form is Form.FIELD else None
            )
            return constant(False) if is_asked else NOTHING
        return BOOLEAN if is_asked else found

    def _index(self, tree: Expression) -> Values:
        owner, key = self._each(tree.parts)
        if not owner.kinds or not key.kinds:
            return NOTHING
        of, by = tree.parts
        names = key.texts if key.kinds == TEXT.kinds else None
        if owner.kinds & {Kind.LIST, Kind.MAP} == {Kind.MAP} and names is not None and len(names) == 1:
            return self._field(tree, of, *names)
        if not owner.kinds & {Kind.LIST, Kind.MAP}:
            return self._fails(of, f"is {owner.described()}, and has no elements")
        if Kind.MAP in owner.kinds:
            return ANYTHING
        if Kind.NUMBER not in key.kinds:
            return self._fails(by, f"is {key.described()}; a list has its elements by number, from 0")
        return ANYTHING if owner.elements is None else owner.elements

    def _map(self, tree: Expression) -> Values:
        self._each(tree.parts)
        return of_kinds(Kind.MAP)

    def _call(self, tree: Expression) -> Values:
        if tree.text == "has" and len(tree.parts) == 1 and tree.parts[0].form is Form.FIELD:
            asked = tree.parts[0]
            return self._field(asked, asked.parts[0], asked.text, is_asked=True)
        given = self._each(tree.parts)
        if not all(one.kinds for one in given):
            return NOTHING
        if tree.text == "size" and len(given) == 1:
            return self._size(tree.parts[0], given[0])
        if tree.text == "dyn" and len(given) == 1:
            return given[0]
        return _RESULTS.get(tree.text, ANYTHING)

    def _size(self, of: Expression, given: Values) -> Values:
        return NUMBER if given.kinds & _SIZED else self._fails(of, f"is {given.described()}, and has no size")

    def _method(self, tree: Expression) -> Values:
        if tree.text in _MACROS and len(tree.parts) in (3, 4) and tree.parts[1].form is Form.NAME:
            return self._macro(tree)
        of, *given = self._each(tree.parts)
        if not of.kinds or not all(one.kinds for one in given):
            return NOTHING
        if tree.text == "size" and not given:
            return self._size(tree.parts[0], of)
        if tree.text not in _TEXT_METHODS:
            return ANYTHING
        for part, values in zip(tree.parts, (of, *given), strict=True):
            if Kind.TEXT not in values.kinds:
                is_list = values.kinds & {Kind.LIST, Kind.MAP} and tree.text == "contains" and part is tree.parts[0]
                meant = f". Did you mean `… in {self.notes.shown(part)}`?" if is_list else ""
                return self._fails(part, f"is {values.described()}, but {tree.text}() takes text{meant}")
        return BOOLEAN

    def _macro(self, tree: Expression) -> Values:
        over, name, *bodies = tree.parts
        of = self.values(over)
        if not of.kinds:
            return NOTHING
        if not of.kinds & {Kind.LIST, Kind.MAP}:
            return self._fails(over, f"is {of.described()}, but {tree.text}() takes a list")
        element = ANYTHING if Kind.MAP in of.kinds or of.elements is None else of.elements
        if not element.kinds:
            # An empty list: nothing is known of elements that are not there.
            element = ANYTHING
        with self._bound(name.text, element):
            body = self._each(bodies)[-1]
        if tree.text == "map":
            return list_of([body])
        if tree.text == "filter":
            return list_of([element])
        # A list may be empty, and then `all` is true and the others are false.
        at_least = constant(tree.text == "all")
        if body.kinds and not body.kinds & BOOLEANS:
            self.notes.add(bodies[-1], f"is {body.described()}, but {tree.text}() takes true or false")
        return union([at_least, Values(kinds=body.kinds & BOOLEANS)])

    @contextmanager
    def _bound(self, name: str, values: Values) -> Iterator[None]:
        before = self._variables
        self._variables = {**before, name: values}
        try:
            yield
        finally:
            self._variables = before

    def _operator(self, tree: Expression) -> Values:
        if tree.text == "?:":
            return self._ternary(tree)
        given = self._each(tree.parts)
        if tree.text in ("&&", "||"):
            return self._joined(tree, given)
        if not all(one.kinds for one in given):
            return NOTHING
        if len(given) == 1:
            return self._unary(tree, given[0])
        left, right = given
        if tree.text in ("==", "!="):
            return self._equality(tree, left, right)
        if tree.text == "in":
            return self._membership(tree, left, right)
        if tree.text in ("<", "<=", ">", ">="):
            is_possible = any(left.kinds & one and right.kinds & one for one in _ORDERED)
            return BOOLEAN if is_possible else self._unfit(tree, left, right, "can't be evaluated")
        return self._sum(tree, left, right)

    def _ternary(self, tree: Expression) -> Values:
        condition, first, second = self._each(tree.parts)
        if condition.kinds and not condition.kinds & BOOLEANS:
            return self._fails(tree.parts[0], f"is {condition.described()}, but ? takes true or false")
        ways = ((Kind.TRUE, first), (Kind.FALSE, second))
        return union(values for kind, values in ways if kind in condition.kinds)

    def _joined(self, tree: Expression, given: Sequence[Values]) -> Values:
        """Return the result of && or ||. One side alone decides if it is false or true; the other may then fail."""
        decides, other = (Kind.FALSE, Kind.TRUE) if tree.text == "&&" else (Kind.TRUE, Kind.FALSE)
        for part, one in zip(tree.parts, given, strict=True):
            if one.kinds and not one.kinds & BOOLEANS:
                self.notes.add(part, f"is {one.described()}, but {tree.text} takes true or false")
        kinds = {decides} if any(decides in one.kinds for one in given) else set()
        kinds |= {other} if all(other in one.kinds for one in given) else set()
        return of_kinds(*kinds)

    def _unary(self, tree: Expression, given: Values) -> Values:
        swapped = {Kind.TRUE: Kind.FALSE, Kind.FALSE: Kind.TRUE}
        kinds = {swapped[kind] for kind in given.kinds & BOOLEANS}
        if tree.text == "-":
            # The library takes the minus of a boolean for its opposite.
            kinds |= given.kinds & {Kind.NUMBER, Kind.DURATION}
        wanted = "but - takes a number" if tree.text == "-" else "not true or false"
        return of_kinds(*kinds) if kinds else self._fails(tree.parts[0], f"is {given.described()}, {wanted}")

    def _equality(self, tree: Expression, left: Values, right: Values) -> Values:
        if left.may_equal(right):
            return BOOLEAN
        self._never_equal(tree, left, right)
        return constant(tree.text == "!=")

    def _membership(self, tree: Expression, left: Values, right: Values) -> Values:
        if not right.kinds & {Kind.LIST, Kind.MAP}:
            return self._fails(tree.parts[1], f"is {right.described()}, but in takes a list")
        if Kind.MAP in right.kinds or right.elements is None or left.may_equal(right.elements):
            return BOOLEAN
        if right.elements.kinds:
            self._never_equal(tree, left, right.elements)
        return constant(False)

    def _never_equal(self, tree: Expression, left: Values, right: Values) -> None:
        for part, mine, others in ((tree.parts[0], left, right), (tree.parts[1], right, left)):
            if mine.texts and others.texts and part.form is not Form.LITERAL and Kind.TEXT in mine.kinds & others.kinds:
                close = difflib.get_close_matches(min(others.texts), sorted(mine.texts), n=1, cutoff=0.5)
                meant = f". Did you mean {close[0]!r}?" if close else f"; it is {listed(sorted(mine.texts))}"
                self.notes.add(part, f"is never {listed(sorted(others.texts))}{meant}")
                return
        self._unfit(tree, left, right, "is always true" if tree.text == "!=" else "is never true")

    def _unfit(self, tree: Expression, left: Values, right: Values, verdict: str) -> Values:
        first, second = (self.notes.shown(part) for part in tree.parts)
        has = "has" if tree.text == "in" else "is"
        return self._fails(tree, f"{verdict}: {first} is {left.described()}, {second} {has} {right.described()}")

    def _sum(self, tree: Expression, left: Values, right: Values) -> Values:
        both = left.kinds & right.kinds
        if (left.kinds | right.kinds) & (_MOMENTS | {Kind.BYTES}):
            return ANYTHING
        possible = [NUMBER] if Kind.NUMBER in both else []
        if tree.text == "+":
            possible += [TEXT] if Kind.TEXT in both else []
            possible += [of_kinds(Kind.LIST)] if Kind.LIST in both else []
        if possible:
            return union(possible)
        return self._unfit(tree, left, right, "can't be evaluated")

"""Read from SQL which states of webhook events a statement leads from, and to which others.

A condition on the state itself is true or false for each state; every other condition may be either. So a statement's
moves are those that it could make, whatever else the rows hold.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, get_args

from app.webhooks.domain.webhook_event import AttemptedState, NewState, WebhookEventState

Move = tuple[WebhookEventState | None, WebhookEventState]
"""From a state, None for a new event, to another."""

Tokens = Sequence[str]

_TOKEN = re.compile(r"'(?:[^']|'')*'|\$\d+|[A-Za-z_][\w.]*|\d+|\|\||<>|->>|->|::|<=|>=|\S")
_TABLE = re.compile(r"webhook_events(_open|_closed)?")
#: The states that values from outside of a statement can have: the types of the rows say so.
_GIVEN: Mapping[str, tuple[WebhookEventState, ...]] = {"r.state": get_args(AttemptedState), "state": get_args(NewState)}


class _Insert(NamedTuple):
    """An INSERT that sets the state."""

    value: Tokens


class _Update(NamedTuple):
    """An UPDATE that sets the state. `names`: as what its own state is read."""

    names: frozenset[str]
    value: Tokens
    where: Tokens


def sets_state(sql: str) -> bool:
    """Tell whether a text, or a part of one, has a statement that sets the state of webhook events."""
    return any(True for _ in _statements(sql))


def moves_of(sql: str) -> set[Move]:
    """Return the moves that the statements in a text can make; none when they don't set the state."""
    return {move for statement in _statements(sql) for move in _moves(statement)}


def _statements(sql: str) -> Iterator[_Insert | _Update]:
    tokens = _TOKEN.findall(re.sub(r"--[^\n]*", "", sql))
    for place in range(len(tokens) - 3):
        statement: _Insert | _Update | None
        if tokens[place] == "update" and _TABLE.fullmatch(tokens[place + 1]):
            statement = _read_update(tokens[place + 2 :])
        elif tokens[place : place + 2] == ["insert", "into"] and _TABLE.fullmatch(tokens[place + 2]):
            statement = _read_insert(tokens[place + 3 :])
        else:
            continue
        if statement is not None:
            yield statement


def _moves(statement: _Insert | _Update) -> set[Move]:
    if isinstance(statement, _Insert):
        return {(None, after) for after in _values(statement.value, frozenset(), None)}
    update = statement
    return {
        (before, after)
        for before in WebhookEventState
        if _truth(update.where, update.names, before) is not False
        for after in _values(update.value, update.names, before)
        if after is not before
    }


def _read_update(tokens: Tokens) -> _Update | None:
    alias, tokens = ("", tokens[1:]) if tokens[0] == "set" else (f"{tokens[0]}.", tokens[2:])
    clauses = _clauses(tokens)
    values = [one[2:] for one in _split(clauses["set"], ",") if one[:2] == ["state", "="]]
    return _Update(frozenset({f"{alias}state"}), values[0], clauses.get("where", ())) if values else None


def _clauses(tokens: Tokens) -> dict[str, Tokens]:
    """Return the clauses of an UPDATE by their first words, from behind its SET."""
    clauses: dict[str, list[str]] = {"set": []}
    name, depth = "set", 0
    for token in tokens:
        depth += _step(token)
        if depth < 0 or (depth == 0 and token in ("returning", ";")):
            break
        if depth == 0 and token in ("from", "where"):
            name = token
            clauses[name] = []
        else:
            clauses[name].append(token)
    return dict(clauses)


def _read_insert(tokens: Tokens) -> _Insert | None:
    columns = _split(_in_parentheses(tokens, tokens.index("(")), ",")
    start = next(place for place, token in enumerate(tokens) if token in ("select", "values"))
    if tokens[start] == "values":
        row = _in_parentheses(tokens, start + 1)
    else:
        row = tokens[start + 1 : start + list(tokens[start:]).index("from")]
    return _Insert(_split(row, ",")[columns.index(["state"])]) if ["state"] in columns else None


def _in_parentheses(tokens: Tokens, start: int) -> Tokens:
    depth = 0
    for place in range(start, len(tokens)):
        depth += _step(tokens[place])
        if depth == 0:
            return tokens[start + 1 : place]
    raise ValueError("a parenthesis is not closed")


def _step(token: str) -> int:
    return (token in ("(", "case")) - (token in (")", "end"))


def _split(tokens: Tokens, separator: str) -> list[Tokens]:
    """Split at a token, as far as it stands in no parentheses and no CASE."""
    parts: list[list[str]] = [[]]
    depth = 0
    for token in tokens:
        depth += _step(token)
        if depth == 0 and token == separator:
            parts.append([])
        else:
            parts[-1].append(token)
    return list(parts)


def _truth(tokens: Tokens, names: frozenset[str], state: WebhookEventState | None) -> bool | None:
    """Return whether a condition holds for a state; None when that depends on something else, too."""
    if tokens and tokens[0] == "(" and _in_parentheses(tokens, 0) == tokens[1:-1]:
        return _truth(tokens[1:-1], names, state)
    for word, decides in (("or", True), ("and", False)):
        if len(parts := _split(tokens, word)) > 1:
            truths = {_truth(part, names, state) for part in parts}
            return decides if decides in truths else None if None in truths else not decides
    if tokens and tokens[0] == "not":
        inner = _truth(tokens[1:], names, state)
        return None if inner is None else not inner
    if not tokens or tokens[0] not in names:
        return None
    # `state || ''` is the state, in a form that no index serves.
    compared = tokens[3:] if tokens[1:3] == ["||", "''"] else tokens[1:]
    listed = {WebhookEventState(token[1:-1]) for token in compared if token.startswith("'")}
    is_one_of = compared[0] == "in" or compared[:1] == ["="]
    assert is_one_of or compared[0] in ("not", "<>"), f"a comparison that this does not know: {' '.join(tokens)}"
    return (state in listed) is is_one_of


def _values(tokens: Tokens, names: frozenset[str], state: WebhookEventState | None) -> set[WebhookEventState]:
    """Return the states that an expression can have, for an event in a state."""
    if tokens[0] == "case":
        return set(_branches(tokens[1:-1], names, state))
    [token] = tokens
    if token.startswith("'"):
        return {WebhookEventState(token[1:-1])}
    if token in names:
        assert state is not None
        return {state}
    return set(_GIVEN[token])


def _branches(tokens: Tokens, names: frozenset[str], state: WebhookEventState | None) -> Iterator[WebhookEventState]:
    conditions, *rest = _split(tokens, "else")
    [otherwise] = rest
    for branch in _split(conditions, "when")[1:]:
        condition, value = _split(branch, "then")
        truth = _truth(condition, names, state)
        if truth is not False:
            yield from _values(value, names, state)
        if truth:
            return
    yield from _values(otherwise, names, state)

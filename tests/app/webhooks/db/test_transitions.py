"""The statements that set the state of webhook events make the moves of the table in the domain, and no others."""

import ast
import re
from collections.abc import Iterator, Mapping

import pytest

from app.db.pool import Connection
from app.webhooks.db import transitions
from app.webhooks.domain.webhook_event import OPEN, TRANSITIONS, Transition, WebhookEventState
from tests.support.sources import ROOT, server_modules
from tests.support.state_moves import Move, moves_of, sets_state

_FUNCTIONS = ROOT / "app/db/migrations/functions"
_CLAIM = _FUNCTIONS / "claim_webhook_events.sql"
#: Tools that make up rows to measure with; the client packages, with their generators' environments.
_TOOLS = ("app/tools", "workers/bench", "schema/sdk")

MadeMove = tuple[Transition, WebhookEventState | None, WebhookEventState]


def statements() -> dict[str, str]:
    constants = {name: value for name, value in vars(transitions).items() if isinstance(value, str) and name.isupper()}
    return {name: sql for name, sql in constants.items() if not name.startswith("_") and moves_of(sql)} | {
        "CLAIM": _CLAIM.read_text()
    }


def transition_of(name: str) -> Transition:
    """Return the transition that a constant is for: of its name, or of all but the last word of it."""
    return Transition(name if name in Transition.__members__ else name.rpartition("_")[0])


def made_by(sql: Mapping[str, str]) -> set[MadeMove]:
    return {(transition_of(name), *move) for name, text in sql.items() for move in moves_of(text)}


def of_table() -> set[MadeMove]:
    return {
        (transition, before, after)
        for before, moves in TRANSITIONS.items()
        for after, by in moves.items()
        for transition in by
    }


def writers() -> Iterator[str]:
    """List the places of statements that set the state: a file, with the constant or function."""
    for path in server_modules("app", "schema", "workers"):
        place = str(path.relative_to(ROOT))
        # Parsing all files takes seconds; few name the table.
        if place.startswith(_TOOLS) or "webhook_events" not in (source := path.read_text()):
            continue
        for node in ast.parse(source).body:
            if any(sets_state(text) for text in _texts(node)):
                yield f"{place}: {_name(node)}"
    for path in _FUNCTIONS.glob("*.sql"):
        if sets_state(path.read_text()):
            yield str(path.relative_to(ROOT))


def _texts(node: ast.stmt) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
        elif isinstance(part, ast.JoinedStr):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "x" for one in part.values)


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return getattr(node, "name", f"line {node.lineno}")


def test_statements_make_the_moves_of_the_table() -> None:
    made, allowed = made_by(statements()), of_table()

    assert made - allowed == set(), "moves that the table does not have"
    assert allowed - made == set(), "moves that no statement makes"


def test_table_has_every_state_and_every_transition() -> None:
    assert TRANSITIONS.keys() == {None, *WebhookEventState}
    assert {transition for transition, _, _ in of_table()} == set(Transition)


def test_state_is_set_nowhere_else() -> None:
    claim, places = str(_CLAIM.relative_to(ROOT)), list(writers())

    elsewhere = [place for place in places if not place.startswith("app/webhooks/db/transitions.py: ")]
    assert elsewhere == [claim]
    # The scan sees them where they are.
    names = {place.partition(": ")[2].lstrip("_") for place in places}
    assert {transition.value for transition in Transition} - {"CLAIM"} <= names


@pytest.mark.parametrize(("partition", "is_open"), [("webhook_events_open", True), ("webhook_events_closed", False)])
async def test_partition_holds_the_states_of_the_domain(conn: Connection, partition: str, is_open: bool) -> None:
    bound = await conn.fetchval("select pg_get_expr(relpartbound, oid) from pg_class where relname = $1", partition)

    assert set(re.findall(r"'(\w+)'", bound)) == {state for state in WebhookEventState if (state in OPEN) is is_open}


@pytest.mark.parametrize(
    ("name", "old", "new", "move"),
    [
        ("CANCEL", "'HELD')", "'HELD', 'FAILED')", (Transition.CANCEL, WebhookEventState.FAILED)),
        ("EXPIRE", "'CANCELLED'", "'FAILED'", (Transition.EXPIRE, WebhookEventState.SENDING)),
        ("CLAIM", "in ('PENDING', 'RETRYING')\n          returning", "is not null\n          returning", None),
    ],
)
def test_move_that_the_table_lacks_is_found(
    name: str, old: str, new: str, move: tuple[Transition, WebhookEventState] | None
) -> None:
    changed = statements()
    assert old in changed[name]

    changed[name] = changed[name].replace(old, new)

    if move is None:
        with pytest.raises(AssertionError, match="does not know"):
            made_by(changed)
    else:
        assert {found[:2] for found in made_by(changed) - of_table()} == {move}


@pytest.mark.parametrize("name", sorted(statements()))
def test_move_that_no_statement_makes_is_found(name: str) -> None:
    fewer = {other: sql for other, sql in statements().items() if other != name}

    assert {transition for transition, _, _ in of_table() - made_by(fewer)} == {transition_of(name)}


P, S, R, H = (WebhookEventState[name] for name in ("PENDING", "SENDING", "RETRYING", "HELD"))


@pytest.mark.parametrize(
    ("sql", "moves"),
    [
        ("update webhook_events set state = 'HELD' where state in ('PENDING', 'RETRYING')", {(P, H), (R, H)}),
        ("update webhook_events e set state = 'HELD' where e.id = 1 and (e.state = 'PENDING' or 1 = 2)", None),
        ("update webhook_events e set state = 'HELD' where e.state || '' = 'PENDING'", {(P, H)}),
        (
            "update webhook_events e set state = case when e.state = 'HELD' then 'PENDING' else e.state end"
            " where e.state in ('HELD', 'PENDING')",
            {(H, P)},
        ),
        (
            "update webhook_events e set state = case when e.due_at is null then 'HELD' else 'RETRYING' end"
            " where not (e.state <> 'SENDING')",
            {(S, H), (S, R)},
        ),
        ("update webhook_events set due_at = null where state = 'HELD'", set()),
        ("update webhook_replays set state = 'DONE' where id = 1", set()),
        ("insert into webhook_events (id, state) values (1, 'PENDING')", {(None, P)}),
    ],
)
def test_moves_are_read_from_sql(sql: str, moves: set[Move] | None) -> None:
    every_other: set[Move] = {(state, H) for state in WebhookEventState if state is not H}

    assert moves_of(sql) == (every_other if moves is None else moves)

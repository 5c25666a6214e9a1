"""Filters: what is refused when it is saved, and what an expression sees."""

import subprocess
import sys
from typing import Any

import pytest

from app.kernel.size_bounded_cache import SizedCache
from app.webhooks.cel.process import KEPT_BYTES, find_program
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.domain.webhook_filter import FilterError, check_filter, compile_filter, evaluate, event_of

EVENT = event_of(
    WebhookKlass.INVOICE, WebhookEventName.UPDATE, "SW52b2ljZS03", {"added": [], "updated": ["status"], "removed": []}
)
DATA = {"node": {"total": 12, "rate": 1.5, "note": None, "flags": ["PAID"], "lines": [{"quantity": 2}]}}


@pytest.mark.parametrize(
    "text",
    [
        "data.node.total > 10",
        "event.name == 'create' || 'PAID' in data.node.flags",
        "event.changed.updated.exists(path, path.startsWith('lineItems'))",
        "has(data.node.note) ? data.node.note == null : false",
        "data.node.lines.all(line, line.quantity > 0) && size(data.node.lines) < 5",
        "type(data.node.total) == int",
        "timestamp('2026-01-01T00:00:00Z').getFullYear() == 2026",
        "'((((((((((((((((((((((((' != \"nope(\" // nope((((((((((((((((((((((",
    ],
)
def test_accepts_what_can_be_evaluated(text: str) -> None:
    assert check_filter(text) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope", "nope is unknown; what can be read is event and data"),
        ("payload.data.total > 1", "payload is unknown; what can be read is event and data"),
        ("data.node.lines.exists(line, lines.quantity > 1)", "lines is unknown; what can be read is event and data"),
        ("data.node.note.lower() == 'a'", "lower() is no function of the expression language"),
        ("a" * 2_001, "has 2001 characters; at most 2000 are allowed"),
        ("data\0", "must not contain NUL characters"),
        ("(" * 21 + "true" + ")" * 21, "nests deeper than 20 brackets"),
    ],
)
def test_refuses_with_the_reason(text: str, message: str) -> None:
    assert check_filter(text) == [message]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data.node.total >", "line 1, column 18: the expression ends too early"),
        ("data.node.total => 3", "line 1, column 17: '=>' is no operator. Did you mean '>='?"),
        ("data.node.total = 3", "line 1, column 17: '=' is no operator. Did you mean '=='?"),
        ("true\n  && data.node.note and true", "line 2, column 21: 'and' can't stand here. Did you mean '&&'?"),
        ("data.node.note == 'open", "line 1, column 19: the text that begins here has no end"),
        ("(data.node.total", "line 1, column 17: ')' is missing"),
        ("data.node.total)", "line 1, column 16: ')' can't stand here"),
        ("data..node", "line 1, column 6: '..' can't stand here"),
        ("data.node[", "line 1, column 11: the expression ends too early"),
        ("data.node # 1", "line 1, column 11: '#' is no operator"),
        ("if true", "line 1, column 1: 'if' is a reserved word"),
        ("has(data)", "line 1, column 5: invalid argument to has() macro"),
    ],
)
def test_syntax_errors_have_their_place_and_plain_words(text: str, message: str) -> None:
    assert check_filter(text) == [message]


def test_the_longest_and_deepest_that_is_allowed_is_accepted() -> None:
    deepest = "(" * 20 + "true" + ")" * 20

    assert check_filter(deepest + " " * (2_000 - len(deepest))) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("data.node.total == 12 && data.node.rate == 1.5", True),
        ("data.node.total > 12", False),
        ("data.node.note == null", True),
        ("has(data.node.nope)", False),
        ("event.name == 'update' && event.type == 'invoice.update'", True),
        ("event.entity.type == 'Invoice' && event.entity.id == 'SW52b2ljZS03'", True),
        ("event.changed.updated == ['status'] && !event.changed.cut", True),
    ],
)
def test_reads_event_and_data(text: str, value: bool) -> None:
    assert evaluate(compile_filter(text), EVENT, DATA) is value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("data.node.total", "its value is no boolean but int"),
        ("data.node.nope > 1", "there is no 'nope'; has(…) tells whether there is"),
        ("1 / 0 > 1", "division by zero in CEL expression"),
    ],
)
def test_says_why_it_can_not_decide(text: str, message: str) -> None:
    program = compile_filter(text)

    with pytest.raises(FilterError, match=r".*") as raised:
        evaluate(program, EVENT, DATA)

    assert str(raised.value) == message


def test_a_null_is_no_number() -> None:
    program = compile_filter("data.node.note > 1")

    with pytest.raises(FilterError, match="No such overload"):
        evaluate(program, EVENT, DATA)


def test_what_was_cut_is_told() -> None:
    changed = {"added": [], "updated": [], "removed": [], "cut": True}

    event = event_of(WebhookKlass.REFUND_REQUEST, WebhookEventName.CREATE, "x", changed)

    assert (event["type"], event["changed"]["cut"]) == ("refund_request.create", True)


def test_compiled_expressions_are_kept_by_their_size() -> None:
    programs: SizedCache[str, Any] = SizedCache(KEPT_BYTES)

    for n in range(300):
        text = f'"{"x" * 1_900}" == "{n}"'
        assert find_program(programs, text) is find_program(programs, text)

    assert 100 < len(programs._values) < 250


#: Forms that take the most for each of their characters.
LARGE = ('"1" + "+1" * 990', '"a" + "+a" * 900', '"[1]" + ".map(x,x)" * 195', '"[1]" + "[0]" * 600')


@pytest.mark.parametrize("form", LARGE)
def test_a_compiled_expression_takes_no_more_than_it_counts_for(form: str) -> None:
    measure = f"""
from app.webhooks.domain.webhook_filter import compile_filter
from app.webhooks.cel.process import BYTES_PER_CHARACTER
def resident(): return int(open("/proc/self/statm").read().split()[1]) * 4096
compile_filter("true")
texts = [{form} + f" == {{n}}" for n in range(40)]
before = resident()
kept = [compile_filter(text) for text in texts]
assert resident() - before < BYTES_PER_CHARACTER * sum(map(len, texts)), (resident() - before) / sum(map(len, texts))
"""
    done = subprocess.run([sys.executable, "-c", measure], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr

"""A filter that the check by type refuses is never true: for generated queries, filters and results of every type."""

import json
import random
from collections import Counter
from typing import Any

import pytest

from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.domain.webhook_filter import FilterError, check_filter, compile_filter, evaluate, event_of
from schema import schema
from schema.stored.filter_types import check_filter_types
from schema.stored.json_schema import payload_schema
from tests.support.documents import SEED, generated_queries, number_of
from tests.support.json_schemas import instance

QUERIES, FILTERS, RESULTS = number_of(8), 50, 4
_LITERALS = ("1", "-2.5", "'x'", "'PAID'", "'update'", "null", "true", "false", "[]", "['a', 1]", "{'a': 1}", "b'x'")
_BINARY = ("==", "==", "!=", "<", ">=", "+", "-", "*", "%", "&&", "&&", "||", "in")
_METHODS = ("contains", "startsWith", "endsWith")
_FUNCTIONS = ("size", "string", "int", "type", "dyn")


class Filters:
    """Expressions at random over the places of a result, also over such that are not there."""

    def __init__(self, data: dict[str, Any], chance: random.Random) -> None:
        self._data = data
        self._chance = chance

    def make(self, depth: int = 3, names: tuple[str, ...] = ()) -> str:
        chance = self._chance
        if depth == 0 or chance.random() < 0.2:
            return chance.choice([self.path(), self.path(), chance.choice(_LITERALS), *names, *names])
        one, other = self.make(depth - 1, names), self.make(depth - 1, names)
        way = chance.randrange(12)
        if way < 3:
            return self.comparison()
        if way < 6:
            return f"({one} {chance.choice(_BINARY)} {other})"
        if way == 6:
            return f"{chance.choice('!-')}{one}"
        if way == 7:
            return f"({one} ? {other} : {self.make(depth - 1, names)})"
        if way == 8:
            macro = chance.choice(("all", "exists", "exists_one", "map", "filter"))
            return f"{self.path()}.{macro}(v{depth}, {self.make(depth - 1, (*names, f'v{depth}'))})"
        if way == 9:
            return f"{one}.{chance.choice(_METHODS)}({other})"
        if way == 10:
            path = self.path()
            return f"has({path})" if "." in path and not path.endswith("]") else f"dyn({path})"
        return f"{chance.choice(_FUNCTIONS)}({one})"

    def comparison(self) -> str:
        """A value of a result and one of the same type."""
        made, shape = "data", self._data
        # An object may have no properties: a fragment on another type, a field that is left out.
        while "anyOf" in shape or shape.get("properties") or "items" in shape:
            if "anyOf" in shape:
                shape = self._chance.choice(shape["anyOf"])
            elif "items" in shape:
                made, shape = f"{made}[0]", shape["items"]
            else:
                name = self._chance.choice(list(shape["properties"]))
                made, shape = f"{made}.{name}", shape["properties"][name]
        return f"({made} {self._chance.choice(('==', '!=', '>='))} {json.dumps(instance(shape, self._chance))})"

    def path(self) -> str:
        chance = self._chance
        made, shape = "data", self._data
        if chance.random() < 0.2:
            return chance.choice(["event.name", "event.type", "event.entity.id", "event.changed.updated", "event.nme"])
        while chance.random() < 0.85:
            while "anyOf" in shape:
                shape = chance.choice(shape["anyOf"])
            if shape.get("properties") and chance.random() < 0.95:
                name = chance.choice(list(shape["properties"]))
                made, shape = f"{made}.{name}", shape["properties"][name]
            elif "items" in shape and chance.random() < 0.8:
                made, shape = f"{made}[0]", shape["items"]
            else:
                return f"{made}.nope" if chance.random() < 0.3 else made
        return made


def outcome(text: str, name: WebhookEventName, klass: WebhookKlass, data: Any) -> str:
    event = event_of(klass, name, "x", {"added": [], "updated": ["status"], "removed": []})
    try:
        return str(evaluate(compile_filter(text), event, data))
    except FilterError:
        return "fails"


@pytest.mark.parametrize("klass", WebhookKlass)
def test_a_refused_filter_is_never_true(klass: WebhookKlass) -> None:
    chance = random.Random(f"{SEED}{klass}")
    seen = Counter[str]()

    for query in generated_queries(klass)[:QUERIES]:
        data = payload_schema(schema._schema, query, klass)["properties"]["payload"]["properties"]["data"]
        filters = Filters(data, chance)
        for text in (filters.make() for _ in range(FILTERS)):
            if check_filter(text):
                continue
            report = check_filter_types(schema._schema, query, klass, text, WebhookEventName)
            for _ in range(RESULTS):
                name = chance.choice(list(WebhookEventName))
                result = outcome(text, name, klass, instance(data, chance))
                assert not (report.problems and result == "True"), (query.text, text, report.problems)
                seen["refused" if report.problems else result] += 1

    # It means something: filters were refused, and among the others some were true and some false.
    assert min(seen["refused"], seen["True"], seen["False"]) > 3, seen

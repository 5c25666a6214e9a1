"""Lists of texts alone are completed at once, with the answers that graphql-core gives."""

from typing import Any

import pytest
import strawberry

from schema.engine import execution
from schema.engine.execution import ReferenceExecution, texts_alone


@texts_alone
@strawberry.type
class TextPair:
    name: str
    value: str


@strawberry.type
class Query:
    @strawberry.field
    def pairs(self) -> list[TextPair]:
        return [TextPair(name=f"n{number}", value=f"v{number}") for number in range(3)]


SCHEMA = strawberry.Schema(query=Query, execution_context_class=ReferenceExecution)
DOCUMENTS = [
    "{ pairs { name value } }",
    "{ pairs { value } }",
    "{ pairs { a: value b: value ... on TextPair { name } ...f } } fragment f on TextPair { value }",
    "query($no: Boolean = false) { pairs { name @include(if: $no) value @skip(if: $no) } }",
    "{ pairs { __typename name } }",
    "query($no: Boolean = false) { pairs { name @include(if: $no) } }",
]


async def _answer(document: str) -> Any:
    result = await SCHEMA.execute(document)
    assert result.errors is None
    return result.data


@pytest.mark.parametrize("document", DOCUMENTS)
async def test_answer_is_that_of_the_resolvers(document: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = await _answer(document)
    monkeypatch.setattr(execution, "_TEXTS", {})

    assert at_once == await _answer(document)
    assert len(at_once["pairs"]) == 3


async def test_no_resolver_is_called_for_a_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "_TEXTS", {"TextPair": {"name": "value", "value": "name"}})

    assert (await _answer(DOCUMENTS[0]))["pairs"][0] == {"name": "v0", "value": "n0"}

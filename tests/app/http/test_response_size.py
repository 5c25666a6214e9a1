"""Answers of the API are bounded in bytes, however they are executed, and never written when they are too large."""

import resource
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from app.auth.viewers import create_key
from app.docs.links import error_extensions
from app.http.response_size import bound_response, exceeds
from app.main import create_app
from app.settings import Settings
from tests.app.test_plan_executor import Api, new
from tests.builders.sales import create_sales
from tests.support.platform import settings_for

MAXIMUM = 50_000
#: The same column under twenty names.
NAMES = " ".join(f"b{n}: buyerSurname" for n in range(20))
PAGE = "{ invoices { nodes { id %s } } }"


@pytest.fixture
async def api(database_url: str, conn: asyncpg.Connection) -> AsyncIterator[Api]:
    """An API whose answers may have 50,000 bytes."""
    application = create_app(settings_for(database_url, max_response_bytes=MAXIMUM))
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://api") as client,
    ):
        key = await create_key(conn, name="the operator's", seller_id=None)
        yield Api(client=client, plan_executor=application.state.plan_executor, conn=conn, key=key)


async def asked(api: Api, text: str) -> list[Any]:
    """The answer of the reference executor, and the one by its plan."""
    first = orjson.loads(await api.compiled(text))
    before = api.counts["planned"]
    second = orjson.loads(await api.ask(text))
    assert api.counts["planned"] == before + 1
    return [first, second]


@pytest.mark.parametrize(
    ("shown", "surname"),
    [
        (" ".join(f"a{n}: buyerSurname" for n in range(90)), "x" * 400),
        (" ".join(f"a{n}: order {{ invoices(first: 2) {{ nodes {{ {NAMES} }} }} }}" for n in range(4)), "x" * 400),
        (f"{'n' * 20_000}: legacyId", "x"),
        ("buyerSurname", "\U0001f600" * 5_000),
        ("buyerSurname", "\u0001" * 5_000),
    ],
)
async def test_answer_that_is_too_large_is_refused_by_plan_and_by_reference(api: Api, shown: str, surname: str) -> None:
    await create_sales(api.conn, 3)
    await api.conn.execute("update invoices set buyer_surname = $1", surname)

    answers = await asked(api, new(PAGE % shown))

    for answer in answers:
        (error,) = answer["errors"]
        assert answer["data"] is None
        assert error["extensions"] == error_extensions("RESPONSE_TOO_LARGE", maximum=MAXIMUM)
        assert error["message"].startswith("The answer has more than 50000 bytes (TELLGRAPH_MAX_RESPONSE_BYTES). Ask")
        assert "cost" in answer["extensions"]


async def test_answer_within_the_limit_is_given(api: Api) -> None:
    await create_sales(api.conn, 3)
    await api.conn.execute("update invoices set buyer_surname = $1", "x" * 15_000)

    answers = await asked(api, new(PAGE % "buyerSurname"))

    assert answers[0] == answers[1]
    assert "errors" not in answers[0]
    assert len(answers[0]["data"]["invoices"]["nodes"][0]["buyerSurname"]) == 15_000


async def test_gigabytes_are_refused_in_little_memory(api: Api) -> None:
    await create_sales(api.conn, 3)
    await api.conn.execute("update invoices set buyer_surname = repeat('x', 3_000_000)")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    answers = await asked(api, new(PAGE % " ".join(f"a{n}: buyerSurname" for n in range(99))))

    # 900 MB would be written.
    assert [answer["errors"][0]["extensions"]["code"] for answer in answers] == ["RESPONSE_TOO_LARGE"] * 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000


@pytest.mark.parametrize(
    "value", [{"a": [1, 2.5, None, True, "x" * 50]}, [["é" * 20]] * 3, {"k" * 40: {}}, "x", [], {"a": {"b": [{}] * 9}}]
)
def test_size_is_about_that_of_the_json(value: Any) -> None:
    size = len(orjson.dumps(value))

    assert not exceeds(value, size + 10)
    assert exceeds(value, size // 2 - 3)


def test_an_ordinary_page_is_small_without_being_counted() -> None:
    """A page of twenty invoices with all their relations reads 40,000 characters."""
    bound = bound_response(characters_read=40_000, aliases=2, fields=20_000, longest_name=25)

    assert bound < Settings().max_response_bytes / 1.5

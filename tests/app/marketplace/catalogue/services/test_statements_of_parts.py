"""Many parts of an entity are stored in as many statements as one part."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import asyncpg
from asyncpg.connection import LoggedQuery

from app.marketplace.catalogue.db.option_types import VARIANT_OPTION_VALUES
from app.marketplace.catalogue.db.variants import VariantId
from app.marketplace.catalogue.services.options import NewChoice, OwnersChoices, set_choices
from app.marketplace.owned.services.owned import KeptValue, keep_external_ids, keep_metadata
from tests.builders.catalogue import create_option_type
from tests.builders.variants import create_variant

Conn = asyncpg.Connection


async def statements_of(conn: Conn, run: Callable[[], Awaitable[object]]) -> int:
    found: list[str] = []

    def log(query: LoggedQuery) -> None:
        found.append(query.query)

    conn.add_query_logger(log)
    await run()
    # The last one is logged in the loop's next turn.
    await asyncio.sleep(0)
    conn.remove_query_logger(log)
    return len(found)


def values_of(number: int) -> list[KeptValue]:
    """The last one first: what comes back has the order of what was given."""
    return [KeptValue(key=f"k{n}", value=str(number)) for n in range(number, 0, -1)]


async def test_external_ids_and_metadata_take_one_statement_each(conn: Conn) -> None:
    advert_id = (await create_variant(conn)).advert_id

    for keep in (keep_external_ids, keep_metadata):
        assert await statements_of(conn, lambda: keep(conn, "Advert", advert_id, values_of(1))) == 1  # noqa: B023
        assert await statements_of(conn, lambda: keep(conn, "Advert", advert_id, values_of(40))) == 1  # noqa: B023
        assert await statements_of(conn, lambda: keep(conn, "Advert", advert_id, [])) == 0  # noqa: B023
        kept = await keep(conn, "Advert", advert_id, values_of(50))

        assert [(one.key, one.value) for one in kept] == [(f"k{n}", "50") for n in range(50, 0, -1)]
    assert await conn.fetchval("select count(*) from external_ids") == 50


async def test_option_values_of_many_variants_take_as_many_statements_as_of_one(conn: Conn) -> None:
    first = await create_variant(conn)
    variants = [first.id] + [(await create_variant(conn, advert_id=first.advert_id)).id for _ in range(19)]
    option = await create_option_type(conn, field_type="FREE_TEXT")

    def asked(ids: Sequence[VariantId], text: str) -> list[OwnersChoices]:
        choices = [NewChoice(option_type_id=option.id, text_value=text)]
        return [OwnersChoices(owner_id=one, choices=choices, path="") for one in ids]

    # Once before, for what a new connection asks.
    await set_choices(conn, VARIANT_OPTION_VALUES, asked(variants, "old"))
    of_one = await statements_of(conn, lambda: set_choices(conn, VARIANT_OPTION_VALUES, asked(variants[:1], "new")))
    of_all = await statements_of(conn, lambda: set_choices(conn, VARIANT_OPTION_VALUES, asked(variants, "newer")))
    changed = await set_choices(
        conn, VARIANT_OPTION_VALUES, [*asked(variants[:2], "last"), *asked(variants[2:], "newer")]
    )

    assert (of_one, of_all) == (4, 4)
    assert changed == set(variants[:2])
    texts = await conn.fetch("select text_value, count(*) from variant_option_values group by 1 order by 1")
    assert [tuple(row) for row in texts] == [("last", 2), ("newer", 18)]

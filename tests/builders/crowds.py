"""Many rows by one statement each."""

from collections.abc import Sequence
from typing import Any

from app.db.pool import Connection
from tests.builders.deliveries import create_subscription
from tests.builders.sellers import create_seller

#: Adverts have some fifty variants each, as a large catalogue has.
_VARIANTS_PER_ADVERT = 50


async def create_variants(conn: Connection, number: int, *, seller_id: int, notes_bytes: int = 0) -> list[int]:
    """Create so many variants of one seller, with notes of this size. Returns their ids, rising."""
    rows = await conn.fetch(
        """
        with a as (
          insert into adverts (seller_id, title) select $1, 'Kettle ' || n
          from generate_series(0, ($2 - 1) / $4) n returning id
        ), numbered as (select id, row_number() over (order by id) - 1 as place from a)
        insert into variants (advert_id, seller_id, label, sku, notes, count_on_hand, price_cents, currency)
        select numbered.id, $1, 'Red', 'K-' || n, repeat('n', $3), 1, 1000, 'AUD'
        from generate_series(0, $2 - 1) n join numbered on numbered.place = n / $4 order by n returning id
        """,
        seller_id,
        number,
        notes_bytes,
        _VARIANTS_PER_ADVERT,
    )
    return sorted(row["id"] for row in rows)


async def create_webhooks(
    conn: Connection, url: str, queries: Sequence[str], *, seller_id: int | None = None, **given: Any
) -> list[int]:
    """Create one webhook about variants for each selection, as in `sku notes`. Its number is added to the URL."""
    texts = [f"query($id: ID!) {{ node(id: $id) {{ ... on Variant {{ {query} }} }} }}" for query in queries]
    return [
        int(
            (
                await create_subscription(
                    conn, f"{url}/{number}", type="VARIANT", query_string=text, seller_id=seller_id, **given
                )
            ).id
        )
        for number, text in enumerate(texts, start=1)
    ]


async def create_sellers(conn: Connection, number: int) -> list[int]:
    return [int((await create_seller(conn)).id) for _ in range(number)]

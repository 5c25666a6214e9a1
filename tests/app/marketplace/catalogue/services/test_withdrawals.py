import asyncio
from datetime import UTC, datetime

import pytest
from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.errors import Conflict, NotFound
from app.marketplace.catalogue.services.catalogue_attributes import VariantAttributes, VariantUpdate
from app.marketplace.catalogue.services.variants import update_variant
from app.marketplace.catalogue.services.withdrawals import publish_advert, withdraw_advert, withdraw_variant
from tests.builders.adverts import create_advert
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


async def _operations(conn: Connection) -> list[tuple[str, int, str]]:
    rows = await conn.fetch("select distinct entity_type, entity_id, operation from change_events order by 1, 2")
    return [tuple(row) for row in rows]


async def test_an_advert_is_taken_down_and_put_up(conn: Connection, database: Database) -> None:
    advert = await create_advert(conn)
    viewer = Viewer(advert.seller_id)

    down = await publish_advert(database, viewer, advert.id, is_published=False)
    again = await publish_advert(database, viewer, advert.id, is_published=False)
    up = await publish_advert(database, viewer, advert.id, is_published=True)

    assert (down.is_published, up.is_published) == (False, True)
    assert again.updated_at == down.updated_at


async def test_an_advert_goes_with_its_variants(conn: Connection, database: Database) -> None:
    advert = await create_advert(conn)
    variants = [await create_variant(conn, advert_id=advert.id) for _ in range(2)]
    other = await create_variant(conn)
    await conn.execute("delete from change_events")

    deleted = await withdraw_advert(database, OPERATOR, advert.id)

    assert deleted.deleted_at is not None
    rows = await conn.fetch("select id from variants where deleted_at is null")
    assert [row["id"] for row in rows] == [other.id]
    destroyed = [(kind, key) for kind, key, operation in await _operations(conn) if operation == "DESTROY"]
    assert [key for kind, key in destroyed if kind == "Variant"] == [variant.id for variant in variants]
    with pytest.raises(NotFound):
        await withdraw_advert(database, OPERATOR, advert.id)


async def test_the_last_variant_stays(conn: Connection, database: Database) -> None:
    advert = await create_advert(conn, updated_at=LONG_AGO)
    first, second = [await create_variant(conn, advert_id=advert.id) for _ in range(2)]

    deleted = await withdraw_variant(database, OPERATOR, first.id)
    with pytest.raises(Conflict) as caught:
        await withdraw_variant(database, OPERATOR, second.id)

    assert deleted.deleted_at is not None
    assert caught.value.fields == {"variant_id": ["is the last variant of its advert: delete the advert instead"]}
    assert await conn.fetchval("select count(*) from variants where deleted_at is null") == 1
    assert await conn.fetchval("select updated_at from adverts") > LONG_AGO


async def test_two_at_once_do_not_delete_both_variants(conn: Connection, database: Database) -> None:
    advert = await create_advert(conn)
    variants = [await create_variant(conn, advert_id=advert.id) for _ in range(2)]

    results = await asyncio.gather(
        *(withdraw_variant(database, OPERATOR, variant.id) for variant in variants), return_exceptions=True
    )

    assert sum(isinstance(result, Conflict) for result in results) == 1
    assert await conn.fetchval("select count(*) from variants where deleted_at is null") == 1


async def test_a_changed_variant_touches_its_advert(conn: Connection, database: Database) -> None:
    advert = await create_advert(conn, updated_at=LONG_AGO)
    variant = await create_variant(conn, advert_id=advert.id)

    same = VariantUpdate(variant_id=variant.id, attributes=VariantAttributes(label="Red"))
    await update_variant(database, OPERATOR, same)
    untouched = await conn.fetchval("select updated_at from adverts")
    await update_variant(
        database, OPERATOR, VariantUpdate(variant_id=variant.id, attributes=VariantAttributes(label="Blue"))
    )

    assert untouched == LONG_AGO
    assert await conn.fetchval("select updated_at from adverts") > LONG_AGO


async def test_another_sellers_are_not_there(conn: Connection, database: Database) -> None:
    advert = await create_advert(conn)
    variant = await create_variant(conn, advert_id=advert.id)
    other = Viewer((await create_seller(conn)).id)

    with pytest.raises(NotFound) as published:
        await publish_advert(database, other, advert.id, is_published=False)
    with pytest.raises(NotFound) as withdrawn:
        await withdraw_advert(database, other, advert.id)
    with pytest.raises(NotFound) as variants:
        await withdraw_variant(database, other, variant.id)

    assert published.value.fields == withdrawn.value.fields == {"advert_id": ["there is no such advert"]}
    assert variants.value.fields == {"variant_id": ["there is no such variant"]}
    assert await conn.fetchval("select is_published and deleted_at is null from adverts") is True

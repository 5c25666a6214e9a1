from datetime import UTC, datetime

import pytest
from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.errors import InvalidInput, NotFound
from app.marketplace.catalogue.db.variants import VariantId
from app.marketplace.catalogue.services.catalogue import upsert_advert
from app.marketplace.catalogue.services.catalogue_attributes import (
    AdvertAttributes,
    AdvertUpsert,
    AdvertVariant,
    VariantAttributes,
    VariantUpdate,
)
from app.marketplace.catalogue.services.variants import update_variant
from tests.builders.adverts import create_advert
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant


def _new(*variants: AdvertVariant) -> AdvertAttributes:
    return AdvertAttributes(title="Kettle", variants=variants or (AdvertVariant(label="Red"),))


async def test_changes_what_is_given_and_nothing_else(conn: Connection, database: Database) -> None:
    variant = await create_variant(conn, sku="OLD", notes="Fragile", count_on_hand=3)
    attributes = VariantAttributes(count_on_hand=5, notes=None, infinite_quantity=True, price_cents=1250)

    changed = await update_variant(
        database, Viewer(variant.seller_id), VariantUpdate(variant_id=variant.id, attributes=attributes)
    )

    assert (changed.count_on_hand, changed.has_infinite_quantity) == (5, True)
    assert (changed.notes, changed.price_cents, changed.sku, changed.label) == (None, 1250, "OLD", "Red")
    assert changed.updated_at > variant.updated_at
    event = await conn.fetchrow("select entity_id, actor from change_events order by id desc limit 1")
    assert tuple(event or ()) == (variant.id, f"seller:{variant.seller_id}")


async def test_what_is_the_same_already_is_not_written(conn: Connection, database: Database) -> None:
    variant = await create_variant(conn, count_on_hand=3)
    await conn.execute("delete from change_events")

    kept = await update_variant(
        database,
        OPERATOR,
        VariantUpdate(variant_id=variant.id, attributes=VariantAttributes(count_on_hand=3, label="Red")),
    )

    assert kept == variant
    assert await conn.fetchval("select updated_at from variants") == variant.updated_at
    assert await conn.fetchval("select count(*) from change_events") == 0


async def test_refuses_every_wrong_attribute_of_a_variant(conn: Connection, database: Database) -> None:
    variant = await create_variant(conn, min_purchase_quantity=5)
    attributes = VariantAttributes(
        label=" ",
        published=None,
        count_on_hand=-1,
        max_purchase_quantity=4,
        sale_price_start_at=datetime(2030, 1, 2, tzinfo=UTC),
        sale_price_end_at=datetime(2030, 1, 1, tzinfo=UTC),
        price_cents=-1,
        currency="aud",
    )

    with pytest.raises(InvalidInput) as caught:
        await update_variant(database, OPERATOR, VariantUpdate(variant_id=variant.id, attributes=attributes))

    assert caught.value.fields == {
        "attributes.published": ["can't be null"],
        "attributes.label": ["must not be blank"],
        "attributes.count_on_hand": ["must not be negative"],
        "attributes.price_cents": ["must not be negative"],
        "attributes.max_purchase_quantity": ["must not be less than the smallest quantity"],
        "attributes.sale_price_end_at": ["must not be before the sale's start"],
        "attributes.currency": ["must be an ISO 4217 code such as AUD"],
    }
    assert await conn.fetchval("select count_on_hand from variants") == 10


async def test_refuses_what_the_columns_can_not_hold(conn: Connection, database: Database) -> None:
    variant = await create_variant(conn)
    attributes = VariantAttributes(count_on_hand=2**31, price_cents=2**63, notes="n" * 10_001, sku="\x00")

    with pytest.raises(InvalidInput) as caught:
        await update_variant(database, OPERATOR, VariantUpdate(variant_id=variant.id, attributes=attributes))

    assert caught.value.fields == {
        "attributes.sku": ["must not contain the NUL character"],
        "attributes.count_on_hand": ["is too large"],
        "attributes.price_cents": ["is too large"],
        "attributes.notes": ["must not be longer than 10000 characters"],
    }


@pytest.mark.parametrize("is_deleted", [False, True])
async def test_a_deleted_or_another_sellers_variant_is_not_there(
    conn: Connection, database: Database, is_deleted: bool
) -> None:
    deleted_at = datetime.now(UTC) if is_deleted else None
    variant = await create_variant(conn, deleted_at=deleted_at)
    viewer = OPERATOR if is_deleted else Viewer((await create_seller(conn)).id)

    with pytest.raises(NotFound) as caught:
        await update_variant(
            database,
            viewer,
            VariantUpdate(variant_id=variant.id, attributes=VariantAttributes(count_on_hand=99)),
        )

    assert caught.value.fields == {"variant_id": ["there is no such variant"]}
    assert await conn.fetchval("select count_on_hand from variants") == 10


async def test_makes_an_advert_with_its_variants(conn: Connection, database: Database) -> None:
    seller = await create_seller(conn)
    attributes = AdvertAttributes(
        title="Kettle",
        published=False,
        product_features=["Quiet", "Red"],
        variants=[
            AdvertVariant(label="Red", price_cents=100),
            AdvertVariant(label="Blue", count_on_hand=4, currency="NZD"),
        ],
    )

    advert = await upsert_advert(database, Viewer(seller.id), AdvertUpsert(attributes=attributes))

    assert (advert.seller_id, advert.title, advert.is_published) == (seller.id, "Kettle", False)
    assert advert.product_features == ("Quiet", "Red")
    rows = await conn.fetch(
        "select advert_id, seller_id, label, price_cents, count_on_hand, currency from variants order by id"
    )
    assert [tuple(row) for row in rows] == [
        (advert.id, seller.id, "Red", 100, 0, "AUD"),
        (advert.id, seller.id, "Blue", None, 4, "NZD"),
    ]


async def test_changes_listed_variants_adds_new_ones_and_leaves_others(conn: Connection, database: Database) -> None:
    advert = await create_advert(conn)
    changed = await create_variant(conn, advert_id=advert.id, label="Old")
    other = await create_variant(conn, advert_id=advert.id, label="Other")
    attributes = AdvertAttributes(
        variants=[AdvertVariant(label="Added"), AdvertVariant(variant_id=changed.id, label="New")]
    )

    kept = await upsert_advert(database, OPERATOR, AdvertUpsert(advert_id=advert.id, attributes=attributes))

    assert kept == advert
    rows = await conn.fetch("select id, label from variants order by id")
    assert [row["label"] for row in rows] == ["New", "Other", "Added"]
    assert [row["id"] for row in rows[:2]] == [changed.id, other.id]


async def test_refuses_everything_wrong_with_a_new_advert(conn: Connection, database: Database) -> None:
    with pytest.raises(InvalidInput) as operators:
        await upsert_advert(database, OPERATOR, AdvertUpsert(attributes=AdvertAttributes(condition=None)))
    seller = await create_seller(conn)
    with pytest.raises(InvalidInput) as sellers:
        await upsert_advert(
            database,
            Viewer(seller.id),
            AdvertUpsert(attributes=AdvertAttributes(title="A", vetted=True, variants=[AdvertVariant()])),
        )

    assert operators.value.fields == {
        "attributes.title": ["is required"],
        "attributes.condition": ["can't be null"],
        "attributes.variants": ["must not be empty: an advert has at least one variant"],
        "seller_id": ["is required for a new advert"],
    }
    assert sellers.value.fields == {"attributes.vetted": ["can be set by the marketplace operator only"]}
    assert await conn.fetchval("select count(*) from adverts") == 0


async def test_refuses_another_adverts_variant_and_a_variant_twice(conn: Connection, database: Database) -> None:
    advert = await create_advert(conn)
    own = await create_variant(conn, advert_id=advert.id)
    foreign = await create_variant(conn)
    listed = [VariantId(foreign.id), own.id, own.id]
    attributes = AdvertAttributes(
        title="Changed", variants=[AdvertVariant(variant_id=each, label="X") for each in listed]
    )

    with pytest.raises(InvalidInput) as caught:
        await upsert_advert(database, OPERATOR, AdvertUpsert(advert_id=advert.id, attributes=attributes))

    assert caught.value.fields == {
        "attributes.variants.0.variant_id": ["there is no such variant of this advert"],
        "attributes.variants.2.variant_id": ["is listed twice"],
    }
    assert await conn.fetchval("select count(*) from variants where label = 'X'") == 0
    assert await conn.fetchval("select count(*) from adverts where title = 'Changed'") == 0


async def test_sellers_make_and_change_adverts_of_their_own_only(conn: Connection, database: Database) -> None:
    seller, other = await create_seller(conn), await create_seller(conn)
    advert = await create_advert(conn, seller_id=other.id)

    with pytest.raises(InvalidInput) as making:
        await upsert_advert(database, Viewer(seller.id), AdvertUpsert(seller_id=other.id, attributes=_new()))
    with pytest.raises(NotFound) as changing:
        await upsert_advert(database, Viewer(seller.id), AdvertUpsert(advert_id=advert.id, attributes=_new()))
    with pytest.raises(InvalidInput) as moving:
        await upsert_advert(
            database,
            OPERATOR,
            AdvertUpsert(advert_id=advert.id, seller_id=seller.id, attributes=_new()),
        )

    assert making.value.fields == {"seller_id": ["there is no such seller"]}
    assert changing.value.fields == {"advert_id": ["there is no such advert"]}
    assert moving.value.fields == {"seller_id": ["is not the advert's seller, which can't be changed"]}
    assert await conn.fetchval("select count(*) from adverts") == 1
    assert await conn.fetchval("select count(*) from variants") == 0

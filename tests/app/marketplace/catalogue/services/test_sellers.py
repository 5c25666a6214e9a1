import pytest
from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.errors import Forbidden, InvalidInput, NotFound
from app.marketplace.catalogue.services import sellers
from app.marketplace.catalogue.services.sellers import SellerAttributes, SellerUpdate, update_seller
from tests.builders.sellers import create_seller


async def test_the_operator_adds_a_seller(conn: Connection, database: Database) -> None:
    attributes = SellerAttributes(business_name="Pots", email_address="a@pots.example", online=False)

    seller = await sellers.create_seller(database, OPERATOR, attributes)

    assert (seller.business_name, seller.is_online, seller.is_retailer) == ("Pots", False, True)


async def test_sellers_add_none(conn: Connection, database: Database) -> None:
    viewer = Viewer((await create_seller(conn)).id)
    attributes = SellerAttributes(business_name="Pots", email_address="a@pots.example")

    with pytest.raises(Forbidden):
        await sellers.create_seller(database, viewer, attributes)

    assert await conn.fetchval("select count(*) from sellers") == 1


async def test_a_seller_changes_where_it_is_reached(conn: Connection, database: Database) -> None:
    seller = await create_seller(conn)
    attributes = SellerAttributes(email_address="new@kettles.example", phone="123")

    changed = await update_seller(database, Viewer(seller.id), SellerUpdate(attributes=attributes))

    assert (changed.email_address, changed.phone) == ("new@kettles.example", "123")
    assert changed.business_name == seller.business_name


async def test_a_seller_changes_nothing_else(conn: Connection, database: Database) -> None:
    seller = await create_seller(conn)
    attributes = SellerAttributes(phone="123", business_name="Kings", online=True)

    with pytest.raises(InvalidInput) as caught:
        await update_seller(database, Viewer(seller.id), SellerUpdate(attributes=attributes))

    message = "can be changed by the marketplace operator only"
    assert caught.value.fields == {"attributes.business_name": [message], "attributes.online": [message]}
    assert await conn.fetchval("select phone from sellers") is None


async def test_names_what_is_wrong(conn: Connection, database: Database) -> None:
    with pytest.raises(InvalidInput) as new:
        await sellers.create_seller(database, OPERATOR, SellerAttributes(business_name=" ", is_retailer=None))
    with pytest.raises(InvalidInput) as nobody:
        await update_seller(database, OPERATOR, SellerUpdate(attributes=SellerAttributes(email_address="@")))
    with pytest.raises(InvalidInput) as whose:
        await update_seller(database, OPERATOR, SellerUpdate(attributes=SellerAttributes(phone=None)))

    assert new.value.fields == {
        "attributes.business_name": ["must not be blank"],
        "attributes.email_address": ["is required"],
        "attributes.is_retailer": ["can't be null"],
    }
    assert nobody.value.fields == {"attributes.email_address": ["must be an e-mail address"]}
    assert whose.value.fields == {"seller_id": ["is required"]}


async def test_another_seller_is_not_there(conn: Connection, database: Database) -> None:
    seller, other = await create_seller(conn), await create_seller(conn)
    change = SellerUpdate(seller_id=seller.id, attributes=SellerAttributes(phone="123"))

    with pytest.raises(NotFound) as caught:
        await update_seller(database, Viewer(other.id), change)

    assert caught.value.fields == {"seller_id": ["there is no such seller"]}
    assert await conn.fetchval("select count(phone) from sellers") == 0

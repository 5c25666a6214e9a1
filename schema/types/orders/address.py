"""Address, with its Country and State."""

from typing import Annotated

import strawberry

from app.marketplace.catalogue.domain.slug import slug
from app.marketplace.orders.db.addresses import ADDRESSES, COUNTRIES, STATES
from app.marketplace.orders.db.addresses import Address as AddressRow
from app.marketplace.orders.domain.address import full_address
from schema.entities.connections import ListConnection
from schema.entities.fields import column, computed, entity, global_id
from schema.entities.relations import pages, relation
from schema.types.node import Node


@entity(COUNTRIES, description="A country.")
class Country(Node):
    id: strawberry.ID = global_id("Country")
    name: str = column("Name of the country.")
    code: str | None = column("Its code of two letters, after ISO 3166-1.", "iso")
    iso: str | None = column("Its code.", deprecated="It is the same as `code`.")
    states: ListConnection[Annotated["State", strawberry.lazy("schema.types.orders.address")]] = pages(
        STATES.country_id, description="Its states or provinces, as far as an address was in one."
    )


@entity(STATES, description="A state or province of a country.")
class State(Node):
    id: strawberry.ID = global_id("State")
    name: str = column("Name of the state.")
    short: str | None = column("Its short name, as on an envelope.")
    slug: str = computed(lambda row: slug(row.name), reads=("name",), description="The name as a part of an address.")
    country: Country = relation(STATES.country_id, description="The country that it is a part of.")


def _full_address(row: AddressRow) -> str:
    return full_address(address=row.address, subaddress=row.subaddress, city=row.city, postcode=row.postcode)


@entity(ADDRESSES, description="A postal address.")
class Address(Node):
    id: strawberry.ID = global_id("Address")
    address: str = column("Street and number.")
    subaddress: str | None = column("Unit, floor or building.")
    city: str = column("City or suburb.")
    postcode: str = column("Postal code.")
    full_address: str = computed(
        _full_address,
        reads=("address", "subaddress", "city", "postcode"),
        description="All of it in one line, without state and country.",
    )
    lat: float | None = column("Latitude in degrees; null when it is not known.")
    lng: float | None = column("Longitude in degrees; null when it is not known.")
    country: Country = relation(ADDRESSES.country_id, description="The country it is in.")
    state: State | None = relation(ADDRESSES.state_id, description="The state it is in; null without one.")

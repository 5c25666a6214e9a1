"""The input of addresses."""

from typing import TypeVar

import strawberry

from app.marketplace.orders.services.addresses import NewAddress
from schema.mutations.inputs import convert_input, optional, required

T = TypeVar("T")


@strawberry.input(description="A country, by its code.")
class CountryInput:
    code: str = required("ISO 3166-1 code of two letters, such as AU. One that is new is added.")


@strawberry.input(description="A state or province, by its short name or its name. One that is new is added.")
class StateInput:
    short: str | None = optional("The short name, as on an envelope, such as VIC.")
    name: str | None = optional("The name, such as Victoria; enough without `short`.")


@strawberry.input(description="A postal address.")
class AddressInput:
    address: str | None = optional("Street and number. Required.")
    city: str | None = optional("City or suburb. Required.")
    postcode: str | None = optional("Postcode. Required.")
    country: CountryInput | None = optional("The country. Required.")
    state: StateInput | None = optional("The state; absent or null for a country without states.")
    subaddress: str | None = optional("Flat, floor, company; what comes before the street.")
    lat: float | None = optional("Latitude in degrees.")
    lng: float | None = optional("Longitude in degrees.")


def new_address(given: AddressInput | None, absent: T) -> NewAddress | T | None:
    """Convert an address: None for null, `absent` if it was left out."""
    if given is strawberry.UNSET:
        return absent
    if given is None:
        return None
    state = given.state or None
    return convert_input(
        given,
        NewAddress,
        address=given.address or "",
        city=given.city or "",
        postcode=given.postcode or "",
        country=given.country.code if given.country else "",
        state=None if state is None else state.short or state.name or "",
    )

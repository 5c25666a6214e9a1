"""The input of addresses."""

from typing import TypeVar

import strawberry

from app.marketplace.orders.services.addresses import NewAddress
from schema.mutations.inputs import convert_input, optional, required

T = TypeVar("T")


@strawberry.input(description="A postal address.")
class AddressInput:
    address: str = required("Street and number.")
    city: str = required("City or suburb.")
    postcode: str = required("Postcode.")
    country: str = required("ISO 3166-1 code of two letters, such as AU.")
    state: str | None = optional("State, as on an envelope, such as VIC.")
    subaddress: str | None = optional("Flat, floor, company; what comes before the street.")
    lat: float | None = optional("Latitude in degrees.")
    lng: float | None = optional("Longitude in degrees.")


def new_address(given: AddressInput | None, absent: T) -> NewAddress | T | None:
    """Convert an address: None for null, `absent` if it was left out."""
    if given is strawberry.UNSET:
        return absent
    return None if given is None else convert_input(given, NewAddress)

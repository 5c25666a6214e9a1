"""Postal addresses, with their countries and states. One has no owner: it is of whatever points to it."""

from dataclasses import dataclass
from typing import NewType

from app.db.table import Table

AddressId = NewType("AddressId", int)
CountryId = NewType("CountryId", int)
StateId = NewType("StateId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """iso: ISO 3166-1 alpha-2."""

    id: CountryId
    name: str
    iso: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    id: StateId
    country_id: CountryId
    name: str
    short: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    id: AddressId
    address: str
    subaddress: str | None
    city: str
    postcode: str
    state_id: StateId | None
    country_id: CountryId
    lat: float | None
    lng: float | None


COUNTRIES = Table("countries", Country)
STATES = Table("states", State)
ADDRESSES = Table("addresses", Address)

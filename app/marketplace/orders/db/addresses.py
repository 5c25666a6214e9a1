"""Postal addresses with countries and states. An address has no owner: it belongs to the rows that point to it."""

from dataclasses import dataclass
from typing import NewType

from app.db.pool import Connection
from app.db.table import EVERYONE, WITH_REFERRERS, Table

AddressId = NewType("AddressId", int)
CountryId = NewType("CountryId", int)
StateId = NewType("StateId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    """A country. `iso` is its ISO 3166-1 alpha-2 code."""

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


COUNTRIES = Table(
    "countries",
    Country,
    seen_by=EVERYONE,
)
STATES = Table(
    "states",
    State,
    seen_by=EVERYONE,
    keys={"country_id": COUNTRIES},
)
# Orders are the operator's; a seller sees what they share with their invoices through its invoice.
ADDRESSES = Table(
    "addresses",
    Address,
    seen_by=WITH_REFERRERS,
    keys={"country_id": COUNTRIES, "state_id": STATES},
)


async def find_or_add_country(conn: Connection, iso: str) -> CountryId:
    """Return the country of a code, or add it. Its name is the code until somebody names it."""
    found = await conn.fetchval("select id from countries where iso = $1", iso)
    if found is None:
        found = await conn.fetchval(
            "insert into countries (name, iso) values ($1, $1) on conflict (iso) do update set iso = excluded.iso"
            " returning id",
            iso,
        )
    return CountryId(found)


async def find_or_add_state(conn: Connection, country_id: CountryId, state: str) -> StateId:
    """Return the country's state of a short or full name, or add it with that text as both names."""
    # There is no unique column: transactions that add states wait for each other.
    await conn.execute("select from countries where id = $1 for no key update", country_id)
    found = await conn.fetchval(
        "select id from states where country_id = $1 and $2 in (short, name) order by id limit 1", country_id, state
    )
    if found is None:
        found = await conn.fetchval(
            "insert into states (country_id, name, short) values ($1, $2, $2) returning id", country_id, state
        )
    return StateId(found)

"""Addresses that buyers and sellers give."""

import re
from dataclasses import dataclass

from app.db.pool import Connection
from app.db.write import insert_row
from app.kernel.problems import Problems, blank_problems
from app.marketplace.orders.db.addresses import ADDRESSES, AddressId, find_or_add_country, find_or_add_state

_ISO = re.compile(r"[A-Z]{2}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAddress:
    """An address. `country` is an ISO 3166-1 alpha-2 code, `state` a short name (VIC), `lat` and `lng` are degrees."""

    address: str
    city: str
    postcode: str
    country: str
    state: str | None = None
    subaddress: str | None = None
    lat: float | None = None
    lng: float | None = None


def address_problems(address: NewAddress | None, path: str) -> Problems:
    """List the problems of an address. None has none."""
    if address is None:
        return Problems()
    needed = {f"{path}.{name}": getattr(address, name) for name in ("address", "city", "postcode")}
    problems = blank_problems(needed)
    if not _ISO.match(address.country):
        problems.add(f"{path}.country.code", "must be an ISO 3166-1 code of two letters such as AU")
    if address.state is not None:
        problems.include(blank_problems({f"{path}.state.short": address.state}))
    if address.lat is not None and not -90 <= address.lat <= 90:
        problems.add(f"{path}.lat", "must be from -90 to 90")
    if address.lng is not None and not -180 <= address.lng <= 180:
        problems.add(f"{path}.lng", "must be from -180 to 180")
    return problems


async def insert_address(conn: Connection, address: NewAddress | None) -> AddressId | None:
    """Insert an address. An unknown country or state is added with its code. None stays None."""
    if address is None:
        return None
    country_id = await find_or_add_country(conn, address.country)
    state_id = None if address.state is None else await find_or_add_state(conn, country_id, address.state)
    row = await insert_row(
        conn,
        ADDRESSES,
        address=address.address,
        subaddress=address.subaddress,
        city=address.city,
        postcode=address.postcode,
        state_id=state_id,
        country_id=country_id,
        lat=address.lat,
        lng=address.lng,
    )
    return row.id

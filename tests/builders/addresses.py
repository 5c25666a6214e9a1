from typing import Any

from app.db.pool import Connection
from app.marketplace.orders.db.addresses import ADDRESSES, COUNTRIES, STATES, Address, Country, State
from tests.builders.rows import insert_row


async def create_country(conn: Connection, **overrides: Any) -> Country:
    """A country without a code, since codes are unique."""
    return await insert_row(conn, COUNTRIES, {"name": "Australia"}, overrides)


async def create_state(conn: Connection, **overrides: Any) -> State:
    if "country_id" not in overrides:
        overrides["country_id"] = (await create_country(conn)).id
    return await insert_row(conn, STATES, {"name": "Victoria", "short": "VIC"}, overrides)


async def create_address(conn: Connection, **overrides: Any) -> Address:
    """An address without a state, which nothing points to yet."""
    if "country_id" not in overrides:
        overrides["country_id"] = (await create_country(conn)).id
    defaults = {"address": "12 High Street", "city": "Melbourne", "postcode": "3000"}
    return await insert_row(conn, ADDRESSES, defaults, overrides)

from itertools import count
from typing import Any

from app.db.pool import Connection
from app.marketplace.catalogue.db.brands import BRANDS, Brand
from app.marketplace.catalogue.db.commission_packages import COMMISSION_PACKAGES, CommissionPackage
from app.marketplace.catalogue.db.inventories import INVENTORIES, Inventory
from app.marketplace.catalogue.db.option_types import (
    ADVERT_OPTION_VALUES,
    OPTION_TYPES,
    OPTION_VALUES,
    VARIANT_OPTION_VALUES,
    AdvertOptionValue,
    OptionType,
    OptionValue,
    VariantOptionValue,
)
from app.marketplace.catalogue.db.taxons import TAXONS, Taxon
from tests.builders.adverts import create_advert
from tests.builders.rows import insert_row
from tests.builders.variants import create_variant

_numbers = count(1)


async def create_brand(conn: Connection, **overrides: Any) -> Brand:
    number = next(_numbers)
    return await insert_row(conn, BRANDS, {"name": f"Brand {number}", "slug": f"brand-{number}"}, overrides)


async def create_commission_package(conn: Connection, **overrides: Any) -> CommissionPackage:
    return await insert_row(conn, COMMISSION_PACKAGES, {"name": f"Package {next(_numbers)}", "rate": 0.15}, overrides)


async def create_taxon(conn: Connection, **overrides: Any) -> Taxon:
    """A root, unless `parent_id` is given."""
    defaults = {"display_name": "Kitchen", "title": "All for the kitchen", "url_slug": "kitchen"}
    return await insert_row(conn, TAXONS, defaults, overrides)


async def create_option_type(conn: Connection, **overrides: Any) -> OptionType:
    defaults = {"name": f"size-{next(_numbers)}", "display_name": "Size", "field_type": "SINGLE_SELECT"}
    return await insert_row(conn, OPTION_TYPES, defaults, overrides)


async def create_option_value(conn: Connection, **overrides: Any) -> OptionValue:
    if "option_type_id" not in overrides:
        overrides["option_type_id"] = (await create_option_type(conn)).id
    return await insert_row(conn, OPTION_VALUES, {"name": "m", "display_name": "M"}, overrides)


async def create_variant_option_value(conn: Connection, **overrides: Any) -> VariantOptionValue:
    """The choice of a new value, unless `option_type_id` and `text_value` are given."""
    if "variant_id" not in overrides:
        overrides["variant_id"] = (await create_variant(conn)).id
    return await insert_row(conn, VARIANT_OPTION_VALUES, {}, await _with_choice(conn, overrides))


async def create_advert_option_value(conn: Connection, **overrides: Any) -> AdvertOptionValue:
    """The choice of a new value, unless `option_type_id` and `text_value` are given."""
    if "advert_id" not in overrides:
        overrides["advert_id"] = (await create_advert(conn)).id
    return await insert_row(conn, ADVERT_OPTION_VALUES, {}, await _with_choice(conn, overrides))


async def create_inventory(conn: Connection, **overrides: Any) -> Inventory:
    """Five of the variant at 9.00 AUD, with the variant's seller."""
    if "variant_id" not in overrides:
        overrides["variant_id"] = (await create_variant(conn)).id
    if "seller_id" not in overrides:
        variant_id = overrides["variant_id"]
        overrides["seller_id"] = await conn.fetchval("select seller_id from variants where id = $1", variant_id)
    return await insert_row(conn, INVENTORIES, {"count_on_hand": 5, "price_cents": 900, "currency": "AUD"}, overrides)


async def _with_choice(conn: Connection, overrides: dict[str, Any]) -> dict[str, Any]:
    if "option_type_id" in overrides:
        return overrides
    value = await create_option_value(conn)
    return {**overrides, "option_type_id": value.option_type_id, "option_value_id": value.id}

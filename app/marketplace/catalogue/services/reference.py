"""Reference data that all sellers share: taxons, options, brands, carriers, countries and tax codes.

Only the operator changes them.
"""

import re
from dataclasses import dataclass
from typing import Any, TypeVar

import asyncpg
from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.table import Table
from app.db.write import insert_row, update_row
from app.errors import Forbidden, InvalidInput, NotFound
from app.kernel.attributes import ABSENT, Absent, sent_values
from app.kernel.problems import Problems, url_problems, value_problems
from app.marketplace.catalogue.db.brands import BRANDS, Brand, BrandId
from app.marketplace.catalogue.db.option_types import (
    OPTION_TYPES,
    OPTION_VALUES,
    OptionType,
    OptionTypeId,
    OptionValue,
    OptionValueId,
    touch_option_type,
)
from app.marketplace.catalogue.db.tax_codes import TAX_CODES, TaxCode, TaxCodeId
from app.marketplace.catalogue.db.taxons import TAXONS, Taxon, TaxonId
from app.marketplace.catalogue.domain.option import FieldType
from app.marketplace.catalogue.domain.slug import slug
from app.marketplace.orders.db.addresses import COUNTRIES, Country, CountryId
from app.marketplace.orders.db.shipments import SHIPMENT_CARRIERS, ShipmentCarrier, ShipmentCarrierId

Row = TypeVar("Row", Taxon, OptionType, OptionValue, Brand, ShipmentCarrier, Country, TaxCode)
_ISO = re.compile(r"[A-Z]{2}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxonAttributes:
    """Attributes of a taxon. An absent one stays as it is. A `parent_id` of None makes it a root."""

    taxon_id: TaxonId | None = None
    parent_id: TaxonId | Absent | None = ABSENT
    display_name: str | Absent | None = ABSENT
    title: str | Absent | None = ABSENT
    url_slug: str | Absent | None = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionTypeAttributes:
    """Attributes of an option type. An absent one stays as it is."""

    option_type_id: OptionTypeId | None = None
    name: str | Absent | None = ABSENT
    display_name: str | Absent | None = ABSENT
    position: int | Absent | None = ABSENT
    field_type: FieldType | Absent | None = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionValueAttributes:
    """Attributes of an option value. An absent one stays as it is.

    A new one needs `option_type_id`, which can't be changed.
    """

    option_value_id: OptionValueId | None = None
    option_type_id: OptionTypeId | Absent | None = ABSENT
    name: str | Absent | None = ABSENT
    display_name: str | Absent | None = ABSENT
    position: int | Absent | None = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class BrandAttributes:
    """Attributes of a brand. An absent one stays as it is."""

    brand_id: BrandId | None = None
    name: str | Absent | None = ABSENT
    slug: str | Absent | None = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class CarrierAttributes:
    """Attributes of a carrier. An absent one stays as it is; None clears a URL."""

    shipment_carrier_id: ShipmentCarrierId | None = None
    name: str | Absent | None = ABSENT
    homepage_url: str | Absent | None = ABSENT
    tracking_link_template: str | Absent | None = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class CountryAttributes:
    """Attributes of a country. An absent one stays as it is. `iso` is its ISO 3166-1 alpha-2 code."""

    country_id: CountryId | None = None
    name: str | Absent | None = ABSENT
    iso: str | Absent | None = ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class TaxCodeAttributes:
    """Attributes of a tax code. An absent one stays as it is."""

    tax_code_id: TaxCodeId | None = None
    code: str | Absent | None = ABSENT
    name: str | Absent | None = ABSENT


async def save_taxon(database: Database, viewer: Viewer, attributes: TaxonAttributes) -> Taxon:
    """Create or change a taxon. Its display name is the title and makes the slug, unless they are given.

    Raises Forbidden, NotFound, InvalidInput.
    """
    sent = _sent(viewer, attributes, "taxon_id", needed=("display_name",), nullable=("parent_id",))
    if attributes.taxon_id is None:
        sent.setdefault("title", sent["display_name"])
        sent.setdefault("url_slug", slug(sent["display_name"]))
    async with transaction(database, actor=viewer.actor) as conn:
        await _check_exists(conn, TAXONS, sent.get("parent_id"), "parent_id")
        return await _save(conn, TAXONS, attributes.taxon_id, "taxon_id", sent)


async def save_option_type(database: Database, viewer: Viewer, attributes: OptionTypeAttributes) -> OptionType:
    """Create or change an option type. Raises Forbidden, NotFound, InvalidInput."""
    sent = _sent(viewer, attributes, "option_type_id", needed=("name", "field_type"))
    if attributes.option_type_id is None:
        sent.setdefault("display_name", sent["name"])
    async with transaction(database, actor=viewer.actor) as conn:
        return await _save(conn, OPTION_TYPES, attributes.option_type_id, "option_type_id", sent)


async def save_option_value(database: Database, viewer: Viewer, attributes: OptionValueAttributes) -> OptionValue:
    """Create or change a value of an option type. Raises Forbidden, NotFound, InvalidInput."""
    sent = _sent(viewer, attributes, "option_value_id", needed=("option_type_id", "name"))
    if attributes.option_value_id is None:
        sent.setdefault("display_name", sent["name"])
    async with transaction(database, actor=viewer.actor) as conn:
        await _check_exists(conn, OPTION_TYPES, sent.get("option_type_id"), "option_type_id")
        saved = await _save(conn, OPTION_VALUES, attributes.option_value_id, "option_value_id", sent)
        await touch_option_type(conn, saved.option_type_id)
        return saved


async def save_brand(database: Database, viewer: Viewer, attributes: BrandAttributes) -> Brand:
    """Create or change a brand. Its slug is made of its name, unless it is given. Raises as `save_taxon`."""
    sent = _sent(viewer, attributes, "brand_id", needed=("name",))
    if attributes.brand_id is None:
        sent.setdefault("slug", slug(sent["name"]))
    async with transaction(database, actor=viewer.actor) as conn:
        return await _save(conn, BRANDS, attributes.brand_id, "brand_id", sent)


async def save_carrier(database: Database, viewer: Viewer, attributes: CarrierAttributes) -> ShipmentCarrier:
    """Create or change a carrier. Raises as `save_taxon`."""
    urls = ("homepage_url", "tracking_link_template")
    sent = _sent(viewer, attributes, "shipment_carrier_id", needed=("name",), nullable=urls)
    url_problems({name: sent.get(name) for name in urls}).check()
    async with transaction(database, actor=viewer.actor) as conn:
        return await _save(conn, SHIPMENT_CARRIERS, attributes.shipment_carrier_id, "shipment_carrier_id", sent)


async def save_country(database: Database, viewer: Viewer, attributes: CountryAttributes) -> Country:
    """Create or change a country. Raises as `save_taxon`."""
    sent = _sent(viewer, attributes, "country_id", needed=("name", "iso"))
    if not _ISO.match(sent.get("iso", "AU")):
        raise InvalidInput.at("iso", "must be an ISO 3166-1 code of two letters such as AU")
    async with transaction(database, actor=viewer.actor) as conn:
        return await _save(conn, COUNTRIES, attributes.country_id, "country_id", sent)


async def save_tax_code(database: Database, viewer: Viewer, attributes: TaxCodeAttributes) -> TaxCode:
    """Create or change a tax code. Raises as `save_taxon`."""
    sent = _sent(viewer, attributes, "tax_code_id", needed=("code", "name"))
    async with transaction(database, actor=viewer.actor) as conn:
        return await _save(conn, TAX_CODES, attributes.tax_code_id, "tax_code_id", sent)


def _sent(
    viewer: Viewer, attributes: Any, key: str, *, needed: tuple[str, ...], nullable: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Check the given attributes and return their columns. Raises Forbidden, InvalidInput."""
    if not viewer.is_operator:
        raise Forbidden("What all sellers share can be changed by the marketplace operator only.")
    problems = value_problems(attributes)
    sent = sent_values(attributes)
    is_new = sent.pop(key) is None
    for name in needed if is_new else ():
        if name not in sent:
            problems.add(name, "is required")
    for name, value in sent.items():
        if value is None and name not in nullable:
            problems.add(name, "can't be null")
        if isinstance(value, str) and not value.strip():
            problems.add(name, "must not be blank")
    problems.check()
    return sent


async def _check_exists(conn: Connection, table: Table[object], key: int | None, field: str) -> None:
    if key is not None and not await conn.fetchval(f"select exists (select from {table.name} where id = $1)", key):
        raise InvalidInput.at(field, "there is no such thing")


async def _save(conn: Connection, table: Table[Row], key: int | None, field: str, values: dict[str, Any]) -> Row:
    """Insert a row, or update the values that differ. Violations of constraints become problems of their fields."""
    try:
        if key is None:
            return await insert_row(conn, table, **values)
        record = await conn.fetchrow(
            f"select {table.select_list('t')} from {table.name} t where id = $1 for no key update", key
        )
        if record is None:
            raise NotFound("There is no such thing.", fields={field: ["there is no such thing"]})
        before = table.from_record(record)
        if "option_type_id" in values and values["option_type_id"] != getattr(before, "option_type_id", None):
            Problems(option_type_id=["can't be changed"]).check()
        differing = {name: value for name, value in values.items() if value != getattr(before, name)}
        return await update_row(conn, table, key, differing) if differing else before
    except asyncpg.UniqueViolationError as error:
        taken = (name for name in ("slug", "iso", "code") if error.constraint_name == f"{table.name}_{name}_key")
        raise InvalidInput.at(next(taken, "name"), "is taken") from error
    except asyncpg.CheckViolationError as error:
        raise InvalidInput.at("parent_id", "lies below the taxon itself") from error

"""Reference data that all sellers share: the tree of taxons, and options. Only the operator changes them."""

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
from app.kernel.problems import Problems, value_problems
from app.marketplace.catalogue.db.option_types import (
    OPTION_TYPES,
    OPTION_VALUES,
    OptionType,
    OptionTypeId,
    OptionValue,
    OptionValueId,
    touch_option_type,
)
from app.marketplace.catalogue.db.taxons import TAXONS, Taxon, TaxonId
from app.marketplace.catalogue.domain.option import FieldType
from app.marketplace.catalogue.domain.slug import slug

Row = TypeVar("Row", Taxon, OptionType, OptionValue)


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
        raise InvalidInput.at("name", "is taken") from error
    except asyncpg.CheckViolationError as error:
        raise InvalidInput.at("parent_id", "lies below the taxon itself") from error

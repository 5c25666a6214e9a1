"""Reference data that all sellers share: taxons, options, brands, carriers, countries and tax codes.

Only the operator changes them. A `ReferenceKind` declares what differs between them; columns, their types and what may
be null follow from the table.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import asyncpg
from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.table import Table
from app.db.write import insert_row, lock_row, update_row
from app.errors import InvalidInput, NotFound
from app.kernel.problems import Problems, form_problems, url_problems, value_problems
from app.marketplace.catalogue.db.brands import BRANDS, Brand
from app.marketplace.catalogue.db.option_types import (
    OPTION_TYPES,
    OPTION_VALUES,
    OptionType,
    OptionValue,
    lock_type_of_value,
    touch_option_type,
)
from app.marketplace.catalogue.db.tax_codes import TAX_CODES, TaxCode
from app.marketplace.catalogue.db.taxons import TAXONS, Taxon
from app.marketplace.catalogue.domain.slug import slug
from app.marketplace.catalogue.services.shared_data import check_may_change_shared
from app.marketplace.orders.db.addresses import COUNTRIES, Country
from app.marketplace.orders.db.shipments import SHIPMENT_CARRIERS, ShipmentCarrier
from app.marketplace.owned.services.owned import KeptValue, external_id_problems, keep_external_ids

Row = TypeVar("Row", Taxon, OptionType, OptionValue, Brand, ShipmentCarrier, Country, TaxCode)
_ISO = re.compile(r"[A-Z]{2}\Z")
_URLS = ("homepage_url", "tracking_link_template")


async def _touch_nothing(_conn: Connection, _row: object) -> None:
    pass


def _no_problems(_sent: Mapping[str, Any]) -> Problems:
    return Problems()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceKind(Generic[Row]):
    """A kind of reference data.

    Attributes:
        name: What a row is called, as in `option_type`.
        table: Its table.
        required: The columns that a new row must be given.
        defaults: What a new row has by default, made of the columns that were given.
        fixed: Columns that can't be changed later.
        problems: Lists what is wrong with given values, besides nulls, blanks and lengths.
        touch: Marks the rows as changed that a saved row is a part of.
        lock_whole: Locks the row that the row with this key is a part of.
    """

    name: str
    table: Table[Row]
    required: tuple[str, ...]
    defaults: Mapping[str, Callable[[Mapping[str, Any]], object]] = field(default_factory=dict)
    fixed: tuple[str, ...] = ()
    problems: Callable[[Mapping[str, Any]], Problems] = _no_problems
    touch: Callable[[Connection, Row], Awaitable[None]] = _touch_nothing
    lock_whole: Callable[[Connection, int], Awaitable[None]] = _touch_nothing

    @property
    def key(self) -> str:
        """Name of its row's key in an input, as in `option_type_id`."""
        return f"{self.name}_id"


def _iso_problems(sent: Mapping[str, Any]) -> Problems:
    if _ISO.match(sent.get("iso") or "AU"):
        return Problems()
    return Problems(iso=["must be an ISO 3166-1 code of two letters such as AU"])


async def _touch_type(conn: Connection, value: OptionValue) -> None:
    await touch_option_type(conn, value.option_type_id)


TAXON = ReferenceKind(
    name="taxon",
    table=TAXONS,
    required=("display_name",),
    defaults={"title": lambda sent: sent["display_name"], "url_slug": lambda sent: slug(sent["display_name"])},
)
OPTION_TYPE = ReferenceKind(
    name="option_type",
    table=OPTION_TYPES,
    required=("name", "field_type"),
    defaults={"display_name": lambda sent: sent["name"]},
)
OPTION_VALUE = ReferenceKind(
    name="option_value",
    table=OPTION_VALUES,
    required=("option_type_id", "name"),
    defaults={"display_name": lambda sent: sent["name"]},
    fixed=("option_type_id",),
    touch=_touch_type,
    lock_whole=lock_type_of_value,
)
BRAND = ReferenceKind(
    name="brand", table=BRANDS, required=("name",), defaults={"slug": lambda sent: slug(sent["name"])}
)
SHIPMENT_CARRIER = ReferenceKind(
    name="shipment_carrier",
    table=SHIPMENT_CARRIERS,
    required=("name",),
    problems=lambda sent: url_problems({name: sent.get(name) for name in _URLS}),
)
COUNTRY = ReferenceKind(name="country", table=COUNTRIES, required=("name", "iso"), problems=_iso_problems)
TAX_CODE = ReferenceKind(name="tax_code", table=TAX_CODES, required=("code", "name"))


async def save_reference(
    database: Database,
    viewer: Viewer,
    kind: ReferenceKind[Row],
    key: int | None,
    sent: Mapping[str, object],
    external_ids: Sequence[KeptValue] = (),
) -> Row:
    """Create a row of reference data, or change one.

    Args:
        key: The row to change; None for a new one.
        sent: The values of the columns that were sent. All others stay as they are.
        external_ids: Its ids in other systems. Those that are not listed stay.

    Raises:
        Forbidden: The viewer is a seller.
        NotFound: There is no such row.
        InvalidInput: A value is missing, wrong or taken, or names a row that is not there.
    """
    check_may_change_shared(viewer)
    problems = value_problems(sent).include(value_problems(external_ids, "external_ids"))
    problems.include(external_id_problems(external_ids, "external_ids"))
    not_null = [name for name in sent if not kind.table.kind(name)[1]]
    problems.include(form_problems(sent, required=kind.required, not_null=not_null, is_new=key is None))
    problems.include(kind.problems(sent)).check()
    async with transaction(database, actor=viewer.actor) as conn:
        for name, reference in kind.table.keys.items():
            await _check_exists(conn, reference.to, sent.get(name), name)
        if key is None:
            defaults = {name: make(sent) for name, make in kind.defaults.items() if name not in sent}
            saved = await _write(conn, kind, None, {**sent, **defaults})
        else:
            saved = await _change(conn, kind, key, sent, is_touched=bool(external_ids))
        await keep_external_ids(conn, kind.table.type_name, saved.id, external_ids)
        return saved


async def _check_exists(conn: Connection, table: Table[object], key: object, field: str) -> None:
    if key is not None and not await conn.fetchval(f"select exists (select from {table.name} where id = $1)", key):
        raise InvalidInput.at(field, "there is no such thing")


async def _change(
    conn: Connection, kind: ReferenceKind[Row], key: int, sent: Mapping[str, object], *, is_touched: bool
) -> Row:
    """Update the values that differ, and `updated_at` if any does or the row is to be touched."""
    table = kind.table
    await kind.lock_whole(conn, key)
    before = await lock_row(conn, table, key)
    if before is None:
        raise NotFound("There is no such thing.", fields={kind.key: ["there is no such thing"]})
    differing = {name: value for name, value in sent.items() if value != getattr(before, name)}
    Problems({name: ["can't be changed"] for name in kind.fixed if name in differing}).check()
    is_written = differing or (is_touched and table.has("updated_at"))
    return await _write(conn, kind, key, differing) if is_written else before


async def _write(conn: Connection, kind: ReferenceKind[Row], key: int | None, values: dict[str, Any]) -> Row:
    """Insert or update a row. Violations of constraints become problems of their columns."""
    table = kind.table
    try:
        saved = await (insert_row(conn, table, **values) if key is None else update_row(conn, table, key, values))
    except asyncpg.UniqueViolationError as error:
        taken = (name for name in ("slug", "iso", "code") if error.constraint_name == f"{table.name}_{name}_key")
        raise InvalidInput.at(next(taken, "name"), "is taken") from error
    except asyncpg.CheckViolationError as error:
        raise InvalidInput.at("parent_id", "lies below the taxon itself") from error
    await kind.touch(conn, saved)
    return saved

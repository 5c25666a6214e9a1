"""Options: their types and values, and the values of adverts and variants."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from app.db.pool import Connection
from app.db.table import EVERYONE, Table, Through, part_of
from app.marketplace.catalogue.db.adverts import ADVERTS, AdvertId
from app.marketplace.catalogue.db.variants import VARIANTS, VariantId
from app.marketplace.catalogue.domain.option import FieldType
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS

OptionTypeId = NewType("OptionTypeId", int)
OptionValueId = NewType("OptionValueId", int)
VariantOptionValueId = NewType("VariantOptionValueId", int)
AdvertOptionValueId = NewType("AdvertOptionValueId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionType:
    id: OptionTypeId
    name: str
    display_name: str
    position: int
    field_type: FieldType
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionValue:
    id: OptionValueId
    option_type_id: OptionTypeId
    name: str
    display_name: str
    position: int
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantOptionValue:
    """A variant's value of an option: one of the type's values, or a free text."""

    id: VariantOptionValueId
    variant_id: VariantId
    option_type_id: OptionTypeId
    option_value_id: OptionValueId | None
    text_value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdvertOptionValue:
    """An advert's value of an option: one of the type's values, or a free text."""

    id: AdvertOptionValueId
    advert_id: AdvertId
    option_type_id: OptionTypeId
    option_value_id: OptionValueId | None
    text_value: str | None


OPTION_TYPES = Table(
    "option_types",
    OptionType,
    type_name="OptionType",
    seen_by=EVERYONE,
    owns=(EXTERNAL_IDS,),
    is_subscribable=True,
)
OPTION_VALUES = Table(
    "option_values",
    OptionValue,
    type_name="OptionValue",
    seen_by=EVERYONE,
    keys={"option_type_id": part_of(OPTION_TYPES)},
    owns=(EXTERNAL_IDS,),
    is_subscribable=True,
)
VARIANT_OPTION_VALUES = Table(
    "variant_option_values",
    VariantOptionValue,
    seen_by=Through("variant_id"),
    keys={"variant_id": part_of(VARIANTS), "option_type_id": OPTION_TYPES, "option_value_id": OPTION_VALUES},
)
ADVERT_OPTION_VALUES = Table(
    "advert_option_values",
    AdvertOptionValue,
    seen_by=Through("advert_id"),
    keys={"advert_id": part_of(ADVERTS), "option_type_id": OPTION_TYPES, "option_value_id": OPTION_VALUES},
)


async def lock_choices(
    conn: Connection, type_ids: Collection[OptionTypeId], value_ids: Collection[OptionValueId]
) -> dict[int, tuple[FieldType, frozenset[int]]]:
    """Return the field type of those of the types that exist, with the ids of those of the values that it has.

    Nobody can delete these values until the transaction ends: a foreign key would fail otherwise.
    """
    records = await conn.fetch(
        "with v as (select id, option_type_id from option_values where id = any($2::bigint[]) order by id"
        " for key share) select t.id, t.field_type,"
        " array(select v.id from v where v.option_type_id = t.id) as value_ids"
        " from option_types t where t.id = any($1::bigint[])",
        [*type_ids],
        [*value_ids],
    )
    return {row["id"]: (FieldType(row["field_type"]), frozenset(row["value_ids"])) for row in records}


async def touch_option_type(conn: Connection, option_type_id: OptionTypeId) -> None:
    """Set `updated_at` of an option type whose value has changed. It records no change event."""
    await conn.execute("update option_types set updated_at = now() where id = $1", option_type_id)


async def lock_type_of_value(conn: Connection, value_id: int) -> None:
    """Lock the option type of a value. It must be locked before the value, as each whole before its parts."""
    await conn.execute(
        "select from option_types where id = (select option_type_id from option_values where id = $1)"
        " for no key update",
        value_id,
    )


async def lock_option_value(conn: Connection, value_id: OptionValueId) -> OptionValue | None:
    """Lock an option value and its type against changes, and against whoever chooses it; None if there is none."""
    await lock_type_of_value(conn, value_id)
    record = await conn.fetchrow(
        f"select {OPTION_VALUES.select_list('v')} from option_values v where v.id = $1 for update", value_id
    )
    return None if record is None else OPTION_VALUES.from_record(record)


async def is_value_chosen(conn: Connection, value_id: OptionValueId) -> bool:
    """Return whether any variant or advert has chosen an option value, also one that was deleted."""
    return bool(
        await conn.fetchval(
            "select exists (select from variant_option_values where option_value_id = $1)"
            " or exists (select from advert_option_values where option_value_id = $1)",
            value_id,
        )
    )


async def delete_option_value(conn: Connection, value_id: OptionValueId) -> None:
    """Delete a locked option value that nothing has chosen, with its external ids."""
    await conn.execute("delete from external_ids where owner_type = 'OptionValue' and owner_id = $1", value_id)
    await conn.execute("delete from option_values where id = $1", value_id)

"""External ids and metadata: setting the values that other systems store with an entity."""

from collections.abc import Sequence
from dataclasses import dataclass

from databases import Database

from app.auth.viewers import Viewer
from app.capture.owners import find_owner, owner_tables, touch_owner
from app.db.pool import Connection, transaction
from app.db.table import Table
from app.db.upsert import upsert_rows
from app.errors import InvalidInput, NotFound
from app.kernel.problems import Problems, blank_problems, join, value_problems
from app.marketplace.catalogue.services.shared_data import check_may_change_shared
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS, ExternalID
from app.marketplace.owned.db.metadata import METADATA, Metadatum


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptValue:
    """A value and its key, which occurs once per owner."""

    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnedValue(KeptValue):
    """A value with its owner. `owner_type` is the GraphQL type of the row `owner_id`."""

    owner_type: str
    owner_id: int


async def upsert_external_id(database: Database, viewer: Viewer, given: OwnedValue) -> ExternalID:
    """Set the id of an entity in another system. For the operator, and for sellers on their own entities.

    Raises:
        Forbidden: The viewer is a seller, and the owner is shared by all.
        NotFound: There is no such owner for this viewer. The field is `owner`.
        InvalidInput: The key or the value is wrong.
    """
    owner = _owner_table(EXTERNAL_IDS, given, external_id_problems([given], ""))
    async with transaction(database, actor=viewer.actor) as conn:
        await _touch_owner(conn, viewer, owner, given)
        (kept,) = await keep_external_ids(conn, given.owner_type, given.owner_id, [given])
        return kept


async def upsert_metadatum(database: Database, viewer: Viewer, given: OwnedValue) -> Metadatum:
    """Store a value with an entity. For the operator, and for sellers on their own entities.

    Raises:
        NotFound: There is no such owner for this viewer. The field is `owner`.
        InvalidInput: The key or the value is wrong.
    """
    owner = _owner_table(METADATA, given, metadata_problems([given], ""))
    async with transaction(database, actor=viewer.actor) as conn:
        await _touch_owner(conn, viewer, owner, given)
        (kept,) = await keep_metadata(conn, given.owner_type, given.owner_id, [given])
        return kept


def external_id_problems(values: Sequence[KeptValue], path: str) -> Problems:
    """List the problems of external ids. With an empty path there is one, and its fields are named."""
    problems = metadata_problems(values, path)
    return problems.include(blank_problems({_at(path, n, "value"): kept.value for n, kept in enumerate(values)}))


def metadata_problems(values: Sequence[KeptValue], path: str) -> Problems:
    """List the problems of metadata, like `external_id_problems`. Their values may be blank."""
    problems = blank_problems({_at(path, n, "key"): kept.key for n, kept in enumerate(values)})
    keys = [kept.key for kept in values]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            problems.add(_at(path, number, "key"), "is given twice")
    return problems


def kept_problems(external_ids: Sequence[KeptValue], metadata: Sequence[KeptValue], path: str) -> Problems:
    """List the problems of both at `<path>external_ids` and `<path>metadata`."""
    problems = external_id_problems(external_ids, f"{path}external_ids")
    return problems.include(metadata_problems(metadata, f"{path}metadata"))


async def keep_external_ids(
    conn: Connection, owner_type: str, owner_id: int, values: Sequence[KeptValue]
) -> list[ExternalID]:
    """Set external ids of an owner in one statement and return them in the same order. Others stay as they are."""
    rows = await upsert_rows(conn, EXTERNAL_IDS, _values(owner_type, owner_id, values), unique=_UNIQUE)
    by_key = {row.key: row for row in rows}
    return [by_key[kept.key] for kept in values]


async def keep_metadata(
    conn: Connection, owner_type: str, owner_id: int, values: Sequence[KeptValue]
) -> list[Metadatum]:
    """Set metadata of an owner in one statement and return them in the same order. Others stay as they are."""
    rows = await upsert_rows(conn, METADATA, _values(owner_type, owner_id, values), unique=_UNIQUE)
    by_key = {row.key: row for row in rows}
    return [by_key[kept.key] for kept in values]


_UNIQUE = ("owner_type", "owner_id", "key")


def _at(path: str, number: int, name: str) -> str:
    return join(path, f"{number}.{name}") if path else name


def _owner_table(owned: Table[object], given: OwnedValue, problems: Problems) -> Table[object]:
    """Return the table of the owner. Raises InvalidInput."""
    owner = owner_tables(owned).get(given.owner_type)
    if owner is None:
        raise InvalidInput.at("owner", f"a {given.owner_type} keeps no such values")
    value_problems(given).include(problems).check()
    return owner


def _values(owner_type: str, owner_id: int, values: Sequence[KeptValue]) -> list[dict[str, object]]:
    return [{"owner_type": owner_type, "owner_id": owner_id, "key": kept.key, "value": kept.value} for kept in values]


async def _touch_owner(conn: Connection, viewer: Viewer, table: Table[object], given: OwnedValue) -> None:
    owner = await find_owner(conn, table, given.owner_id)
    if owner is not None and owner.is_shared:
        check_may_change_shared(viewer)
    is_foreign = owner is None or viewer.seller_id not in (None, owner.seller_id)
    if is_foreign or not await touch_owner(conn, table, given.owner_id):
        raise NotFound.at("owner", f"there is no such {given.owner_type}")

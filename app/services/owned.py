"""External ids and metadata: what others keep with an entity."""

from dataclasses import dataclass

from databases import Database

from app.auth import Viewer
from app.db.external_ids import EXTERNAL_IDS, ExternalID
from app.db.invoices import touch_invoice
from app.db.metadata import METADATA, Metadatum
from app.db.owners import OWNER_TYPES, find_owner
from app.db.pool import Connection, transaction
from app.db.upsert import upsert_row
from app.domain.problems import blank_problems, value_problems
from app.errors import InvalidInput, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """owner_type: the GraphQL type of the row `owner_id`. A key occurs once per owner."""

    owner_type: str
    owner_id: int
    key: str
    value: str


async def upsert_external_id(database: Database, viewer: Viewer, given: Kept) -> ExternalID:
    """Set what another system calls an entity. For the operator, and for a seller of what is its own.

    Raises NotFound at `owner`, for another seller's as well; InvalidInput.
    """
    _check(given)
    value_problems(given).include(blank_problems({"value": given.value})).check()
    async with transaction(database, actor=viewer.actor) as conn:
        await _touch_owner(conn, viewer, given)
        return await upsert_row(conn, EXTERNAL_IDS, _values(given), unique=_UNIQUE)


async def upsert_metadatum(database: Database, viewer: Viewer, given: Kept) -> Metadatum:
    """Keep a value with an entity. For the operator, and for a seller of what is its own.

    Raises NotFound at `owner`, for another seller's as well; InvalidInput.
    """
    _check(given)
    async with transaction(database, actor=viewer.actor) as conn:
        await _touch_owner(conn, viewer, given)
        return await upsert_row(conn, METADATA, _values(given), unique=_UNIQUE)


_UNIQUE = ("owner_type", "owner_id", "key")


def _check(given: Kept) -> None:
    if given.owner_type not in OWNER_TYPES:
        raise InvalidInput.at("owner", f"a {given.owner_type} keeps no such values")
    value_problems(given).include(blank_problems({"key": given.key})).check()


def _values(given: Kept) -> dict[str, object]:
    return {
        "owner_type": given.owner_type,
        "owner_id": given.owner_id,
        "key": given.key,
        "value": given.value,
    }


async def _touch_owner(conn: Connection, viewer: Viewer, given: Kept) -> None:
    owner = await find_owner(conn, given.owner_type, given.owner_id)
    if owner is None or viewer.seller_id not in (None, owner.seller_id):
        message = f"there is no such {given.owner_type}"
        raise NotFound(message, fields={"owner": [message]})
    if owner.invoice_id is not None:
        await touch_invoice(conn, owner.invoice_id)

"""External ids: the ids of entities in other systems."""

from dataclasses import dataclass
from typing import NewType

from app.db.table import WITH_OWNER, Table

ExternalIDId = NewType("ExternalIDId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalID:
    """The id of an entity in another system. `owner_type` is the GraphQL type of the row `owner_id`.

    A key occurs once per owner.
    """

    id: ExternalIDId
    owner_type: str
    owner_id: int
    key: str
    value: str


EXTERNAL_IDS = Table(
    "external_ids",
    ExternalID,
    seen_by=WITH_OWNER,
)

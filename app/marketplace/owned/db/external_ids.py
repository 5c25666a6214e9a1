"""External ids: what other systems call an entity."""

from dataclasses import dataclass
from typing import NewType

from app.db.table import WITH_OWNER, Table

ExternalIDId = NewType("ExternalIDId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalID:
    """owner_type: the GraphQL type of the row `owner_id`. A key occurs once per owner."""

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

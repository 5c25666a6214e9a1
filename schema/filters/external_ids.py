"""The filters of external ids, and of other objects by their external ids."""

from collections.abc import Sequence

import strawberry

from app.auth.viewers import Viewer
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from schema.entities.declarations import ListQuery
from schema.entities.fields import argument
from schema.filters.conditions import Conditions


@strawberry.input(description="An external id, by its key and value. Both must be equal to what is given.")
class ExternalIDInput:
    key: str = strawberry.field(description="The key, which says whose id it is.")
    value: str = strawberry.field(description="The id in that other system.")


def ask(
    viewer: Viewer,
    owner_type: str | None = None,
    key: str | None = None,
    value: str | None = None,
    values: Sequence[str] | None = None,
) -> ListQuery:
    query = Conditions(viewer)
    return query.list_query(
        query.equal("t.owner_type", owner_type),
        query.equal("t.key", key),
        query.equal("t.value", value),
        query.one_of("t.value", values),
    )


ARGUMENTS = (
    argument("owner_type", str | None, "Type of the owner, as `Invoice`."),
    argument("key", str | None, "Only those with this key."),
    argument("value", str | None, "Only those with this value."),
    argument("values", list[str] | None, "Only those with one of these; an empty list: none."),
)


def has_external_id(query: Conditions, owner_type: str, owner: str, external_id: ExternalIDInput | None) -> str | None:
    """Return the condition that the row with the id `owner` (SQL) has this external id."""
    if not external_id:
        return None
    return query.exists(
        EXTERNAL_IDS,
        "x",
        f"x.owner_type = '{owner_type}' and x.owner_id = {owner}",
        query.equal("x.key", external_id.key),
        query.equal("x.value", external_id.value),
    )

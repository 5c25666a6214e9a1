"""The filters of taxons."""

import strawberry

from app.auth.viewers import Viewer
from schema.entities.declarations import ListQuery
from schema.entities.fields import argument
from schema.filters.conditions import Conditions, key

ARGUMENTS = (argument("parent_id", strawberry.ID | None, "Those directly below this one; all if absent."),)


def ask(viewer: Viewer, parent_id: str | None = None) -> ListQuery:
    query = Conditions(viewer)
    return query.list_query(query.equal("t.parent_id", key(parent_id, "Taxon", field="parentId"), "bigint"))

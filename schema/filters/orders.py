"""The filters of orders."""

from datetime import datetime

from app.auth.viewers import Viewer
from app.db.keyset import by_column
from schema.entities.declarations import ListQuery
from schema.entities.fields import argument
from schema.filters.conditions import Conditions

UPDATED_ARGUMENTS = (argument("updated_since", datetime, "Changed at this time or later."),)


def ask_updated(viewer: Viewer, updated_since: datetime) -> ListQuery:
    query = Conditions(viewer)
    return query.list_query(query.since("t.updated_at", updated_since), sort=by_column("updated_at", "timestamptz"))

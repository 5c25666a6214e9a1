"""Permission to read tables."""

from collections.abc import Iterable

from app.auth.viewers import Viewer
from app.errors import TellgraphError
from schema.entities.declarations import SCOPES, VISIBILITY


def may_read(viewer: Viewer, tables: Iterable[str]) -> bool:
    """Tell whether the viewer and its key may read all of these tables.

    Each statement itself selects the rows that the viewer may see.
    """
    try:
        for table in tables:
            viewer.require(SCOPES[table])
            VISIBILITY[table].check(viewer)
    except TellgraphError:
        return False
    return True

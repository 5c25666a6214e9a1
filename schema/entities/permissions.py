"""Whether a viewer may read tables at all."""

from collections.abc import Iterable

from app.auth.viewers import Viewer
from app.errors import TellgraphError
from schema.entities.declarations import SCOPES, VISIBILITY


def may_read(viewer: Viewer, tables: Iterable[str]) -> bool:
    """Whether none of these tables is forbidden to the viewer as such, nor to its key: that is an error, with a path.

    Which rows of them the viewer sees is every statement's own business.
    """
    try:
        for table in tables:
            viewer.require(SCOPES[table])
            VISIBILITY[table].check(viewer)
    except TellgraphError:
        return False
    return True

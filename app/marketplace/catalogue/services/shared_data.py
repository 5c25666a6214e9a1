"""The right to change what all sellers share, such as taxons."""

from app.auth.viewers import Viewer
from app.errors import Forbidden


def check_may_change_shared(viewer: Viewer) -> None:
    """Raise Forbidden for a seller: what all sellers share is the operator's."""
    if not viewer.is_operator:
        raise Forbidden("What all sellers share can be changed by the marketplace operator only.")

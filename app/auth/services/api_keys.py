"""Make, revoke and rotate API keys. For the operator."""

from databases import Database

from app.auth.db import api_keys
from app.auth.db.api_keys import ApiKey, ApiKeyId, NewApiKey
from app.auth.domain.api_key import DEFAULT_OVERLAP_S, ApiKeyState, overlap_problems, renewed_expiry, state_of
from app.auth.viewers import IssuedKey, Viewer, issue_key
from app.db.pool import transaction
from app.errors import Conflict, Forbidden
from app.kernel import clock


async def create_api_key(database: Database, viewer: Viewer, new: NewApiKey) -> IssuedKey:
    """Make a key, of any scopes.

    Raises:
        Forbidden: The viewer is a seller.
        InvalidInput: Names every wrong attribute.
    """
    _check_operator(viewer)
    async with transaction(database, actor=viewer.actor) as conn:
        return await issue_key(conn, new)


async def revoke_api_key(database: Database, viewer: Viewer, api_key_id: ApiKeyId) -> ApiKey:
    """Revoke a key: the next request with it is refused.

    Raises:
        Forbidden: The viewer is a seller.
        NotFound: There is no such key.
        Conflict: It is revoked already, or it is the viewer's own.
    """
    _check_operator(viewer)
    async with transaction(database, actor=viewer.actor) as conn:
        before = await api_keys.lock_api_key(conn, api_key_id)
        if before.revoked_at is not None:
            raise _conflict(f"it was revoked at {before.revoked_at:%Y-%m-%d %H:%M} UTC")
        if before.id == viewer.key_id:
            raise _conflict(
                "it is the key of this request, and a key can't revoke itself. Rotate it, or revoke it with another key"
                " or by `tellgraph keys revoke`"
            )
        return await api_keys.mark_revoked(conn, api_key_id)


async def rotate_api_key(
    database: Database, viewer: Viewer, api_key_id: ApiKeyId, *, overlap_s: int | None = None
) -> IssuedKey:
    """Make a key with the name, the owner and the scopes of another one, which expires after the overlap.

    The new key lives as long as the old one was meant to.

    Args:
        database: The database.
        viewer: The viewer who rotates it. Its own key can be rotated, too.
        api_key_id: The old key.
        overlap_s: Seconds for which the old key still works; None: 24 hours.

    Raises:
        Forbidden: The viewer is a seller.
        NotFound: There is no such key.
        InvalidInput: The overlap is out of bounds.
        Conflict: The old key is revoked, has expired, or was rotated before.
    """
    _check_operator(viewer)
    overlap_s = DEFAULT_OVERLAP_S if overlap_s is None else overlap_s
    overlap_problems(overlap_s).check()
    now = clock.now()
    async with transaction(database, actor=viewer.actor) as conn:
        old = await api_keys.lock_api_key(conn, api_key_id)
        state = state_of(expires_at=old.expires_at, revoked_at=old.revoked_at, now=now)
        if state is not ApiKeyState.LIVE:
            raise _conflict(f"it is {state.lower()}, so there is nothing to change over from: make a new key")
        if old.replaced_by is not None:
            raise _conflict(f"it was rotated before, and API key {old.replaced_by} replaces it: rotate that one")
        expires_at = renewed_expiry(created_at=old.created_at, expires_at=old.expires_at, now=now)
        new = NewApiKey(name=old.name, seller_id=old.seller_id, scopes=old.scopes, expires_at=expires_at)
        issued = await issue_key(conn, new)
        await api_keys.mark_replaced(conn, old.id, by=issued.api_key.id, overlap_s=overlap_s)
        return issued


def _check_operator(viewer: Viewer) -> None:
    if not viewer.is_operator:
        raise Forbidden("API keys are the marketplace operator's to make and to revoke.")


def _conflict(message: str) -> Conflict:
    return Conflict(message, fields={"api_key_id": [message]})

"""The API keys of requests: known ones are taken from memory, unknown ones are looked up, wrong ones are slowed."""

from databases import Database

from app.auth.domain.api_key import hash_key
from app.auth.viewers import KeyCheck, ViewerCache, authenticate
from app.db.pool import connection
from app.http.limits.wrong_keys import WrongKeys


class WrongKey(Exception):
    """The API key is missing, unknown, revoked or expired."""


class Keys:
    """Finds the keys of requests.

    Attributes:
        viewers: The viewers of the keys of earlier requests.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._wrong = WrongKeys()
        self.viewers = ViewerCache()

    async def find(self, key: str | None, address: str | None) -> KeyCheck:
        """Return the viewer of a request's key before anything else of the request is read.

        A key that an earlier request had is confirmed by the statement that reads for its viewer. Any other is looked
        up here, so that nobody without a key can make this process read a body.

        Raises:
            WrongKey: There is no such key.
            RateLimited: Too many wrong keys came from this address.
        """
        if key is None:
            raise WrongKey
        known = self.viewers.key_check(key)
        if known is not None:
            return known
        self._wrong.check(address)
        if not self._wrong.is_wrong(key):
            async with connection(self._database) as conn:
                viewer = await authenticate(conn, key)
            self.viewers.remember(key, viewer)
            if viewer is not None:
                return KeyCheck(hash_key(key), viewer)
        await self._wrong.refuse(key, address)
        raise WrongKey

"""Automatic persisted queries: a client sends a query once with its hash, and from then on the hash alone.

Source: Apollo's protocol, which Apollo's and urql's clients speak. They send the query again when it is not found, so
each process has a store of its own, and may drop what it likes.
"""

import hashlib
import sys
from collections import OrderedDict
from dataclasses import dataclass, field

#: Bytes of all stored queries of a process: some ten thousand of usual size.
MAX_BYTES = 16 * 1024 * 1024
#: Bytes that a query takes in addition to its text: its hash, and its entry.
_EACH = 200


def hash_of(query: str) -> str:
    """Return the hash that stands for a query."""
    return hashlib.sha256(query.encode()).hexdigest()


@dataclass(slots=True)
class _OwnersQueries:
    """The queries of one owner by hash, the least recently used one first, and their bytes."""

    by_hash: OrderedDict[str, str] = field(default_factory=OrderedDict)
    size: int = 0


class PersistedQueries:
    """The queries that clients have sent with their hash, by owner: nobody finds, or pushes out, what others sent."""

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self._left = max_bytes
        self._owners: dict[str, _OwnersQueries] = {}

    def find(self, owner: str, query_hash: str) -> str | None:
        """Return the query that an owner has sent with this hash, or None."""
        queries = self._owners.get(owner)
        if queries is None or query_hash not in queries.by_hash:
            return None
        queries.by_hash.move_to_end(query_hash)
        return queries.by_hash[query_hash]

    def keep(self, owner: str, query_hash: str, query: str) -> None:
        """Store a query. While all together are too large, the owner with the most bytes loses its least used query."""
        queries = self._owners.setdefault(owner, _OwnersQueries())
        if query_hash in queries.by_hash:
            return
        queries.by_hash[query_hash] = query
        self._count(queries, _size(query))
        while self._left < 0:
            largest = max(self._owners, key=lambda name: self._owners[name].size)
            self._drop(largest)

    def _drop(self, owner: str) -> None:
        queries = self._owners[owner]
        _, query = queries.by_hash.popitem(last=False)
        self._count(queries, -_size(query))
        if not queries.by_hash:
            del self._owners[owner]

    def _count(self, queries: _OwnersQueries, size: int) -> None:
        queries.size += size
        self._left -= size


def _size(query: str) -> int:
    return sys.getsizeof(query) + _EACH

"""A cache that is bounded by the size of its values."""

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class SizedCache(Generic[K, V]):
    """A cache whose values have at most `most` of size together. The least recently used value is dropped first.

    Several threads may use it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._size = 0
        self._values: OrderedDict[K, V] = OrderedDict()
        self._sizes: dict[K, int] = {}
        self._lock = threading.Lock()

    def find(self, key: K) -> V | None:
        with self._lock:
            value = self._values.get(key)
            if value is not None:
                self._values.move_to_end(key)
            return value

    def keep(self, key: K, value: V, size: int) -> None:
        """Store a value in place of the key's former one."""
        with self._lock:
            self._drop(key)
            self._values[key] = value
            self._add(key, size)

    def grow(self, key: K, value: V, size: int) -> None:
        """Add to the size of a value; do nothing if it has been dropped."""
        with self._lock:
            if self._values.get(key) is value:
                self._add(key, size)

    def forget(self, key: K) -> None:
        with self._lock:
            self._drop(key)

    def _drop(self, key: K) -> None:
        if self._values.pop(key, None) is not None:
            self._size -= self._sizes.pop(key)

    def _add(self, key: K, size: int) -> None:
        self._sizes[key] = self._sizes.get(key, 0) + size
        self._size += size
        while self._size > self._most:
            forgotten, _ = self._values.popitem(last=False)
            self._size -= self._sizes.pop(forgotten)

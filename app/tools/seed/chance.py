"""Random choices that are the same for the same seed."""

import random
from collections import Counter

#: In a small marketplace, what may happen happens at least once in so many times.
_EVERY = 12


class Chance(random.Random):
    """A random generator. In a small marketplace, rare things are not left to luck: a newcomer should see them."""

    def __init__(self, seed: int, *, is_small: bool) -> None:
        super().__init__(seed)
        self._is_small = is_small
        self._missed = Counter[str]()

    def happens(self, what: str, share: float, *, every: int = _EVERY) -> bool:
        """Return whether something happens this time.

        Args:
            what: A name of it, by which its misses are counted.
            share: The share of times at which it happens.
            every: In a small marketplace, it happens at least once in so many times.
        """
        is_drawn = self.random() < share
        self._missed[what] = 0 if is_drawn else self._missed[what] + 1
        if self._is_small and self._missed[what] >= every:
            self._missed[what] = 0
            return True
        return is_drawn

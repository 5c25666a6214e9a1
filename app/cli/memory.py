"""Garbage collection in a process that lives long and makes much that is short-lived."""

import gc

#: Objects made and not freed yet before the youngest are looked through; Python's own 700 are one small page of rows.
_YOUNG = 20_000
_OLDER = 20


def spare_collections() -> None:
    """Take what the process has loaded out of every later collection, and collect more seldom.

    The schema alone is some hundred thousand objects that never die: going through them again and again cost a
    sixth of a worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _OLDER, _OLDER)

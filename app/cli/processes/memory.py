"""Garbage collection in a long-lived process with many short-lived objects."""

import gc

#: Living new objects after which the youngest are collected. Python's default of 700 is one small page of rows.
_YOUNG = 20_000
_OLDER = 20


def spare_collections() -> None:
    """Exclude the loaded objects from later collections, and collect less often.

    The schema alone has about a hundred thousand objects that are never freed. Scanning them again and again took a
    sixth of a worker's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _OLDER, _OLDER)

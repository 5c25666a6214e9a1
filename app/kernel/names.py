"""Names: the schema's spelling of Python's."""

import re


def to_camel_case(name: str) -> str:
    """Return the schema's name of a field: `countOnHand` for `count_on_hand`."""
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)

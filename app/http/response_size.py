"""How large an answer would be as JSON, found without writing it."""

from typing import Any

#: Of a key or a value that is no text: quotes, colon, comma; digits of a number.
_OTHER_BYTES = 4


def exceeds(value: Any, most_bytes: int) -> bool:
    """Whether a JSON value has more bytes than that. It stops counting once it has.

    Texts may stand in an answer many times and in memory once: an answer that is counted may have any size.
    Characters that JSON escapes count as they are.
    """
    left, pending = most_bytes, [value]
    while pending:
        each = pending.pop()
        if isinstance(each, dict):
            pending += each.values()
            left -= sum(map(len, each)) + len(each) * _OTHER_BYTES
        elif isinstance(each, list):
            pending += each
            left -= len(each)
        elif isinstance(each, str):
            left -= len(each) if each.isascii() else len(each.encode("utf-8", "surrogatepass"))
        if left < 0:
            return True
    return False

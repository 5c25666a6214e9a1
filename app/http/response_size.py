"""The size of an answer as JSON, estimated without writing it."""

#: Bytes counted for each entry of an object in addition to texts: quotes, colon, comma, digits of a number.
_OTHER_BYTES = 4


def exceeds(value: object, most_bytes: int) -> bool:
    """Tell whether a JSON value has more than `most_bytes` bytes. Counting stops as soon as it has.

    The same text may stand in an answer many times and in memory once, so an answer may have any size. Characters
    that JSON escapes count as one.
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

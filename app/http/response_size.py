"""The size of an answer as JSON, estimated without writing it."""

#: Bytes counted for each entry of an object in addition to texts: quotes, colon, comma, digits of a number.
_OTHER_BYTES = 4
#: Bytes of the answer for each character that a plan reads: UTF-8 takes up to four.
_BYTES_READ = 4
#: Fields without an alias that show the same column, or as many times its length after HTML is escaped.
_FIELDS_OF_COLUMN = 16
#: Bytes of a value that is computed from a row, such as a formatted amount.
_COMPUTED_BYTES = 100


def bound_response(*, characters_read: int, aliases: int, fields: int, longest_name: int) -> int:
    """Return a number of bytes that the answer of a plan does not exceed. Counting the exact size takes longer.

    Args:
        characters_read: The length of the JSON that the plan has read. Each text of it is in the answer once for each
            field and alias that shows it.
        aliases: The aliases of the document, fragments expanded.
        fields: The number of values in the answer, or more: the cost.
        longest_name: The length of a field's name or alias, or more.
    """
    return characters_read * _BYTES_READ * (_FIELDS_OF_COLUMN + aliases) + fields * (longest_name + _COMPUTED_BYTES)


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

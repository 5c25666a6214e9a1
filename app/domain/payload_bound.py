"""The bound on a payload's size, and what is said of one that exceeds it."""


def describe_excess(body: bytes, limit: int) -> str | None:
    """Return why a payload is too large to be sent; None when it fits."""
    if len(body) <= limit:
        return None
    return f"The payload has {len(body):,} bytes; at most {limit:,} are allowed."

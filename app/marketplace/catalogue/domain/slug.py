"""Slugs: names as parts of an address."""

import hashlib
import re
import unicodedata


def slug(name: str, *, is_unique: bool = False) -> str:
    """Return the slug of a name: `cafe-co` for `Café & Co.`.

    Args:
        is_unique: Add a suffix that depends on the exact name, because another name has the same slug.
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    if not words:
        return mark
    return f"{words}-{mark}" if is_unique else words

"""Names as parts of an address."""

import hashlib
import re
import unicodedata


def slug(name: str, *, is_unique: bool = False) -> str:
    """`Café & Co.` → `cafe-co`. is_unique: with a mark of the very name, for when another's slug is the same."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    mark = hashlib.sha256(name.encode()).hexdigest()[:8]
    if not words:
        return mark
    return f"{words}-{mark}" if is_unique else words

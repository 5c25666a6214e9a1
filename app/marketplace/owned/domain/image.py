"""Terms and rules of images."""

from enum import StrEnum
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from app.errors import InvalidInput

#: Pixels; no image server makes larger images.
MAX_SIDE = 10_000


class ImageKind(StrEnum):
    """The kind of an image. A brand or seller has at most one LOGO; all other images are GALLERY."""

    GALLERY = "GALLERY"
    LOGO = "LOGO"


def sized_url(url: str, width: int | None, height: int | None) -> str:
    """Return the image server's address of an image that fits into these pixels; the plain one without them.

    Raises InvalidInput for a side that is not from 1 to MAX_SIDE.
    """
    wanted = {name: side for name, side in (("width", width), ("height", height)) if side is not None}
    for name, side in wanted.items():
        if not 1 <= side <= MAX_SIDE:
            raise InvalidInput.at(name, f"must be from 1 to {MAX_SIDE}")
    if not wanted:
        return url
    parts = urlsplit(url)
    kept = [(name, value) for name, value in parse_qsl(parts.query, keep_blank_values=True) if name not in wanted]
    return urlunsplit(parts._replace(query=urlencode([*kept, *wanted.items()])))

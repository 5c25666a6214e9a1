"""Terms and rules of adverts, a seller's products."""

import html
import re
from enum import StrEnum

_YOUTUBE_VIDEO = re.compile(
    r"https?://(?:(?:www\.|m\.)?youtube(?:-nocookie)?\.com/(?:watch\?(?:[^#]*&)?v=|embed/|shorts/)|youtu\.be/)"
    r"(?P<id>[\w-]{11})(?![\w-])",
    re.ASCII,
)
_BLANK_LINES = re.compile(r"\n\s*\n")


class AdvertCondition(StrEnum):
    NEW = "NEW"
    USED = "USED"


class AdvertGender(StrEnum):
    UNISEX = "UNISEX"
    MALE = "MALE"
    FEMALE = "FEMALE"


def full_title(title: str, code: str | None) -> str:
    """Return the title, followed by the seller's code in parentheses if there is one: `Kettle (K-100)`."""
    return f"{title} ({code})" if code else title


def youtube_video_id(url: str | None) -> str | None:
    """Return the id of a film at YouTube by its URL; None for any other URL."""
    found = _YOUTUBE_VIDEO.match(url or "")
    return found["id"] if found else None


def page_path(advert_id: int) -> str:
    return f"/adverts/{advert_id}"


def description_html(description: str | None) -> str | None:
    """Convert plain text to escaped HTML: blank lines separate paragraphs, line ends become breaks. None stays None."""
    if description is None:
        return None
    text = html.escape(description.replace("\r\n", "\n")).strip()
    paragraphs = [part.replace("\n", "<br>") for part in _BLANK_LINES.split(text) if part]
    return "".join(f"<p>{part}</p>" for part in paragraphs)

"""Terms and rules of adverts, a seller's products."""

import html
import re
from enum import StrEnum

_BLANK_LINES = re.compile(r"\n\s*\n")


class AdvertCondition(StrEnum):
    NEW = "NEW"
    USED = "USED"


def full_title(title: str, code: str | None) -> str:
    """Return the title, followed by the seller's code in parentheses if there is one: `Kettle (K-100)`."""
    return f"{title} ({code})" if code else title


def page_path(advert_id: int) -> str:
    return f"/adverts/{advert_id}"


def description_html(description: str | None) -> str | None:
    """Convert plain text to escaped HTML: blank lines separate paragraphs, line ends become breaks. None stays None."""
    if description is None:
        return None
    text = html.escape(description.replace("\r\n", "\n")).strip()
    paragraphs = [part.replace("\n", "<br>") for part in _BLANK_LINES.split(text) if part]
    return "".join(f"<p>{part}</p>" for part in paragraphs)

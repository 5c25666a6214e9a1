"""All pages of the documentation, in the order of its index, rendered once per process."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock

from app.docs.markdown import Document, render_markdown
from app.docs.search import Index, Passage

FOLDER = Path(__file__).parent
_INDEX = "README"
_lock = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Manual:
    """The documentation.

    Args:
        order: The names of all pages, in the order in which they are read.
        groups: The same names by the heading of the index that they stand below.
    """

    index: Document
    pages: Mapping[str, Document]
    order: Sequence[str]
    groups: Mapping[str, Sequence[str]]
    search: Index

    def neighbours(self, name: str) -> tuple[str | None, str | None]:
        """Return the names of the previous and of the next page; None before the first and after the last."""
        at = self.order.index(name)
        previous = self.order[at - 1] if at else None
        return previous, self.order[at + 1] if at + 1 < len(self.order) else None


def manual() -> Manual:
    """Return the documentation. The first call takes a second of work: call it in a thread."""
    with _lock:
        return _read()


@cache
def _read() -> Manual:
    documents = {path.stem: render_markdown(path.read_text("utf-8")) for path in sorted(FOLDER.glob("*.md"))}
    index = documents.pop(_INDEX)
    placed = {name: heading for name, heading in index.links.items() if name in documents}
    # A page that the index forgets can still be found.
    placed |= {name: index.title for name in documents if name not in placed}
    groups: dict[str, list[str]] = {}
    for name, heading in placed.items():
        groups.setdefault(heading, []).append(name)
    order = [name for names in groups.values() for name in names]
    passages = [
        Passage(page=name, page_title=documents[name].title, section=section)
        for name in order
        for section in documents[name].sections
    ]
    return Manual(index=index, pages=documents, order=order, groups=groups, search=Index(passages))

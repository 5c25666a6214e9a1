"""Full-text search in the documentation, by SQLite's FTS5 in memory."""

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from app.docs.markdown import Section

#: Of a query. Nobody reads what more of it would find.
_MOST_CHARACTERS = 200
_MOST_WORDS = 12
_MOST_HITS = 30

_TABLE = """
create virtual table passages using fts5(
  page unindexed, anchor unindexed, page_title, title, body, parts, tokenize = 'porter unicode61'
)
"""
#: A word in a title counts most. The numbers are the weights of the columns. Snippets are made of the best rows alone.
_QUERY = """
select page, anchor, page_title, title, snippet(passages, 4, char(2), char(3), ' … ', 32)
from passages where passages match ? and rank match 'bm25(0, 0, 4, 10, 1, 1)' order by rank limit ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A section, and the page that it stands on."""

    page: str
    page_title: str
    section: Section


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A passage that was found.

    Args:
        snippet: HTML, with the words that were found in `mark` elements.
    """

    page: str
    anchor: str
    page_title: str
    title: str
    snippet: str


class Index:
    """The index of all passages."""

    def __init__(self, passages: Sequence[Passage]) -> None:
        # SQLite takes turns by itself, and after this nothing is written.
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection.execute(_TABLE)
        self._connection.executemany(
            "insert into passages values (?, ?, ?, ?, ?, ?)",
            [
                (
                    *(one.page, one.section.anchor, one.page_title, one.section.title, one.section.text),
                    _parts(f"{one.section.title} {one.section.text}"),
                )
                for one in passages
            ],
        )

    def find(self, query: str) -> list[Hit]:
        """Return the passages with all words of a query, the best first; if there are none, those with any of them.

        Words count in each of their forms, and the last one may be a beginning.
        """
        words = re.findall(r"\w+", query[:_MOST_CHARACTERS])[:_MOST_WORDS]
        if not words:
            return []
        terms = [f'"{word}"' for word in words]
        terms[-1] += "*"
        return self._matching(" ".join(terms)) or self._matching(" OR ".join(terms))

    def _matching(self, expression: str) -> list[Hit]:
        return [
            Hit(page=page, anchor=anchor, page_title=page_title, title=title, snippet=_marked(snippet))
            for page, anchor, page_title, title, snippet in self._connection.execute(_QUERY, (expression, _MOST_HITS))
        ]


def _parts(text: str) -> str:
    """Return the words inside names in camel case, so that `replay` finds `webhookEventReplay`."""
    names = re.findall(r"[a-z]+(?:[A-Z][a-z]+)+", text)
    return " ".join(re.sub(r"(?=[A-Z])", " ", name) for name in names)


def _marked(snippet: str) -> str:
    return escape(snippet).replace("\x02", "<mark>").replace("\x03", "</mark>")

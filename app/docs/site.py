"""The frame around each page of the documentation: navigation, table of contents, search."""

from collections.abc import Sequence
from functools import cache
from html import escape
from string import Template

from app.docs.manual import FOLDER, Manual
from app.docs.markdown import Document
from app.docs.search import Hit


def index_page(manual: Manual) -> str:
    """Return the page at /docs/."""
    return _framed(manual, title="Documentation of Tellgraph", main=manual.index.html)


def manual_page(manual: Manual, name: str) -> str:
    """Return one page of the documentation as HTML."""
    document = manual.pages[name]
    previous, following = manual.neighbours(name)
    links = [
        f'<a rel="{rel}" href="{other}">{word} {escape(manual.pages[other].title)}</a>'
        for rel, word, other in (("prev", "Previous:", previous), ("next", "Next:", following))
        if other is not None
    ]
    return _framed(
        manual,
        title=f"{document.title} – Tellgraph",
        main=_with_contents(document),
        neighbours=f'<nav class="neighbours" aria-label="Neighbours">{"".join(links)}</nav>',
        present=name,
    )


def search_page(manual: Manual, query: str, hits: Sequence[Hit]) -> str:
    """Return what a search has found."""
    heading = f"{_counted(len(hits))} for “{escape(query)}”" if query.strip() else "Search the documentation"
    advice = "" if hits else '<p>Try fewer or other words, or look through <a href="./">all pages</a>.</p>'
    found = "".join(
        f'<li><a href="{hit.page}{f"#{hit.anchor}" if hit.anchor else ""}">{escape(hit.title)}</a>'
        f"<small>{escape(hit.page_title)}</small><p>{hit.snippet}</p></li>"
        for hit in hits
    )
    results = f'<ol class="hits">{found}</ol>' if hits else advice
    return _framed(manual, title="Search – Tellgraph", main=f"<h1>{heading}</h1>{results}", query=query)


def missing_page(manual: Manual) -> str:
    """Return the page for an address below /docs that does not exist."""
    main = '<h1>There is no such page</h1><p>Search for it above, or look through <a href="./">all pages</a>.</p>'
    return _framed(manual, title="No such page – Tellgraph", main=main)


def _framed(
    manual: Manual,
    *,
    title: str,
    main: str,
    neighbours: str = "",
    present: str | None = None,
    query: str = "",
) -> str:
    return _layout().substitute(
        title=escape(title),
        main=main,
        neighbours=neighbours,
        pages=_navigation(manual, present),
        query=escape(query),
    )


@cache
def _layout() -> Template:
    return Template((FOLDER / "layout.html").read_text("utf-8"))


def _navigation(manual: Manual, present: str | None) -> str:
    def item(name: str) -> str:
        current = ' aria-current="page"' if name == present else ""
        return f'<li><a href="{name}"{current}>{escape(manual.pages[name].title)}</a></li>'

    return "".join(
        f"<h2>{escape(heading)}</h2><ul>{''.join(map(item, names))}</ul>" for heading, names in manual.groups.items()
    )


def _with_contents(document: Document) -> str:
    """Return a page with its table of contents below its title."""
    heading, title_end, rest = document.html.partition("</h1>\n")
    items = "".join(
        f'<li class="level-{one.level}"><a href="#{one.anchor}">{escape(one.title)}</a></li>'
        for one in document.headings
        if one.level <= 3
    )
    contents = f'<nav class="contents" aria-label="On this page"><h2>On this page</h2><ul>{items}</ul></nav>'
    return f"{heading}{title_end}{contents if items else ''}<article>{rest}</article>"


def _counted(number: int) -> str:
    return {0: "No results", 1: "1 result"}.get(number, f"{number} results")

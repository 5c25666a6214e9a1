"""One page of the documentation: from Markdown to HTML, with anchors, headings, and sections to be searched."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape

from markdown_it import MarkdownIt
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from app.docs.links import anchor_of

_PAGE_LINK = re.compile(r"([\w-]+)\.md(#.*)?")
#: Names of languages that Pygments knows by another name.
_LEXERS = {"cel": "python", "": "text"}
_TEXTS = ("text", "code_inline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading below the title.

    Args:
        level: 2 or more.
    """

    level: int
    anchor: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of a page that a search finds: what stands below one heading, or one row of a table with an anchor.

    Args:
        anchor: Empty for the part below the title.
    """

    anchor: str
    title: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A rendered page.

    Args:
        links: The names of the pages that it links to, each once, with the heading that the first link stands below.
    """

    title: str
    html: str
    headings: Sequence[Heading]
    sections: Sequence[Section]
    links: dict[str, str]


def render_markdown(text: str) -> Document:
    """Render one page. Links to other pages lead from `/docs/<page>`; links out of the folder become plain text."""
    tokens = _MARKDOWN.parse(text)
    reader = _Reader()
    reader.read(tokens)
    return Document(
        title=reader.sections[0].title,
        html=str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})),
        headings=[one for one in reader.headings if one.level > 1],
        sections=[
            Section(anchor=one.anchor, title=one.title, text=" ".join(" ".join(one.texts).split()))
            for one in reader.sections
        ],
        links=reader.links,
    )


@dataclass(slots=True, kw_only=True)
class _Collected:
    """A section while it is read."""

    anchor: str
    title: str
    texts: list[str] = field(default_factory=list)


class _Reader:
    """Walks through the tokens of a page, gives them anchors, and collects headings, sections and links."""

    def __init__(self) -> None:
        self.headings: list[Heading] = []
        self.sections: list[_Collected] = []
        self.links: dict[str, str] = {}
        self._anchors: Counter[str] = Counter()
        self._heading = self._present = _Collected(anchor="", title="")

    def read(self, tokens: Sequence[Token]) -> None:
        cell = None
        for at, token in enumerate(tokens):
            if token.type == "heading_open":
                self._begin(token, _plain(tokens[at + 1]))
            elif token.type == "tr_open" and (code := _code_of_row(tokens[at + 2])):
                cell = tokens[at + 2]
                self._begin_row(cell, code)
            elif token.type == "table_close":
                self._present = self._heading
            elif token.type == "fence":
                self._present.texts.append(token.content)
            elif token.type == "inline":
                self._link(token)
                if token is not cell and tokens[at - 1].type != "heading_open":
                    self._present.texts.append(_plain(token))

    def _begin(self, token: Token, title: str) -> None:
        level = int(token.tag[1:])
        anchor = self._anchor(title)
        if level > 1:
            token.attrSet("id", anchor)
            token.meta["title"] = title
        self._heading = self._present = _Collected(anchor=anchor if level > 1 else "", title=title)
        self.sections.append(self._present)
        self.headings.append(Heading(level=level, anchor=anchor, title=title))

    def _begin_row(self, cell: Token, code: str) -> None:
        """Give each code of a row's first cell an anchor, and begin a section with the first of them."""
        anchors = []
        for child in cell.children or ():
            if child.type == "code_inline":
                anchors.append(self._anchor(child.content))
                child.attrSet("id", anchors[-1])
        self._present = _Collected(anchor=anchors[0], title=code)
        self.sections.append(self._present)

    def _anchor(self, title: str) -> str:
        anchor = anchor_of(title)
        count = self._anchors[anchor]
        self._anchors[anchor] += 1
        return f"{anchor}-{count}" if count else anchor

    def _link(self, inline: Token) -> None:
        children: list[Token] = []
        is_dropped = False
        for child in inline.children or ():
            if child.type == "link_open":
                address = str(child.attrGet("href"))
                is_dropped = address.startswith("../")
                if found := _PAGE_LINK.fullmatch(address):
                    self.links.setdefault(found[1], self._heading.title)
                    page = "./" if found[1] == "README" else found[1]
                    child.attrSet("href", f"{page}{found[2] or ''}")
            if not (is_dropped and child.type in ("link_open", "link_close")):
                children.append(child)
            if child.type == "link_close":
                is_dropped = False
        inline.children = children


def _plain(inline: Token) -> str:
    return "".join(child.content if child.type in _TEXTS else " " for child in _visible(inline)).strip()


def _visible(inline: Token) -> Iterator[Token]:
    return (child for child in inline.children or () if child.type in (*_TEXTS, "softbreak", "hardbreak"))


def _code_of_row(cell: Token) -> str | None:
    """Return the first cell of a row, if it begins with a code; None of any other, and of a table's head."""
    children = cell.children or []
    is_code = cell.type == "inline" and bool(children) and children[0].type == "code_inline"
    return _plain(cell) if is_code else None


def _highlighted(text: str, language: str, _: str) -> str:
    """Return a code block as HTML. It can be scrolled, so the keyboard has to reach it."""
    try:
        lexer = get_lexer_by_name(_LEXERS.get(language, language), stripnl=False)
        code = highlight(text, lexer, HtmlFormatter(nowrap=True))
    except ClassNotFound:
        code = escape(text)
    return f'<pre tabindex="0"><code>{code}</code></pre>\n'


class _Rules:
    """The elements that are written in another way than CommonMark's usual one."""

    @staticmethod
    def heading_close(_: object, tokens: Sequence[Token], at: int, *__: object) -> str:
        opening = tokens[at - 2]
        anchor = opening.attrGet("id")
        if anchor is None:
            return f"</{opening.tag}>\n"
        label = escape(f"Link to “{opening.meta['title']}”")
        return f' <a class="anchor" href="#{anchor}" aria-label="{label}">#</a></{opening.tag}>\n'


def _made_markdown() -> MarkdownIt:
    markdown = MarkdownIt("commonmark", {"html": False, "highlight": _highlighted}).enable("table")
    markdown.add_render_rule("heading_close", _Rules.heading_close)
    # A wide table scrolls by itself, and not the page.
    markdown.add_render_rule("table_open", lambda *_: '<div class="table" tabindex="0"><table>\n')
    markdown.add_render_rule("table_close", lambda *_: "</table></div>\n")
    return markdown


_MARKDOWN = _made_markdown()

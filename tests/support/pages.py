"""The README, the pages of app/docs and the changelog, read as Markdown: code blocks, tables, links, prose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "app" / "docs"
INDEX = "app/docs/README.md"

_FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEREDOC = re.compile(r"<<'?(\w+)'?\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
#: The shell puts the present time there.
_NOW = re.compile(r"\$\(date [^)]*\)")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Page:
    """One Markdown file; `name` is its path in the repository."""

    name: str
    text: str

    @cached_property
    def fenced(self) -> list[tuple[str, str]]:
        """All fenced blocks in their order: language and text."""
        return _FENCED.findall(self.text)

    def blocks(self, language: str) -> list[str]:
        """Fenced blocks of one language, and the texts that shell blocks pass to a command under that name."""
        fenced = [text for name, text in self.fenced if name == language]
        passed = [
            _NOW.sub("2026-01-01T00:00:00Z", text)
            for shell in self._named("sh")
            for name, text in _HEREDOC.findall(shell)
            if name == language.upper()
        ]
        return [*fenced, *passed]

    def _named(self, language: str) -> list[str]:
        return [text for name, text in self.fenced if name == language]

    def section(self, heading: str) -> str:
        """The text below a heading, up to the next one of the same or a higher level."""
        found = re.search(rf"^(#+) {re.escape(heading)}$", self.text, re.MULTILINE)
        assert found is not None, f"{self.name} has no heading {heading!r}"
        rest = self.text[found.end() :]
        end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, re.MULTILINE)
        return rest[: end.start()] if end else rest

    @cached_property
    def links(self) -> list[str]:
        return _LINK.findall(_FENCED.sub("", self.text))

    @cached_property
    def anchors(self) -> set[str]:
        """Anchors of its headings, as GitHub makes them."""
        headings = _HEADING.findall(_FENCED.sub("", self.text))
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def sentences(self) -> Iterator[str]:
        """Sentences outside of code blocks, headings and tables."""
        lines = _FENCED.sub("", self.text).splitlines()
        prose = "\n".join(line for line in lines if not line.startswith(("|", "#")))
        for sentence in re.split(r"(?<=[.!?])\s+|\n\s*\n", prose):
            yield " ".join(sentence.split())


def first_cells(table: str) -> list[str]:
    """The code in the first cell of each row below the table's head."""
    return re.findall(r"^\| `([^`]+)` \|(?!.*\n\|-)", table, re.MULTILINE)


def page(name: str) -> Page:
    return Page(name=name, text=(ROOT / name).read_text("utf-8"))


README = page("README.md")
CHANGELOG = page("CHANGELOG.md")
PAGES = [README, *(page(str(path.relative_to(ROOT))) for path in sorted(DOCS.glob("*.md")))]

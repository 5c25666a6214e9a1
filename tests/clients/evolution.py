"""The changes of a schema that break its clients: they have to be announced."""

from collections.abc import Iterator

from graphql import build_schema, find_breaking_changes


def unannounced_changes(released_sdl: str, sdl: str, changelog: str) -> list[str]:
    """The breaking changes since the release that the newest section of the changelog does not name.

    Announced is a change whose description, as in `Invoice.status was removed.`, stands under a heading `Breaking`.
    """
    changes = find_breaking_changes(build_schema(released_sdl), build_schema(sdl))
    announced = "\n".join(_breaking_lines(changelog))
    return sorted(change.description for change in changes if change.description not in announced)


def _breaking_lines(changelog: str) -> Iterator[str]:
    """Of the first section (`## …`): older ones are about older releases."""
    sections, is_breaking = 0, False
    for line in changelog.splitlines():
        if line.startswith("## "):
            sections += 1
        if line.startswith("#"):
            is_breaking = sections == 1 and line.lstrip("# ").strip().lower() == "breaking"
        elif is_breaking:
            yield line.replace("`", "")

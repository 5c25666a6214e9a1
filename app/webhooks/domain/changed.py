"""The `changed` of a webhook's body: field paths that were added, updated and removed. Pure."""

from collections.abc import Mapping
from typing import Final

from app.kernel.parsed_json import JsonObject, ParsedJson

#: Paths of each kind that are kept when events replace each other: an outage may last for weeks.
MAX_JOINED: Final = 200


def join_changes(earlier: Mapping[str, ParsedJson], later: Mapping[str, ParsedJson]) -> JsonObject:
    """Join the changes of two events, the second of which replaces the first, each {added, updated, removed: paths}.

    A path that the first event added and the second removed counts as removed, because the first may have arrived.
    Each kind has at most the last MAX_JOINED paths.
    """
    kinds: dict[str, dict[str, None]] = {
        kind: dict.fromkeys([*earlier[kind], *later[kind]]) for kind in ("added", "updated", "removed")
    }
    kinds["added"] = {path: None for path in kinds["added"] if path not in later["removed"]}
    kinds["removed"] = {path: None for path in kinds["removed"] if path not in later["added"]}
    rows = tuple(f"{path}." for path in (*kinds["added"], *kinds["removed"]))
    kinds["updated"] = {path: None for path in kinds["updated"] if not path.startswith(rows)}
    is_cut = earlier.get("cut") or later.get("cut") or any(len(paths) > MAX_JOINED for paths in kinds.values())
    return {
        **{kind: list(paths)[-MAX_JOINED:] for kind, paths in kinds.items()},
        **({"cut": True} if is_cut else {}),
    }

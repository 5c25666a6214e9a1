"""A subscriber that believes what it is told, and keeps a copy of what its webhook's owner sees.

The plainest model: whatever has happened, in the end the copy is what the owner sees, and on the way there nothing was
created twice, updated or destroyed without being there, or shown as nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson


@dataclass(slots=True, kw_only=True)
class Mirror:
    """The copies of all subscribers, by webhook and entity: what a query has under `value`.

    heard  the last webhook event that was looked at.
    """

    copies: dict[tuple[int, str, int], Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    heard: int = 0

    async def listen(self, conn: asyncpg.Connection) -> None:
        """Take in what has been delivered since the last call; until then nothing must be left open."""
        rows = await conn.fetch(
            "select e.*, p.body from webhook_events e left join payloads p on p.digest = e.payload_digest"
            " where e.id > $1 and e.state = 'DELIVERED' order by e.id",
            self.heard,
        )
        for row in rows:
            body = None if row["body"] is None else orjson.loads(row["body"])
            self.hear((row["webhook_id"], row["entity_type"], row["entity_id"]), row["event_name"], body)
        self.heard = max([self.heard, *(row["id"] for row in rows)])

    def hear(self, subject: tuple[int, str, int], name: str, payload: Any) -> None:
        """Take in one event, and note what a subscriber could not make sense of."""
        is_held = subject in self.copies
        if (name == "create") == is_held:
            self.wrong.append(f"{name} of {subject}, which it {'has' if is_held else 'does not have'}")
        if name == "destroy":
            self.copies.pop(subject, None)
            return
        if payload["data"]["node"] is None:
            self.wrong.append(f"{name} of {subject} shows nothing")
            return
        self.copies[subject] = payload["data"]["node"]["value"]

    def compare(self, seen: dict[tuple[int, str, int], Any]) -> list[str]:
        """Say what is wrong in the end, given what the owners see."""
        lost = [f"{subject} is there, and was not told" for subject in seen.keys() - self.copies.keys()]
        kept = [f"{subject} is not there, and its end was not told" for subject in self.copies.keys() - seen.keys()]
        stale = [
            f"{subject} shows {seen[subject]}, told was {self.copies[subject]}"
            for subject in seen.keys() & self.copies.keys()
            if seen[subject] != self.copies[subject]
        ]
        return [*self.wrong, *_first(lost), *_first(kept), *_first(stale)]


def _first(found: Sequence[str]) -> list[str]:
    """Not thousands of the same."""
    return sorted(found)[:5]

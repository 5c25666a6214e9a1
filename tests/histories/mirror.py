"""A subscriber that applies every event, and keeps a copy of the entities that its webhook's owner sees.

This is the simplest model. In the end the copy equals what the owner sees. On the way nothing is created twice, updated
or destroyed without existing, or shown as null.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import orjson


@dataclass(slots=True, kw_only=True)
class Mirror:
    """The copies of all subscribers, by webhook and entity: the values of `value` in their queries.

    Attributes:
        heard: The last webhook event that was looked at.
    """

    copies: dict[tuple[int, str, int], Any] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    heard: int = 0

    async def listen(self, conn: asyncpg.Connection) -> None:
        """Apply the events delivered since the last call. Nothing may be open at that time."""
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
        """Apply one event, and note what contradicts the copy."""
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
        """Return what is wrong in the end, compared with what the owners see."""
        lost = [f"{subject} is there, and was not told" for subject in seen.keys() - self.copies.keys()]
        kept = [f"{subject} is not there, and its end was not told" for subject in self.copies.keys() - seen.keys()]
        stale = [
            f"{subject} shows {seen[subject]}, told was {self.copies[subject]}"
            for subject in seen.keys() & self.copies.keys()
            if seen[subject] != self.copies[subject]
        ]
        return [*self.wrong, *_first(lost), *_first(kept), *_first(stale)]


def _first(found: Sequence[str]) -> list[str]:
    """Return only the first of many equal findings."""
    return sorted(found)[:5]

"""Floors: below which turn no change event waits, lane by lane.

This is there only for speed. What was published stays in the indexes of the queue for as long as a snapshot may see
it, and a backup or a report keeps one for hours. Without floors, each claim reads all that has passed through since:
16 times as many entries after a minute of 200 changes per second.
"""

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple

from app.capture.change_events import Lane
from app.db.pool import Connection

#: Seconds between two looks for new floors.
_LOOK_S: Final = 1.0
#: Seconds between two looks at everything. They find what should not be there: a change event below its floor.
_FULL_LOOK_S: Final = 60.0
_LANES: Final = int(Lane.SET_ASIDE)

#: $1: where the look begins in each lane. `firsts`: the first turn that waits in each; null: none does.
_LOOK: Final = """
select pg_postmaster_start_time() as server_started_at,
  pg_snapshot_xmin(pg_current_snapshot())::text::bigint as oldest_xid,
  pg_snapshot_xmax(pg_current_snapshot())::text::bigint as next_xid,
  (select last_value from change_events_id_seq) as last_turn,
  array(
    select (
      select min(head.turn) from generate_series(0, 63) s(shard) cross join lateral (
        select coalesce(e.turn, e.id) as turn from change_events_open e
        where e.lane = (l.place - 1)::smallint and e.shard = s.shard and coalesce(e.turn, e.id) >= l.floor
        order by coalesce(e.turn, e.id) limit 1
      ) head
    ) from unnest($1::bigint[]) with ordinality l(floor, place) order by l.place
  ) as firsts
"""


class _Bound(NamedTuple):
    """Every turn up to `turn` was given to a transaction with a lower number than `xid`."""

    turn: int
    xid: int


@dataclass(slots=True)
class Floors:
    """The floors of one process: no change event waits below them, and none will.

    A turn is given when a change is recorded, and seen when its transaction commits, which may be long after. So a
    floor rises to a turn only once every transaction is over that may have been given a lower one.

    Attributes:
        has_left_over: Whether a step has left something over. By its turn it waits above the floors, by its id below.
    """

    turns: list[int] = field(default_factory=lambda: [0] * _LANES)
    has_left_over: bool = False
    _server_started_at: datetime | None = None
    _last_turn: int | None = None
    _bound: _Bound | None = None
    _looked_at: float = float("-inf")
    _fully_looked_at: float = field(default_factory=time.monotonic)

    @property
    def lowest(self) -> int:
        """The lowest floor of all lanes."""
        return min(self.turns)

    @property
    def is_look_due(self) -> bool:
        """Whether the last look was some time ago."""
        return time.monotonic() - self._looked_at >= _LOOK_S

    async def look(self, conn: Connection) -> None:
        """Look for new floors."""
        self._looked_at = now = time.monotonic()
        if is_full := now - self._fully_looked_at >= _FULL_LOOK_S:
            self._fully_looked_at = now
        before = [0] * _LANES if is_full else self.turns
        row = await conn.fetchrow(_LOOK, before)
        assert row is not None
        if row["server_started_at"] != self._server_started_at:
            # After a failover, turns and transactions may be given a second time: see `Horizon`.
            self._server_started_at = row["server_started_at"]
            self.turns, self._bound, self._last_turn = [0] * _LANES, None, None
        elif self._bound is not None and row["oldest_xid"] >= self._bound.xid:
            turn = self._bound.turn
            firsts = [turn if first is None else min(first, turn) for first in row["firsts"]]
            self.turns = [max(floor, first) for floor, first in zip(before, firsts, strict=True)]
            self._bound = None
        elif is_full:
            self.turns = [
                floor if first is None else min(floor, first)
                for floor, first in zip(self.turns, row["firsts"], strict=True)
            ]
        # Of the look before: a turn that this one reads may already belong to a transaction that has begun after it.
        if self._bound is None and self._last_turn is not None:
            self._bound = _Bound(self._last_turn, row["next_xid"])
        self._last_turn = row["last_turn"]

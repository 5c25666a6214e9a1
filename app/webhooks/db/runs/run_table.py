"""The statements that all runs have in common: each run is a row, and its worker keeps the row locked for a batch."""

from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

from app.db.pool import Connection
from app.db.table import Table
from app.errors import Conflict, NotFound
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.webhooks import WebhookId
from app.webhooks.domain.webhook_run import WebhookRunState


class Run(Protocol):
    @property
    def id(self) -> int: ...
    @property
    def state(self) -> WebhookRunState: ...


R = TypeVar("R", bound=Run)


class RunTable(Generic[R]):
    """The runs of one kind.

    Attributes:
        noun: The name of a run of this kind in messages, such as `backfill`.
    """

    def __init__(self, table: Table[R], *, noun: str) -> None:
        self._table = table
        self._name = table.name
        self._columns = table.select_list("r")
        self.noun = noun

    async def insert(self, conn: Connection, values: Mapping[str, object]) -> R:
        """Insert a run with these columns."""
        marks = ", ".join(f"${place}" for place in range(1, len(values) + 1))
        row = await conn.fetchrow(
            f"insert into {self._name} as r ({', '.join(values)}) values ({marks}) returning {self._columns}",
            *values.values(),
        )
        assert row is not None
        return self._table.from_record(row)

    async def check_few_run(
        self, conn: Connection, webhook_id: WebhookId, *, where: str = "true", most: int = 1
    ) -> None:
        """Raise Conflict if `most` runs of the webhook have not ended, of those that meet the condition."""
        running = await conn.fetchval(
            f"select count(*) from {self._name} where webhook_id = $1 and state = 'RUNNING' and {where}", webhook_id
        )
        if running >= most:
            going_on = f"Another {self.noun} of this webhook is" if most == 1 else f"{running} {self.noun}s are"
            raise Conflict(f"{going_on} still going on: wait for it, or end it with `webhook_{self.noun}_cancel`.")

    async def cancel(self, conn: Connection, run_id: int, *, seller_id: SellerId | None) -> R:
        """Cancel a run, after the batch that is under way. A cancelled run is returned as it is.

        Raises:
            NotFound: There is none, or it is another seller's.
            Conflict: It has ended.
        """
        row = await conn.fetchrow(
            f"select {self._columns} from {self._name} r join webhooks w on w.id = r.webhook_id"
            " where r.id = $1 and ($2::bigint is null or w.seller_id = $2) for update of r",
            run_id,
            seller_id,
        )
        if row is None:
            raise NotFound(f"There is no such {self.noun}.")
        run = self._table.from_record(row)
        if run.state is WebhookRunState.CANCELLED:
            return run
        if run.state is not WebhookRunState.RUNNING:
            raise Conflict(f"This {self.noun} is {run.state.value}: there is nothing to cancel.")
        return await self.finish(conn, run_id, WebhookRunState.CANCELLED)

    async def claim_due(self, conn: Connection) -> R | None:
        """Lock the run that has been due for the longest and that nobody else has locked; None when there is none.

        A run waits while its webhook is disabled.
        """
        row = await conn.fetchrow(
            f"select {self._columns} from {self._name} r join webhooks w on w.id = r.webhook_id and w.is_enabled"
            " where r.state = 'RUNNING' and r.due_at <= statement_timestamp() order by r.due_at limit 1"
            " for update of r skip locked"
        )
        return None if row is None else self._table.from_record(row)

    async def begin(self, conn: Connection, run_id: int, *, total: int, last_id: int) -> None:
        """Fix the end of a run. It has started when the transaction did: what was committed by then is seen."""
        await conn.execute(
            f"update {self._name} set total = $2, last_id = $3, started_at = now() where id = $1",
            run_id,
            total,
            last_id,
        )

    async def finish(self, conn: Connection, run_id: int, state: WebhookRunState, reason: str | None = None) -> R:
        """End a run. Its caller has locked it."""
        row = await conn.fetchrow(
            f"update {self._name} r set state = $2, reason = $3, finished_at = clock_timestamp()"
            f" where r.id = $1 returning {self._columns}",
            run_id,
            state.value,
            reason,
        )
        assert row is not None, "its caller has locked it"
        return self._table.from_record(row)

    async def cancel_running(self, conn: Connection, webhook_id: WebhookId) -> None:
        """Cancel the runs of a deleted webhook, after the batch that is under way."""
        await conn.execute(
            f"update {self._name} set state = 'CANCELLED', finished_at = clock_timestamp()"
            " where webhook_id = $1 and state = 'RUNNING'",
            webhook_id,
        )

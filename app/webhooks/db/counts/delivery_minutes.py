"""Numbers of attempts that succeeded and failed in each minute, by the owner of the webhooks.

No row is written for a single attempt, and the last hour is read from sixty rows of an owner.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.db.pool import Connection, RowReader
from app.marketplace.catalogue.db.sellers import SellerId
from app.webhooks.db.webhooks import WebhookId

#: The minutes that are shown, of which the last one is not over.
MINUTES_SHOWN: Final = 60
#: What stands for the operator where a table has the id of a seller.
_OPERATOR: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryMinute:
    """The attempts that ended in the minute from `started_at`."""

    started_at: datetime
    succeeded: int
    failed: int


class DeliveryTally:
    """The attempts that have ended in this process and are not in the table yet."""

    def __init__(self) -> None:
        self._ended: dict[WebhookId, tuple[int, int]] = {}

    def note(self, webhook_id: WebhookId, *, is_success: bool) -> None:
        succeeded, failed = self._ended.get(webhook_id, (0, 0))
        self._ended[webhook_id] = (succeeded + is_success, failed + (not is_success))

    def take(self) -> Mapping[WebhookId, tuple[int, int]]:
        """Return how many succeeded and failed of each webhook, and start again from zero."""
        taken, self._ended = self._ended, {}
        return taken


def tally(ended: Iterable[tuple[WebhookId, bool]]) -> DeliveryTally:
    """Count attempts: the webhook of each, and whether it succeeded."""
    counted = DeliveryTally()
    for webhook_id, is_success in ended:
        counted.note(webhook_id, is_success=is_success)
    return counted


async def add_deliveries(conn: Connection, counted: Mapping[WebhookId, tuple[int, int]]) -> None:
    """Add attempts to the present minute of their webhooks' owners, in key order, so that nobody waits in a circle."""
    if not counted:
        return
    await conn.execute(
        """
        insert into delivery_minutes as m (minute, seller_id, succeeded, failed)
        select date_trunc('minute', statement_timestamp()), coalesce(w.seller_id, $4), sum(k.succeeded), sum(k.failed)
        from unnest($1::bigint[], $2::bigint[], $3::bigint[]) k(webhook_id, succeeded, failed)
        join webhooks w on w.id = k.webhook_id
        group by 2 order by 2
        on conflict (minute, seller_id) do update set succeeded = m.succeeded + excluded.succeeded,
          failed = m.failed + excluded.failed
        """,
        list(counted),
        [succeeded for succeeded, _ in counted.values()],
        [failed for _, failed in counted.values()],
        _OPERATOR,
    )


async def list_delivery_minutes(conn: RowReader, seller_id: SellerId | None) -> list[DeliveryMinute]:
    """List the last MINUTES_SHOWN minutes, oldest first: of one seller's webhooks, or (None) of all webhooks."""
    of_owner = "" if seller_id is None else "and d.seller_id = $1"
    rows = await conn.fetch(
        f"""
        select m.minute as started_at, coalesce(sum(d.succeeded), 0)::bigint as succeeded,
          coalesce(sum(d.failed), 0)::bigint as failed
        from (select date_trunc('minute', statement_timestamp()) - make_interval(mins => back) as minute
          from generate_series(0, {MINUTES_SHOWN - 1}) back) m
        left join delivery_minutes d on d.minute = m.minute {of_owner}
        group by 1 order by 1
        """,
        *(() if seller_id is None else (seller_id,)),
    )
    return [DeliveryMinute(**row) for row in rows]

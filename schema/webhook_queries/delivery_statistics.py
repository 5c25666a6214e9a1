"""`deliveryStatistics`: how deliveries have gone in the last hour, and what is still to be sent."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.auth.viewers import Scope
from app.marketplace.catalogue.db.sellers import SELLERS, SellerId
from app.webhooks.db.backlog import MAX_SHOWN, OpenEvents, count_open_events
from app.webhooks.db.counts.delivery_minutes import MINUTES_SHOWN, list_delivery_minutes
from app.webhooks.db.counts.delivery_minutes import DeliveryMinute as MinuteRow
from schema.engine.context import Info
from schema.entities import global_ids

_AT_MOST = f"At most {MAX_SHOWN:,} are counted."


@strawberry.type(description="The delivery attempts that ended in one minute.")
class DeliveryMinute:
    started_at: datetime = strawberry.field(description="When the minute began.")
    succeeded: int = strawberry.field(description="Attempts that were answered with 2xx, or acknowledged.")
    failed: int = strawberry.field(description="Attempts that ended otherwise.")


@strawberry.type(description="The webhook events that are still to be sent.")
class DeliveryBacklog:
    waiting: int = strawberry.field(
        description=f"Events that wait for their first attempt, a retry or a taker: PENDING or RETRYING. {_AT_MOST}"
    )
    sending: int = strawberry.field(description=f"Events in flight, or taken and not settled: SENDING. {_AT_MOST}")
    held: int = strawberry.field(description=f"Events that are kept for disabled webhooks: HELD. {_AT_MOST}")
    oldest_due_at: datetime | None = strawberry.field(
        description="The earliest time at which an event that is POSTed is or was due; null when none waits."
    )
    unpublished_seconds: float | None = strawberry.field(
        description="The age of the oldest change that no worker has published, 0 without any; null of one seller."
    )


@strawberry.type(description="Deliveries of the last hour, and what is still to be sent.")
class DeliveryStatistics:
    seller_id: strawberry.Private[SellerId | None]

    @strawberry.field(
        description=f"The last {MINUTES_SHOWN} minutes, oldest first; the last one is not over. Approximate: an attempt"
        " is counted some seconds after its end. A worker that is killed loses the counts of its last seconds."
    )
    async def minutes(self, info: Info) -> list[DeliveryMinute]:
        return [_shown(one) for one in await list_delivery_minutes(info.context.reader, self.seller_id)]

    @strawberry.field(description="What is still to be sent.")
    async def backlog(self, info: Info) -> DeliveryBacklog:
        found: OpenEvents = await count_open_events(info.context.reader, self.seller_id)
        return DeliveryBacklog(
            waiting=found.waiting,
            sending=found.sending,
            held=found.held,
            oldest_due_at=found.oldest_due_at,
            unpublished_seconds=found.unpublished_s,
        )


def _shown(minute: MinuteRow) -> DeliveryMinute:
    return DeliveryMinute(started_at=minute.started_at, succeeded=minute.succeeded, failed=minute.failed)


async def delivery_statistics(
    info: Info,
    seller_id: Annotated[
        strawberry.ID | None, strawberry.argument(description="Only of this seller's webhooks.")
    ] = None,
) -> DeliveryStatistics | None:
    context = info.context
    context.viewer.require(Scope.WEBHOOKS)
    await context.turn()
    if seller_id is None:
        return DeliveryStatistics(seller_id=context.viewer.seller_id)
    key = SellerId(global_ids.key_of(seller_id, "Seller", field="sellerId"))
    if await context.loaders.by_id(SELLERS, key) is None:
        return None
    return DeliveryStatistics(seller_id=key)

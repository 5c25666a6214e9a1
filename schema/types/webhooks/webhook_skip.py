"""WebhookSkip: how many changes a webhook was not told of, for one reason."""

from datetime import datetime
from decimal import Decimal

from app.auth.viewers import Scope
from app.webhooks.db.counts.webhook_skips import WEBHOOK_SKIPS
from schema.entities.fields import column, computed, entity


@entity(
    WEBHOOK_SKIPS,
    scope=Scope.WEBHOOKS,
    description="Changes that a webhook was not told of, because nothing that it watches changed. Counted since"
    " `firstAt`. Approximate: a worker that is killed loses the counts of its last seconds.",
)
class WebhookSkip:
    reason: str = column("Why, as one sentence.")
    count: Decimal = computed(
        lambda row: Decimal(row.skipped),
        reads=("skipped",),
        description="How many changes. Not an Int, beyond which it may grow.",
    )
    first_at: datetime = column("When the first of them was counted.")
    last_at: datetime = column("When the last of them was counted.")

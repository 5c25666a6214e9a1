"""Words and rules of webhooks: what may be subscribed to, and how changes of one entity fold together."""

from collections.abc import Sequence
from enum import StrEnum


class WebhookKlass(StrEnum):
    """What a webhook is about: a table that is subscribable, under the name that GraphQL has for it."""

    INVOICE = "INVOICE"
    VARIANT = "VARIANT"
    REFUND_REQUEST = "REFUND_REQUEST"
    ADVERT = "ADVERT"
    SHIPMENT = "SHIPMENT"
    SELLER = "SELLER"
    ORDER = "ORDER"
    OPERATIONAL_EVENT = "OPERATIONAL_EVENT"

    @property
    def entity_type(self) -> str:
        """`RefundRequest` of REFUND_REQUEST."""
        return "".join(part.title() for part in self.value.split("_"))


class WebhookEventName(StrEnum):
    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DESTROY = "DESTROY"


#: What a webhook runs when its query is left blank.
DEFAULT_QUERY = "query($id: ID!){ node(id: $id) { __typename } }"


#: (what several changes amount to so far, the next one) → what they amount to; absent: the first stays.
#: A row's own order is no guide within a transaction: ON DELETE CASCADE logs the parent's DESTROY before the
#: children's UPDATEs of it, so DESTROY stays DESTROY.
_FOLD: dict[tuple[WebhookEventName | None, WebhookEventName], WebhookEventName | None] = {
    (WebhookEventName.CREATE, WebhookEventName.DESTROY): None,
    (WebhookEventName.UPDATE, WebhookEventName.DESTROY): WebhookEventName.DESTROY,
    (WebhookEventName.UPDATE, WebhookEventName.CREATE): WebhookEventName.CREATE,
    (WebhookEventName.DESTROY, WebhookEventName.CREATE): WebhookEventName.UPDATE,
    (None, WebhookEventName.CREATE): WebhookEventName.CREATE,
}


def fold_operations(operations: Sequence[WebhookEventName]) -> WebhookEventName | None:
    """One operation for several changes of one entity, oldest first; None when they cancel out.

    Created and destroyed is nothing; destroyed and restored is an update. At least one operation is given.
    """
    folded: WebhookEventName | None = operations[0]
    for operation in operations[1:]:
        folded = _FOLD.get((folded, operation), folded)
    return folded

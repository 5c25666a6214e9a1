"""The types and events that can be subscribed to, and the rule by which changes of one entity are folded."""

from collections.abc import Sequence
from enum import StrEnum
from functools import cached_property


class WebhookKlass(StrEnum):
    """The kind of entity that a webhook is about. The value is GraphQL's; `entity_type` is the schema's type."""

    INVOICE = "INVOICE"
    VARIANT = "VARIANT"
    REFUND_REQUEST = "REFUND_REQUEST"
    ADVERT = "ADVERT"
    SHIPMENT = "SHIPMENT"
    SELLER = "SELLER"
    ORDER = "ORDER"
    RETURN_SHIPMENT = "RETURN_SHIPMENT"
    REFUND_REQUEST_LINE_ITEM = "REFUND_REQUEST_LINE_ITEM"
    INVOICE_ANNOTATION = "INVOICE_ANNOTATION"
    TAXON = "TAXON"
    OPTION_TYPE = "OPTION_TYPE"
    OPTION_VALUE = "OPTION_VALUE"
    REMITTANCE_ADVICE = "REMITTANCE_ADVICE"
    COMMISSION_PACKAGE = "COMMISSION_PACKAGE"
    OPERATIONAL_EVENT = "OPERATIONAL_EVENT"

    @cached_property
    def entity_type(self) -> str:
        """The GraphQL type, such as `RefundRequest` for REFUND_REQUEST."""
        return "".join(part.title() for part in self.value.split("_"))


class WebhookEventName(StrEnum):
    """The kind of a change; stored by value."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DESTROY = "DESTROY"


class WebhookDelivery(StrEnum):
    """The way in which events reach the receiver; stored by value."""

    PUSH = "PUSH"
    PULL = "PULL"


#: The query of a webhook whose query is left blank.
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
    """Fold several operations on one entity, oldest first, into one. None when they cancel out.

    CREATE and DESTROY cancel out. DESTROY and CREATE (a restored entity) become an UPDATE. At least one is required.
    """
    folded: WebhookEventName | None = operations[0]
    for operation in operations[1:]:
        folded = _FOLD.get((folded, operation), folded)
    return folded

"""The root of all queries."""

from typing import Annotated, Any

import strawberry

from app.auth import Scope
from app.db.invoices import INVOICES
from app.db.keyset import BY_ID, by_column
from app.db.refund_requests import REFUND_REQUESTS
from app.db.sellers import SELLERS
from app.db.shipments import SHIPMENT_CARRIERS
from app.db.variants import VARIANTS
from app.db.webhook_events import WEBHOOK_EVENTS
from app.db.webhooks import WEBHOOKS
from app.errors import InvalidInput
from schema import global_ids
from schema.connections import Connection
from schema.context import Info
from schema.declarations import ENTITIES, Asked
from schema.fields import argument, listing
from schema.types.invoice import Invoice
from schema.types.node import Node
from schema.types.refund_request import RefundRequest
from schema.types.seller import Seller
from schema.types.shipment_carrier import ShipmentCarrier
from schema.types.variant import Variant
from schema.types.webhook import Webhook
from schema.types.webhook_event import WebhookEvent

MAX_NODES = 100


def _of_webhook(webhook_id: str) -> Asked:
    key = global_ids.key_of(webhook_id, "Webhook", field="webhookId")
    return Asked(where="t.webhook_id = $1", args=(key,), sort=BY_ID.reversed())


@strawberry.type(description="What can be asked.")
class Query:
    invoices: Connection[Invoice] = listing(
        INVOICES, ask=lambda: Asked(sort=by_column("created_at", "timestamptz")), description="Invoices, oldest first."
    )
    variants_where: Connection[Variant] = listing(VARIANTS, description="Variants, in the order of their creation.")
    refund_requests: Connection[RefundRequest] = listing(
        REFUND_REQUESTS, description="Refund requests, in the order of their creation."
    )
    sellers: Connection[Seller] = listing(SELLERS, description="Sellers: all for the operator, itself for a seller.")
    shipment_carriers: Connection[ShipmentCarrier] = listing(
        SHIPMENT_CARRIERS, description="The carriers that shipments can be sent with."
    )
    webhooks: Connection[Webhook] = listing(
        WEBHOOKS, scope=Scope.WEBHOOKS, description="Webhooks, in the order of their registration."
    )

    webhook_events: Connection[WebhookEvent] = listing(
        WEBHOOK_EVENTS,
        scope=Scope.WEBHOOKS,
        ask=_of_webhook,
        arguments=(argument("webhook_id", strawberry.ID, "The webhook."),),
        description="What was made of changes for one webhook, newest first, with all attempts.",
    )

    @strawberry.field(description="The object of a global id; null when there is none, or none for this key.")
    async def node(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The object's global id.")]
    ) -> Node | None:
        found: Node | None = await _find(info, id, "id")
        return found

    @strawberry.field(description="The objects of several global ids, in their order; null for each that is not found.")
    def nodes(
        self,
        info: Info,
        ids: Annotated[list[strawberry.ID], strawberry.argument(description="At most 100 global ids.")],
    ) -> list[Node | None]:
        if len(ids) > MAX_NODES:
            raise InvalidInput.at("ids", f"at most {MAX_NODES} can be asked for at once")
        # Awaitables, not awaited here: asked for together the dataloaders gather them, and each fails for itself.
        found: list[Any] = [_find(info, given, f"ids.{place}") for place, given in enumerate(ids)]
        return found


async def _find(info: Info, global_id: str, field: str) -> Any:
    """The row of a global id, or None. Raises InvalidInput for a malformed one, Forbidden."""
    type_name, key = global_ids.decode(global_id, field=field)
    entity = ENTITIES.get(type_name)
    if entity is None or not entity.is_node:
        raise InvalidInput.at(field, f"{type_name} is not a type of this API")
    context = info.context
    context.viewer.require(entity.scope)
    return await context.loaders.by_id(entity.table, key, with_deleted=context.sees_deleted)

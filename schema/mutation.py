"""The root of all mutations, composed from the nouns' modules."""

import strawberry

from schema.mutations.adverts import AdvertMutations
from schema.mutations.change_events import ChangeEventMutations
from schema.mutations.inventories import InventoryMutations
from schema.mutations.invoice_annotations import InvoiceAnnotationMutations
from schema.mutations.invoices import InvoiceMutations
from schema.mutations.orders import OrderMutations
from schema.mutations.owned import OwnedMutations
from schema.mutations.reference import ReferenceMutations
from schema.mutations.refund_requests import RefundRequestMutations
from schema.mutations.refund_steps import RefundStepMutations
from schema.mutations.return_shipments import ReturnShipmentMutations
from schema.mutations.sellers import SellerMutations
from schema.mutations.shipments import ShipmentMutations
from schema.mutations.variants import VariantMutations
from schema.mutations.webhook_controls import WebhookControlMutations
from schema.mutations.webhook_events import WebhookEventMutations
from schema.mutations.webhooks import WebhookMutations


@strawberry.type(description="What can be changed. A business error is data: look at `errors` and `status`.")
class Mutation(
    OrderMutations,
    ShipmentMutations,
    RefundRequestMutations,
    RefundStepMutations,
    AdvertMutations,
    VariantMutations,
    InvoiceMutations,
    SellerMutations,
    ReturnShipmentMutations,
    InvoiceAnnotationMutations,
    InventoryMutations,
    ReferenceMutations,
    OwnedMutations,
    WebhookMutations,
    WebhookControlMutations,
    WebhookEventMutations,
    ChangeEventMutations,
):
    """Every mutation has the form `name(input: NameMutationInput!): NameMutationPayload`."""

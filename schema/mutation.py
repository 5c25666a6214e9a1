"""The root of all mutations, composed from the nouns' modules."""

import strawberry

from schema.mutations.api_keys import ApiKeyMutations
from schema.mutations.catalogue.adverts import AdvertMutations
from schema.mutations.catalogue.commission_packages import CommissionPackageMutations
from schema.mutations.catalogue.inventories import InventoryMutations
from schema.mutations.catalogue.option_values import OptionValueMutations
from schema.mutations.catalogue.reference import ReferenceMutations
from schema.mutations.catalogue.sellers import SellerMutations
from schema.mutations.catalogue.variants import VariantMutations
from schema.mutations.orders.invoice_annotation_types import InvoiceAnnotationTypeMutations
from schema.mutations.orders.invoice_annotations import InvoiceAnnotationMutations
from schema.mutations.orders.invoices import InvoiceMutations
from schema.mutations.orders.orders import OrderMutations
from schema.mutations.orders.purges import PurgeMutations
from schema.mutations.orders.shipments import ShipmentMutations
from schema.mutations.owned.owners import OwnedMutations
from schema.mutations.refunds.refund_requests import RefundRequestMutations
from schema.mutations.refunds.refund_steps import RefundStepMutations
from schema.mutations.refunds.return_shipments import ReturnShipmentMutations
from schema.mutations.remittances.remittances import RemittanceMutations
from schema.mutations.webhooks.change_events import ChangeEventMutations
from schema.mutations.webhooks.webhook_controls import WebhookControlMutations
from schema.mutations.webhooks.webhook_events import WebhookEventMutations
from schema.mutations.webhooks.webhook_messages import WebhookMessageMutations
from schema.mutations.webhooks.webhook_reconciles import WebhookReconcileMutations
from schema.mutations.webhooks.webhooks import WebhookMutations


@strawberry.type(description="All changes. A business error is data: look at `errors` and `status`.")
class Mutation(
    OrderMutations,
    PurgeMutations,
    ShipmentMutations,
    RefundRequestMutations,
    RefundStepMutations,
    AdvertMutations,
    VariantMutations,
    InvoiceMutations,
    SellerMutations,
    ReturnShipmentMutations,
    InvoiceAnnotationMutations,
    InvoiceAnnotationTypeMutations,
    InventoryMutations,
    ReferenceMutations,
    OptionValueMutations,
    CommissionPackageMutations,
    RemittanceMutations,
    OwnedMutations,
    WebhookMutations,
    WebhookControlMutations,
    WebhookReconcileMutations,
    WebhookEventMutations,
    WebhookMessageMutations,
    ChangeEventMutations,
    ApiKeyMutations,
):
    """Every mutation has the form `name(input: NameMutationInput!): NameMutationPayload`."""

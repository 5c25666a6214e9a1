"""An integrator's client over generated code: find invoices, read one by its id, register a webhook, ship."""

from datetime import UTC, datetime

# Generated into an environment of its own by check.sh, whose mypy sees it and this file; the project's sees neither.
from tellgraph_client import (  # type: ignore[import-not-found]
    InvoiceByIdNodeInvoice,
    ShipmentCreateMutationInput,
    ShippedItemInput,
    Tellgraph,
    WebhookCreateAttributes,
    WebhookEventEnum,
    WebhookKlassEnum,
)
from tellgraph_client.enums import InvoiceStatusFlagEnum  # type: ignore[import-not-found]

#: The webhook sends this of an invoice that has changed.
INVOICE_CHANGED = """
query($id: ID!) { node(id: $id) { ... on Invoice { id statusFlags shipments { trackingNumber } } } }
"""


async def register_and_ship(url: str, key: str, carrier_id: str, endpoint: str) -> list[str]:
    """Register a webhook for `endpoint`, then ship what was paid of the first invoices; the shipments' ids."""
    async with Tellgraph(url=url, headers={"Authorization": f"Bearer {key}"}) as tellgraph:
        await _register(tellgraph, endpoint)
        found = await tellgraph.find_invoices(first=20)
        paid = [node.id for node in found.invoices.nodes if InvoiceStatusFlagEnum.PAID in node.status_flags]
        return [shipment for invoice in paid if (shipment := await _ship(tellgraph, invoice, carrier_id))]


async def _register(tellgraph: Tellgraph, endpoint: str) -> str:
    attributes = WebhookCreateAttributes(
        url=endpoint,
        type_=WebhookKlassEnum.INVOICE,
        events=[WebhookEventEnum.UPDATE],
        query_string=INVOICE_CHANGED,
    )
    payload = (await tellgraph.register_webhook(attributes)).webhook_create
    assert payload is not None
    assert payload.hmac_key is not None, payload.errors
    secret: str = payload.hmac_key
    return secret


async def _ship(tellgraph: Tellgraph, invoice_id: str, carrier_id: str) -> str | None:
    node = (await tellgraph.invoice_by_id(invoice_id)).node
    if not isinstance(node, InvoiceByIdNodeInvoice):
        return None
    shipped = ShipmentCreateMutationInput(
        invoice_id=node.id,
        dispatched_at=datetime.now(UTC),
        postage_carrier_id=carrier_id,
        tracking_number=f"TG-{node.id}",
        shipped_items=[ShippedItemInput(line_item_id=item.id, quantity=item.quantity) for item in node.line_items],
    )
    payload = (await tellgraph.ship(shipped)).shipment_create
    shipment_id: str | None = payload.shipment.id if payload and payload.shipment else None
    return shipment_id

"""shipmentCreate."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

import strawberry
from databases import Database

from app.auth import Viewer
from app.db.invoices import InvoiceId, LineItemId
from app.db.shipments import ShipmentCarrierId
from app.services.shipments import NewShipment, NewShippedItem, create_shipment
from schema.context import Info
from schema.mutations.inputs import Ids, converted, optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.shipment import Shipment


@strawberry.input(description="How much of a line item is in the parcel.")
class ShippedItemInput:
    line_item_id: strawberry.ID = required("The line item; it must be of the shipment's invoice.")
    quantity: int = required("How many of it, from 1 to those that await dispatch.")


@strawberry.input(description="Input of shipmentCreate.")
class ShipmentCreateMutationInput:
    invoice_id: strawberry.ID = required("The invoice whose items are sent.")
    dispatched_at: datetime = required(
        "When the parcel was handed to the carrier, not before the order. UTC without an offset."
    )
    postage_carrier_id: strawberry.ID = required("The carrier, a ShipmentCarrier.")
    tracking_number: str = required("The carrier's number of the parcel.")
    shipped_items: list[ShippedItemInput] = required("What is in the parcel; at least one item.")
    note: str | None = optional("A note about the shipment.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of shipmentCreate.")
class ShipmentCreateMutationPayload(MutationPayload):
    shipment: Shipment | None = strawberry.field(default=None, description="The new shipment; null on errors.")


@strawberry.type
class ShipmentMutations:
    @strawberry.field(description="Send some or all items of an invoice. For the operator and the invoice's seller.")
    async def shipment_create(
        self,
        info: Info,
        input: Annotated[ShipmentCreateMutationInput, strawberry.argument(description="The shipment.")],
    ) -> ShipmentCreateMutationPayload | None:
        async def create(database: Database, viewer: Viewer) -> Mapping[str, Any]:
            return {"shipment": await create_shipment(database, viewer, _shipment(input))}

        return await run_mutation(info, ShipmentCreateMutationPayload, input, create)


def _shipment(given: ShipmentCreateMutationInput) -> NewShipment:
    ids = Ids()
    made = converted(
        given,
        NewShipment,
        invoice_id=InvoiceId(ids.key(given.invoice_id, "Invoice", "invoiceId")),
        postage_carrier_id=ShipmentCarrierId(ids.key(given.postage_carrier_id, "ShipmentCarrier", "postageCarrierId")),
        shipped_items=[
            NewShippedItem(
                line_item_id=LineItemId(ids.key(item.line_item_id, "LineItem", f"shippedItems.{index}.lineItemId")),
                quantity=item.quantity,
            )
            for index, item in enumerate(given.shipped_items)
        ],
    )
    ids.check()
    return made

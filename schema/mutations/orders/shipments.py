"""shipmentCreate, shipmentUpdate."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.orders.db.invoices import InvoiceId, LineItemId
from app.marketplace.orders.db.shipments import ShipmentCarrierId, ShipmentId
from app.marketplace.orders.services.shipment_updates import ShipmentUpdate, update_shipment
from app.marketplace.orders.services.shipments import NewShipment, NewShippedItem, create_shipment
from schema.engine.context import Info
from schema.mutations.inputs import Ids, convert_input, optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.orders.shipment import Shipment


@strawberry.input(description="The part of a line item that is in the parcel.")
class ShippedItemInput:
    line_item_id: strawberry.ID = required("The line item; it must be of the shipment's invoice.")
    quantity: int = required("The quantity, from 1 to the quantity that awaits dispatch.")


@strawberry.input(description="Input of shipmentCreate.")
class ShipmentCreateMutationInput:
    invoice_id: strawberry.ID = required("The invoice whose items are sent.")
    dispatched_at: date = required(
        "When the parcel was handed to the carrier, from the day of the order until today: a day, or a time, in UTC"
        " without an offset."
    )
    postage_carrier_id: strawberry.ID = required("The carrier, a ShipmentCarrier.")
    tracking_number: str = required("The carrier's number of the parcel.")
    shipped_items: list[ShippedItemInput] = required("The contents of the parcel; at least one item.")
    note: str | None = optional("A note about the shipment.")
    shipped_from_id: strawberry.ID | None = optional(
        "Where it is sent from: the seller's address, which is also the default."
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of shipmentUpdate: an absent field stays as it is.")
class ShipmentUpdateMutationInput:
    shipment_id: strawberry.ID = required("The shipment to change.")
    postage_carrier_id: strawberry.ID | None = optional("The carrier, a ShipmentCarrier. Can't be cleared.")
    tracking_number: str | None = optional("The carrier's number of the parcel. Can't be cleared.")
    dispatched_at: datetime | None = optional(
        "When the parcel was handed to the carrier, from the day of the order until today. UTC without an offset."
        " Can't be cleared."
    )
    note: str | None = optional("A note about the shipment; null clears it.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of shipmentUpdate.")
class ShipmentUpdateMutationPayload(MutationPayload):
    shipment: Shipment | None = strawberry.field(default=None, description="The shipment as it is now; null on errors.")


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
        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"shipment": await create_shipment(database, viewer, _shipment(input))}

        return await run_mutation(info, ShipmentCreateMutationPayload, input, create)

    @strawberry.field(
        description="Change a shipment; its tracking link follows. What was sent can't be changed."
        " For the operator and the invoice's seller."
    )
    async def shipment_update(
        self,
        info: Info,
        input: Annotated[ShipmentUpdateMutationInput, strawberry.argument(description="The changes.")],
    ) -> ShipmentUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"shipment": await update_shipment(database, viewer, _update(input))}

        return await run_mutation(info, ShipmentUpdateMutationPayload, input, update)


def _update(given: ShipmentUpdateMutationInput) -> ShipmentUpdate:
    ids = Ids()
    made = convert_input(
        given,
        ShipmentUpdate,
        shipment_id=ShipmentId(ids.key(given.shipment_id, "Shipment", "shipmentId")),
        postage_carrier_id=ids.attribute(given.postage_carrier_id, "ShipmentCarrier", "postageCarrierId"),
    )
    ids.check()
    return made


def _shipment(given: ShipmentCreateMutationInput) -> NewShipment:
    ids = Ids()
    made = convert_input(
        given,
        NewShipment,
        invoice_id=InvoiceId(ids.key(given.invoice_id, "Invoice", "invoiceId")),
        postage_carrier_id=ShipmentCarrierId(ids.key(given.postage_carrier_id, "ShipmentCarrier", "postageCarrierId")),
        shipped_from_id=ids.optional_key(given.shipped_from_id or None, "Address", "shippedFromId"),
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

"""shipmentStatusCreate, returnShipmentCreate, returnShipmentUpdate: parcels on their way there and back."""

from collections.abc import Mapping
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.orders.db.invoices import LineItemId
from app.marketplace.orders.db.shipments import ShipmentCarrierId, ShipmentId
from app.marketplace.orders.services.tracking import report_status
from app.marketplace.refunds.db.refund_requests import RefundRequestId
from app.marketplace.refunds.db.return_shipments import ReturnShipmentId
from app.marketplace.refunds.services.return_shipments import (
    NewReturnItem,
    NewReturnShipment,
    ReturnShipmentUpdate,
    create_return_shipment,
    update_return_shipment,
)
from schema.engine.context import Info
from schema.entities import global_ids
from schema.enums.marketplace import (
    ShipmentStatusEnum,
)
from schema.mutations.inputs import Ids, convert_input, optional, required
from schema.mutations.owned.images import ImageInput, new_images
from schema.mutations.owned.owners import KeyValueInput, kept_values
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.orders.shipment_status import ShipmentStatus
from schema.types.refunds.return_shipment import ReturnShipment


@strawberry.input(description="Input of shipmentStatusCreate.")
class ShipmentStatusCreateMutationInput:
    shipment_id: strawberry.ID = required("The shipment that the carrier reports about.")
    status: ShipmentStatusEnum = required("The reported status.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="The part of a line item that is in a returned parcel.")
class ReturnShippedItemInput:
    line_item_id: strawberry.ID = required("The line item; the refund request must ask for it.")
    quantity: int = required("The quantity, from 1 to the quantity that is in no return shipment yet.")


@strawberry.input(description="Input of returnShipmentCreate.")
class ReturnShipmentCreateMutationInput:
    refund_request_id: strawberry.ID = required("The refund request that the parcel belongs to.")
    carrier_id: strawberry.ID = required("The carrier, a ShipmentCarrier.")
    tracking_number: str = required("The carrier's number of the parcel.")
    shipped_items: list[ReturnShippedItemInput] = strawberry.field(
        default_factory=list, description="The contents of the parcel, as far as they are known."
    )
    note: str | None = optional("A note about the parcel.")
    drop_off_url: str | None = optional("A page that tells the buyer where to hand the parcel in.")
    attachments: list[ImageInput] | None = optional("Pictures of it, such as a label; they are added.")
    external_ids: list[KeyValueInput] | None = optional("Its ids in other systems. Those that are not listed stay.")
    metadata: list[KeyValueInput] | None = optional(
        "Values that other systems store with it. Those that are not listed stay."
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of returnShipmentUpdate: an absent field stays as it is.")
class ReturnShipmentUpdateMutationInput:
    shipment_id: strawberry.ID = required("The return shipment to change.")
    carrier_id: strawberry.ID | None = optional("The carrier, a ShipmentCarrier. Can't be cleared.")
    tracking_number: str | None = optional("The carrier's number of the parcel. Can't be cleared.")
    note: str | None = optional("A note about the parcel; null clears it.")
    drop_off_url: str | None = optional("A page that tells the buyer where to hand the parcel in; null clears it.")
    attachments: list[ImageInput] | None = optional("Pictures of it, such as a label; they are added.")
    external_ids: list[KeyValueInput] | None = optional("Its ids in other systems. Those that are not listed stay.")
    metadata: list[KeyValueInput] | None = optional(
        "Values that other systems store with it. Those that are not listed stay."
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of shipmentStatusCreate.")
class ShipmentStatusCreateMutationPayload(MutationPayload):
    shipment_status: ShipmentStatus | None = strawberry.field(
        default=None, description="The reported status; null on errors."
    )


@strawberry.type(description="Answer of returnShipmentCreate.")
class ReturnShipmentCreateMutationPayload(MutationPayload):
    shipment: ReturnShipment | None = strawberry.field(
        default=None, description="The new return shipment; null on errors."
    )


@strawberry.type(description="Answer of returnShipmentUpdate.")
class ReturnShipmentUpdateMutationPayload(MutationPayload):
    shipment: ReturnShipment | None = strawberry.field(
        default=None, description="The return shipment as it is now; null on errors."
    )


@strawberry.type
class ReturnShipmentMutations:
    @strawberry.field(
        description="Add what a carrier reports about a shipment. For the operator and the invoice's seller."
    )
    async def shipment_status_create(
        self,
        info: Info,
        input: Annotated[ShipmentStatusCreateMutationInput, strawberry.argument(description="The report.")],
    ) -> ShipmentStatusCreateMutationPayload | None:
        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = ShipmentId(global_ids.key_of(input.shipment_id, "Shipment", field="shipmentId"))
            return {"shipment_status": await report_status(database, viewer, key, input.status)}

        return await run_mutation(info, ShipmentStatusCreateMutationPayload, input, create)

    @strawberry.field(
        description="Note a parcel that comes back; refundRequestReturn tells that it has arrived."
        " For the operator and the invoice's seller."
    )
    async def return_shipment_create(
        self,
        info: Info,
        input: Annotated[ReturnShipmentCreateMutationInput, strawberry.argument(description="The parcel.")],
    ) -> ReturnShipmentCreateMutationPayload | None:
        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"shipment": await create_return_shipment(database, viewer, _new(input))}

        return await run_mutation(info, ReturnShipmentCreateMutationPayload, input, create)

    @strawberry.field(description="Change a return shipment. For the operator and the invoice's seller.")
    async def return_shipment_update(
        self,
        info: Info,
        input: Annotated[ReturnShipmentUpdateMutationInput, strawberry.argument(description="The changes.")],
    ) -> ReturnShipmentUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"shipment": await update_return_shipment(database, viewer, _update(input))}

        return await run_mutation(info, ReturnShipmentUpdateMutationPayload, input, update)


def _new(given: ReturnShipmentCreateMutationInput) -> NewReturnShipment:
    ids = Ids()
    made = convert_input(
        given,
        NewReturnShipment,
        attachments=new_images(given.attachments or []),
        external_ids=kept_values(given.external_ids),
        metadata=kept_values(given.metadata),
        refund_request_id=RefundRequestId(ids.key(given.refund_request_id, "RefundRequest", "refundRequestId")),
        carrier_id=ShipmentCarrierId(ids.key(given.carrier_id, "ShipmentCarrier", "carrierId")),
        shipped_items=[
            NewReturnItem(
                line_item_id=LineItemId(ids.key(item.line_item_id, "LineItem", f"shippedItems.{index}.lineItemId")),
                quantity=item.quantity,
            )
            for index, item in enumerate(given.shipped_items)
        ],
    )
    ids.check()
    return made


def _update(given: ReturnShipmentUpdateMutationInput) -> ReturnShipmentUpdate:
    ids = Ids()
    made = convert_input(
        given,
        ReturnShipmentUpdate,
        attachments=new_images(given.attachments or []),
        external_ids=kept_values(given.external_ids),
        metadata=kept_values(given.metadata),
        shipment_id=ReturnShipmentId(ids.key(given.shipment_id, "ReturnShipment", "shipmentId")),
        carrier_id=ids.attribute(given.carrier_id, "ShipmentCarrier", "carrierId"),
    )
    ids.check()
    return made

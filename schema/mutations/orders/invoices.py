"""invoiceAmendmentCreate, clickAndCollectStatusUpdate."""

from collections.abc import Mapping
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.orders.db.invoices import InvoiceId
from app.marketplace.orders.domain.amendment import AmendmentLine
from app.marketplace.orders.services.click_and_collect import update_collection
from app.marketplace.orders.services.invoice_amendments import NewAmendment, create_amendment
from schema.engine.context import Info
from schema.entities import global_ids
from schema.enums.marketplace import (
    InvoiceAmendmentLineItemStatusEnum,
    InvoiceClickAndCollectStatusEnum,
)
from schema.mutations.inputs import Ids, convert_input, optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.orders.invoice import Invoice
from schema.types.orders.invoice_amendment import InvoiceAmendment


@strawberry.input(description="One amended line: a quantity of a line item, or a custom amount; not both.")
class InvoiceAmendmentLineItemInput:
    quantity: int = required(
        "The quantity, at least 1. For a line item, at most the quantity that no refund request claims."
    )
    status: InvoiceAmendmentLineItemStatusEnum = required("The outcome for these items.")
    line_item_id: strawberry.ID | None = optional("The line item; it must be of the amendment's invoice.")
    custom: str | None = optional("Name of a custom line, such as a fee; it needs amountCents.")
    amount_cents: int | None = optional(
        "The change of the invoice for one, in cents: negative for a refund, positive if the buyer pays more. By"
        " default, a line item's share of what is left of its payment is refunded."
    )
    dispatched: bool | None = optional(
        "Whether the items had been sent. By default those that are REFUNDED had, those that are CANCELLED had not."
    )


@strawberry.input(description="Input of invoiceAmendmentCreate.")
class InvoiceAmendmentCreateMutationInput:
    invoice_id: strawberry.ID = required("The invoice to amend.")
    line_items: list[InvoiceAmendmentLineItemInput] = required("The amended lines; at least one.")
    remittance_cents: int | None = optional(
        "The change of what the seller is paid, in cents: negative for a refund. By default the lines' total less its"
        " commission. Where it differs, an adjustment line says by how much."
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of clickAndCollectStatusUpdate.")
class ClickAndCollectStatusUpdateMutationInput:
    invoice_id: strawberry.ID = required("The invoice; its items are to be collected.")
    status: InvoiceClickAndCollectStatusEnum = required("The state of the collection.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of invoiceAmendmentCreate.")
class InvoiceAmendmentCreateMutationPayload(MutationPayload):
    invoice_amendment: InvoiceAmendment | None = strawberry.field(
        default=None, description="The new amendment; null on errors."
    )


@strawberry.type(description="Answer of clickAndCollectStatusUpdate.")
class ClickAndCollectStatusUpdateMutationPayload(MutationPayload):
    invoice: Invoice | None = strawberry.field(default=None, description="The invoice as it is now; null on errors.")


@strawberry.type
class InvoiceMutations:
    @strawberry.field(
        description="Correct an invoice after the sale: its total including adjustments follows, and so do the"
        " quantities of its line items. For the operator."
    )
    async def invoice_amendment_create(
        self,
        info: Info,
        input: Annotated[InvoiceAmendmentCreateMutationInput, strawberry.argument(description="The amendment.")],
    ) -> InvoiceAmendmentCreateMutationPayload | None:
        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"invoice_amendment": await create_amendment(database, viewer, _amendment(input))}

        return await run_mutation(info, InvoiceAmendmentCreateMutationPayload, input, create)

    @strawberry.field(
        description="Note that the items of an invoice lie ready for the buyer, or were collected, once paid."
        " For the operator and the invoice's seller."
    )
    async def click_and_collect_status_update(
        self,
        info: Info,
        input: Annotated[ClickAndCollectStatusUpdateMutationInput, strawberry.argument(description="The status.")],
    ) -> ClickAndCollectStatusUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            invoice_id = InvoiceId(global_ids.key_of(input.invoice_id, "Invoice", field="invoiceId"))
            return {"invoice": await update_collection(database, viewer, invoice_id, input.status)}

        return await run_mutation(info, ClickAndCollectStatusUpdateMutationPayload, input, update)


def _amendment(given: InvoiceAmendmentCreateMutationInput) -> NewAmendment:
    ids = Ids()
    invoice_id = InvoiceId(ids.key(given.invoice_id, "Invoice", "invoiceId"))
    lines = [_line(ids, line, f"lineItems.{index}") for index, line in enumerate(given.line_items)]
    ids.check()
    return convert_input(given, NewAmendment, invoice_id=invoice_id, line_items=lines)


def _line(ids: Ids, given: InvoiceAmendmentLineItemInput, path: str) -> AmendmentLine:
    key = ids.optional_key(given.line_item_id or None, "LineItem", f"{path}.lineItemId")
    return convert_input(given, AmendmentLine, line_item_id=key)

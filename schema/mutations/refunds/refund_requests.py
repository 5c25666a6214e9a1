"""refundRequestCreate, refundRequestRefund."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.orders.db.invoices import InvoiceId
from app.marketplace.refunds.db.refund_requests import RefundRequestId
from app.marketplace.refunds.domain.refund_request import (
    RefundLine,
    RefundRequestLineItemCreateStatus,
    RefundRequestLineItemStatus,
)
from app.marketplace.refunds.services.refund_effects import NewNote
from app.marketplace.refunds.services.refund_requests import (
    KeptOfLine,
    NewRefundRequest,
    Refund,
    create_refund_request,
    refund_refund_request,
)
from schema.engine.context import Info
from schema.enums.marketplace import (
    RefundRequestInitiatorEnum,
    RefundRequestLineItemCreateStatusEnum,
)
from schema.mutations.inputs import Ids, convert_input, optional, required
from schema.mutations.owned.images import ImageInput, new_images
from schema.mutations.owned.owners import KeyValueInput, kept_values
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.refunds.refund_request import RefundRequest


@strawberry.input(description="A note, kept with the status that the request has after the change.")
class RefundRequestNoteInput:
    note: str | None = optional("The note; required and not blank.")
    ip_address: str | None = optional("The address from which the author wrote it.")
    attachments: list[ImageInput] | None = optional("Photos that were sent along.")
    author: str | None = optional("The author. By default the operator, or the seller's business name.")


@strawberry.input(description="One line to be refunded: a quantity of a line item, or a custom amount; not both.")
class RefundRequestLineItemInput:
    quantity: int = required("The quantity, at least 1, and at most the quantity that no open request claims.")
    line_item_id: strawberry.ID | None = optional("The line item; it must be of the request's invoice.")
    custom: str | None = optional("Name of a custom line, such as a fee; it needs amountPerItemCents.")
    amount_per_item_cents: int | None = optional(
        "Amount of one, in cents, for a custom line only. A line item comes to its share of what is"
        " left of its payment."
    )
    reason: str | None = optional("Why it is to be refunded.")
    dispatched: bool | None = optional(
        "Whether the items had been sent: true is a return, false a cancellation. "
        "By default it is a return once nothing of the line item awaits dispatch."
    )
    status: RefundRequestLineItemCreateStatusEnum | None = optional(
        "Where the line begins; AWAITING_RETURN by default."
    )
    external_ids: list[KeyValueInput] | None = optional("The line's ids in other systems.")
    metadata: list[KeyValueInput] | None = optional("Values that other systems store with the line.")


@strawberry.input(description="Input of refundRequestCreate.")
class RefundRequestCreateMutationInput:
    invoice_id: strawberry.ID = required("The invoice whose items are meant.")
    line_items: list[RefundRequestLineItemInput] = required("The lines to be refunded; at least one.")
    notes: list[RefundRequestNoteInput] = required("Notes about the request; may be empty.")
    initiated_by: RefundRequestInitiatorEnum | None = optional(
        "The person who asks for the refund. By default ADMIN for the operator, SELLER for a seller. A seller can't"
        " give ADMIN."
    )
    external_ids: list[KeyValueInput] | None = optional("The request's ids in other systems.")
    metadata: list[KeyValueInput] | None = optional("Values that other systems store with the request.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of refundRequestRefund.")
class RefundRequestRefundMutationInput:
    refund_request_id: strawberry.ID = required("The request to pay out.")
    notes: list[RefundRequestNoteInput] = strawberry.field(default_factory=list, description="Notes about the payout.")
    refund_amount_cents: int | None = optional(
        "The refund in cents: at most the total of the accepted lines, which is the default. Where it is less, the"
        " amendment has an adjustment line."
    )
    cash_amount_cents: int | None = optional(
        "The part of the refund that is paid in money, in cents. By default all of it; 0 if the invoice is not paid."
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of refundRequestCreate.")
class RefundRequestCreateMutationPayload(MutationPayload):
    refund_request: RefundRequest | None = strawberry.field(
        default=None, description="The new request; null on errors."
    )


@strawberry.type(description="Answer of refundRequestRefund.")
class RefundRequestRefundMutationPayload(MutationPayload):
    refund_request: RefundRequest | None = strawberry.field(
        default=None, description="The request, paid out; null on errors."
    )


@strawberry.type
class RefundRequestMutations:
    @strawberry.field(
        description="Ask for items to be cancelled before dispatch or taken back after it."
        " For the operator and the invoice's seller."
    )
    async def refund_request_create(
        self,
        info: Info,
        input: Annotated[RefundRequestCreateMutationInput, strawberry.argument(description="The request.")],
    ) -> RefundRequestCreateMutationPayload | None:
        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"refund_request": await create_refund_request(database, viewer, _request(input))}

        return await run_mutation(info, RefundRequestCreateMutationPayload, input, create)

    @strawberry.field(
        description="Pay a request out, once each of its lines is accepted or denied. It makes an amendment"
        " of the invoice; nothing goes back into stock. For the operator, and for the invoice's seller if"
        " `Seller.canPayOutRefunds`."
    )
    async def refund_request_refund(
        self,
        info: Info,
        input: Annotated[RefundRequestRefundMutationInput, strawberry.argument(description="The payout.")],
    ) -> RefundRequestRefundMutationPayload | None:
        async def refund(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"refund_request": await refund_refund_request(database, viewer, _refund(input))}

        return await run_mutation(info, RefundRequestRefundMutationPayload, input, refund)


def _request(given: RefundRequestCreateMutationInput) -> NewRefundRequest:
    ids = Ids()
    lines = [_line(ids, line, f"lineItems.{index}") for index, line in enumerate(given.line_items)]
    invoice_id = InvoiceId(ids.key(given.invoice_id, "Invoice", "invoiceId"))
    ids.check()
    return convert_input(
        given,
        NewRefundRequest,
        invoice_id=invoice_id,
        line_items=lines,
        notes=new_notes(given.notes),
        external_ids=kept_values(given.external_ids),
        metadata=kept_values(given.metadata),
        of_lines=[
            KeptOfLine(external_ids=kept_values(line.external_ids), metadata=kept_values(line.metadata))
            for line in given.line_items
        ],
    )


def _line(ids: Ids, given: RefundRequestLineItemInput, path: str) -> RefundLine:
    key = ids.optional_key(given.line_item_id or None, "LineItem", f"{path}.lineItemId")
    is_dispatched = None if given.dispatched is strawberry.UNSET else given.dispatched
    status = given.status or RefundRequestLineItemCreateStatus.AWAITING_RETURN
    return convert_input(
        given,
        RefundLine,
        line_item_id=key,
        is_dispatched=is_dispatched,
        status=RefundRequestLineItemStatus(status.value),
    )


def _refund(given: RefundRequestRefundMutationInput) -> Refund:
    ids = Ids()
    request_id = RefundRequestId(ids.key(given.refund_request_id, "RefundRequest", "refundRequestId"))
    ids.check()
    return convert_input(given, Refund, refund_request_id=request_id, notes=new_notes(given.notes))


def new_notes(given: Sequence[RefundRequestNoteInput]) -> list[NewNote]:
    return [
        convert_input(note, NewNote, note=note.note or "", attachments=new_images(note.attachments or []))
        for note in given
    ]

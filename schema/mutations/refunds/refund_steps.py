"""refundRequestApprove, …Return, …Deny, …RevertDenial; refundRequestLineItemAccept, …Return, …Deny."""

from collections.abc import Mapping
from typing import Annotated, TypeVar

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.refunds.db.refund_requests import RefundRequestId, RefundRequestLineItemId
from app.marketplace.refunds.domain.refund_request import RefundStep
from app.marketplace.refunds.services.refund_steps import (
    LineStep,
    RequestStep,
    step_refund_line,
    step_refund_request,
)
from schema.engine.context import Info
from schema.mutations.inputs import Ids, optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.mutations.refunds.refund_requests import RefundRequestNoteInput, new_notes
from schema.types.refunds.refund_request import RefundRequest, RefundRequestLineItem

_FOR = "For the operator and the invoice's seller."


@strawberry.input
class _RequestInput:
    refund_request_id: strawberry.ID = required("The refund request.")
    notes: list[RefundRequestNoteInput] = strawberry.field(default_factory=list, description="Notes about this step.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input
class _LineInput:
    refund_request_line_item_id: strawberry.ID = required("The line of a refund request.")
    notes: list[RefundRequestNoteInput] = strawberry.field(
        default_factory=list, description="Notes about this step, kept with the line."
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type
class _RequestPayload(MutationPayload):
    refund_request: RefundRequest | None = strawberry.field(
        default=None, description="The request as it is now; null on errors."
    )


@strawberry.type
class _LinePayload(MutationPayload):
    refund_request_line_item: RefundRequestLineItem | None = strawberry.field(
        default=None, description="The line as it is now; null on errors."
    )


@strawberry.input(description="Input of refundRequestApprove.")
class RefundRequestApproveInput(_RequestInput):
    note: RefundRequestNoteInput | None = optional("A note about this step, the same as one of `notes`.")


@strawberry.input(description="Input of refundRequestReturn.")
class RefundRequestReturnMutationInput(_RequestInput):
    """A request."""


@strawberry.input(description="Input of refundRequestDeny.")
class RefundRequestDenyMutationInput(_RequestInput):
    """A request."""


@strawberry.input(description="Input of refundRequestRevertDenial.")
class RefundRequestRevertDenialMutationInput(_RequestInput):
    """A request."""


@strawberry.input(description="Input of refundRequestLineItemAccept.")
class RefundRequestLineItemAcceptMutationInput(_LineInput):
    """A line."""


@strawberry.input(description="Input of refundRequestLineItemReturn.")
class RefundRequestLineItemReturnMutationInput(_LineInput):
    """A line."""


@strawberry.input(description="Input of refundRequestLineItemDeny.")
class RefundRequestLineItemDenyMutationInput(_LineInput):
    deny_refund_reason: str = required("Why the refund is denied; not blank.")


@strawberry.type(description="Answer of refundRequestApprove.")
class RefundRequestApproveMutationPayload(_RequestPayload):
    """The request."""


@strawberry.type(description="Answer of refundRequestReturn.")
class RefundRequestReturnMutationPayload(_RequestPayload):
    """The request."""


@strawberry.type(description="Answer of refundRequestDeny.")
class RefundRequestDenyMutationPayload(_RequestPayload):
    """The request."""


@strawberry.type(description="Answer of refundRequestRevertDenial.")
class RefundRequestRevertDenialMutationPayload(_RequestPayload):
    """The request."""


@strawberry.type(description="Answer of refundRequestLineItemAccept.")
class RefundRequestLineItemAcceptMutationPayload(_LinePayload):
    """The line."""


@strawberry.type(description="Answer of refundRequestLineItemReturn.")
class RefundRequestLineItemReturnMutationPayload(_LinePayload):
    """The line."""


@strawberry.type(description="Answer of refundRequestLineItemDeny.")
class RefundRequestLineItemDenyMutationPayload(_LinePayload):
    """The line."""


@strawberry.type
class RefundStepMutations:
    @strawberry.field(
        description=f"Approve each pending line: items that were sent await their return, others are accepted. {_FOR}"
    )
    async def refund_request_approve(
        self,
        info: Info,
        input: Annotated[RefundRequestApproveInput, strawberry.argument(description="The request.")],
    ) -> RefundRequestApproveMutationPayload | None:
        return await _step_request(info, RefundRequestApproveMutationPayload, input, RefundStep.APPROVE)

    @strawberry.field(
        description="Note that what the request awaits has come back. It can be paid out then, or decided line by"
        f" line. {_FOR}"
    )
    async def refund_request_return(
        self,
        info: Info,
        input: Annotated[RefundRequestReturnMutationInput, strawberry.argument(description="The request.")],
    ) -> RefundRequestReturnMutationPayload | None:
        return await _step_request(info, RefundRequestReturnMutationPayload, input, RefundStep.RETURN)

    @strawberry.field(description=f"Deny each line of a request that has not been paid out. {_FOR}")
    async def refund_request_deny(
        self,
        info: Info,
        input: Annotated[RefundRequestDenyMutationInput, strawberry.argument(description="The request.")],
    ) -> RefundRequestDenyMutationPayload | None:
        return await _step_request(info, RefundRequestDenyMutationPayload, input, RefundStep.DENY)

    @strawberry.field(
        description=f"Put each denied line back to pending, as long as its items are still to be had. {_FOR}"
    )
    async def refund_request_revert_denial(
        self,
        info: Info,
        input: Annotated[RefundRequestRevertDenialMutationInput, strawberry.argument(description="The request.")],
    ) -> RefundRequestRevertDenialMutationPayload | None:
        return await _step_request(info, RefundRequestRevertDenialMutationPayload, input, RefundStep.REVERT_DENIAL)

    @strawberry.field(description=f"Accept the refund of one line. {_FOR}")
    async def refund_request_line_item_accept(
        self,
        info: Info,
        input: Annotated[RefundRequestLineItemAcceptMutationInput, strawberry.argument(description="The line.")],
    ) -> RefundRequestLineItemAcceptMutationPayload | None:
        return await _step_line(info, RefundRequestLineItemAcceptMutationPayload, input, RefundStep.ACCEPT)

    @strawberry.field(description=f"Note that the items of one line have come back. {_FOR}")
    async def refund_request_line_item_return(
        self,
        info: Info,
        input: Annotated[RefundRequestLineItemReturnMutationInput, strawberry.argument(description="The line.")],
    ) -> RefundRequestLineItemReturnMutationPayload | None:
        return await _step_line(info, RefundRequestLineItemReturnMutationPayload, input, RefundStep.RETURN)

    @strawberry.field(description=f"Deny the refund of one line. {_FOR}")
    async def refund_request_line_item_deny(
        self,
        info: Info,
        input: Annotated[RefundRequestLineItemDenyMutationInput, strawberry.argument(description="The line.")],
    ) -> RefundRequestLineItemDenyMutationPayload | None:
        reason = input.deny_refund_reason
        return await _step_line(info, RefundRequestLineItemDenyMutationPayload, input, RefundStep.DENY, reason)


RequestAnswer = TypeVar("RequestAnswer", bound=_RequestPayload)
LineAnswer = TypeVar("LineAnswer", bound=_LinePayload)


async def _step_request(
    info: Info, payload: type[RequestAnswer], given: _RequestInput, step: RefundStep
) -> RequestAnswer:
    async def change(database: Database, viewer: Viewer) -> Mapping[str, object]:
        ids = Ids()
        request_id = RefundRequestId(ids.key(given.refund_request_id, "RefundRequest", "refundRequestId"))
        ids.check()
        wanted = RequestStep(refund_request_id=request_id, notes=new_notes(_notes(given)))
        return {"refund_request": await step_refund_request(database, viewer, step, wanted)}

    return await run_mutation(info, payload, given, change)


def _notes(given: _RequestInput) -> list[RefundRequestNoteInput]:
    note = given.note if isinstance(given, RefundRequestApproveInput) else None
    return [*given.notes, *([note] if note else ())]


async def _step_line(
    info: Info, payload: type[LineAnswer], given: _LineInput, step: RefundStep, deny_refund_reason: str | None = None
) -> LineAnswer:
    async def change(database: Database, viewer: Viewer) -> Mapping[str, object]:
        ids = Ids()
        key = ids.key(given.refund_request_line_item_id, "RefundRequestLineItem", "refundRequestLineItemId")
        ids.check()
        wanted = LineStep(
            refund_request_line_item_id=RefundRequestLineItemId(key),
            notes=new_notes(given.notes),
            deny_refund_reason=deny_refund_reason,
        )
        return {"refund_request_line_item": await step_refund_line(database, viewer, step, wanted)}

    return await run_mutation(info, payload, given, change)

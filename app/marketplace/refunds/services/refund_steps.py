"""The steps between a refund request and its payout, with the whole request or with one of its lines."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.write import update_row
from app.errors import Conflict
from app.kernel.problems import blank_problems, value_problems
from app.marketplace.refunds.db.refund_requests import (
    REFUND_REQUESTS,
    RefundRequest,
    RefundRequestId,
    RefundRequestLineItem,
    RefundRequestLineItemId,
    find_refund_request,
    lock_refund_lines,
    set_line_stages,
)
from app.marketplace.refunds.domain.refund_request import (
    RefundStage,
    RefundStep,
    line_step_conflict,
    request_status,
    stage_after,
    step_conflict,
)
from app.marketplace.refunds.services.ledgers import claim_again
from app.marketplace.refunds.services.refund_effects import (
    LockedRefund,
    NewNote,
    follow_refunds,
    insert_notes,
    lock_refund,
    note_problems,
    refundable,
)

Stages = Mapping[RefundRequestLineItemId, RefundStage]


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestStep:
    refund_request_id: RefundRequestId
    notes: Sequence[NewNote] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LineStep:
    """A step with one line. `deny_refund_reason` is only given for a denial."""

    refund_request_line_item_id: RefundRequestLineItemId
    notes: Sequence[NewNote] = ()
    deny_refund_reason: str | None = None


async def step_refund_request(
    database: Database, viewer: Viewer, step: RefundStep, given: RequestStep
) -> RefundRequest:
    """Make a step with each line of a request that allows it. For the operator and the invoice's seller.

    Raises:
        NotFound: There is no such request for this viewer.
        Conflict: No line allows it, or the request was paid out.
        InvalidInput: A note is wrong.
    """
    value_problems(given).include(note_problems(given.notes)).check()
    async with transaction(database, actor=viewer.actor) as conn:
        locked = await lock_refund(conn, viewer, given.refund_request_id)
        conflict = step_conflict(step, [line.stage for line in locked.lines])
        if conflict is not None:
            raise Conflict(f"The refund request {conflict}.", fields={"refund_request_id": [conflict]})
        stages = _stages(step, locked.lines)
        _check_claims(step, locked, stages, "refund_request_id")
        if step is RefundStep.REVERT_DENIAL:
            await claim_again(conn, locked, stages)
        request, _ = await _move(conn, locked, stages)
        await insert_notes(conn, viewer, request, given.notes)
        return request


async def step_refund_line(
    database: Database, viewer: Viewer, step: RefundStep, given: LineStep
) -> RefundRequestLineItem:
    """Make a step with one line. For the operator and the invoice's seller.

    Raises:
        NotFound: There is no such line for this viewer.
        Conflict: The line does not allow it, or its request was paid out.
        InvalidInput: A note or the reason is wrong.
    """
    problems = value_problems(given).include(note_problems(given.notes))
    if given.deny_refund_reason is not None:
        problems.include(blank_problems({"deny_refund_reason": given.deny_refund_reason}))
    problems.check()
    line_id = given.refund_request_line_item_id
    async with transaction(database, actor=viewer.actor) as conn:
        request_id = await find_refund_request(conn, line_id, seller_id=viewer.seller_id)
        locked = await lock_refund(conn, viewer, request_id)
        (line,) = (line for line in locked.lines if line.id == line_id)
        conflict = line_step_conflict(step, line.stage, [other.stage for other in locked.lines])
        if conflict is not None:
            raise Conflict(f"The line {conflict}.", fields={"refund_request_line_item_id": [conflict]})
        stages = _stages(step, [line])
        request, lines = await _move(conn, locked, stages, deny_refund_reason=given.deny_refund_reason)
        await insert_notes(conn, viewer, request, given.notes, line=lines[line_id])
        return lines[line_id]


def _stages(step: RefundStep, lines: Sequence[RefundRequestLineItem]) -> Stages:
    """Return the stage after the step, for each line that allows it."""
    after = {line.id: stage_after(step, line.stage, is_dispatched=line.is_dispatched) for line in lines}
    return {line_id: stage for line_id, stage in after.items() if stage is not None}


def _check_claims(step: RefundStep, locked: LockedRefund, stages: Stages, field: str) -> None:
    """Check that the items of denied lines are still available: a denial frees them. Raises Conflict."""
    if step is not RefundStep.REVERT_DENIAL:
        return
    left = refundable(locked.items.values(), locked.all_lines)
    wanted: Counter[tuple[int, bool]] = Counter()
    for line in locked.lines:
        if line.id in stages and line.line_item_id is not None:
            wanted[line.line_item_id, line.is_dispatched] += line.quantity
    for (item_id, is_dispatched), quantity in wanted.items():
        if quantity > (left[item_id].returnable if is_dispatched else left[item_id].awaiting_dispatch):
            message = "asks for items that were sent, refunded or asked for since"
            raise Conflict(f"The refund request {message}.", fields={field: [message]})


async def _move(
    conn: Connection, locked: LockedRefund, stages: Stages, *, deny_refund_reason: str | None = None
) -> tuple[RefundRequest, dict[RefundRequestLineItemId, RefundRequestLineItem]]:
    """Move the lines and update request and invoice. Return the changed request and its lines."""
    await set_line_stages(conn, stages, deny_refund_reason=deny_refund_reason)
    all_lines = await lock_refund_lines(conn, locked.invoice.id)
    lines = {line.id: line for line in all_lines if line.refund_request_id == locked.request.id}
    status = request_status([line.stage for line in lines.values()])
    request = await update_row(conn, REFUND_REQUESTS, locked.request.id, {"status": status})
    await follow_refunds(conn, locked.invoice, all_lines, locked.items.values())
    return request, lines

"""Every step from every stage, of whole requests and of single lines, on real rows."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product
from typing import Any

import pytest
from databases import Database

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.errors import Conflict, InvalidInput, NotFound
from app.marketplace.orders.db.invoices import InvoiceId, LineItem
from app.marketplace.refunds.db.refund_requests import RefundRequestId, RefundRequestLineItemId
from app.marketplace.refunds.domain.refund_request import (
    STEPS,
    RefundRequestStatus,
    RefundStage,
    RefundStep,
    line_status,
    request_status,
)
from app.marketplace.refunds.services.refund_effects import NewNote
from app.marketplace.refunds.services.refund_requests import Refund, refund_refund_request
from app.marketplace.refunds.services.refund_steps import (
    LineStep,
    RequestStep,
    step_refund_line,
    step_refund_request,
)
from tests.builders.invoices import create_invoice, create_line_item
from tests.builders.refund_requests import create_refund_request, create_refund_request_line_item
from tests.builders.sellers import create_seller

PENDING, AWAITING, RETURNED = RefundStage.PENDING_APPROVAL, RefundStage.AWAITING_RETURN, RefundStage.RETURNED
ACCEPTED, DENIED, REFUNDED = RefundStage.REFUND_ACCEPTED, RefundStage.REFUND_DENIED, RefundStage.REFUNDED
#: Paying out has a mutation of its own, with amounts.
TAKEN = [step for step in RefundStep if step is not RefundStep.REFUND]
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListQuery:
    """A request whose lines stand at given stages, each for one item that was sent."""

    invoice_id: InvoiceId
    request_id: RefundRequestId
    line_ids: list[RefundRequestLineItemId]
    item: LineItem


async def _asked(conn: Connection, *stages: RefundStage, is_dispatched: bool = True, **request: Any) -> ListQuery:
    invoice = await create_invoice(conn, total_cents=9000, updated_at=LONG_AGO)
    awaiting = 0 if is_dispatched else 9
    item = await create_line_item(
        conn,
        invoice_id=invoice.id,
        quantity=9,
        quantity_awaiting_dispatch=awaiting,
        quantity_returnable=9 - awaiting,
    )
    made = await create_refund_request(
        conn, invoice_id=invoice.id, status=request_status(stages), updated_at=LONG_AGO, **request
    )
    lines = [
        await create_refund_request_line_item(
            conn,
            refund_request_id=made.id,
            line_item_id=item.id,
            status=line_status(stage),
            returned_at=LONG_AGO if stage is RETURNED else None,
            is_dispatched=is_dispatched,
        )
        for stage in stages
    ]
    return ListQuery(invoice_id=invoice.id, request_id=made.id, line_ids=[line.id for line in lines], item=item)


async def _stages(conn: Connection) -> list[str]:
    rows = await conn.fetch("select status, returned_at from refund_request_line_items order by id")
    return ["RETURNED" if row["status"] == "AWAITING_RETURN" and row["returned_at"] else row["status"] for row in rows]


@pytest.mark.parametrize(("step", "stage"), list(product(TAKEN, RefundStage)))
async def test_a_step_of_a_request_does_what_the_table_says(
    conn: Connection, database: Database, step: RefundStep, stage: RefundStage
) -> None:
    asked = await _asked(conn, stage)
    given = RequestStep(refund_request_id=asked.request_id, notes=[NewNote(note="Done")])

    if stage in STEPS[step]:
        request = await step_refund_request(database, OPERATOR, step, given)
        after = STEPS[step][stage]
        assert request.status is request_status([after])
        assert await _stages(conn) == [after]
        assert await conn.fetchval("select new_status from refund_request_notes") == request.status
    else:
        with pytest.raises(Conflict):
            await step_refund_request(database, OPERATOR, step, given)
        assert await _stages(conn) == [stage]
        assert await conn.fetchval("select count(*) from refund_request_notes") == 0


@pytest.mark.parametrize(("step", "stage"), list(product(TAKEN, RefundStage)))
async def test_a_step_of_a_line_does_what_the_table_says(
    conn: Connection, database: Database, step: RefundStep, stage: RefundStage
) -> None:
    asked = await _asked(conn, stage, DENIED)
    given = LineStep(refund_request_line_item_id=asked.line_ids[0], notes=[NewNote(note="Done")])

    if stage in STEPS[step]:
        line = await step_refund_line(database, OPERATOR, step, given)
        after = STEPS[step][stage]
        assert line.stage is after
        assert await _stages(conn) == [after, DENIED]
        assert await conn.fetchval("select status from refund_requests") == request_status([after, DENIED])
        note = await conn.fetchrow("select refund_request_line_item_id, new_status from refund_request_notes")
        assert tuple(note or ()) == (line.id, line.status)
    else:
        with pytest.raises(Conflict) as caught:
            await step_refund_line(database, OPERATOR, step, given)
        assert [*caught.value.fields] == ["refund_request_line_item_id"]
        assert await _stages(conn) == [stage, DENIED]


@pytest.mark.parametrize("step", TAKEN)
async def test_nothing_of_a_request_that_was_paid_out_moves(
    conn: Connection, database: Database, step: RefundStep
) -> None:
    asked = await _asked(conn, REFUNDED, DENIED)

    with pytest.raises(Conflict) as whole:
        await step_refund_request(database, OPERATOR, step, RequestStep(refund_request_id=asked.request_id))
    with pytest.raises(Conflict) as single:
        await step_refund_line(database, OPERATOR, step, LineStep(refund_request_line_item_id=asked.line_ids[1]))

    assert whole.value.fields == {"refund_request_id": ["has been refunded already"]}
    assert single.value.fields == {"refund_request_line_item_id": ["is of a request that has been refunded already"]}


@pytest.mark.parametrize(
    ("step", "before", "after", "status"),
    [
        (RefundStep.APPROVE, [PENDING, AWAITING, DENIED], [AWAITING, AWAITING, DENIED], "AWAITING"),
        (RefundStep.RETURN, [AWAITING, AWAITING, ACCEPTED], [RETURNED, RETURNED, ACCEPTED], "RETURNED"),
        (RefundStep.RETURN, [AWAITING, PENDING], [RETURNED, PENDING], "AWAITING"),
        (RefundStep.RETURN, [AWAITING, DENIED], [RETURNED, DENIED], "REFUND_DENIED"),
        (RefundStep.ACCEPT, [RETURNED, DENIED], [ACCEPTED, DENIED], "REFUND_ACCEPTED"),
        (RefundStep.DENY, [PENDING, AWAITING, RETURNED, ACCEPTED], [DENIED] * 4, "DENIED"),
        (RefundStep.REVERT_DENIAL, [DENIED, ACCEPTED], [PENDING, ACCEPTED], "AWAITING"),
    ],
)
async def test_a_request_moves_the_lines_that_allow_it(
    conn: Connection,
    database: Database,
    step: RefundStep,
    before: Sequence[RefundStage],
    after: Sequence[RefundStage],
    status: str,
) -> None:
    asked = await _asked(conn, *before)

    request = await step_refund_request(database, OPERATOR, step, RequestStep(refund_request_id=asked.request_id))

    assert request.status == status
    assert await _stages(conn) == [*after]


async def test_approving_a_cancellation_accepts_it(conn: Connection, database: Database) -> None:
    asked = await _asked(conn, PENDING, is_dispatched=False)

    request = await step_refund_request(
        database, OPERATOR, RefundStep.APPROVE, RequestStep(refund_request_id=asked.request_id)
    )

    assert request.status is RefundRequestStatus.PROCESSED
    assert await conn.fetchval("select status_flags from invoices") == ["PAID", "AWAITING_REFUND"]


async def test_what_came_back_is_paid_out_without_a_decision(conn: Connection, database: Database) -> None:
    asked = await _asked(conn, AWAITING)
    step = RequestStep(refund_request_id=asked.request_id)
    await step_refund_request(database, OPERATOR, RefundStep.RETURN, step)
    flags = await conn.fetchval("select status_flags from invoices")

    paid = await refund_refund_request(database, OPERATOR, Refund(refund_request_id=asked.request_id))

    assert flags == ["PAID", "AWAITING_REFUND"]
    assert (paid.status, paid.refund_amount_cents) == (RefundRequestStatus.REFUNDED, 1000)
    assert await conn.fetchval("select status_flags from invoices") == ["PAID"]


async def test_a_denial_keeps_its_reason_until_it_is_reverted(conn: Connection, database: Database) -> None:
    asked = await _asked(conn, RETURNED)
    reason = "select deny_refund_reason from refund_request_line_items"

    await step_refund_line(
        database,
        OPERATOR,
        RefundStep.DENY,
        LineStep(refund_request_line_item_id=asked.line_ids[0], deny_refund_reason="Worn"),
    )
    denied = await conn.fetchval(reason)
    request = RequestStep(refund_request_id=asked.request_id)
    await step_refund_request(database, OPERATOR, RefundStep.REVERT_DENIAL, request)

    assert denied == "Worn"
    assert await conn.fetchval(reason) is None
    # It has come back, whoever decided what meanwhile.
    approved = await step_refund_request(database, OPERATOR, RefundStep.APPROVE, request)
    assert approved.status is RefundRequestStatus.RETURNED


async def test_a_denial_stands_once_others_ask_for_the_items(conn: Connection, database: Database) -> None:
    asked = await _asked(conn, DENIED)
    other = await create_refund_request(conn, invoice_id=asked.invoice_id)
    await create_refund_request_line_item(
        conn, refund_request_id=other.id, line_item_id=asked.item.id, quantity=9, is_dispatched=True
    )

    with pytest.raises(Conflict) as caught:
        await step_refund_request(
            database, OPERATOR, RefundStep.REVERT_DENIAL, RequestStep(refund_request_id=asked.request_id)
        )

    assert caught.value.fields == {"refund_request_id": ["asks for items that were sent, refunded or asked for since"]}
    assert await _stages(conn) == [DENIED, AWAITING]


async def test_two_steps_at_once_go_one_after_the_other(conn: Connection, database: Database) -> None:
    asked = await _asked(conn, AWAITING)
    given = RequestStep(refund_request_id=asked.request_id)

    results = await asyncio.gather(
        *(step_refund_request(database, OPERATOR, RefundStep.RETURN, given) for _ in range(4)), return_exceptions=True
    )

    assert sum(isinstance(result, Conflict) for result in results) == 3
    assert await _stages(conn) == [RETURNED]


async def test_a_step_that_changes_no_flag_still_touches_the_invoice(conn: Connection, database: Database) -> None:
    asked = await _asked(conn, PENDING)
    await conn.execute("delete from change_events")

    await step_refund_line(database, OPERATOR, RefundStep.DENY, LineStep(refund_request_line_item_id=asked.line_ids[0]))

    assert await conn.fetchval("select min(updated_at) from invoices") > LONG_AGO
    assert await conn.fetchval("select min(updated_at) from refund_requests") > LONG_AGO
    columns = await conn.fetch("select distinct unnest(columns) as name from change_events order by 1")
    assert "invoices.updated_at" not in [row["name"] for row in columns]


async def test_names_what_is_wrong_with_a_step(conn: Connection, database: Database) -> None:
    asked = await _asked(conn, PENDING)

    with pytest.raises(InvalidInput) as caught:
        await step_refund_line(
            database,
            OPERATOR,
            RefundStep.DENY,
            LineStep(refund_request_line_item_id=asked.line_ids[0], notes=[NewNote(note=" ")], deny_refund_reason="\t"),
        )

    assert caught.value.fields == {
        "notes.0.note": ["must not be blank"],
        "deny_refund_reason": ["must not be blank"],
    }


async def test_another_sellers_requests_are_not_there(conn: Connection, database: Database) -> None:
    asked = await _asked(conn, PENDING)
    other = Viewer((await create_seller(conn)).id)

    with pytest.raises(NotFound) as whole:
        await step_refund_request(database, other, RefundStep.DENY, RequestStep(refund_request_id=asked.request_id))
    with pytest.raises(NotFound) as single:
        await step_refund_line(
            database, other, RefundStep.DENY, LineStep(refund_request_line_item_id=asked.line_ids[0])
        )

    assert whole.value.fields == {"refund_request_id": ["there is no such refund request"]}
    assert single.value.fields == {"refund_request_line_item_id": ["there is no such line of a refund request"]}
    assert await _stages(conn) == [PENDING]

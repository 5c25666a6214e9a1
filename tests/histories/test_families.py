"""Histories of invoices with their shipments and refund requests: deleted together, and taken to another seller."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.webhooks.domain.webhook import WebhookKlass
from tests.builders.invoices import create_invoice
from tests.builders.refund_requests import create_refund_request
from tests.builders.sellers import create_seller
from tests.builders.shipments import create_shipment
from tests.histories.mirror import Mirror
from tests.histories.steps import Step
from tests.support.load import IS_LONG
from tests.support.outbox import Publisher, running_publisher

EXAMPLES = 1000 if IS_LONG else 40
INVOICES = 2

#: What each type's webhooks read: a column that changes, and the name that it has in GraphQL.
READS = {
    WebhookKlass.INVOICE: ("invoices", "buyer_first_name", "buyerFirstName"),
    WebhookKlass.SHIPMENT: ("shipments", "tracking_number", "trackingNumber"),
    WebhookKlass.REFUND_REQUEST: ("refund_requests", "id", "legacyId"),
}
CHILDREN = ("shipments", "refund_requests")


@dataclass(slots=True, kw_only=True)
class Family:
    """Invoices in slots, and who watches them.

    Attributes:
        webhooks: By type and owner: a seller, or None, the operator.
    """

    conn: asyncpg.Connection
    publisher: Publisher
    sellers: list[int]
    webhooks: dict[tuple[WebhookKlass, int | None], int] = field(default_factory=dict)
    slots: dict[int, int] = field(default_factory=dict)
    mirror: Mirror = field(default_factory=Mirror)
    numbers: Any = field(default_factory=lambda: count(1))

    async def subscribe(self, *, every_change: bool) -> None:
        for klass, (_, _, read) in READS.items():
            for owner in (None, *self.sellers):
                self.webhooks[klass, owner] = await self.publisher.subscribe(
                    f"value: {read}", klass=klass, seller_id=owner, every_change=every_change
                )

    async def run(self, step: Step) -> None:
        match step.name:
            case "publish":
                await self.publisher.publish()
            case "deliver":
                await self.publisher.publish()
                await self.publisher.deliver()
                await self.mirror.listen(self.conn)
            case "make":
                await self.make(step.given)
            case "delete children":
                await self.delete_children(step.given)
            case "delete together":
                await self.delete_together(step.given)
            case "delete one by one":
                async with self.conn.transaction():
                    await self.delete_children(step.given)
                    await self.conn.execute("delete from invoices where id = $1", self.slots.pop(step.given, 0))
            case "move":
                slot, seller = step.given
                await self.conn.execute(
                    "update invoices set seller_id = $1 where id = $2", self.sellers[seller], self.slots.get(slot)
                )
            case "change":
                await self.change(step.given)

    async def make(self, slot: int) -> None:
        """An invoice, or another part of it."""
        if slot not in self.slots:
            self.slots[slot] = int((await create_invoice(self.conn, seller_id=self.sellers[0])).id)
        number = next(self.numbers)
        await create_shipment(self.conn, invoice_id=self.slots[slot], tracking_number=f"T{number}")
        await create_refund_request(self.conn, invoice_id=self.slots[slot])

    async def change(self, slot: int) -> None:
        number = next(self.numbers)
        await self.conn.execute(
            "update invoices set buyer_first_name = $1 where id = $2", f"B{number}", self.slots.get(slot)
        )
        await self.conn.execute(
            "update shipments set tracking_number = $1 where invoice_id = $2", f"T{number}", self.slots.get(slot)
        )

    async def delete_children(self, slot: int) -> None:
        for table in CHILDREN:
            await self.conn.execute(f"delete from {table} where invoice_id = $1", self.slots.get(slot))

    async def delete_together(self, slot: int) -> None:
        """Parent and children by one statement."""
        children = ", ".join(f"{table}_ as (delete from {table} where invoice_id = $1)" for table in CHILDREN)
        await self.conn.execute(f"with {children} delete from invoices where id = $1", self.slots.pop(slot, 0))

    async def seen(self) -> dict[tuple[int, str, int], Any]:
        """Return what each webhook's owner sees, by the tables alone."""
        found: dict[tuple[int, str, int], Any] = {}
        for (klass, owner), webhook in self.webhooks.items():
            table, column, _ = READS[klass]
            of = "t.seller_id" if table == "invoices" else "i.seller_id"
            joined = "" if table == "invoices" else " join invoices i on i.id = t.invoice_id"
            rows = await self.conn.fetch(
                f"select t.id, t.{column} as value from {table} t{joined} where $1::bigint is null or {of} = $1",
                owner,
            )
            for row in rows:
                found[webhook, klass.entity_type, row["id"]] = row["value"]
        return found

    async def end(self) -> list[str]:
        await self.run(Step("deliver"))
        return self.mirror.compare(await self.seen())


Play = Callable[[bool, list[Step]], Awaitable[list[str]]]


@pytest.fixture
async def play(conn: asyncpg.Connection, database_url: str) -> AsyncIterator[Play]:
    async with running_publisher(conn, database_url) as publisher:

        async def played(every_change: bool, steps: list[Step]) -> list[str]:
            await clear(conn)
            sellers = [int((await create_seller(conn)).id) for _ in range(2)]
            heard = await conn.fetchval("select coalesce(max(id), 0) from webhook_events")
            family = Family(
                conn=conn,
                publisher=publisher,
                sellers=sellers,
                mirror=Mirror(heard=heard),
            )
            await family.subscribe(every_change=every_change)
            for step in steps:
                await family.run(step)
            return await family.end()

        yield played


async def clear(conn: asyncpg.Connection) -> None:
    """Of what an earlier history has left."""
    await conn.execute(
        "delete from shipments; delete from refund_requests; delete from invoices;"
        " update change_events set published_at = now() where published_at is null;"
        " update webhooks set is_enabled = false, deleted_at = now() where deleted_at is null"
    )


_slots = st.integers(0, INVOICES - 1)
_steps = st.one_of(
    st.builds(Step, st.just("make"), _slots),
    st.builds(Step, st.just("make"), _slots),
    st.builds(Step, st.just("change"), _slots),
    st.builds(Step, st.just("delete children"), _slots),
    st.builds(Step, st.just("delete together"), _slots),
    st.builds(Step, st.just("delete one by one"), _slots),
    st.builds(Step, st.just("move"), st.tuples(_slots, st.integers(0, 1))),
    st.just(Step("publish")),
    st.just(Step("deliver")),
    st.just(Step("deliver")),
)


@given(every_change=st.sampled_from([False, False, True]), steps=st.lists(_steps, min_size=4, max_size=16))
@settings(max_examples=EXAMPLES)
async def test_a_copy_of_a_family_is_what_its_owner_sees(play: Play, every_change: bool, steps: list[Step]) -> None:
    assert await play(every_change, steps) == []


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(
            [Step("make", 0), Step("deliver"), Step("delete together", 0)], id="parent and child in one statement"
        ),
        pytest.param([Step("make", 0), Step("deliver"), Step("move", (0, 1))], id="taken to another seller"),
        pytest.param(
            [Step("make", 0), Step("deliver"), Step("move", (0, 1)), Step("delete together", 0)],
            id="taken to another seller and deleted",
        ),
    ],
)
async def test_family_worth_keeping(play: Play, steps: list[Step]) -> None:
    assert await play(False, steps) == []

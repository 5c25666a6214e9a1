"""Changes written while servers and workers fail and return, and the check of their deliveries."""

import asyncio
import os
import random
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import asyncpg

from app.db.pool import DATABASE_ERRORS
from app.webhooks.db.webhooks import Webhook
from schema.entities import global_ids
from tests.builders.deliveries import create_subscription
from tests.builders.variants import create_variant
from tests.support.receiver import Receiver
from tests.support.waiting import until

QUERY = "query($id: ID!) { node(id: $id) { ... on Variant { countOnHand } } }"

#: The long form, for nights: more changes, more kills. The short one is for every change of the code.
IS_LONG = os.environ.get("TELLGRAPH_LONG_FAULTS", "") not in ("", "0")
#: How a line of `tell` begins.
TOLD = "measured: "
CHANGES = 2000 if IS_LONG else 200


@dataclass(slots=True, kw_only=True)
class Load:
    """Variants whose stock is written again and again."""

    database_url: str
    receiver: Receiver
    variants: list[int]
    chance: random.Random
    written: int = 0
    stopped: bool = False

    async def write(self, count: int | None = None) -> None:
        """Write so many changes (None: until `stopped`), with a new connection whenever PostgreSQL went away."""
        conn: asyncpg.Connection | None = None
        while count if count is not None else not self.stopped:
            try:
                conn = conn if conn and not conn.is_closed() else await asyncpg.connect(self.database_url)
                await conn.execute(
                    "update variants set count_on_hand = $1 where id = $2",
                    1000 + self.written,
                    self.chance.choice(self.variants),
                )
            except DATABASE_ERRORS:
                conn = None
                await asyncio.sleep(0.05)
                continue
            self.written += 1
            count = None if count is None else count - 1
            await asyncio.sleep(self.chance.uniform(0, 0.01))
        if conn is not None:
            await conn.close()

    async def present(self) -> dict[str, int]:
        """Return each variant's stock by global id."""
        conn = await asyncpg.connect(self.database_url)
        try:
            rows = await conn.fetch("select id, count_on_hand from variants")
        finally:
            await conn.close()
        return {global_ids.encode("Variant", row["id"]): row["count_on_hand"] for row in rows}

    def delivered(self) -> dict[str, int]:
        """Return each variant's stock as the subscriber knows it: that of the highest sequence."""
        latest = sorted(self.receiver.deliveries, key=lambda one: one.json["sequence"])
        return {one.json["entity"]["id"]: one.data["node"]["countOnHand"] for one in latest}

    async def arrive(self, *, within_s: float = 25) -> float:
        """Wait until the subscriber has the present state of all, and nothing is open. Returns the seconds."""
        begun = asyncio.get_running_loop().time()

        async def has_arrived() -> bool:
            try:
                return self.delivered() == await self.present() and not await self.open_events()
            except DATABASE_ERRORS:
                return False

        await until(has_arrived, deadline_s=within_s)
        return asyncio.get_running_loop().time() - begun

    async def open_events(self) -> int:
        conn = await asyncpg.connect(self.database_url)
        try:
            return int(
                await conn.fetchval(
                    "select count(*) from webhook_events where state in ('PENDING', 'SENDING', 'RETRYING')"
                )
            )
        finally:
            await conn.close()

    async def check_duplicates(self) -> int:
        """Fails if an event was sent again more often than it had been in flight when a worker was lost, or not as the
        same. Returns the duplicates.

        On a busy machine an answer may come later than the webhook waits for it. What is sent again for that is no
        duplicate of a worker's: its log says TIMEOUT, or RESET.
        """
        conn = await asyncpg.connect(self.database_url)
        attempts = await conn.fetch("select * from delivery_attempts order by webhook_event_id, number")
        await conn.close()
        lost, late = _count(attempts, "UNKNOWN_OUTCOME"), _count(attempts, "TIMEOUT", "RESET")
        sent = Counter(one.headers["webhook-id"] for one in self.receiver.deliveries)
        again = {event_id: count - 1 for event_id, count in sent.items() if count > 1}
        assert all(count <= lost[event_id] + late[event_id] for event_id, count in again.items()), (
            again,
            [dict(row) for row in attempts if global_ids.encode("WebhookEvent", row["webhook_event_id"]) in again],
        )
        bodies = {(one.headers["webhook-id"], one.body) for one in self.receiver.deliveries}
        assert len(bodies) == len(sent)
        return sum(max(count - late[event_id], 0) for event_id, count in again.items())


def _count(attempts: Iterable[asyncpg.Record], *kinds: str) -> Counter[str]:
    """Return how many attempts of each event ended in one of these ways, by global id."""
    return Counter(
        global_ids.encode("WebhookEvent", row["webhook_event_id"]) for row in attempts if row["error_kind"] in kinds
    )


async def create_load(database_url: str, receiver: Receiver, *, seed: int, variants: int = 10) -> Load:
    """Create some variants, and a webhook about them."""
    conn = await asyncpg.connect(database_url)
    try:
        await create_load_webhook(conn, receiver)
        ids = [int((await create_variant(conn)).id) for _ in range(variants)]
    finally:
        await conn.close()
    return Load(database_url=database_url, receiver=receiver, variants=ids, chance=random.Random(seed))


async def create_load_webhook(conn: asyncpg.Connection, receiver: Receiver) -> Webhook:
    return await create_subscription(conn, receiver.url(), type="VARIANT", query_string=QUERY, timeout_s=1)


def tell(what: str, **figures: float) -> None:
    """Print what was measured; the end of the run shows it, too."""
    measured = ", ".join(f"{name} {figure:.2f}" for name, figure in figures.items())
    sys.stdout.write(f"\n{TOLD}{what}: {measured}\n")

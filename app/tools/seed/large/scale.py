"""Seed a marketplace of any size, in chunks that are committed one by one."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime

from databases import Database

from app.db.pool import Connection, connection, transaction
from app.marketplace.catalogue.db.adverts import ADVERTS
from app.tools.seed.large.bulk import CATALOGUE, SALES, AnyTable, Book
from app.tools.seed.large.calendar import Calendar
from app.tools.seed.large.catalogue import SHOP_IDS, Shop, ShopMaker, count_shops
from app.tools.seed.large.orders import ORDER_IDS, OrderMaker
from app.tools.seed.reference import Reference, find_or_add_reference
from app.tools.seed.start import begin

#: Rows of one transaction. It bounds memory, and the loss when a run is interrupted.
_CHUNK_SHOPS = 10
_CHUNK_INVOICES = 700


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The size and the random seed of a marketplace. `until` is the end of the year of orders; nothing is later."""

    invoices: int
    until: datetime
    seed: int = 1


async def seed_at_scale(
    database: Database, scale: Scale, *, again: bool = False, is_quiet: bool = False
) -> AsyncIterator[Counter[str]]:
    """Write sellers with their goods, then a year of orders. Yield the committed rows by table after each chunk.

    The result is the same for the same scale, except for ids and the orders' tokens. If it is ended early, the
    committed rows stay.

    Args:
        database: The database.
        scale: The size and the random seed.
        again: Whether to seed even if there are sellers.
        is_quiet: Whether no webhook gets the seeded changes. Without webhooks, none ever does.

    Raises:
        Conflict: There are sellers and `again` is False. Nothing is written.
    """
    seeding = _Seeding(database, scale, is_quiet=is_quiet)
    async for _ in seeding.open_shops(again=again):
        yield seeding.written
    async for _ in seeding.sell():
        yield seeding.written
    async with connection(database) as conn:
        for table in {table.name for table in (*CATALOGUE, *SALES)} | {"change_events"}:
            await conn.execute(f"analyze {table}")


class _Seeding:
    """One run: its random generator, its book, and the number of rows it has written."""

    def __init__(self, database: Database, scale: Scale, *, is_quiet: bool) -> None:
        self._database, self._scale, self._is_quiet = database, scale, is_quiet
        self._chance, self._book = random.Random(scale.seed), Book()
        self._shops: list[Shop] = []
        self._reference: Reference | None = None
        self.written = Counter[str]()

    async def open_shops(self, *, again: bool) -> AsyncIterator[None]:
        """Make and write the catalogue, chunk by chunk."""
        count = count_shops(self._scale.invoices)
        for start in range(0, count, _CHUNK_SHOPS):
            # Made inside of the transaction: a second seeding at the same time has to find these sellers.
            async with self._chunk() as conn:
                if start == 0:
                    await begin(conn, again=again)
                    self._reference = await find_or_add_reference(conn)
                    maker = self._shop_maker()
                for number in range(start, min(start + _CHUNK_SHOPS, count)):
                    await self._book.set_aside(conn, CATALOGUE, at_least=SHOP_IDS)
                    self._shops.append(maker.make(number))
                advert_ids = [row["id"] for row in self._book.rows[ADVERTS.name]]
                counts = await self._write(conn, CATALOGUE)
                await _show_first_images(conn, advert_ids)
            self.written.update(counts)
            yield

    async def sell(self) -> AsyncIterator[None]:
        """Make and write the orders in the order of their times, chunk by chunk."""
        assert self._reference is not None, "the shops are open"
        # The shops' order is that of their sales.
        self._chance.shuffle(self._shops)
        maker = OrderMaker(self._chance, self._book, self._reference, self._shops, self._scale.until)
        calendar, total, done = Calendar(self._scale.until), self._scale.invoices, 0
        while done < total:
            async with connection(self._database) as conn:
                end = min(done + _CHUNK_INVOICES, total)
                while done < end:
                    await self._book.set_aside(conn, SALES, at_least=ORDER_IDS)
                    done += maker.make(calendar.moment((done + self._chance.random()) / total))
            async with self._chunk() as conn:
                counts = await self._write(conn, SALES)
            self.written.update(counts)
            yield

    @asynccontextmanager
    async def _chunk(self) -> AsyncIterator[Connection]:
        """Open a transaction. With `is_quiet`, its change events are marked as published."""
        async with transaction(self._database, actor="seed") as conn:
            last_id = await conn.fetchval("select coalesce(max(id), 0) from change_events_open")
            yield conn
            if self._is_quiet or not await _has_webhooks(conn):
                await conn.execute(
                    "update change_events set published_at = clock_timestamp()"
                    " where id > $1 and txid = pg_current_xact_id() and published_at is null",
                    last_id,
                )

    async def _write(self, conn: Connection, tables: Collection[AnyTable]) -> dict[str, int]:
        counts = {table.name: self._book.count(table) for table in tables}
        await self._book.write(conn, tables)
        return counts

    def _shop_maker(self) -> ShopMaker:
        assert self._reference is not None
        return ShopMaker(chance=self._chance, book=self._book, reference=self._reference, until=self._scale.until)


async def _has_webhooks(conn: Connection) -> bool:
    return bool(await conn.fetchval("select exists (select from webhooks where deleted_at is null)"))


async def _show_first_images(conn: Connection, advert_ids: Sequence[int]) -> None:
    """Set the first images of adverts. Images are written after adverts, which they belong to."""
    await conn.execute(
        "update adverts a set display_image_id = i.id from images i"
        " where i.owner_type = 'Advert' and i.owner_id = a.id and i.position = 0 and a.id = any($1::bigint[])",
        advert_ids,
    )

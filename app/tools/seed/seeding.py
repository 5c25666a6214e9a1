"""Seed a marketplace: the small one, or one of any size, in chunks that are committed one by one."""

from collections import Counter
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from math import isqrt

from databases import Database

from app.db.pool import Connection, connection, transaction
from app.errors import Conflict
from app.kernel import clock
from app.marketplace.catalogue.db.adverts import ADVERTS
from app.marketplace.orders.db.invoices import INVOICES
from app.tools.seed.book import CATALOGUE, SALES, AnyTable, Book
from app.tools.seed.calendar import Calendar
from app.tools.seed.catalogue import SHOP_IDS, Shop, ShopMaker
from app.tools.seed.chance import Chance
from app.tools.seed.names import SHOPS
from app.tools.seed.offers import invented_shops, named_shops
from app.tools.seed.reference import Reference, find_or_add_reference
from app.tools.seed.sales.orders import ORDER_IDS, OrderMaker
from app.tools.seed.sales.remittances import write_remittances

#: Rows of one transaction. It bounds memory, and the loss when a run is interrupted.
_CHUNK_SHOPS = 10
_CHUNK_INVOICES = 700
#: The last orders, in minutes before the end: the last one is being paid, the others are paid and not sent yet.
_LAST_MINUTES = (31, 23, 17, 12, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """The size and the random seed of a marketplace.

    Attributes:
        until: The end of the orders; nothing is later.
        days: The number of days with orders.
        is_small: Whether the shops are the named ones, and rare things happen at least once.
        shift: It is added to every time when it is written.
    """

    invoices: int
    until: datetime
    seed: int = 1
    days: int = 365
    is_small: bool = False
    shift: timedelta = timedelta(0)

    @property
    def sellers(self) -> int:
        """The number of sellers: most sell little."""
        return len(SHOPS) if self.is_small else max(5, isqrt(self.invoices))


def small_scale(seed: int, now: datetime) -> Scale:
    """Return the scale of the small marketplace: eight weeks until the midnight before `now`."""
    end = now.replace(hour=0, minute=0, second=0, microsecond=0)
    # It is made for this day and moved to the other: remittances are on Wednesdays, but states must not depend on that.
    made_for = datetime(2026, 7, 1, tzinfo=UTC)
    return Scale(invoices=40, until=made_for, seed=seed, days=56, is_small=True, shift=end - made_for)


async def has_sellers(database: Database) -> bool:
    """Return whether there are sellers."""
    async with connection(database) as conn:
        return await _has_sellers(conn)


async def seed_small(database: Database, *, seed: int = 1, again: bool = False) -> Counter[str]:
    """Write the small marketplace, and return the numbers of rows by table.

    Names, prices, quantities and states are the same for the same seed. Ids, days and the orders' tokens differ.

    Raises:
        Conflict: There are sellers and `again` is False. Nothing is written.
    """
    chunks = [written async for written in seed_at_scale(database, small_scale(seed, clock.now()), again=again)]
    return chunks[-1]


async def seed_at_scale(
    database: Database, scale: Scale, *, again: bool = False, is_quiet: bool = False
) -> AsyncIterator[Counter[str]]:
    """Write sellers with their goods, then their orders. Yield the committed rows by table after each chunk.

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
        self._chance = Chance(scale.seed, is_small=scale.is_small)
        self._book = Book(shift=scale.shift)
        self._shops: list[Shop] = []
        self._reference: Reference | None = None
        self.written = Counter[str]()

    async def open_shops(self, *, again: bool) -> AsyncIterator[None]:
        """Make and write the catalogue, chunk by chunk."""
        count = self._scale.sellers
        offerings = named_shops(self._chance) if self._scale.is_small else invented_shops(self._chance)
        for start in range(0, count, _CHUNK_SHOPS):
            # Made inside of the transaction: a second seeding at the same time has to find these sellers.
            async with self._chunk() as conn:
                if start == 0:
                    await _begin(conn, again=again)
                    self._reference = await find_or_add_reference(conn)
                    maker = self._shop_maker()
                for offering in islice(offerings, min(_CHUNK_SHOPS, count - start)):
                    await self._book.set_aside(conn, CATALOGUE, at_least=SHOP_IDS)
                    self._shops.append(maker.make(offering))
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
        calendar = Calendar(self._scale.until, days=self._scale.days)
        total, done = self._scale.invoices, 0
        last = _LAST_MINUTES[-total:]
        while done < total:
            async with connection(self._database) as conn:
                end = min(done + _CHUNK_INVOICES, total - len(last))
                while done < end:
                    await self._book.set_aside(conn, SALES, at_least=ORDER_IDS)
                    done += maker.make(calendar.moment((done + self._chance.random()) / total))
                for minutes in last if end == total - len(last) else ():
                    await self._book.set_aside(conn, SALES, at_least=ORDER_IDS)
                    done += maker.make(self._scale.until - timedelta(minutes=minutes))
            async with self._chunk() as conn:
                invoice_ids = [row["id"] for row in self._book.rows[INVOICES.name]]
                counts = await self._write(conn, SALES) | await write_remittances(conn, invoice_ids)
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


async def _begin(conn: Connection, *, again: bool) -> None:
    """Raise Conflict if there are sellers and `again` is False."""
    # Of two seedings at once, the second must find the first one's sellers.
    await conn.execute("lock table sellers in share row exclusive mode")
    if not again and await _has_sellers(conn):
        raise Conflict("There are sellers already, so nothing was seeded. To add more beside them: --again.")


async def _has_sellers(conn: Connection) -> bool:
    return bool(await conn.fetchval("select exists (select from sellers)"))


async def _has_webhooks(conn: Connection) -> bool:
    return bool(await conn.fetchval("select exists (select from webhooks where deleted_at is null)"))


async def _show_first_images(conn: Connection, advert_ids: Sequence[int]) -> None:
    """Set the first images of adverts. Images are written after adverts, which they belong to."""
    await conn.execute(
        # A trigger would set updated_at to now, unless it is set here.
        "update adverts a set display_image_id = i.id, updated_at = a.updated_at + interval '1 microsecond'"
        " from images i"
        " where i.owner_type = 'Advert' and i.owner_id = a.id and i.position = 0 and a.id = any($1::bigint[])",
        advert_ids,
    )

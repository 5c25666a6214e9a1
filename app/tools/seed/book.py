"""Write rows in bulk with COPY. Ids are reserved in blocks, so that rows can name their parents before COPY."""

from collections import defaultdict, deque
from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from app.db.pool import Connection
from app.db.table import Table
from app.marketplace.catalogue.db.adverts import ADVERTS
from app.marketplace.catalogue.db.inventories import INVENTORIES
from app.marketplace.catalogue.db.option_types import ADVERT_OPTION_VALUES, VARIANT_OPTION_VALUES
from app.marketplace.catalogue.db.sellers import SELLERS
from app.marketplace.catalogue.db.variants import VARIANTS
from app.marketplace.orders.db.addresses import ADDRESSES
from app.marketplace.orders.db.adjustments import ADJUSTMENTS
from app.marketplace.orders.db.invoice_amendments import INVOICE_AMENDMENT_LINE_ITEMS, INVOICE_AMENDMENTS
from app.marketplace.orders.db.invoice_annotations import INVOICE_ANNOTATIONS
from app.marketplace.orders.db.invoices import INVOICES, LINE_ITEMS
from app.marketplace.orders.db.orders import ORDERS
from app.marketplace.orders.db.payment_events import PAYMENT_EVENTS
from app.marketplace.orders.db.shipment_statuses import SHIPMENT_STATUSES
from app.marketplace.orders.db.shipments import SHIPMENTS, SHIPPED_ITEMS
from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.db.metadata import METADATA
from app.marketplace.refunds.db.refund_requests import (
    REFUND_REQUEST_LINE_ITEMS,
    REFUND_REQUEST_NOTES,
    REFUND_REQUESTS,
)
from app.marketplace.refunds.db.return_shipments import (
    RETURN_SHIPMENT_STATUSES,
    RETURN_SHIPMENTS,
    RETURN_SHIPPED_ITEMS,
)

AnyTable = Table[object]

#: What is written of the catalogue, parents first.
CATALOGUE: tuple[AnyTable, ...] = (
    ADDRESSES,
    SELLERS,
    ADVERTS,
    ADVERT_OPTION_VALUES,
    VARIANTS,
    VARIANT_OPTION_VALUES,
    INVENTORIES,
    IMAGES,
    EXTERNAL_IDS,
    METADATA,
)
#: What is written of orders, parents first.
SALES: tuple[AnyTable, ...] = (
    ADDRESSES,
    ORDERS,
    PAYMENT_EVENTS,
    INVOICES,
    LINE_ITEMS,
    ADJUSTMENTS,
    INVOICE_ANNOTATIONS,
    SHIPMENTS,
    SHIPPED_ITEMS,
    SHIPMENT_STATUSES,
    REFUND_REQUESTS,
    REFUND_REQUEST_LINE_ITEMS,
    REFUND_REQUEST_NOTES,
    RETURN_SHIPMENTS,
    RETURN_SHIPPED_ITEMS,
    RETURN_SHIPMENT_STATUSES,
    INVOICE_AMENDMENTS,
    INVOICE_AMENDMENT_LINE_ITEMS,
    IMAGES,
    EXTERNAL_IDS,
    METADATA,
)


class Book:
    """Rows that are not written yet, with reserved ids."""

    def __init__(self, *, shift: timedelta) -> None:
        """Open a book. `shift` is added to every time when it is written."""
        self._shift = shift
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._ids: dict[str, deque[int]] = defaultdict(deque)

    async def set_aside(self, conn: Connection, tables: Collection[AnyTable], *, at_least: int) -> None:
        """Reserve so many ids of each table, enough for one order (or shop). Unused ids stay a gap."""
        for table in tables:
            left = self._ids[table.name]
            if len(left) < at_least:
                # Taken one by one in a single statement: others that insert meanwhile take theirs in between.
                found = await conn.fetchval(
                    "select array_agg(nextval(pg_get_serial_sequence($1, 'id'))) from generate_series(1, $2)",
                    table.name,
                    2 * at_least,
                )
                left.extend(found)

    def number(self, table: AnyTable) -> int:
        """Return the next id, for a row that is put later."""
        return self._ids[table.name].popleft()

    def put(self, table: AnyTable, **values: object) -> dict[str, object]:
        """Put a row, which may be changed until it is written.

        All rows of a table have the same columns, in any order; the others take their defaults.
        """
        self.rows[table.name].append(values)
        return values

    def add(self, table: AnyTable, **values: object) -> int:
        """Put a row with the next id, and return the id."""
        row_id = self.number(table)
        self.put(table, id=row_id, **values)
        return row_id

    def count(self, table: AnyTable) -> int:
        return len(self.rows[table.name])

    async def write(self, conn: Connection, tables: Collection[AnyTable]) -> None:
        """Copy all rows of these tables to the database, in this order, and forget them."""
        for table in tables:
            rows = self.rows.pop(table.name, [])
            if rows:
                columns = tuple(rows[0])
                await conn.copy_records_to_table(table.name, columns=columns, records=self._records(rows, columns))
        assert not self.rows, f"rows of tables that are not written: {[*self.rows]}"

    def _records(self, rows: list[dict[str, Any]], columns: tuple[str, ...]) -> Iterator[tuple[Any, ...]]:
        of_row = itemgetter(*columns)
        for row in rows:
            assert len(row) == len(columns), f"a row with other columns than {columns}"
            values = of_row(row)
            yield tuple(map(self._shifted, values)) if self._shift else values

    def _shifted(self, value: object) -> object:
        return value + self._shift if isinstance(value, datetime) else value

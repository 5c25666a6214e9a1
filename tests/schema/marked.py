"""A database of two sellers in which every value tells whose it is.

One row of every declared table for each seller, made from the catalogue of the database, so that a table that is
declared later has its rows, too. Texts are marked `S1-…` and `S2-…`, numbers and ids lie in a range and times in
a year of their owner's; enumerations and booleans differ. `S0` marks what is the operator's alone, `ALL` what
everybody may see. Further rows point across: a part of one seller's row whose other links lead to the other's.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from app.db.pool import Connection
from schema.entities import global_ids
from schema.entities.declarations import ENTITIES
from schema.entities.visibility import OfSeller, Through

OPERATORS_OWN = {"api_keys", "commission_packages", "orders", "payment_events"}
EVERYBODYS = {
    "brands",
    "countries",
    "invoice_annotation_types",
    "option_types",
    "option_values",
    "shipment_carriers",
    "states",
    "tax_codes",
    "taxons",
}
#: Of both sellers and of the operator.
OF_ALL_THREE = {"addresses", "webhooks"}
OWNED = {"external_ids", "images", "metadata"}
#: What is shared by address or by content, and seen by whoever points to it.
SHARED = {"addresses", "payloads"}
NODES = sorted(name for name, entity in ENTITIES.items() if entity.is_node and not entity.is_stand_in)
OPERATORS_NODES = {name for name in NODES if ENTITIES[name].table.name in OPERATORS_OWN}

_FIRST = {"S1": 1_000_000, "ALL": 3_000_000, "S2": 8_000_000, "S0": 8_900_000}
#: The ids and numbers of seller 2 and of the operator's own.
HIDDEN = range(_FIRST["S2"], 10_000_000)
_YEAR = {"S1": 2021, "ALL": 2021, "S2": 2082, "S0": 2082}
#: What is the same for everybody.
UNMARKED = {"currency": "AUD", "deleted_at": None}
#: Columns whose values a constraint, or another column, decides.
_GIVEN: dict[str, dict[str, Any]] = {
    "adjustments": {"line_item_id": None},
    "api_keys": {"scopes": ["read"], "seller_id": None},
    "advert_option_values": {"option_value_id": None},
    "audit_entries": {"entity_type": "Invoice"},
    "refund_request_line_items": {"custom": None},
    "variant_option_values": {"option_value_id": None},
    "webhook_replays": {"states": ["FAILED"]},
    "webhook_reconciles": {"entity_ids": None},
    "webhooks": {
        "type": "INVOICE",
        "event_names": ["UPDATE"],
        "delivery": "PUSH",
        "is_temporary": False,
        "max_retries": 5,
        "concurrent_send_limit": 5,
        "timeout_s": 5,
        "rate_limit": 5,
        "reconcile_every_hours": 5,
        "signature_schemes": ["HMAC"],
    },
    "webhook_events": {"entity_type": "Invoice", "superseded_by": None},
}
#: Links that are no foreign keys, and whose values the schema shows as they are.
_LOOSE = {
    ("line_items", "advert_id"): "adverts",
    ("line_items", "variant_id"): "variants",
    ("webhook_events", "entity_id"): "invoices",
    ("webhook_events", "webhook_id"): "webhooks",
    ("webhook_events", "payload_digest"): "payloads",
    ("delivery_attempts", "webhook_id"): "webhooks",
    ("delivery_attempts", "webhook_event_id"): "webhook_events",
    ("operational_events", "webhook_event_id"): "webhook_events",
    ("audit_entries", "entity_id"): "invoices",
    ("audit_entries", "seller_id"): "sellers",
}
_BY_OWNER: dict[tuple[str, str], dict[str, Any]] = {
    ("adverts", "S1"): {"brand_id": None, "taxon_id": None},
    ("delivery_attempts", "S1"): {"status": 204},
    ("invoice_annotations", "S1"): {"is_resolved": True},
    ("invoice_annotations", "S2"): {"is_resolved": False},
    ("invoices", "S1"): {"status_flags": ["PAID"]},
    ("invoices", "S2"): {"status_flags": ["AWAITING_RETURN", "READY"]},
    ("line_items", "S1"): {"quantity_awaiting_dispatch": 0},
    ("remittances", "S1"): {"invoice_amendment_id": None, "remittance_advice_id": None, "released_at": None},
    ("variants", "S1"): {"count_on_hand": 0},
    ("inventories", "S1"): {"count_on_hand": 0},
    ("webhooks", "S2"): {"type": "SHIPMENT", "url": "https://S2-host.example/S2-url"},
    ("webhook_events", "S1"): {"state": "DELIVERED", "event_name": "create"},
    ("webhook_events", "S2"): {"state": "FAILED", "event_name": "destroy"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    name: str
    type: str
    is_nullable: bool
    default: str | None
    target: str | None = None
    allowed: tuple[str, ...] = ()


Row = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class MarkedRows:
    """`rows`: the first row of each table and owner; `all_rows`: with those that point across."""

    columns: dict[str, list[Column]]
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    all_rows: dict[tuple[str, str], list[Row]] = field(default_factory=lambda: defaultdict(list))
    numbers: dict[str, Iterator[int]] = field(default_factory=lambda: {of: count(n) for of, n in _FIRST.items()})

    def id_of(self, type_name: str, owner: str) -> str:
        return global_ids.encode(type_name, self.rows[ENTITIES[type_name].table.name, owner]["id"])

    def linked(self, table: str, owner: str) -> Row | None:
        """The row of a table that an owner's rows point to."""
        return next((row for of in (owner, "ALL", "S0") if (row := self.rows.get((table, of)))), None)


async def create_marked(conn: Connection) -> MarkedRows:
    """Fill an empty database. A table that needs another value than these raises the database's own error."""
    marked = MarkedRows(columns=await _catalogue(conn))
    pending = [table for table in marked.columns if table not in OWNED]
    while pending:
        ready = [table for table in pending if _is_ready(marked, table, pending)]
        assert ready, f"these tables refer to each other: {pending}"
        for table in ready:
            for owner in _owners(table):
                marked.rows[table, owner] = await _insert(conn, marked, table, owner, {})
        pending = [table for table in pending if table not in ready]
    await _insert(conn, marked, "adverts", "S1", {"deleted_at": datetime(2021, 3, 4, tzinfo=UTC)})
    for table in sorted(OWNED):
        await _fill_owned(conn, marked, table)
    await conn.execute(
        # A trigger would set updated_at to now, unless it is set here.
        "update adverts a set display_image_id = i.id, updated_at = a.updated_at + interval '1 microsecond'"
        " from images i where i.owner_type = 'Advert' and i.owner_id = a.id"
    )
    await _cross(conn, marked)
    return marked


def _owners(table: str) -> tuple[str, ...]:
    if table in EVERYBODYS:
        return ("ALL",)
    return ("S0",) if table in OPERATORS_OWN else ("S1", "S2", "S0") if table in OF_ALL_THREE else ("S1", "S2")


def _is_ready(marked: MarkedRows, table: str, pending: list[str]) -> bool:
    targets = {column.target for column in marked.columns[table] if column.target}
    return not (targets - OWNED - {table}) & set(pending)


async def _insert(conn: Connection, marked: MarkedRows, table: str, owner: str, given: Row) -> Row:
    number = next(marked.numbers[owner])
    decided = {**_GIVEN.get(table, {}), **_BY_OWNER.get((table, owner), {}), **given}
    row = {
        column.name: decided[column.name] if column.name in decided else _value(marked, table, column, owner, number)
        for column in marked.columns[table]
    }
    names = ", ".join(f'"{name}"' for name in row)
    values = ", ".join(f"${place}" for place in range(1, len(row) + 1))
    await conn.execute(f"insert into {table} ({names}) overriding system value values ({values})", *row.values())
    marked.all_rows[table, owner].append(row)
    return row


def _value(marked: MarkedRows, table: str, column: Column, owner: str, number: int) -> Any:
    if column.name == "id":
        return number
    if column.target:
        row = marked.linked(column.target, owner)
        assert row or column.is_nullable, f"{table}.{column.name} has nothing to point to"
        return row["digest" if column.target == "payloads" else "id"] if row else None
    if column.allowed:
        return column.allowed[0 if owner == "S1" else -1]
    if column.name in UNMARKED:
        return UNMARKED[column.name]
    text = f"{owner}-{table}-{column.name}-{number}"
    if column.name == "handle":
        return text.lower()
    made: dict[str, Any] = {
        "text": text,
        "text[]": [text],
        "jsonb": f'{{"{text}": "{text}"}}',
        # JSON, as a payload is.
        "bytea": f'"{text}"'.encode(),
        "boolean": (column.default == "true") == (owner != "S2"),
        "timestamp with time zone": datetime(_YEAR[owner], 3, 4, tzinfo=UTC),
        "date": date(_YEAR[owner], 3, 4),
        "double precision": number / 100_000,
    }
    return made.get(column.type, number)


async def _fill_owned(conn: Connection, marked: MarkedRows, table: str) -> None:
    """A row for each type of owner; the kept one of each seller is that of an invoice, or of an advert."""
    allowed = next(column.allowed for column in marked.columns[table] if column.name == "owner_type")
    for type_name in allowed:
        of = ENTITIES[type_name].table.name
        for owner in _owners(of):
            given = {"owner_type": type_name, "owner_id": marked.rows[of, owner]["id"]}
            if table == "images":
                given["kind"] = "GALLERY"
            row = await _insert(conn, marked, table, owner, given)
            marked.rows.setdefault((table, owner), row)
            marked.rows[f"{table} of {type_name}", owner] = row


async def _cross(conn: Connection, marked: MarkedRows) -> None:
    """Rows of one seller that point to the other's; only links that may be null lead from what seller 1 sees."""
    for table, columns in marked.columns.items():
        if set(_owners(table)) != {"S1", "S2"} or table in OWNED | SHARED:
            continue
        for column in columns:
            if not column.target or column.target in OPERATORS_OWN | EVERYBODYS | SHARED | OWNED:
                continue
            if (table, column.name) in _LOOSE or column.name in _owning(table) or column.name in _GIVEN.get(table, {}):
                continue
            for owner, other in (("S2", "S1"), ("S1", "S2")):
                if owner == "S2" or column.is_nullable:
                    given = {column.name: marked.rows[column.target, other]["id"]}
                    await _insert(conn, marked, table, owner, given)


def _owning(table: str) -> set[str]:
    """The columns that say whose a row is."""
    rules = [entity.visibility for entity in ENTITIES.values() if entity.table.name == table]
    return {rule.column for rule in rules if isinstance(rule, OfSeller | Through)} | {"seller_id", "invoice_id"}


async def _catalogue(conn: Connection) -> dict[str, list[Column]]:
    tables = sorted({"payloads", *(entity.table.name for entity in ENTITIES.values())})
    records = await conn.fetch(
        """
        select a.attrelid::regclass::text as "table", a.attname as name, format_type(a.atttypid, null) as type,
          not a.attnotnull as is_nullable, pg_get_expr(d.adbin, d.adrelid) as "default",
          (select f.confrelid::regclass::text from pg_constraint f
           where f.contype = 'f' and f.conrelid = a.attrelid and f.conkey = array[a.attnum]) as target,
          (select min(pg_get_constraintdef(c.oid)) from pg_constraint c where c.contype = 'c'
           and c.conrelid = a.attrelid and c.conkey = array[a.attnum]
           and pg_get_constraintdef(c.oid) like '%ARRAY[%') as "check"
        from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = any($1::text[]::regclass[]) and a.attnum > 0 and not a.attisdropped
          and a.attgenerated = '' order by 1, a.attnum
        """,
        tables,
    )
    columns = defaultdict(list)
    for record in records:
        columns[record["table"]].append(
            Column(
                name=record["name"],
                type=record["type"],
                is_nullable=record["is_nullable"],
                default=record["default"],
                target=record["target"] or _LOOSE.get((record["table"], record["name"])),
                allowed=tuple(re.findall(r"'([^']+)'::text", record["check"] or "")),
            )
        )
    return dict(columns)

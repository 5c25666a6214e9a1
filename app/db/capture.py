"""Change capture: which table's rows belong to which entity, and the trigger functions made from that.

One declaration per table; `install` generates one static PL/pgSQL function for it from the table's present
columns. Static because it is the cheapest form measured: 4 µs per row of a bulk UPDATE, where a function
that compares by jsonb costs 58–270 and one that EXECUTEs costs 900 µs per statement. The price: a column
added later is not compared until the functions are generated again, which `migrate` does each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db.pool import Connection

#: Entries in change_events.changes; a bulk change of one entity with more rows is marked as cut.
MAX_CHANGES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Root:
    """An entity that a row's change is a change of.

    sql      a SELECT of the entity's ids from the row `r`.
    parents  SQL for the ids between entity and row, outermost first: a shipped item of an invoice has its
             shipment's. They let a notification name `shipments[…].shippedItems[…]`.
    seller   SQL for the seller of the entity's own row, recorded when it is deleted for good.
    """

    entity_type: str
    sql: str = "select r.id"
    parents: tuple[str, ...] = ()
    seller: str = "null"

    @property
    def is_self(self) -> bool:
        return self.sql == "select r.id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Captured:
    """A table whose changes are recorded. A change of `ignored` columns alone is none."""

    table: str
    roots: tuple[Root, ...]
    ignored: tuple[str, ...] = ("updated_at",)


CAPTURED = (
    Captured(
        table="orders",
        roots=(Root(entity_type="Invoice", sql="select i.id from invoices i where i.order_id = r.id"),),
    ),
    Captured(table="invoices", roots=(Root(entity_type="Invoice", seller="r.seller_id"),)),
    Captured(table="line_items", roots=(Root(entity_type="Invoice", sql="select r.invoice_id"),)),
    Captured(table="shipments", roots=(Root(entity_type="Invoice", sql="select r.invoice_id"),)),
    Captured(
        table="shipped_items",
        roots=(
            Root(
                entity_type="Invoice",
                sql="select s.invoice_id from shipments s where s.id = r.shipment_id",
                parents=("r.shipment_id",),
            ),
        ),
    ),
    Captured(table="invoice_amendments", roots=(Root(entity_type="Invoice", sql="select r.invoice_id"),)),
    Captured(
        table="invoice_amendment_line_items",
        roots=(
            Root(
                entity_type="Invoice",
                sql="select a.invoice_id from invoice_amendments a where a.id = r.invoice_amendment_id",
                parents=("r.invoice_amendment_id",),
            ),
        ),
    ),
    Captured(
        table="refund_requests",
        roots=(
            Root(
                entity_type="RefundRequest",
                seller="(select i.seller_id from invoices i where i.id = r.invoice_id)",
            ),
            Root(entity_type="Invoice", sql="select r.invoice_id"),
        ),
    ),
    *(
        Captured(
            table=table,
            roots=(
                Root(entity_type="RefundRequest", sql="select r.refund_request_id"),
                Root(
                    entity_type="Invoice",
                    sql="select q.invoice_id from refund_requests q where q.id = r.refund_request_id",
                    parents=("r.refund_request_id",),
                ),
            ),
        )
        for table in ("refund_request_line_items", "refund_request_notes")
    ),
    Captured(
        table="adverts",
        roots=(
            Root(
                entity_type="Variant",
                sql="select v.id from variants v where v.advert_id = r.id and v.deleted_at is null",
            ),
        ),
    ),
    Captured(table="variants", roots=(Root(entity_type="Variant", seller="r.seller_id"),)),
)

_INSERT = "insert into change_events (entity_type, entity_id, operation, columns, changes, is_cut, seller_id)"


async def install(conn: Connection) -> None:
    """Generate every capture function and trigger anew. Idempotent; run after each migration."""
    for captured in CAPTURED:
        columns = await conn.fetch(
            "select attname, atttypid::regtype::text as type from pg_attribute"
            " where attrelid = $1::text::regclass and attnum > 0 and not attisdropped order by attnum",
            captured.table,
        )
        await conn.execute(function_sql(captured, {row["attname"]: row["type"] for row in columns}))
        await conn.execute(_triggers_sql(captured.table))


def function_sql(captured: Captured, columns: dict[str, str]) -> str:
    """The trigger function of one table; `columns` maps each column's name to its type."""
    branches = {
        "UPDATE": [_update_sql(captured, root, columns) for root in captured.roots],
        "INSERT": [_row_sql(captured.table, root, "new_rows", "i", "CREATE") for root in captured.roots],
        "DELETE": [_row_sql(captured.table, root, "old_rows", "d", "DESTROY") for root in captured.roots],
    }
    body = "\n".join(
        f"  if tg_op = '{operation}' then\n{_counted(statements)}\n  end if;"
        for operation, statements in branches.items()
    )
    # SECURITY DEFINER: another application's role writes orders without any right on change_events.
    return f"""create or replace function capture_{captured.table}() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $capture$
declare
  k bigint;
  total bigint := 0;
begin
{body}
  -- Zero-row statements fire, too; they are no reason to wake anybody.
  if total > 0 then perform tellgraph_ring(); end if;
  return null;
end $capture$"""


def _counted(statements: Sequence[str]) -> str:
    return "\n".join(f"{sql};\n    get diagnostics k = row_count; total := total + k;" for sql in statements)


def _row_sql(table: str, root: Root, rows: str, op: str, own_operation: str) -> str:
    """An inserted or deleted row: the entity's own CREATE or DESTROY, or an UPDATE of its parent."""
    operation = own_operation if root.is_self else "UPDATE"
    # A cascade deletes the parent first: the child's root is not found any more, and it has reported itself.
    return f"""    {_INSERT}
    select '{root.entity_type}', x.root, '{operation}', array['{table}.*'],
      {_changes(table, "r.id", _parents(root), f"'{op}'", "'[]'::jsonb")}, count(*) > {MAX_CHANGES},
      {f"min({root.seller})" if op == "d" and root.is_self else "null"}::bigint
    from {rows} r cross join lateral ({root.sql}) x(root)
    where x.root is not null group by x.root"""


def _update_sql(captured: Captured, root: Root, columns: dict[str, str]) -> str:
    """Changed rows, compared column by column; a child that moves has left one parent and come to another."""
    compared = {name: type_ for name, type_ in columns.items() if name not in captured.ignored}
    soft = "deleted_at" in columns
    own_op = (
        "case when o.deleted_at is null and n.deleted_at is not null then 'd'"
        " when o.deleted_at is not null and n.deleted_at is null then 'i' else 'u' end"
        if soft
        else "'u'"
    )
    op = own_op if root.is_self else f"case when x.came then 'i' when x.went then 'd' else {own_op} end"
    operation = (
        "case when bool_or(m.op = 'd') then 'DESTROY' when bool_or(m.op = 'i') then 'CREATE' else 'UPDATE' end"
        if soft and root.is_self
        else "'UPDATE'"
    )
    side = (
        f"select x.root, {_parents(root)} as parents from (select {{row}}.*) r cross join lateral ({root.sql}) x(root)"
    )
    return f"""    {_INSERT}
    select '{root.entity_type}', m.root, {operation},
      (select array_agg(distinct '{captured.table}.' || u)
       from unnest(string_to_array(string_agg(distinct m.c, ','), ',')) u),
      {_changes(captured.table, "m.id", "m.parents", "m.op", "to_jsonb(string_to_array(m.c, ','))")},
      count(*) > {MAX_CHANGES}, null
    from (
      select n.id, x.root, x.parents, {op} as op,
        concat_ws(',', {_differences(columns)}) as c
      from old_rows o join new_rows n using (id)
      cross join lateral (
        select coalesce(a.root, b.root) as root, coalesce(a.parents, b.parents) as parents,
          a.root is null as came, b.root is null as went
        from ({side.format(row="o")}) a full join ({side.format(row="n")}) b on a.root = b.root and a.parents = b.parents
      ) x
      where o *<> n and x.root is not null and ({" or ".join(_differs(*item) for item in compared.items())})
    ) m group by m.root"""


def _differences(columns: dict[str, str]) -> str:
    return ", ".join(f"case when {_differs(name, type_)} then '{name}' end" for name, type_ in columns.items())


def _differs(name: str, type_: str) -> str:
    # json, xml and point have no equality operator.
    cast = "::text" if type_ in ("json", "xml", "point") else ""
    return f'o."{name}"{cast} is distinct from n."{name}"{cast}'


def _parents(root: Root) -> str:
    return f"array[{', '.join(root.parents)}]::bigint[]"


def _changes(table: str, id_: str, parents: str, op: str, columns: str) -> str:
    entry = f"jsonb_build_object('t', '{table}', 'id', {id_}, 'p', {parents}, 'op', {op}, 'c', {columns})"
    return f"to_jsonb((array_agg({entry} order by {id_}))[1:{MAX_CHANGES}])"


def _triggers_sql(table: str) -> str:
    """Three statement triggers, since transition tables allow one event each, and one against TRUNCATE."""
    kinds = {
        "insert": "referencing new table as new_rows",
        "update": "referencing old table as old_rows new table as new_rows",
        "delete": "referencing old table as old_rows",
    }
    created = [
        f"create or replace trigger capture_{kind} after {kind} on {table} {tables}"
        f" for each statement execute function capture_{table}()"
        for kind, tables in kinds.items()
    ]
    refused = (
        f"create or replace trigger capture_truncate before truncate on {table}"
        " for each statement execute function tellgraph_refuse_truncate()"
    )
    # ALWAYS: importers and logical replication run with session_replication_role = replica.
    always = [f"alter table {table} enable always trigger capture_{kind}" for kind in (*kinds, "truncate")]
    return ";\n".join([*created, refused, *always])

"""Change capture: the trigger functions, made from what `app/db/captured.py` declares.

One declaration per table; `install` generates one static PL/pgSQL function for it from the table's present
columns. Static because it is the cheapest form measured: 4 µs per row of a bulk UPDATE, where a function
that compares by jsonb costs 58–270 and one that EXECUTEs costs 900 µs per statement. The price: a column
added later is not compared until the functions are generated again, which `migrate` does each time.
"""

from collections.abc import Sequence

from app.db.captured import CAPTURED, Captured, Root
from app.db.pool import Connection

#: Entries in change_events.changes; a bulk change of one entity with more rows is marked as cut.
MAX_CHANGES = 50


#: Straight into the partition of what is to be published: finding it would cost each statement some microseconds.
_INSERT = "insert into change_events_open (entity_type, entity_id, operation, columns, changes, is_cut, seller_id)"


async def install(conn: Connection) -> None:
    """Generate every capture function and trigger anew. Idempotent; run after each migration."""
    for captured in CAPTURED:
        columns = await conn.fetch(
            "select attname, atttypid::regtype::text as type from pg_attribute"
            " where attrelid = $1::text::regclass and attnum > 0 and not attisdropped order by attnum",
            captured.table,
        )
        await conn.execute(function_sql(captured, {row["attname"]: row["type"] for row in columns}))
        await conn.execute(_triggers_sql(captured))


def function_sql(captured: Captured, columns: dict[str, str]) -> str:
    """The trigger function of one table; `columns` maps each column's name to its type."""
    branches = {
        "UPDATE": [(root, _update_sql(captured, root, columns)) for root in captured.roots],
        "INSERT": [(root, _row_sql(captured.table, root, "new_rows", "i", "CREATE")) for root in captured.roots],
        "DELETE": [(root, _row_sql(captured.table, root, "old_rows", "d", "DESTROY")) for root in captured.roots],
    }
    body = "\n".join(
        f"  if tg_op = '{operation}' then\n{_counted(operation, statements)}\n  end if;"
        for operation, statements in branches.items()
        if operation == "INSERT" or not captured.is_log
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


def _counted(operation: str, statements: Sequence[tuple[Root, str]]) -> str:
    return "\n".join(
        _guarded(operation, root, f"{sql};\n    get diagnostics k = row_count; total := total + k;")
        for root, sql in statements
    )


def _guarded(operation: str, root: Root, statement: str) -> str:
    """Spares the look-up for rows that can't have such a root: those with an owner of another type."""
    if root.when == "true":
        return statement
    rows = {"INSERT": ("new_rows",), "DELETE": ("old_rows",), "UPDATE": ("old_rows", "new_rows")}[operation]
    some = " or ".join(f"exists (select from {name} r where {root.when})" for name in rows)
    return f"    if {some} then\n{statement}\n    end if;"


def _row_sql(table: str, root: Root, rows: str, op: str, own_operation: str) -> str:
    """An inserted or deleted row: the entity's own CREATE or DESTROY, or an UPDATE of its parent."""
    operation = own_operation if root.is_self else "UPDATE"
    # A cascade deletes the parent first: the child's root is not found any more, and it has reported itself.
    return f"""    {_INSERT}
    select '{root.entity_type}', x.root, '{operation}', array['{table}.*'],
      {_changes(table, root, "r.id", _parents(root), f"'{op}'", "'[]'::jsonb")}, count(*) > {MAX_CHANGES},
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
    # What is deleted stays as it was last seen: its DESTROY was the last word.
    gone = " and not (o.deleted_at is not null and n.deleted_at is not null)" if soft and root.is_self else ""
    return f"""    {_INSERT}
    select '{root.entity_type}', m.root, {operation},
      (select array_agg(distinct '{captured.table}.' || u)
       from unnest(string_to_array(string_agg(distinct m.c, ','), ',')) u),
      {_changes(captured.table, root, "m.id", "m.parents", "m.op", "to_jsonb(string_to_array(m.c, ','))")},
      count(*) > {MAX_CHANGES}, null
    from (
      select n.id, x.root, x.parents, {op} as op,
        concat_ws(',', {_differences(columns)}) as c
      from old_rows o join new_rows n using (id)
      cross join lateral (
        select coalesce(a.root, b.root) as root, coalesce(a.parents, b.parents) as parents,
          a.root is null as came, b.root is null as went
        from ({side.format(row="o")}) a full join ({side.format(row="n")}) b
          on a.root = b.root and a.parents = b.parents
      ) x
      where o *<> n and x.root is not null and ({" or ".join(_differs(*item) for item in compared.items())}){gone}
    ) m group by m.root"""


def _differences(columns: dict[str, str]) -> str:
    return ", ".join(f"case when {_differs(name, type_)} then '{name}' end" for name, type_ in columns.items())


def _differs(name: str, type_: str) -> str:
    # json, xml and point have no equality operator.
    cast = "::text" if type_ in ("json", "xml", "point") else ""
    return f'o."{name}"{cast} is distinct from n."{name}"{cast}'


def _parents(root: Root) -> str:
    return f"array[{', '.join(root.parents)}]::bigint[]"


def _changes(table: str, root: Root, id_: str, parents: str, op: str, columns: str) -> str:
    way = f", 'v', array[{', '.join(repr(step) for step in root.way)}]" if root.way else ""
    entry = f"jsonb_build_object('t', '{table}', 'id', {id_}, 'p', {parents}, 'op', {op}, 'c', {columns}{way})"
    return f"to_jsonb((array_agg({entry} order by {id_}))[1:{MAX_CHANGES}])"


def _triggers_sql(captured: Captured) -> str:
    """Three statement triggers, since transition tables allow one event each, and one against TRUNCATE."""
    table = captured.table
    kinds = {
        "insert": "referencing new table as new_rows",
        "update": "referencing old table as old_rows new table as new_rows",
        "delete": "referencing old table as old_rows",
    }
    if captured.is_log:
        kinds = {"insert": kinds["insert"]}
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

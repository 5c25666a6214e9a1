"""Change capture: the trigger functions, made from what `app/capture/captured.py` declares.

One declaration per table; `install` generates static PL/pgSQL functions for it from the table's present columns.
Static because it is the cheapest form measured: 4 µs per row of a bulk UPDATE, where a function that compares by
jsonb costs 58–270 and one that EXECUTEs costs 900 µs per statement. The price: a column added later is not compared
until the functions are generated again, which `migrate` does each time.

Two functions per table. Statement triggers record what programs write by SQL. Row triggers record what logical
replication applies, which runs no statements. They fire in the role `replica` alone, so other sessions pay nothing.

One more trigger raises `updated_at` of a row that somebody changes by SQL without setting it.
"""

from collections.abc import Iterable, Mapping

from app.capture.captured import CAPTURED, CapturedTable
from app.capture.statements import SETTINGS, RowSource, capture_body
from app.db.pool import Connection

_TRANSITION_TABLES = RowSource(old="old_rows", new="new_rows")
#: When a trigger fires, in the words of `pg_trigger.tgenabled`.
_ALWAYS, _REPLICA, _ORIGIN = "A", "R", "O"
#: Triggers fire by their names: this one after those that decide what the row becomes.
_UPDATED_AT = "zz_updated_at"
_SINGLE_ROW = RowSource(old="(select (old_row).*)", new="(select (new_row).*)")


async def install(conn: Connection) -> None:
    """Generate every capture function and trigger anew. Idempotent; run after each migration."""
    for captured in CAPTURED:
        columns = await _columns(conn, captured.table)
        await conn.execute(function_sql(captured, columns))
        await conn.execute(_applied_function_sql(captured, columns))
        await conn.execute(_triggers_sql(captured))
        if _says_when(captured, columns):
            await conn.execute(_updated_at_sql(captured.table, await _generated_columns(conn, captured.table)))
        await conn.execute(_applied_triggers_sql(captured))


async def list_stale_tables(conn: Connection) -> list[str]:
    """Return the tables whose capture functions or triggers are not those that `install` would make."""
    rows = await conn.fetch("select prosrc from pg_proc where proname like 'capture\\_%'")
    sources = {row["prosrc"] for row in rows}
    rows = await conn.fetch(
        "select tgrelid::regclass::text as table, tgname, tgenabled::text as state"
        " from pg_trigger where not tgisinternal"
    )
    enabled = {(row["table"], row["tgname"]): row["state"] for row in rows}
    stale = []
    for captured in CAPTURED:
        columns = await _columns(conn, captured.table)
        functions = [function_sql(captured, columns), _applied_function_sql(captured, columns)]
        if _says_when(captured, columns) and (generated := await _generated_columns(conn, captured.table)):
            functions.append(_updated_at_sql(captured.table, generated))
        has_functions = all(_source(sql) in sources for sql in functions)
        triggers = dict.fromkeys((*_statement_events(captured), "truncate"), _ALWAYS)
        triggers |= {"statement": _REPLICA, "applied": _REPLICA}
        named = {f"capture_{name}": state for name, state in triggers.items()}
        named |= {_UPDATED_AT: _ORIGIN} if _says_when(captured, columns) else {}
        has_triggers = all(enabled.get((captured.table, name)) == state for name, state in named.items())
        if not (has_functions and has_triggers):
            stale.append(captured.table)
    return stale


async def _columns(conn: Connection, table: str) -> dict[str, str]:
    """Return the type of each present column of the table, by its name."""
    rows = await conn.fetch(
        "select attname, atttypid::regtype::text as type from pg_attribute where attrelid = $1::text::regclass"
        " and attnum > 0 and not attisdropped order by attnum",
        table,
    )
    return {row["attname"]: row["type"] for row in rows}


async def _generated_columns(conn: Connection, table: str) -> list[str]:
    rows = await conn.fetch(
        "select attname from pg_attribute where attrelid = $1::text::regclass and attgenerated <> ''", table
    )
    return [row["attname"] for row in rows]


def _source(sql: str) -> str:
    """Return a function's body, as PostgreSQL keeps it."""
    return sql.split("$capture$")[1]


def _statement_events(captured: CapturedTable) -> tuple[str, ...]:
    return ("insert",) if captured.is_log else ("insert", "update", "delete")


def function_sql(captured: CapturedTable, columns: Mapping[str, str]) -> str:
    """Return the definition of a table's statement trigger function.

    Args:
        columns: Type of each of the table's columns.
    """
    return _function_sql(f"capture_{captured.table}", capture_body(captured, columns, _TRANSITION_TABLES))


def _applied_function_sql(captured: CapturedTable, columns: Mapping[str, str]) -> str:
    """Return the definition of a table's row trigger function. Its plans serve every row: planning one costs more."""
    return _function_sql(
        f"capture_applied_{captured.table}",
        "  if tg_op <> 'INSERT' then old_row := old; end if;\n  if tg_op <> 'DELETE' then new_row := new; end if;\n"
        + capture_body(captured, columns, _SINGLE_ROW),
        declared=f"\n  old_row {captured.table};\n  new_row {captured.table};",
        settings=(*SETTINGS, "plan_cache_mode = force_generic_plan"),
    )


def _function_sql(name: str, body: str, *, declared: str = "", settings: tuple[str, ...] = SETTINGS) -> str:
    # SECURITY DEFINER: another application's role writes orders without any right on change_events.
    return f"""create or replace function {name}() returns trigger
language plpgsql security definer set search_path = public, pg_temp
{" ".join(f"set {one}" for one in settings)} as $capture$
declare
  k bigint;
  total bigint := 0;
  recorded integer;
  event_lane smallint;
  wanted boolean[];{declared}
begin
{body}
  -- Zero-row statements fire, too; they are no reason to wake anybody.
  if total > 0 then perform tellgraph_ring(); end if;
  return null;
end $capture$"""


def _triggers_sql(captured: CapturedTable) -> str:
    """Three statement triggers, since transition tables allow one event each, and one against TRUNCATE."""
    table = captured.table
    kinds = {
        "insert": "referencing new table as new_rows",
        "update": "referencing old table as old_rows new table as new_rows",
        "delete": "referencing old table as old_rows",
    }
    created = [
        f"create or replace trigger capture_{kind} after {kind} on {table} {tables}"
        f" for each statement execute function capture_{table}()"
        for kind in _statement_events(captured)
        for tables in (kinds[kind],)
    ]
    refused = (
        f"create or replace trigger capture_truncate before truncate on {table}"
        " for each statement execute function tellgraph_refuse_truncate()"
    )
    # ALWAYS: importers and the first copy of a subscription run with session_replication_role = replica.
    always = [
        f"alter table {table} enable always trigger capture_{kind}"
        for kind in (*_statement_events(captured), "truncate")
    ]
    return ";\n".join([*created, refused, *always])


def _says_when(captured: CapturedTable, columns: Mapping[str, str]) -> bool:
    """Return whether the rows of a table say when they were last changed."""
    return not captured.is_log and "updated_at" in columns


def _updated_at_sql(table: str, generated: Iterable[str]) -> str:
    """A trigger for whoever changes a row by SQL: lists by `updatedSince` find what webhooks are told of.

    Rows are compared as a whole, by their bytes: a column that is named would keep the table from being altered. Where
    there are generated columns, a function does that, because a trigger that fires before the change doesn't have them.
    """
    trigger = f"create or replace trigger {_UPDATED_AT} before update on {table} for each row"
    blanks = " ".join(f'old."{name}" := null;' for name in sorted(generated))
    if not blanks:
        same = "old.updated_at = new.updated_at"
        return f"{trigger} when ({same} and old.* *<> new.*) execute function tellgraph_raise_updated_at()"
    function = f"capture_{table}_updated_at"
    return f"""
create or replace function {function}() returns trigger language plpgsql as $capture$
begin
  {blanks}
  if old *<> new then
    new.updated_at := now();
  end if;
  return new;
end $capture$;
{trigger} when (old.updated_at = new.updated_at) execute function {function}()"""


def _applied_triggers_sql(captured: CapturedTable) -> str:
    """Triggers of the role `replica` alone: of each row, unless a statement trigger records it.

    An importer may choose this role, too, and so does the first copy of a subscription. Both run statements, which
    note that they do so before any row: see tellgraph_note_statement.sql. Whatever a trigger does is a statement.
    """
    table = captured.table
    events = "insert" if captured.is_log else "insert or update or delete"
    is_applied = "pg_trigger_depth() = 0 and current_setting('tellgraph.runs_statements', true) is distinct from 'yes'"
    return f"""
      create or replace trigger capture_statement before {events} on {table}
        for each statement execute function tellgraph_note_statement();
      create or replace trigger capture_applied after {events} on {table}
        for each row when ({is_applied}) execute function capture_applied_{table}();
      alter table {table} enable replica trigger capture_statement;
      alter table {table} enable replica trigger capture_applied"""

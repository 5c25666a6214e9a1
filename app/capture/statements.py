"""The statements of a capture function: they turn the rows of one change into rows of the outbox.

Every statement does the same work per row, whatever its plan was made for. A session keeps the plan of its first
call, which says nothing about the number of rows in the next one. So:
- old and new rows meet in a FULL JOIN, which PostgreSQL never runs as a nested loop;
- what is looked up for a row is behind LATERAL and OFFSET 0, and is looked up by index for each row;
- `SETTINGS` rule out the plans that read a whole table, or that reserve memory by a guess.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from app.capture.captured import CapturedTable, Root

#: Entries in change_events.changes; a bulk change of one entity with more rows is marked as cut.
MAX_CHANGES = 50

#: Of the capture functions. A plan that was made for a million rows would otherwise be compiled by JIT, and reserve its
#: hash tables, for each single row that follows.
SETTINGS = ("enable_seqscan = off", "enable_hashjoin = off", "jit = off")

#: Straight into the partition of what is to be published: finding it would cost each statement some microseconds.
_INSERT = (
    "insert into change_events_open (entity_type, entity_id, operation, columns, changes, is_cut, lane, seller_id)"
)
#: A transaction that has changed more rows is a bulk one: from then on its events wait in the lane for those.
BULK_ROWS = 200

#: What happened to the row → what happened to the entity whose own row it is.
_OPERATIONS = {"i": "CREATE", "d": "DESTROY", "u": "UPDATE"}


_Statement = Callable[[Sequence[Root]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowSource:
    """Name the rows of a change, before and after it: each may follow FROM in a statement."""

    old: str
    new: str


def capture_body(captured: CapturedTable, columns: Mapping[str, str], source: RowSource) -> str:
    """Return the statements of a capture function, which count the recorded events in `total`.

    Args:
        columns: Type of each of the table's columns.
    """
    parts: dict[str, tuple[Sequence[str], _Statement]] = {
        "UPDATE": ((source.old, source.new), lambda roots: _update_sql(captured, roots, columns, source)),
        "INSERT": ((source.new,), lambda roots: _row_sql(captured.table, roots, columns, source.new, "i")),
        "DELETE": ((source.old,), lambda roots: _row_sql(captured.table, roots, columns, source.old, "d")),
    }
    return "\n".join(
        "\n".join(
            (
                f"  if tg_op = '{operation}' then",
                _lane(part[0][-1]),
                _grouped(operation, captured.roots, *part),
                "  end if;",
            )
        )
        for operation, part in parts.items()
        if operation == "INSERT" or not captured.is_log
    )


def _lane(rows: str) -> str:
    """Count the rows that the transaction has changed, as far as it matters, and choose the lane by that."""
    return f"""    recorded := coalesce(nullif(current_setting('tellgraph.recorded', true), ''), '0');
    if recorded <= {BULK_ROWS} then
      recorded := recorded + (select count(*) from (select from {rows} one limit {BULK_ROWS + 1}) r);
      perform set_config('tellgraph.recorded', recorded::text, true);
    end if;
    event_lane := case when recorded > {BULK_ROWS} then 1 else 0 end;"""


def _grouped(operation: str, roots: Iterable[Root], rows: Sequence[str], statement: _Statement) -> str:
    """Return one statement for all roots with the same condition. It is run only if a row meets the condition."""
    groups: dict[str, list[Root]] = {}
    for root in roots:
        if operation == "UPDATE" or not root.left:
            groups.setdefault(root.when, []).append(root)
    conditions = [when for when in groups if when != "true"]
    made = []
    if conditions:
        names = ", ".join(sorted({name for when in conditions for name in _columns_of(when)}))
        every = " union all ".join(f"select {names} from {source} one" for source in rows)
        tests = ", ".join(f"bool_or({when})" for when in conditions)
        made.append(f"    select array[{tests}] into wanted from ({every}) r;")
    for when, members in groups.items():
        run = f"{statement(members)};\n    get diagnostics k = row_count; total := total + k;"
        is_wanted = f"wanted[{conditions.index(when) + 1}]" if when in conditions else ""
        made.append(f"    if {is_wanted} then\n{run}\n    end if;" if is_wanted else run)
    return "\n".join(made)


def _row_sql(table: str, roots: Sequence[Root], columns: Mapping[str, str], rows: str, op: str) -> str:
    """Record inserted or deleted rows: the entity's own CREATE or DESTROY, or an UPDATE of its parent."""
    names = {"id", *(name for root in roots for name in _columns_of_root(root))}
    branches = []
    for place, root in enumerate(roots):
        seller = root.seller if op == "d" and root.is_self else "null"
        is_there = ""
        if root.is_self and "deleted_at" in columns:
            # An entity that is deleted softly was destroyed then, and is created when it is restored.
            is_there = " where r.deleted_at is null"
            names.add("deleted_at")
        # A cascade deletes the parent first: the child's root is not found any more, and it has reported itself.
        branches.append(
            f"select {place} as place, x.root, {_parents(root)} as parents, {_way(root)} as way,"
            f" {seller}::bigint as seller, jsonb_build_array({_sellers(root)}) as sellers"
            f" from ({root.sql}{is_there}) x(root)"
        )
    return f"""    {_INSERT}
    select {_entity_type(roots)}, m.root, {_operation(roots, f"'{op}'")}, array['{table}.*'],
      {_changes(table, roots, f"'{op}'", "'[]'::jsonb")}, count(*) > {MAX_CHANGES}, event_lane, min(m.seller)
    from (
      select r.id, x.* from (select {", ".join(sorted(names))} from {rows} one) r
      cross join lateral ({_union(branches)} offset 0) x
      where x.root is not null
    ) m group by m.place, m.root"""


def _update_sql(captured: CapturedTable, roots: Sequence[Root], columns: Mapping[str, str], source: RowSource) -> str:
    """Record changed rows. A child that moves has left one parent and come to another.

    A row whose key has changed has no counterpart: it is recorded as one row deleted and another one inserted.
    """
    columns_json = "case m.c when '*' then '[]'::jsonb else to_jsonb(string_to_array(m.c, ',')) end"
    branches = [branch for place, root in enumerate(roots) for branch in _branches(place, root, columns)]
    return f"""    {_INSERT}
    select {_entity_type(roots)}, m.root, {_operation(roots, "min(m.op)")},
      (select array_agg(distinct '{captured.table}.' || u)
       from unnest(string_to_array(string_agg(distinct m.c, ','), ',')) u),
      {_changes(captured.table, roots, "m.op", columns_json)}, count(*) > {MAX_CHANGES}, event_lane, min(m.seller)
    from (
      select w.id, x.* from (
        {_differing_rows(captured, roots, columns, source)}
      ) w
      cross join lateral ({_union(branches)} offset 0) x
      where x.root is not null
    ) m group by m.place, m.root"""


def _differing_rows(
    captured: CapturedTable, roots: Sequence[Root], columns: Mapping[str, str], source: RowSource
) -> str:
    """Return a SELECT of the rows that differ.

    Its columns are `id`, `op`, `c` (the names of the changed columns), and both values of each column that roots read.
    """
    soft = ""
    if "deleted_at" in columns:
        soft = (
            " when o.deleted_at is null and n.deleted_at is not null then 'd'"
            " when o.deleted_at is not null and n.deleted_at is null then 'i'"
        )
    compared = {name: differs_sql(name, type_) for name, type_ in columns.items() if name not in captured.ignored}
    differences = ", ".join(f"case when {differs} then '{name}' end" for name, differs in compared.items())
    names = sorted({name for root in roots for name in _columns_of_root(root)})
    if "deleted_at" in columns and any(root.is_self for root in roots):
        names = sorted({*names, "deleted_at"})
    both = "".join(f', o."{name}" as old_{name}, n."{name}" as new_{name}' for name in names)
    return f"""select coalesce(n.id, o.id) as id,
          case when o.id is null then 'i' when n.id is null then 'd'{soft} else 'u' end as op,
          case when o.id is null or n.id is null then '*' else concat_ws(',', {differences}) end as c{both}
        from {source.old} o full join {source.new} n on o.id = n.id
        where {" or ".join(compared.values())}
        offset 0"""


def _branches(place: int, root: Root, columns: Mapping[str, str]) -> Iterator[str]:
    """List the SELECTs of the entities of one changed row `w`: one for a row that stays, one for a row that moves."""
    way = _way(root)
    if root.is_self:
        # After its DESTROY nothing is recorded of a deleted row.
        is_there = "w.old_deleted_at is null or w.new_deleted_at is null" if "deleted_at" in columns else "true"
        yield (
            f"select {place} as place, w.id as root, array[]::bigint[] as parents, {way} as way, w.op, w.c,"
            f" {_former_seller(root, columns)}::bigint as seller, null::jsonb as sellers where {is_there}"
        )
        return
    if root.left:
        yield (
            f"select {place} as place, x.root, array[]::bigint[] as parents, {way} as way, 'u' as op,"
            f" '{root.left}' as c, w.old_{root.left} as seller, null::jsonb as sellers from (select w.new_id as id) r"
            f" cross join lateral ({root.sql}) x(root) where w.old_{root.left} <> w.new_{root.left}"
        )
        return
    names = sorted(_columns_of_root(root))
    stays = " and ".join(f"w.old_{name} is not distinct from w.new_{name}" for name in names)
    if not root.is_list:
        yield (
            f"select {place} as place, s.root, s.parents, {way} as way, w.op, w.c, null::bigint as seller,"
            f" jsonb_build_array(s.sellers) as sellers from ({_side(root, names, 'new')}) s where {stays}"
        )
    yield (
        f"select {place} as place, s.root, s.parents, {way} as way,"
        " case when not bool_or(s.is_old) then 'i' when not bool_or(s.is_new) then 'd' else w.op end as op, w.c,"
        " null::bigint as seller, jsonb_agg(distinct s.sellers) as sellers"
        f" from (select *, true as is_old, false as is_new from ({_side(root, names, 'old')}) a union all"
        f" select *, false, true from ({_side(root, names, 'new')}) b) s"
        f" where not ({stays}) group by s.root, s.parents"
    )


def _side(root: Root, names: Iterable[str], side: str) -> str:
    """Return a SELECT of the roots of a row, as it was (`old`) or as it is now (`new`)."""
    row = ", ".join(f"w.{side}_{name} as {name}" for name in names)
    return (
        f"select x.root, {_parents(root)} as parents, {_sellers(root)} as sellers"
        f" from (select {row}) r cross join lateral ({root.sql}) x(root)"
    )


def _former_seller(root: Root, columns: Mapping[str, str]) -> str:
    """Return SQL for the former seller of an entity that has moved or was deleted softly; null for all others.

    A deleted entity may move to another seller unseen. Its first seller must still hear that it is gone.
    """
    names = sorted(_columns_of(root.seller))
    if not names:
        return "null"
    moved = " or ".join(f"w.old_{name} is distinct from w.new_{name}" for name in names)
    old, new = (re.sub(r"\br\.", f"w.{side}_", root.seller) for side in ("old", "new"))
    if "deleted_at" not in columns:
        return f"case when {moved} then nullif({old}, {new}) end"
    return (
        f"case when w.old_deleted_at is not null then null when w.new_deleted_at is not null then {old}"
        f" when {moved} then nullif({old}, {new}) end"
    )


def differs_sql(name: str, type_: str, *, old: str = "o", new: str = "n") -> str:
    """Return a condition under which a column differs between two rows."""
    # json, xml and point have no equality operator.
    cast = "::text" if type_ in ("json", "xml", "point") else ""
    return f'{old}."{name}"{cast} is distinct from {new}."{name}"{cast}'


def _entity_type(roots: Sequence[Root]) -> str:
    if len({root.entity_type for root in roots}) == 1:
        return f"'{roots[0].entity_type}'"
    cases = " ".join(f"when {place} then '{root.entity_type}'" for place, root in enumerate(roots))
    return f"case m.place {cases} end"


def _operation(roots: Sequence[Root], op: str) -> str:
    """Return SQL for the operation. If the changed row is not the entity's own row, it is an UPDATE."""
    own = [place for place, root in enumerate(roots) if root.is_self]
    if not own:
        return "'UPDATE'"
    cases = " ".join(f"when '{one}' then '{operation}'" for one, operation in _OPERATIONS.items())
    return f"case when m.place = {own[0]} then case {op} {cases} end else 'UPDATE' end"


def _parents(root: Root) -> str:
    return f"array[{', '.join(root.parents)}]::bigint[]"


def _sellers(root: Root) -> str:
    return f"jsonb_build_array({', '.join(root.sellers)})" if root.sellers else "null::jsonb"


def _way(root: Root) -> str:
    return f"array[{', '.join(repr(step) for step in root.way)}]" if root.way else "null::text[]"


def _changes(table: str, roots: Sequence[Root], op: str, columns: str) -> str:
    entry = f"'t', '{table}', 'id', m.id, 'p', m.parents, 'op', {op}, 'c', {columns}"
    forms: dict[str, list[int]] = {}
    for place, root in enumerate(roots):
        way, sellers = ", 'v', m.way" if root.way else "", ", 's', m.sellers" if root.sellers else ""
        forms.setdefault(f"jsonb_build_object({entry}{way}{sellers})", []).append(place)
    *others, (made, _) = forms.items()
    if others:
        cases = " ".join(f"when m.place in ({', '.join(map(str, places))}) then {form}" for form, places in others)
        made = f"case {cases} else {made} end"
    # A row that moves within an entity has left one place before it came to the other.
    tie = ", m.op" if op == "m.op" else ""
    return f"to_jsonb((array_agg({made} order by m.id{tie}))[1:{MAX_CHANGES}])"


def _union(branches: Sequence[str]) -> str:
    return "\n        union all ".join(branches)


def _columns_of(sql: str) -> frozenset[str]:
    return frozenset(re.findall(r"\br\.(\w+)", sql))


def _columns_of_root(root: Root) -> frozenset[str]:
    return _columns_of(" ".join((root.sql, root.when, root.seller, *root.parents, *root.sellers))) | (
        {root.left} - {""}
    )

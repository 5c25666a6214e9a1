"""The SQL of relations and lists, derived from their declarations. Every statement has the visibility rule."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.auth.viewers import Viewer
from app.db.keyset import BY_ID, Slice, after_cursor, order_by
from app.db.table import Table
from schema.entities.declarations import VISIBILITY, ListQuery, Relation
from schema.entities.visibility import OfSeller, Through, Visibility, condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement and its arguments. If it takes keys, they are `$1` and `args` follow."""

    sql: str
    args: tuple[Any, ...]


def related_rows(relation: Relation, viewer: Viewer, where: str) -> Statement:
    """Return the statement for the rows of many keys (`$1`), ordered by key and id.

    The column `of_key` has the row's key. It is not named `key`, because some tables have such a column.
    """
    rule, args = row_rule(relation, viewer, 2)
    source, key = source_of(relation)
    return Statement(
        sql=f"select {distinct_rows(relation)}{key} as of_key, {relation.target.select_list('t')} from {source}"
        f" where {key} = any($1::{relation.key_type}[]) and {rule} and {where} order by {row_order(relation)}",
        args=tuple(args),
    )


def related_pages(relation: Relation, viewer: Viewer, where: str, part: Slice) -> Statement:
    """Return the statement for one page of each of many keys (`$1`).

    It reads at most `part.size + 1` rows of each: the last one tells that there are more.
    """
    page = page_of_key(relation, viewer, where, part)
    return Statement(
        sql=f"select k.key as of_key, {relation.target.select_list('t')} from unnest($1::{relation.key_type}[]) k(key)"
        f" cross join lateral ({page.sql}) t order by k.key, {order_by(BY_ID, part)}",
        args=page.args,
    )


def page_of_key(
    relation: Relation, viewer: Viewer, where: str, part: Slice, *, of: str = "k.key", parameter: int = 2
) -> Statement:
    """Return the statement for one page of one key, for a lateral join.

    Args:
        of: The expression of the key.
        parameter: The number of the first parameter.
    """
    rule, rule_args = row_rule(relation, viewer, parameter)
    after, after_args = after_cursor(BY_ID, part, parameter + len(rule_args))
    source, key = source_of(relation)
    distinct = "distinct on (t.id) " if relation.link else ""
    return Statement(
        sql=f"select {distinct}t.* from {source} where {key} = {of} and {rule} and {where} and {after}"
        f" order by {order_by(BY_ID, part)} limit {part.size + 1}",
        args=(*rule_args, *after_args),
    )


def related_counts(relation: Relation, viewer: Viewer, where: str) -> Statement:
    """Return the statement that counts the rows of many keys (`$1`). A key without rows is not in the result."""
    rule, args = row_rule(relation, viewer, 2)
    source, key = source_of(relation)
    return Statement(
        sql=f"select {key} as key, count(distinct t.id) as n from {source}"
        f" where {key} = any($1::{relation.key_type}[]) and {rule} and {where} group by 1",
        args=tuple(args),
    )


def visible_ids(table: Table[object], viewer: Viewer) -> Statement:
    """Return the statement for the ids of those rows (`$1`) that the viewer may see, deleted ones included."""
    rule, args = row_rule(Relation(target=table, local="id", remote="id", with_deleted=True), viewer, 2)
    return Statement(sql=f"select t.id from {table.name} t where t.id = any($1::bigint[]) and {rule}", args=tuple(args))


def listed_rows(table: Table[object], viewer: Viewer, asked: ListQuery, part: Slice) -> Statement:
    """Return the statement for one page of a whole table."""
    rule = VISIBILITY[table.name]
    if asked.parts and asked.shared is not None:
        asked = replace(asked, where=asked.shared)
    parents, live, args = "", *_list_condition(table, viewer, asked)
    if isinstance(rule, Through) and rule.is_of_few and not viewer.is_operator:
        parents, live, args = _list_by_parent(table, rule, viewer, asked)
    after, after_args = after_cursor(asked.sort, part, len(args) + 1)
    order = f"order by {order_by(asked.sort, part)} limit {part.size + 1}"
    # The cursor comes first. After a filter's own bound on the same column, PostgreSQL would start its scan at that.
    page = f"from {table.name} t where {after} and {live}"
    if asked.parts:
        pages = (_page(f"{page} and {one.where} {order}", parents, one.each) for one in asked.parts)
        page = f"from ({' union all '.join(f'({sql})' for sql in pages)}) t"
    elif parents:
        page = f"from ({_page(f'{page} {order}', parents)}) t"
    return Statement(sql=f"select {table.select_list('t')} {page} {order}", args=(*args, *after_args))


def _page(page: str, *each: str) -> str:
    """Return a page for each row of these FROM items; empty texts are ignored."""
    sources = [source for source in each if source]
    if not sources:
        return f"select t.* {page}"
    return f"select t.* from {' cross join '.join(sources)} cross join lateral (select t.* {page}) t"


def _list_by_parent(
    table: Table[object], rule: Through, viewer: Viewer, asked: ListQuery
) -> tuple[str, str, Sequence[Any]]:
    """Return the parents `t_p` that a viewer sees, the condition of their rows, and the arguments.

    With a single condition, PostgreSQL would read the whole table in order, even if few rows are the viewer's.
    """
    seen, seen_args = condition(rule.rule, viewer, len(asked.args) + 1, "t_p")
    live = f"{asked.where} and t.{rule.column} = t_p.id and {_live(table, asked)}"
    return f"(select t_p.id from {rule.table} t_p where {seen}) t_p", live, [*asked.args, *seen_args]


def listed_values(table: Table[object], viewer: Viewer, asked: ListQuery, *columns: str) -> Statement:
    """Return the statement for some columns of a whole table, without an order."""
    live, args = _list_condition(table, viewer, asked)
    values = ", ".join(f't."{column}"' for column in columns)
    return Statement(sql=f"select {values} from {table.name} t where {live}", args=tuple(args))


def listed_count(table: Table[object], viewer: Viewer, asked: ListQuery, *, most: int | None = None) -> Statement:
    """Return the statement that counts a whole table's rows, up to `most` of them; None: all."""
    live, args = _list_condition(table, viewer, asked)
    counted = f"select from {table.name} t where {live}" + ("" if most is None else f" limit {most}")
    return Statement(sql=f"select count(*) as n from ({counted}) t", args=tuple(args))


def _list_condition(table: Table[object], viewer: Viewer, asked: ListQuery) -> tuple[str, Sequence[Any]]:
    rule: Visibility = VISIBILITY[table.name]
    if isinstance(rule, Through) and rule.copy:
        rule = OfSeller(rule.copy)
    seen, args = condition(rule, viewer, len(asked.args) + 1)
    return f"{asked.where} and {seen} and {_live(table, asked)}", [*asked.args, *args]


def _live(table: Table[object], asked: ListQuery) -> str:
    return "t.deleted_at is null" if table.has("deleted_at") and not asked.with_deleted else "true"


def source_of(relation: Relation) -> tuple[str, str]:
    """Return FROM, and the expression that must be one of the keys."""
    link, target = relation.link, relation.target.name
    if link is None:
        return f"{target} t", f't."{relation.remote}"'
    return f'{link.table} v join {target} t on t."{link.target_column}" = v."{link.column}"', f'v."{link.key}"'


def row_rule(relation: Relation, viewer: Viewer, parameter: int, alias: str = "t") -> tuple[str, list[int]]:
    """Return the condition for the rows of a relation's target that the viewer may see, and its arguments.

    Args:
        parameter: The number of the first parameter.
    """
    target = relation.target
    rule, args = condition(VISIBILITY[target.name], viewer, parameter, alias)
    is_filtered = target.has("deleted_at") and not relation.with_deleted
    return (f"{rule} and {alias}.deleted_at is null" if is_filtered else rule), args


def row_order(relation: Relation) -> str:
    key = source_of(relation)[1]
    return f"{key}, t.id" if relation.target.has("id") else key


def distinct_rows(relation: Relation) -> str:
    """Return DISTINCT ON if several links may lead to one row."""
    return f"distinct on ({row_order(relation)}) " if relation.link else ""

"""The SQL of relations and lists, from their declarations. Pure; every statement carries the visibility rule."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.auth import Viewer
from app.db.keyset import BY_ID, Slice, after_cursor, order_by
from app.db.table import Table
from schema.declarations import VISIBILITY, Asked, Relation
from schema.visibility import condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """`args` follow whatever is `$1`, the keys, where there are keys."""

    sql: str
    args: tuple[Any, ...]


def related_rows(relation: Relation, viewer: Viewer, where: str) -> Statement:
    """The rows of many keys (`$1`), each with its `key`, in the order of keys and ids."""
    rule, args = condition(VISIBILITY[relation.target.name], viewer, 2)
    source, key = _source(relation)
    id_order = ", t.id" if relation.target.has("id") else ""
    return Statement(
        sql=f"select {_distinct(relation)}{key} as key, {relation.target.select_list('t')} from {source}"
        f" where {key} = any($1::{relation.key_type}[]) and {rule} and {_live(relation)} and {where}"
        f" order by {key}{id_order}",
        args=tuple(args),
    )


def related_pages(relation: Relation, viewer: Viewer, where: str, part: Slice) -> Statement:
    """One page of each of many keys (`$1`): `part.size + 1` rows at most, so that the last tells of more."""
    rule, rule_args = condition(VISIBILITY[relation.target.name], viewer, 2)
    after, after_args = after_cursor(BY_ID, part, 2 + len(rule_args))
    source, key = _source(relation)
    return Statement(
        sql=f"select k.key, p.* from unnest($1::{relation.key_type}[]) k(key) cross join lateral"
        f" (select {_distinct(relation, 't.id')}{relation.target.select_list('t')} from {source}"
        f" where {key} = k.key and {rule} and {_live(relation)} and {where} and {after}"
        f" order by {order_by(BY_ID, part)} limit {part.size + 1}) p",
        args=(*rule_args, *after_args),
    )


def related_counts(relation: Relation, viewer: Viewer, where: str) -> Statement:
    """How many rows each of many keys (`$1`) has; none for a key without any."""
    rule, args = condition(VISIBILITY[relation.target.name], viewer, 2)
    source, key = _source(relation)
    return Statement(
        sql=f"select {key} as key, count(distinct t.id) as n from {source}"
        f" where {key} = any($1::{relation.key_type}[]) and {rule} and {_live(relation)} and {where} group by 1",
        args=tuple(args),
    )


def listed_rows(table: Table[Any], viewer: Viewer, asked: Asked, part: Slice) -> Statement:
    """One page of a whole table."""
    live, args = _listed(table, viewer, asked)
    after, after_args = after_cursor(asked.sort, part, len(args) + 1)
    return Statement(
        sql=f"select {table.select_list('t')} from {table.name} t where {live} and {after}"
        f" order by {order_by(asked.sort, part)} limit {part.size + 1}",
        args=(*args, *after_args),
    )


def listed_count(table: Table[Any], viewer: Viewer, asked: Asked) -> Statement:
    live, args = _listed(table, viewer, asked)
    return Statement(sql=f"select count(*) as n from {table.name} t where {live}", args=tuple(args))


def _listed(table: Table[Any], viewer: Viewer, asked: Asked) -> tuple[str, Sequence[Any]]:
    rule, rule_args = condition(VISIBILITY[table.name], viewer, len(asked.args) + 1)
    live = "t.deleted_at is null" if table.has("deleted_at") else "true"
    return f"{asked.where} and {rule} and {live}", [*asked.args, *rule_args]


def _source(relation: Relation) -> tuple[str, str]:
    """FROM, and the expression that must be one of the keys."""
    link, target = relation.link, relation.target.name
    if link is None:
        return f"{target} t", f't."{relation.remote}"'
    return f'{link.table} v join {target} t on t."{link.target_column}" = v."{link.column}"', f'v."{link.key}"'


def _distinct(relation: Relation, *on: str) -> str:
    """Several links may lead to one row."""
    if relation.link is None:
        return ""
    columns = on or (f'v."{relation.link.key}"', "t.id")
    return f"distinct on ({', '.join(columns)}) "


def _live(relation: Relation) -> str:
    has = relation.target.has("deleted_at") and not relation.with_deleted
    return "t.deleted_at is null" if has else "true"

"""One statement per level, for the rows of many keys at once: how a batch of entities is read."""

from typing import Any

from app.auth import Viewer
from app.db.keyset import BY_ID, order_by
from schema.context import Reader
from schema.plans.levels import Below, Level, Page, joined
from schema.statements import Statement, distinct_rows, page_of_key, related_counts, row_order, row_rule, source_of


async def fetch_levels(level: Level, keys: list[Any], reader: Reader, viewer: Viewer, slots: list[Any]) -> None:
    """Read a level's rows for all keys at once, then the levels below it, into their slots."""
    group, page = slots[level.number], slots[level.page]
    if level.counts:
        counted = related_counts(level.relation, viewer, page.where)
        for record in await reader.fetch(counted.sql, keys, *counted.args):
            group["count", record["key"]] = record["n"]
    if not level.has_rows:
        return
    statement = rows_statement(level, page, viewer)
    records = await reader.fetch(statement.sql, keys, *statement.args)
    for record in records:
        group.setdefault(record[0], []).append(record)
    for child in level.children:
        found = {record[child.key] for record in records} - {None}
        if found:
            await fetch_levels(child, list(found), reader, viewer, slots)


def rows_statement(level: Level, page: Page, viewer: Viewer) -> Statement:
    """The level's rows for many keys (`$1`): key, then the level's columns; in the order of keys and ids."""
    relation, args = level.relation, []
    wanted = "".join(f', {alias}."{name}"' for alias, name in _columns(level))
    if page.part is not None:
        paged = page_of_key(relation, viewer, page.where, level.read(page.part))
        args = list(paged.args)
        joins = joined(level, viewer, args, first=2)
        return Statement(
            sql=f"select k.key{wanted} from unnest($1::{relation.key_type}[]) k(key)"
            f" cross join lateral ({paged.sql}) t{joins} order by k.key, {order_by(BY_ID, page.part)}",
            args=tuple(args),
        )
    source, key = source_of(relation)
    rule, rule_args = row_rule(relation, viewer, 2)
    args = list(rule_args)
    joins = joined(level, viewer, args, first=2)
    return Statement(
        sql=f"select {distinct_rows(relation)}{key}{wanted} from {source}{joins}"
        f" where {key} = any($1::{relation.key_type}[]) and {rule} and {page.where} order by {row_order(relation)}",
        args=tuple(args),
    )


def _columns(level: Level) -> list[tuple[str, str]]:
    return [column for column in level.columns if not isinstance(column, Below)]

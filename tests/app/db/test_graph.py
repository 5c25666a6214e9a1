"""The graph that the tables declare is the database's: its foreign keys, its columns, its checks of owners."""

import re
from typing import Any

import pytest

from app.capture.captured import CAPTURED
from app.db.graph import cascades, owners_of, path_to_seller, subscribable, tables
from app.db.pool import Connection
from app.db.table import WITH_OWNER, Key, OfSeller, Table
from app.marketplace.catalogue.db.sellers import SELLERS
from app.webhooks.domain.webhook import WebhookKlass

_FOREIGN_KEYS = """
select c.conrelid::regclass::text as "table", a.attname as "column", c.confrelid::regclass::text as "to",
  r.attname as remote
from pg_constraint c
join pg_attribute a on a.attrelid = c.conrelid and a.attnum = any(c.conkey)
join pg_attribute r on r.attrelid = c.confrelid and r.attnum = any(c.confkey)
where c.contype = 'f' and c.connamespace = 'public'::regnamespace and cardinality(c.conkey) = 1
"""


def _keys() -> list[Key]:
    return [key for table in tables().values() for key in table.keys.values()]


async def test_every_foreign_key_of_a_column_that_is_read_is_declared_and_no_other(conn: Connection) -> None:
    found = {
        (row["table"], row["column"], row["to"], row["remote"])
        for row in await conn.fetch(_FOREIGN_KEYS)
        if row["table"] in tables() and tables()[row["table"]].has(row["column"])
    }

    declared = {(key.table.name, key.column, key.to.name, key.remote) for key in _keys() if key.reference.is_enforced}

    assert declared == found


async def test_a_key_that_nothing_enforces_is_a_column_of_the_same_type(conn: Connection) -> None:
    types = {
        (row["table"], row["column"]): row["type"]
        for row in await conn.fetch(
            'select attrelid::regclass::text as "table", attname as "column", atttypid::regtype::text as type'
            " from pg_attribute where attrelid = any($1::text[]::regclass[]) and attnum > 0",
            list(tables()),
        )
    }

    for key in _keys():
        assert types[key.table.name, key.column] == types[key.to.name, key.remote], str(key)


async def test_a_part_names_its_whole_by_a_key_that_is_enforced(conn: Connection) -> None:
    assert [str(key) for key in _keys() if key.reference.is_part and not key.reference.is_enforced] == []


@pytest.mark.parametrize("owned", [table for table in tables().values() if table.seen_by is WITH_OWNER], ids=repr)
async def test_the_database_takes_rows_of_the_declared_owners_alone(conn: Connection, owned: Table[Any]) -> None:
    check = await conn.fetchval(
        "select pg_get_constraintdef(oid) from pg_constraint where conrelid = $1::text::regclass and contype = 'c'"
        " and pg_get_constraintdef(oid) like '%owner_type = ANY%'",
        owned.name,
    )

    allowed = set(re.findall(r"'(\w+)'::text", check))

    assert {owner.type_name for owner, _ in owners_of(owned)} == allowed


async def test_the_declared_columns_are_there_and_may_be_null_where_the_database_says_so(conn: Connection) -> None:
    rows = await conn.fetch(
        'select attrelid::regclass::text as "table", attname as "column", not attnotnull as may_be_null'
        " from pg_attribute where attrelid = any($1::text[]::regclass[]) and attnum > 0 and not attisdropped",
        list(tables()),
    )
    nullable = {(row["table"], row["column"]): row["may_be_null"] for row in rows}

    declared = {(name, column): table.kind(column)[1] for name, table in tables().items() for column in table.columns}

    assert {key: nullable[key] for key in declared} == declared


def test_what_can_be_subscribed_to_has_a_kind_of_webhook_and_triggers() -> None:
    captured = {root.entity_type for one in CAPTURED for root in one.roots if root.is_self}

    assert set(subscribable()) == {klass.entity_type for klass in WebhookKlass} == captured


def test_the_column_that_says_whose_an_entity_is_names_a_seller() -> None:
    ends = [
        (path[-1].to if path else table, rule)
        for table in subscribable().values()
        for path, rule in [path_to_seller(table)]
    ]

    named = {(of.name, rule.column) for of, rule in ends if isinstance(rule, OfSeller)}

    assert named == {
        ("adverts", "seller_id"),
        ("invoice_annotations", "seller_id"),
        ("invoices", "seller_id"),
        ("remittance_advices", "seller_id"),
        ("sellers", "id"),
        ("variants", "seller_id"),
        ("webhooks", "seller_id"),
    }
    for name, column in named - {("sellers", "id")}:
        assert tables()[name].keys[column].to is SELLERS


def test_what_is_passed_down_goes_from_an_entity_to_an_entity() -> None:
    assert {(down.whole.name, down.below.name) for down in cascades().values()} == {
        ("orders", "invoices"),
        ("adverts", "variants"),
    }
    assert {down.below.type_name for down in cascades().values()} <= set(subscribable())

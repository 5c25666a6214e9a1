"""Every statement of the database layer that takes an array is a case of the plan histories, or says here why not.

Triggers of single rows are kept to indexes.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import asyncpg

import app
from tests.app.db.plan_cases import CASES

_FOLDER = Path(app.__file__).parent
_ROOMS = ("**/db", "**/db/counts", "**/db/ordering", "**/db/runs", "**/db/taking", "capture", "auth", "http")
#: An array as a parameter, or one that a function was given.
_TAKES_AN_ARRAY = re.compile(
    r"unnest\((?!string_to_array|bound)|= ?any ?\((?!array\()|jsonb_populate_recordset", re.IGNORECASE
)
#: Of what one person's request lists, found by their keys alone: no history makes that another plan.
_OF_ONE_REQUEST = "rows of one request, by their keys"
EXCEPTIONS = {
    "adverts.touch_adverts": _OF_ONE_REQUEST,
    "api_keys.store_last_uses": "the keys of one minute, by their ids alone",
    "commission_packages.find_packages": _OF_ONE_REQUEST,
    "commission_packages.touch_packages": _OF_ONE_REQUEST,
    "images.remove_images": _OF_ONE_REQUEST,
    "invoices.move_line_items": _OF_ONE_REQUEST,
    "option_types.lock_choices": _OF_ONE_REQUEST,
    "order_purges._INVOICES": _OF_ONE_REQUEST,
    "order_purges.erase_details": _OF_ONE_REQUEST,
    "order_purges.mark_purged": _OF_ONE_REQUEST,
    "orders.lock_orders": _OF_ONE_REQUEST,
    "purges.erase_step": "at most 500 events of one entity, by keys of indexes",
    "purges._find_open": "reads what is still to be sent once for each step of a purge, on purpose",
    "refund_requests.set_line_amounts": _OF_ONE_REQUEST,
    "refund_requests.set_line_stages": _OF_ONE_REQUEST,
    "remittances.add_remittances": _OF_ONE_REQUEST,
    "remittances.list_reviewed_invoices": _OF_ONE_REQUEST,
    "remittances.lock_remittances": _OF_ONE_REQUEST,
    "remittances.note_remitted": "one advice, of 500 remittances at most; its array is a constant",
    "remittances.release_remittances": _OF_ONE_REQUEST,
    "remittances.remove_remittances": _OF_ONE_REQUEST,
    "sellers.find_seller_ids": _OF_ONE_REQUEST,
    "variants.add_to_stock": _OF_ONE_REQUEST,
    "variants.lock_offered_variants": _OF_ONE_REQUEST,
    "variants.lock_variants": _OF_ONE_REQUEST,
    "variants.take_from_stock": _OF_ONE_REQUEST,
    "variants.touch_variants": _OF_ONE_REQUEST,
    "webhook_catch_ups.begin": "64 shards",
    "webhook_takers.note_taker": "the webhooks that one process streams, by their keys alone",
    "retention.list_partitions": "the names of four tables",
    "retention.delete_leftovers": "days without a partition, of which there are hardly any",
    "floors._LOOK": "one number of each lane; it is a case",
    "claim_webhook_events.sql": "its array is its own, of 500 at most; claims are a case",
}

#: Functions of triggers that run for each row, and SQL for whether they look rows up or change some.
_ROW_TRIGGERS = r"""
select distinct p.proname, coalesce('enable_seqscan=off' = any (p.proconfig), false) as is_by_index
from pg_trigger t join pg_proc p on p.oid = t.tgfoid
where t.tgtype & 1 = 1 and not t.tgisinternal
  and regexp_replace(p.prosrc, 'is (not )?distinct from', '', 'g') ~ '\m(from|join|update) +[a-z]'
"""
READS_A_SEQUENCE = {"note_missing"}


def _statements() -> Iterator[str]:
    """List the statements that take arrays: `module.function`, a constant's name in place of it, or a file of SQL."""
    for path in sorted(path for room in _ROOMS for path in _FOLDER.glob(f"{room}/*.py")):
        for node in ast.parse(path.read_text()).body:
            if any(_TAKES_AN_ARRAY.search(text) for text in _texts(node)):
                yield f"{path.stem}.{_name(node)}"
    for path in sorted((_FOLDER / "db" / "migrations" / "functions").glob("*.sql")):
        if _TAKES_AN_ARRAY.search(re.sub("--.*", "", path.read_text())):
            yield path.name


def _texts(node: ast.stmt) -> Iterator[str]:
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value


def _name(node: ast.stmt) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return node.name
    target = (
        node.targets[0] if isinstance(node, ast.Assign) else node.target if isinstance(node, ast.AnnAssign) else None
    )
    return target.id if isinstance(target, ast.Name) else f"line {node.lineno}"


def test_every_statement_that_takes_an_array_is_a_case() -> None:
    found, covered = set(_statements()), {name for case in CASES for name in case.covers}

    assert found - covered - {case.function for case in CASES} - set(EXCEPTIONS) == set()
    # What is gone or renamed is no case and no exception any more.
    assert (covered | set(EXCEPTIONS)) - found == set()


async def test_triggers_of_rows_look_them_up_by_index(conn: asyncpg.Connection) -> None:
    """A session keeps their plans, which it may have made when the tables had a page."""
    found = {row["proname"]: row["is_by_index"] for row in await conn.fetch(_ROW_TRIGGERS)}

    assert len(found) > 10
    assert {name for name, is_by_index in found.items() if not is_by_index} == READS_A_SEQUENCE

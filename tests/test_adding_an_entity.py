"""A new entity takes the files that app/docs/extending.md names. All else follows from them."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.db.pool import Connection
from tests.builders.adverts import create_advert
from tests.builders.sellers import create_seller
from tests.builders.variants import create_variant

ROOT = Path(__file__).parents[1]

NEW_FILES = {
    "app/db/migrations/sql/9000_promotions.sql": """
create table promotions (
  id bigint generated always as identity primary key,
  advert_id bigint not null references adverts,
  name text not null,
  percent_off integer not null
);
create index promotions_advert_id on promotions (advert_id, id);
""",
    "app/marketplace/catalogue/db/promotions.py": '''
"""Promotions: what takes something off an advert's price."""

from dataclasses import dataclass

from app.db.table import Table, Through, part_of
from app.marketplace.catalogue.db.adverts import ADVERTS, AdvertId


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    id: int
    advert_id: AdvertId
    name: str
    percent_off: int


PROMOTIONS = Table(
    "promotions",
    Promotion,
    type_name="Promotion",
    seen_by=Through("advert_id"),
    keys={"advert_id": part_of(ADVERTS)},
    is_subscribable=True,
)
''',
    "schema/types/catalogue/promotion.py": '''
"""Promotion: what takes something off an advert's price."""

import strawberry

from app.marketplace.catalogue.db.promotions import PROMOTIONS
from schema.entities.fields import column, entity, global_id
from schema.entities.relations import relation
from schema.types.catalogue.advert import Advert
from schema.types.node import Node


@entity(PROMOTIONS, description="What takes something off an advert's price.")
class Promotion(Node):
    id: strawberry.ID = global_id("Promotion")
    name: str = column("Its name.")
    percent_off: int = column("How much it takes off, in percent.")
    advert: Advert = relation(PROMOTIONS.advert_id, description="The advert whose price it is about.")
''',
}
#: File → (a line, what follows it from then on).
NEW_LINES = {
    "app/webhooks/domain/webhook.py": [('    SELLER = "SELLER"\n', '    PROMOTION = "PROMOTION"\n')],
    "schema/enums/webhooks.py": [
        ('        "SELLER": "Sellers, with their address and images.",\n', '        "PROMOTION": "Promotions.",\n')
    ],
    "schema/types/catalogue/advert.py": [
        ("if TYPE_CHECKING:\n", "    from schema.types.catalogue.promotion import Promotion\n"),
        (
            "from app.marketplace.catalogue.db.adverts import ADVERTS\n",
            "from app.marketplace.catalogue.db.promotions import PROMOTIONS\n",
        ),
        (
            "    external_ids: ExternalIDs = external_ids(ADVERTS)\n",
            '    promotions: list[Annotated["Promotion", strawberry.lazy("schema.types.catalogue.promotion")]] = ('
            'relation_list(PROMOTIONS.advert_id, description="What takes something off its price."))\n',
        ),
    ],
}


def _add_promotions(copy: Path) -> None:
    for name, text in NEW_FILES.items():
        (copy / name).write_text(text.lstrip())
    for name, additions in NEW_LINES.items():
        for line, addition in additions:
            _replace(copy / name, line, line + addition)


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1, (path, old)
    path.write_text(text.replace(old, new))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for package in ("app", "schema"):
        # With what is compiled already: only what is changed has to be compiled anew.
        ignored = shutil.ignore_patterns("node_modules", "dist", "sdk")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    return tmp_path


async def _run(copy: Path, program: str, *args: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", program, *args],
        cwd=copy,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


_FOLLOWS = """
import asyncio, json, sys
import asyncpg
from app.auth.viewers import Viewer
from app.auth.viewers import OPERATOR
from app.capture import triggers
from app.capture.row_changes import decode_row_changes
from app.db.graph import tables
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.engine.statements import visible_ids
from schema.stored.changed import describe_changes
from schema.stored.validate import stored_query

QUERY = "query($id: ID!) { node(id: $id) { ... on Promotion { name advert { title } } } }"

async def main(url, sql, advert_id, seller_id):
    conn = await asyncpg.connect(url)
    await conn.execute(open(sql).read())
    await triggers.install(conn)
    one = "insert into promotions (advert_id, name, percent_off) values ($1, 'Sale', 10) returning id"
    promotion_id = await conn.fetchval(one, advert_id)
    await conn.execute("delete from change_events")
    await conn.execute("update promotions set name = 'Clearance'")
    updated = await conn.fetch("select entity_type, entity_id, operation, changes from change_events")
    await conn.execute("delete from change_events")
    seen = {}
    for seller in (seller_id, -1):
        statement = visible_ids(tables()["promotions"], Viewer(seller))
        seen[seller] = len(await conn.fetch(statement.sql, [promotion_id], *statement.args))
    await conn.execute("delete from promotions")
    deleted = await conn.fetch("select seller_id from change_events where operation = 'DESTROY'")
    await conn.close()
    print(json.dumps({
        "promotion": promotion_id,
        "recorded": sorted([row["entity_type"], row["entity_id"], row["operation"]] for row in updated),
        "changed": {
            row["entity_type"]: describe_changes(
                schema._schema, OPERATOR, row["entity_type"], decode_row_changes(row["changes"]), is_cut=False
            )["updated"]
            for row in updated
        },
        "seen": list(seen.values()),
        "former": [row["seller_id"] for row in deleted],
        "watched": sorted(stored_query(schema._schema, QUERY, WebhookKlass.PROMOTION).watched),
        "sdl": schema.as_str(),
    }))

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


async def test_six_files_make_an_entity_that_can_be_subscribed_to(
    copy: Path, conn: Connection, database_url: str
) -> None:
    seller = await create_seller(conn)
    advert = await create_advert(conn, seller_id=seller.id)
    variant = await create_variant(conn, advert_id=advert.id, seller_id=seller.id)
    _add_promotions(copy)

    done = await _run(copy, _FOLLOWS, database_url, next(iter(NEW_FILES)), str(advert.id), str(seller.id))

    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    promotion = found["promotion"]
    assert len(NEW_FILES | NEW_LINES) == 6
    assert found["recorded"] == sorted(
        [["Advert", advert.id, "UPDATE"], ["Promotion", promotion, "UPDATE"], ["Variant", variant.id, "UPDATE"]]
    )
    assert found["changed"]["Promotion"] == ["name"]
    assert [path.partition("[")[0] for path in found["changed"]["Advert"]] == ["promotions"]
    assert [path.partition("[")[0] for path in found["changed"]["Variant"]] == ["advert.promotions"]
    assert found["seen"] == [1, 0]
    assert found["former"] == [seller.id]
    assert {"promotions.name", "promotions.advert_id", "adverts.title", "adverts.seller_id"} <= set(found["watched"])
    assert "type Promotion implements Node" in found["sdl"]


@pytest.mark.parametrize(
    ("name", "old", "new", "sentence"),
    [
        (
            "schema/types/catalogue/promotion.py",
            "percent_off: int =",
            "percent_offf: int =",
            "Promotion.percentOfff: the table promotions has no column percent_offf.",
        ),
        (
            "schema/types/catalogue/promotion.py",
            "name: str =",
            "name: int =",
            "Promotion.name: its type is Int!, but promotions.name is str.",
        ),
        (
            "schema/types/catalogue/promotion.py",
            "PROMOTIONS.advert_id,",
            "PROMOTIONS.advertt_id,",
            "The table promotions has no key advertt_id.",
        ),
        (
            "app/marketplace/catalogue/db/promotions.py",
            'keys={"advert_id"',
            'keys={"advertt_id"',
            "The key promotions.advertt_id: the table promotions has no column advertt_id.",
        ),
        (
            "app/marketplace/catalogue/db/promotions.py",
            'type_name="Promotion"',
            'type_name="Promotoin"',
            "The table promotions: its rows are called Promotoin, which is no type over them.",
        ),
    ],
)
async def test_a_typo_in_them_fails_at_import(copy: Path, name: str, old: str, new: str, sentence: str) -> None:
    _add_promotions(copy)
    _replace(copy / name, old, new)

    done = await _run(copy, "import schema")

    assert done.returncode == 1
    assert sentence in done.stderr

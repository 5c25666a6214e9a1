"""Types of annotations: what they let the operator and sellers do and see, and how they are made and discarded."""

import asyncio
from typing import Any

import asyncpg
import pytest

from app.auth.viewers import OPERATOR, Viewer
from app.db.pool import Connection
from app.marketplace.orders.db.invoice_annotations import InvoiceAnnotationType
from app.marketplace.orders.services.invoice_annotations import MAX_SHOWN_AT_ONCE
from schema.entities.global_ids import encode
from tests.builders.invoice_parts import create_invoice_annotation, create_invoice_annotation_type
from tests.builders.sales import Sale, create_sale
from tests.schema.mutations.conftest import Mutate
from tests.support.operation import run_operation
from tests.support.waiting import LOCK_IS_AWAITED, until

TEXTS = {"name": "Call", "description": "Calls to the buyer"}
SHOWN = "invoiceAnnotation { content resolved }"
LONG_AGO = "2020-01-01T00:00:00Z"


def _new(sale: Sale, of: InvoiceAnnotationType, **more: object) -> dict[str, Any]:
    of_type = encode("InvoiceAnnotationType", of.id)
    return {"invoiceId": sale.id_of("invoice"), "invoiceAnnotationTypeId": of_type, "content": "Call", **more}


def _status(answer: dict[str, Any]) -> int:
    (payload,) = answer["data"].values()
    return int(payload["status"])


async def _shown(conn: Connection, sale: Sale, viewer: Viewer) -> list[str]:
    document = "query($id: ID!) { node(id: $id) { ... on Invoice { annotations { content } } } }"
    answer = await run_operation(conn, document, viewer=viewer, id=sale.id_of("invoice"))
    return [one["content"] for one in answer.data["node"]["annotations"]]


@pytest.mark.parametrize("who", ["operator", "seller"])
async def test_a_type_says_who_makes_edits_and_resolves(conn: Connection, mutate: Mutate, who: str) -> None:
    sale = await create_sale(conn)
    viewer, other = (OPERATOR, Viewer(sale.seller.id)) if who == "operator" else (Viewer(sale.seller.id), OPERATOR)
    refused = dict.fromkeys((f"creatable_by_{who}", f"editable_by_{who}", f"resolvable_by_{who}"), False)
    of = await create_invoice_annotation_type(conn, **refused)
    note = await create_invoice_annotation(conn, invoice_id=sale.invoice.id, invoice_annotation_type_id=of.id)
    key = {"invoiceAnnotationId": encode("InvoiceAnnotation", note.id)}
    attempts = [
        ("invoiceAnnotationCreate", _new(sale, of)),
        ("invoiceAnnotationUpdate", {**key, "content": "Write"}),
        ("invoiceAnnotationResolve", key),
        ("invoiceAnnotationUpdate", {**key, "attributes": {"content": note.content, "resolved": True}}),
    ]

    own = [_status(await mutate(name, SHOWN, given, viewer)) for name, given in attempts]
    kept = await conn.fetch("select content, is_resolved from invoice_annotations")
    of_other = [_status(await mutate(name, SHOWN, given, other)) for name, given in attempts]

    assert own == [403] * 4
    assert [tuple(row) for row in kept] == [(note.content, False)]
    assert of_other == [200] * 4


async def test_what_is_closed_from_the_start_needs_that_right_too(conn: Connection, mutate: Mutate) -> None:
    sale = await create_sale(conn)
    of = await create_invoice_annotation_type(conn, resolvable_by_seller=False)
    attributes = {"content": "Called", "resolved": True}
    new = {**_new(sale, of), "content": None, "attributes": attributes}

    refused = await mutate("invoiceAnnotationCreate", SHOWN, new, Viewer(sale.seller.id))
    made = await mutate("invoiceAnnotationCreate", SHOWN, new)

    assert _status(refused) == 403
    assert made["data"]["invoiceAnnotationCreate"]["invoiceAnnotation"] == attributes
    assert await conn.fetchval("select count(*) from invoice_annotations") == 1


async def test_a_seller_sees_and_changes_nothing_of_a_hidden_type(conn: Connection, mutate: Mutate) -> None:
    sale = await create_sale(conn)
    seller = Viewer(sale.seller.id)
    of = await create_invoice_annotation_type(conn, viewable_by_seller=False)
    made = await mutate("invoiceAnnotationCreate", "invoiceAnnotation { id content }", _new(sale, of), seller)
    written = made["data"]["invoiceAnnotationCreate"]["invoiceAnnotation"]
    key = {"invoiceAnnotationId": written["id"]}

    hidden = await _shown(conn, sale, seller), await _shown(conn, sale, OPERATOR)
    resolved = await mutate("invoiceAnnotationResolve", SHOWN, key, seller)
    changed = await mutate(
        "invoiceAnnotationTypeUpdate",
        "invoiceAnnotationType { viewableBySeller }",
        {
            "invoiceAnnotationTypeId": encode("InvoiceAnnotationType", of.id),
            "attributes": {**TEXTS, "viewableBySeller": True},
        },
    )

    assert (written["content"], hidden) == ("Call", ([], ["Call"]))
    assert _status(resolved) == 404
    assert changed["data"]["invoiceAnnotationTypeUpdate"]["invoiceAnnotationType"] == {"viewableBySeller": True}
    assert await _shown(conn, sale, seller) == ["Call"]


async def test_invoices_rise_only_when_their_annotations_come_or_go(conn: Connection, mutate: Mutate) -> None:
    sale = await create_sale(conn)
    note = await create_invoice_annotation(conn, invoice_id=sale.invoice.id)
    key = {"invoiceAnnotationTypeId": encode("InvoiceAnnotationType", note.invoice_annotation_type_id)}
    for table in ("orders", "invoices"):
        await conn.execute(f"update {table} set updated_at = '{LONG_AGO}'")
    rises = f"select i.updated_at > '{LONG_AGO}' and o.updated_at > '{LONG_AGO}' from invoices i, orders o"

    for attributes in ({**TEXTS, "editableBySeller": False}, {**TEXTS, "viewableBySeller": True}):
        await mutate("invoiceAnnotationTypeUpdate", "clientMutationId", {**key, "attributes": attributes})
    before = await conn.fetchval(rises)
    await mutate(
        "invoiceAnnotationTypeUpdate", "clientMutationId", {**key, "attributes": {**TEXTS, "viewableBySeller": False}}
    )

    assert before is False
    assert await conn.fetchval(rises) is True


async def test_more_annotations_than_are_shown_at_once_are_refused(conn: Connection, mutate: Mutate) -> None:
    sale = await create_sale(conn)
    of = await create_invoice_annotation_type(conn)
    await conn.execute(
        "insert into invoice_annotations (invoice_id, invoice_annotation_type_id, content)"
        " select $1, $2, 'x' from generate_series(1, $3)",
        sale.invoice.id,
        of.id,
        MAX_SHOWN_AT_ONCE + 1,
    )

    answer = await mutate(
        "invoiceAnnotationTypeUpdate",
        "invoiceAnnotationType { id }",
        {
            "invoiceAnnotationTypeId": encode("InvoiceAnnotationType", of.id),
            "attributes": {**TEXTS, "viewableBySeller": False},
        },
    )

    assert answer["data"]["invoiceAnnotationTypeUpdate"]["errors"] == [
        {
            "field": "attributes.viewableBySeller",
            "messages": ["has more than 5,000 annotations: make another type"],
        }
    ]
    assert await conn.fetchval("select viewable_by_seller from invoice_annotation_types") is True


async def test_a_new_type_lets_operator_and_sellers_do_everything(conn: Connection, mutate: Mutate) -> None:
    whos = ("Operator", "Seller", "Customer")
    rights = [f"{right}By{who}" for right in ("creatable", "editable", "resolvable", "viewable") for who in whos]
    selection = f"invoiceAnnotationType {{ {' '.join(rights)} }}"

    usual = await mutate(
        "invoiceAnnotationTypeCreate", selection, {"attributes": {**TEXTS, "editableByCustomer": None}}
    )
    other = {right: right.startswith("viewableByOp") or right.endswith("Customer") for right in rights}
    given = await mutate("invoiceAnnotationTypeCreate", selection, {"attributes": {**TEXTS, **other}})

    made = [one["data"]["invoiceAnnotationTypeCreate"]["invoiceAnnotationType"] for one in (usual, given)]
    assert made == [{right: not right.endswith("Customer") for right in rights}, other]


async def test_types_are_the_operators_and_the_operator_sees_all(conn: Connection, mutate: Mutate) -> None:
    sale = await create_sale(conn)
    selection = "invoiceAnnotationType { id }"
    wrong = {"name": " ", "description": "", "viewableByOperator": False}

    of_seller = await mutate("invoiceAnnotationTypeCreate", selection, {"attributes": TEXTS}, Viewer(sale.seller.id))
    refused = await mutate("invoiceAnnotationTypeCreate", selection, {"attributes": wrong})

    assert _status(of_seller) == 403
    assert refused["data"]["invoiceAnnotationTypeCreate"]["errors"] == [
        {"field": "attributes.name", "messages": ["must not be blank"]},
        {"field": "attributes.description", "messages": ["must not be blank"]},
        {"field": "attributes.viewableByOperator", "messages": ["must be true: the operator sees all annotations"]},
    ]
    assert await conn.fetchval("select count(*) from invoice_annotation_types") == 0


async def test_of_a_discarded_type_nothing_new_is_made(conn: Connection, mutate: Mutate) -> None:
    sale = await create_sale(conn)
    note = await create_invoice_annotation(conn, invoice_id=sale.invoice.id)
    type_id = encode("InvoiceAnnotationType", note.invoice_annotation_type_id)
    new = {"invoiceId": sale.id_of("invoice"), "invoiceAnnotationTypeId": type_id, "content": "Call"}

    discarded, again = [
        await mutate(
            "invoiceAnnotationTypeDiscard",
            "invoiceAnnotationType { discardedAt }",
            {"invoiceAnnotationTypeId": type_id},
        )
        for _ in range(2)
    ]
    refused = await mutate("invoiceAnnotationCreate", SHOWN, new)
    resolved = await mutate(
        "invoiceAnnotationResolve", SHOWN, {"invoiceAnnotationId": encode("InvoiceAnnotation", note.id)}
    )

    assert discarded["data"]["invoiceAnnotationTypeDiscard"]["invoiceAnnotationType"]["discardedAt"] is not None
    assert again["data"] == discarded["data"]
    assert refused["data"]["invoiceAnnotationCreate"]["errors"] == [
        {"field": "invoiceAnnotationTypeId", "messages": ["is discarded: new annotations need another type"]}
    ]
    assert resolved["data"]["invoiceAnnotationResolve"]["invoiceAnnotation"]["resolved"] is True


async def test_no_annotation_is_made_of_a_type_that_is_being_discarded(
    conn: asyncpg.Connection, mutate: Mutate, database_url: str
) -> None:
    sale, of = await create_sale(conn), await create_invoice_annotation_type(conn)
    other = await asyncpg.connect(database_url)
    async with other.transaction():
        await other.execute("update invoice_annotation_types set discarded_at = now()")
        adding = asyncio.ensure_future(mutate("invoiceAnnotationCreate", SHOWN, _new(sale, of)))
        await until(lambda: other.fetchval(LOCK_IS_AWAITED))
    added = await adding
    await other.close()

    assert _status(added) == 422
    assert await conn.fetchval("select count(*) from invoice_annotations") == 0


async def test_hiding_a_type_waits_for_annotations_that_are_being_added(
    conn: asyncpg.Connection, database_url: str
) -> None:
    sale = await create_sale(conn)
    of = await create_invoice_annotation_type(conn)
    other = await asyncpg.connect(database_url)
    adding = conn.transaction()
    await adding.start()
    await create_invoice_annotation(conn, invoice_id=sale.invoice.id, invoice_annotation_type_id=of.id)

    hiding = asyncio.create_task(other.execute("update invoice_annotation_types set viewable_by_seller = false"))
    waits = "select wait_event_type = 'Lock' from pg_stat_activity where pid = $1"
    await until(lambda: conn.fetchval(waits, other.get_server_pid()))
    await adding.commit()
    await hiding
    await other.close()

    assert await _shown(conn, sale, Viewer(sale.seller.id)) == []

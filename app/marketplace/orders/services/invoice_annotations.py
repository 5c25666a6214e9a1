"""Invoice annotations: creating, changing and resolving notes about an invoice; and their types.

The type of an annotation says what the operator and the invoice's seller may do with it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import transaction
from app.db.write import insert_row, update_row
from app.errors import Conflict, Forbidden, InvalidInput
from app.kernel.problems import MAX_LONG_TEXT, blank_problems, form_problems, text_problem, value_problems
from app.marketplace.orders.db.invoice_annotations import (
    INVOICE_ANNOTATION_TYPES,
    INVOICE_ANNOTATIONS,
    InvoiceAnnotation,
    InvoiceAnnotationId,
    InvoiceAnnotationType,
    InvoiceAnnotationTypeId,
    get_annotation,
    get_annotation_type,
    has_more_annotations,
    touch_annotated_invoices,
)
from app.marketplace.orders.db.invoices import InvoiceId, lock_invoice, touch_invoice

#: So many annotations of a type are shown or hidden at once, which takes about two seconds. Meanwhile their invoices
#: are locked.
MAX_SHOWN_AT_ONCE = 5_000

_Right = Literal["creatable", "editable", "resolvable"]


async def create_annotation(
    database: Database,
    viewer: Viewer,
    invoice_id: InvoiceId,
    type_id: InvoiceAnnotationTypeId,
    content: str,
    *,
    is_resolved: bool = False,
) -> InvoiceAnnotation:
    """Annotate an invoice. For the operator and the invoice's seller. Raises NotFound; Forbidden; InvalidInput."""
    _check_content(content)
    async with transaction(database, actor=viewer.actor) as conn:
        invoice = await lock_invoice(conn, invoice_id, seller_id=viewer.seller_id)
        of = await get_annotation_type(conn, type_id, is_kept=True)
        if of.discarded_at is not None:
            raise InvalidInput.at("invoice_annotation_type_id", "is discarded: new annotations need another type")
        _check_right(viewer, of, "creatable")
        if is_resolved:
            _check_right(viewer, of, "resolvable")
        await touch_invoice(conn, invoice.id)
        return await insert_row(
            conn,
            INVOICE_ANNOTATIONS,
            invoice_id=invoice.id,
            invoice_annotation_type_id=type_id,
            content=content,
            is_resolved=is_resolved,
        )


async def update_annotation(
    database: Database,
    viewer: Viewer,
    annotation_id: InvoiceAnnotationId,
    *,
    content: str | None = None,
    is_resolved: bool | None = None,
) -> InvoiceAnnotation:
    """Change the text of an annotation, or close it or open it again. For the operator and the invoice's seller.

    Args:
        content: None: it stays. Needs the right to edit, if it is another text than before.
        is_resolved: None: it stays. Needs the right to resolve, if it is otherwise than before.

    Raises:
        NotFound: There is none, or it is hidden from the viewer.
        Forbidden: Its type does not give the viewer the right.
        InvalidInput: The text is blank or too long.
    """
    if content is not None:
        _check_content(content)
    async with transaction(database, actor=viewer.actor) as conn:
        found = await get_annotation(conn, annotation_id, seller_id=viewer.seller_id)
        await lock_invoice(conn, found.invoice_id, seller_id=viewer.seller_id)
        before = await get_annotation(conn, annotation_id, seller_id=viewer.seller_id)
        of = await get_annotation_type(conn, before.invoice_annotation_type_id, is_kept=True)
        values: dict[str, Any] = {}
        if content not in (None, before.content):
            _check_right(viewer, of, "editable")
            values["content"] = content
        if is_resolved not in (None, before.is_resolved):
            _check_right(viewer, of, "resolvable")
            values["is_resolved"] = is_resolved
        if not values:
            return before
        await touch_invoice(conn, before.invoice_id)
        return await update_row(conn, INVOICE_ANNOTATIONS, annotation_id, values)


async def create_annotation_type(
    database: Database, viewer: Viewer, attributes: Mapping[str, str | bool]
) -> InvoiceAnnotationType:
    """Create a type. Rights that are not given have their defaults. Raises Forbidden; InvalidInput."""
    _check_type(viewer, attributes)
    async with transaction(database, actor=viewer.actor) as conn:
        return await insert_row(conn, INVOICE_ANNOTATION_TYPES, **attributes)


async def update_annotation_type(
    database: Database, viewer: Viewer, type_id: InvoiceAnnotationTypeId, attributes: Mapping[str, str | bool]
) -> InvoiceAnnotationType:
    """Change a type. What its rights forbid or allow then concerns its annotations, old ones too.

    Raises:
        Forbidden: The viewer is a seller.
        NotFound: There is no such type.
        Conflict: There are too many annotations to be shown or hidden at once.
        InvalidInput: A text is blank or too long, or the operator would not see the annotations.
    """
    _check_type(viewer, attributes)
    async with transaction(database, actor=viewer.actor) as conn:
        before = await get_annotation_type(conn, type_id)
        differing = {name: value for name, value in attributes.items() if value != getattr(before, name)}
        if "viewable_by_seller" in differing:
            if await has_more_annotations(conn, type_id, MAX_SHOWN_AT_ONCE):
                message = f"has more than {MAX_SHOWN_AT_ONCE:,} annotations: make another type"
                raise Conflict(f"The type {message}.", fields={"attributes.viewable_by_seller": [message]})
            await touch_annotated_invoices(conn, type_id)
        return await update_row(conn, INVOICE_ANNOTATION_TYPES, type_id, differing) if differing else before


async def discard_annotation_type(
    database: Database, viewer: Viewer, type_id: InvoiceAnnotationTypeId
) -> InvoiceAnnotationType:
    """Let no more annotations be made of a type. It stays discarded. Raises Forbidden; NotFound."""
    _check_operator(viewer)
    async with transaction(database, actor=viewer.actor) as conn:
        before = await get_annotation_type(conn, type_id)
        if before.discarded_at is not None:
            return before
        return await update_row(conn, INVOICE_ANNOTATION_TYPES, type_id, {"discarded_at": datetime.now(UTC)})


def _check_content(content: str) -> None:
    problems = blank_problems({"content": content})
    if (message := text_problem(content, MAX_LONG_TEXT)) is not None:
        problems.add("content", message)
    problems.check()


def _check_right(viewer: Viewer, of: InvoiceAnnotationType, right: _Right) -> None:
    who = "operator" if viewer.is_operator else "seller"
    if not getattr(of, f"{right}_by_{who}"):
        raise Forbidden(f"Annotations of the type {of.name} are not {right} by the {who}.")


def _check_type(viewer: Viewer, attributes: Mapping[str, Any]) -> None:
    _check_operator(viewer)
    problems = value_problems(attributes, "attributes")
    problems.include(form_problems(attributes, not_null=("name", "description"), path="attributes"))
    if attributes.get("viewable_by_operator") is False:
        problems.add("attributes.viewable_by_operator", "must be true: the operator sees all annotations")
    problems.check()


def _check_operator(viewer: Viewer) -> None:
    if not viewer.is_operator:
        raise Forbidden("Types of annotations can be changed by the marketplace operator only.")

"""Types of invoice annotations: creating, changing and discarding them. For the operator."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import transaction
from app.db.write import insert_row, update_row
from app.errors import Forbidden
from app.kernel.problems import form_problems, value_problems
from app.marketplace.orders.db.invoice_annotations import (
    INVOICE_ANNOTATION_TYPES,
    InvoiceAnnotationType,
    InvoiceAnnotationTypeId,
    get_annotation_type,
    touch_annotated_invoices,
)


async def create_annotation_type(
    database: Database, viewer: Viewer, attributes: Mapping[str, str | bool]
) -> InvoiceAnnotationType:
    """Create a type. Rights that are not given have their defaults. Raises Forbidden; InvalidInput."""
    _check(viewer, attributes)
    async with transaction(database, actor=viewer.actor) as conn:
        return await insert_row(conn, INVOICE_ANNOTATION_TYPES, **attributes)


async def update_annotation_type(
    database: Database, viewer: Viewer, type_id: InvoiceAnnotationTypeId, attributes: Mapping[str, str | bool]
) -> InvoiceAnnotationType:
    """Change a type. What its rights forbid or allow then concerns its annotations, old ones too.

    Raises:
        Forbidden: The viewer is a seller.
        NotFound: There is no such type.
        InvalidInput: A text is blank or too long, or hides annotations from the operator.
    """
    _check(viewer, attributes)
    async with transaction(database, actor=viewer.actor) as conn:
        before = await get_annotation_type(conn, type_id)
        differing = {name: value for name, value in attributes.items() if value != getattr(before, name)}
        if "viewable_by_seller" in differing:
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


def _check(viewer: Viewer, attributes: Mapping[str, Any]) -> None:
    _check_operator(viewer)
    problems = value_problems(attributes, "attributes")
    problems.include(form_problems(attributes, not_null=("name", "description"), path="attributes"))
    if attributes.get("viewable_by_operator") is False:
        problems.add("attributes.viewable_by_operator", "must be true: the operator sees all annotations")
    problems.check()


def _check_operator(viewer: Viewer) -> None:
    if not viewer.is_operator:
        raise Forbidden("Types of annotations can be changed by the marketplace operator only.")

"""invoiceAnnotationCreate, invoiceAnnotationUpdate, invoiceAnnotationResolve."""

from collections.abc import Mapping
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.orders.db.invoice_annotations import InvoiceAnnotationId
from app.marketplace.orders.db.invoices import InvoiceId
from app.marketplace.orders.services.invoice_annotations import (
    create_annotation,
    resolve_annotation,
    update_annotation,
)
from schema.engine.context import Info
from schema.entities import global_ids
from schema.mutations.inputs import required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.orders.invoice_annotation import InvoiceAnnotation


@strawberry.input(description="Input of invoiceAnnotationCreate.")
class InvoiceAnnotationCreateMutationInput:
    invoice_id: strawberry.ID = required("The invoice to annotate.")
    content: str = required("The text; not blank.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of invoiceAnnotationUpdate.")
class InvoiceAnnotationUpdateMutationInput:
    invoice_annotation_id: strawberry.ID = required("The annotation to change.")
    content: str = required("The new text; not blank.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of invoiceAnnotationResolve.")
class InvoiceAnnotationResolveMutationInput:
    invoice_annotation_id: strawberry.ID = required("The annotation to close.")
    resolved: bool = strawberry.field(default=True, description="False opens it again.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type
class _AnnotationPayload(MutationPayload):
    invoice_annotation: InvoiceAnnotation | None = strawberry.field(
        default=None, description="The annotation as it is now; null on errors."
    )


@strawberry.type(description="Answer of invoiceAnnotationCreate.")
class InvoiceAnnotationCreateMutationPayload(_AnnotationPayload):
    """The annotation."""


@strawberry.type(description="Answer of invoiceAnnotationUpdate.")
class InvoiceAnnotationUpdateMutationPayload(_AnnotationPayload):
    """The annotation."""


@strawberry.type(description="Answer of invoiceAnnotationResolve.")
class InvoiceAnnotationResolveMutationPayload(_AnnotationPayload):
    """The annotation."""


@strawberry.type
class InvoiceAnnotationMutations:
    @strawberry.field(
        description="Annotate an invoice with something to be resolved. For the operator and the invoice's seller."
    )
    async def invoice_annotation_create(
        self,
        info: Info,
        input: Annotated[InvoiceAnnotationCreateMutationInput, strawberry.argument(description="The annotation.")],
    ) -> InvoiceAnnotationCreateMutationPayload | None:
        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = InvoiceId(global_ids.key_of(input.invoice_id, "Invoice", field="invoiceId"))
            return {"invoice_annotation": await create_annotation(database, viewer, key, input.content)}

        return await run_mutation(info, InvoiceAnnotationCreateMutationPayload, input, create)

    @strawberry.field(description="Say an annotation otherwise. For the operator and the invoice's seller.")
    async def invoice_annotation_update(
        self,
        info: Info,
        input: Annotated[InvoiceAnnotationUpdateMutationInput, strawberry.argument(description="The annotation.")],
    ) -> InvoiceAnnotationUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = _key(input.invoice_annotation_id)
            return {"invoice_annotation": await update_annotation(database, viewer, key, input.content)}

        return await run_mutation(info, InvoiceAnnotationUpdateMutationPayload, input, update)

    @strawberry.field(description="Close an annotation. For the operator and the invoice's seller.")
    async def invoice_annotation_resolve(
        self,
        info: Info,
        input: Annotated[InvoiceAnnotationResolveMutationInput, strawberry.argument(description="The annotation.")],
    ) -> InvoiceAnnotationResolveMutationPayload | None:
        async def resolve(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = _key(input.invoice_annotation_id)
            made = await resolve_annotation(database, viewer, key, is_resolved=input.resolved)
            return {"invoice_annotation": made}

        return await run_mutation(info, InvoiceAnnotationResolveMutationPayload, input, resolve)


def _key(global_id: str) -> InvoiceAnnotationId:
    return InvoiceAnnotationId(global_ids.key_of(global_id, "InvoiceAnnotation", field="invoiceAnnotationId"))

"""invoiceAnnotationCreate, invoiceAnnotationUpdate, invoiceAnnotationResolve."""

from collections.abc import Mapping
from typing import Annotated, TypeAlias

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.errors import InvalidInput
from app.marketplace.orders.db.invoice_annotations import InvoiceAnnotationId, InvoiceAnnotationTypeId
from app.marketplace.orders.db.invoices import InvoiceId
from app.marketplace.orders.services.invoice_annotations import create_annotation, update_annotation
from schema.engine.context import Info
from schema.entities import global_ids
from schema.mutations.inputs import Ids, optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.orders.invoice_annotation import InvoiceAnnotation


@strawberry.input(description="The attributes of an annotation.")
class InvoiceAnnotationInput:
    content: str = required("The text; not blank.")
    resolved: bool | None = optional("Whether it is closed; absent or null leaves that as it is.")


@strawberry.input(description="Input of invoiceAnnotationCreate.")
class InvoiceAnnotationCreateMutationInput:
    invoice_id: strawberry.ID = required("The invoice to annotate.")
    invoice_annotation_type_id: strawberry.ID = required("The type, which says who may do what with it.")
    attributes: InvoiceAnnotationInput | None = optional("The annotation; give it or `content`.")
    content: str | None = optional("The text; not blank.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of invoiceAnnotationUpdate.")
class InvoiceAnnotationUpdateMutationInput:
    invoice_annotation_id: strawberry.ID = required("The annotation to change.")
    attributes: InvoiceAnnotationInput | None = optional("The annotation as it is to be; give it or `content`.")
    content: str | None = optional("The new text; not blank.")
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
        description="Annotate an invoice with something to be resolved. For the operator and the invoice's seller,"
        " if the type lets them."
    )
    async def invoice_annotation_create(
        self,
        info: Info,
        input: Annotated[InvoiceAnnotationCreateMutationInput, strawberry.argument(description="The annotation.")],
    ) -> InvoiceAnnotationCreateMutationPayload | None:
        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            invoice_id = InvoiceId(ids.key(input.invoice_id, "Invoice", "invoice_id"))
            type_id = InvoiceAnnotationTypeId(
                ids.key(input.invoice_annotation_type_id, "InvoiceAnnotationType", "invoice_annotation_type_id")
            )
            ids.check()
            content, is_resolved = _content(input), bool(_resolved(input))
            made = await create_annotation(database, viewer, invoice_id, type_id, content, is_resolved=is_resolved)
            return {"invoice_annotation": made}

        return await run_mutation(info, InvoiceAnnotationCreateMutationPayload, input, create)

    @strawberry.field(
        description="Say an annotation otherwise. For the operator and the invoice's seller, if its type lets them."
    )
    async def invoice_annotation_update(
        self,
        info: Info,
        input: Annotated[InvoiceAnnotationUpdateMutationInput, strawberry.argument(description="The annotation.")],
    ) -> InvoiceAnnotationUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key, content = _key(input.invoice_annotation_id), _content(input)
            made = await update_annotation(database, viewer, key, content=content, is_resolved=_resolved(input))
            return {"invoice_annotation": made}

        return await run_mutation(info, InvoiceAnnotationUpdateMutationPayload, input, update)

    @strawberry.field(
        description="Close an annotation. For the operator and the invoice's seller, if its type lets them."
    )
    async def invoice_annotation_resolve(
        self,
        info: Info,
        input: Annotated[InvoiceAnnotationResolveMutationInput, strawberry.argument(description="The annotation.")],
    ) -> InvoiceAnnotationResolveMutationPayload | None:
        async def resolve(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = _key(input.invoice_annotation_id)
            made = await update_annotation(database, viewer, key, is_resolved=input.resolved)
            return {"invoice_annotation": made}

        return await run_mutation(info, InvoiceAnnotationResolveMutationPayload, input, resolve)


_Input: TypeAlias = InvoiceAnnotationCreateMutationInput | InvoiceAnnotationUpdateMutationInput


def _content(given: _Input) -> str:
    """Return the text. Raises InvalidInput unless it is given in one of the two places."""
    texts = [text for text in (given.content or None, given.attributes.content if given.attributes else None) if text]
    if len(texts) != 1:
        raise InvalidInput.at("content", "give `content` or `attributes`, and not blank")
    return texts[0]


def _resolved(given: _Input) -> bool | None:
    """Return whether the annotation is to be closed; None: the attributes don't say so."""
    resolved = given.attributes.resolved if given.attributes else None
    return None if resolved is strawberry.UNSET else resolved


def _key(global_id: str) -> InvoiceAnnotationId:
    return InvoiceAnnotationId(global_ids.key_of(global_id, "InvoiceAnnotation", field="invoiceAnnotationId"))

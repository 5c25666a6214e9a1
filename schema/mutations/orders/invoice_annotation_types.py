"""invoiceAnnotationTypeCreate, invoiceAnnotationTypeUpdate, invoiceAnnotationTypeDiscard."""

from collections.abc import Mapping
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.orders.db.invoice_annotations import InvoiceAnnotationTypeId
from app.marketplace.orders.services.invoice_annotations import (
    create_annotation_type,
    discard_annotation_type,
    update_annotation_type,
)
from schema.engine.context import Info
from schema.entities import global_ids
from schema.mutations.inputs import optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.orders.invoice_annotation import InvoiceAnnotationType


@strawberry.input(
    description="The attributes of a type of annotations. A right that is absent or null stays as it is. By default,"
    " the operator and sellers have all rights, and customers none."
)
class InvoiceAnnotationTypeInput:
    name: str = required("Its name; not blank.")
    description: str = required("What its annotations are for; not blank.")
    creatable_by_operator: bool | None = optional("Whether the operator may make such annotations.")
    creatable_by_seller: bool | None = optional("Whether the seller of an invoice may make such annotations.")
    creatable_by_customer: bool | None = optional("Whether your shop is to let the customer make them.")
    editable_by_operator: bool | None = optional("Whether the operator may change their text.")
    editable_by_seller: bool | None = optional("Whether the seller may change their text, if it sees them.")
    editable_by_customer: bool | None = optional("Whether your shop is to let the customer change their text.")
    resolvable_by_operator: bool | None = optional("Whether the operator may close them.")
    resolvable_by_seller: bool | None = optional("Whether the seller may close them, if it sees them.")
    resolvable_by_customer: bool | None = optional("Whether your shop is to let the customer close them.")
    viewable_by_operator: bool | None = optional("Must not be false: the operator sees all annotations.")
    viewable_by_seller: bool | None = optional("Whether the seller of the invoice sees them.")
    viewable_by_customer: bool | None = optional("Whether your shop is to show them to the customer.")


@strawberry.input(description="Input of invoiceAnnotationTypeCreate.")
class InvoiceAnnotationTypeCreateMutationInput:
    attributes: InvoiceAnnotationTypeInput = required("The type.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of invoiceAnnotationTypeUpdate.")
class InvoiceAnnotationTypeUpdateMutationInput:
    invoice_annotation_type_id: strawberry.ID = required("The type to change.")
    attributes: InvoiceAnnotationTypeInput = required("The type as it is to be.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of invoiceAnnotationTypeDiscard.")
class InvoiceAnnotationTypeDiscardMutationInput:
    invoice_annotation_type_id: strawberry.ID = required("The type of which no more annotations are to be made.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type
class _AnnotationTypePayload(MutationPayload):
    invoice_annotation_type: InvoiceAnnotationType | None = strawberry.field(
        default=None, description="The type as it is now; null on errors."
    )


@strawberry.type(description="Answer of invoiceAnnotationTypeCreate.")
class InvoiceAnnotationTypeCreateMutationPayload(_AnnotationTypePayload):
    """The type."""


@strawberry.type(description="Answer of invoiceAnnotationTypeUpdate.")
class InvoiceAnnotationTypeUpdateMutationPayload(_AnnotationTypePayload):
    """The type."""


@strawberry.type(description="Answer of invoiceAnnotationTypeDiscard.")
class InvoiceAnnotationTypeDiscardMutationPayload(_AnnotationTypePayload):
    """The type."""


@strawberry.type
class InvoiceAnnotationTypeMutations:
    @strawberry.field(description="Make a type of invoice annotations. For the operator.")
    async def invoice_annotation_type_create(
        self,
        info: Info,
        input: Annotated[InvoiceAnnotationTypeCreateMutationInput, strawberry.argument(description="The type.")],
    ) -> InvoiceAnnotationTypeCreateMutationPayload | None:
        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            made = await create_annotation_type(database, viewer, _attributes(input.attributes))
            return {"invoice_annotation_type": made}

        return await run_mutation(info, InvoiceAnnotationTypeCreateMutationPayload, input, create)

    @strawberry.field(
        description="Change a type of invoice annotations, and with it who sees and changes those that there are."
        " For the operator."
    )
    async def invoice_annotation_type_update(
        self,
        info: Info,
        input: Annotated[InvoiceAnnotationTypeUpdateMutationInput, strawberry.argument(description="The changes.")],
    ) -> InvoiceAnnotationTypeUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = _key(input.invoice_annotation_type_id)
            made = await update_annotation_type(database, viewer, key, _attributes(input.attributes))
            return {"invoice_annotation_type": made}

        return await run_mutation(info, InvoiceAnnotationTypeUpdateMutationPayload, input, update)

    @strawberry.field(
        description="Let no more invoice annotations be made of a type, for good. Those that there are stay."
        " For the operator."
    )
    async def invoice_annotation_type_discard(
        self,
        info: Info,
        input: Annotated[InvoiceAnnotationTypeDiscardMutationInput, strawberry.argument(description="The type.")],
    ) -> InvoiceAnnotationTypeDiscardMutationPayload | None:
        async def discard(database: Database, viewer: Viewer) -> Mapping[str, object]:
            made = await discard_annotation_type(database, viewer, _key(input.invoice_annotation_type_id))
            return {"invoice_annotation_type": made}

        return await run_mutation(info, InvoiceAnnotationTypeDiscardMutationPayload, input, discard)


def _key(global_id: str) -> InvoiceAnnotationTypeId:
    field = "invoice_annotation_type_id"
    return InvoiceAnnotationTypeId(global_ids.key_of(global_id, "InvoiceAnnotationType", field=field))


def _attributes(given: InvoiceAnnotationTypeInput) -> Mapping[str, str | bool]:
    """Return the attributes that are given. Null stands for an absent one."""
    values = {name: getattr(given, name) for name in given.__annotations__}
    return {name: value for name, value in values.items() if value is not None and value is not strawberry.UNSET}

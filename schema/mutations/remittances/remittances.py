"""remittancesRelease, remittanceAdviceUpdate."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.remittances.db.remittances import RemittanceAdviceId
from app.marketplace.remittances.services.remittances import (
    RemittanceAdviceUpdate,
    RemittanceRelease,
    release,
    update_advice,
)
from schema.engine.context import Info
from schema.entities import global_ids
from schema.mutations.inputs import Ids, convert_input, optional, required
from schema.mutations.owned.images import ImageInput, new_images
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.remittances.remittance import Remittance, RemittanceAdvice


@strawberry.input(description="Input of remittancesRelease.")
class RemittancesReleaseMutationInput:
    remittance_ids: list[strawberry.ID] = required("The remittances to release, at most 500: all of them or none.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of remittanceAdviceUpdate: an absent field stays as it is.")
class RemittanceAdviceUpdateMutationInput:
    remittance_advice_id: strawberry.ID = required("The advice to change.", name="id")
    paid_at: datetime | None = optional("When it was paid: its invoices are REMITTED then. Can't be cleared.")
    payment_reference: str | None = optional("The payment's reference, as on a bank statement.")
    attachments: list[ImageInput] | None = optional("Pictures that belong to it, such as a receipt; they are added.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of remittancesRelease.")
class RemittancesReleaseMutationPayload(MutationPayload):
    remittances: list[Remittance] | None = strawberry.field(
        default=None, description="The remittances as they are now, in the order given; null on errors."
    )


@strawberry.type(description="Answer of remittanceAdviceUpdate.")
class RemittanceAdviceUpdateMutationPayload(MutationPayload):
    remittance_advice: RemittanceAdvice | None = strawberry.field(
        default=None, description="The advice as it is now; null on errors."
    )


@strawberry.type
class RemittanceMutations:
    @strawberry.field(
        description="Release what sellers get. It is put on new remittance advices, one for each seller and currency."
        " For the operator."
    )
    async def remittances_release(
        self,
        info: Info,
        input: Annotated[RemittancesReleaseMutationInput, strawberry.argument(description="The remittances.")],
    ) -> RemittancesReleaseMutationPayload | None:
        async def make(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            keys = [ids.key(one, "Remittance", f"remittanceIds.{i}") for i, one in enumerate(input.remittance_ids)]
            ids.check()
            return {"remittances": await release(database, viewer, RemittanceRelease(remittance_ids=keys))}

        return await run_mutation(info, RemittancesReleaseMutationPayload, input, make)

    @strawberry.field(description="Note that a remittance advice was paid, or its reference. For the operator.")
    async def remittance_advice_update(
        self,
        info: Info,
        input: Annotated[RemittanceAdviceUpdateMutationInput, strawberry.argument(description="The changes.")],
    ) -> RemittanceAdviceUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            key = global_ids.key_of(input.remittance_advice_id, "RemittanceAdvice", field="remittance_advice_id")
            change = convert_input(
                input,
                RemittanceAdviceUpdate,
                remittance_advice_id=RemittanceAdviceId(key),
                attachments=new_images(input.attachments or []),
            )
            return {"remittance_advice": await update_advice(database, viewer, change)}

        return await run_mutation(info, RemittanceAdviceUpdateMutationPayload, input, update)

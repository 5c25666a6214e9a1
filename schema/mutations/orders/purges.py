"""purgeOrderData."""

from collections.abc import Mapping
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.purges.services.order_purges import OrderPurge, purge_orders
from schema.engine.context import Info
from schema.mutations.inputs import Ids, optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation


@strawberry.input(description="Input of purgeOrderData. At least one of the parts must be true.")
class PurgeOrderDataMutationInput:
    order_ids: list[strawberry.ID] = required("The orders, at most 500: all of them or none.")
    purge_order_details: bool | None = optional("Erase names, addresses, phones, e-mail addresses and messages.")
    purge_notes: bool | None = optional("Erase notes, reasons and annotations, with their images.")
    purge_external_ids: bool | None = optional("Erase external ids of the orders and all their parts.")
    purge_metadata: bool | None = optional("Erase metadata of the orders and all their parts.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of purgeOrderData.")
class PurgeOrderDataMutationPayload(MutationPayload):
    """Whether it was done."""


@strawberry.type
class PurgeMutations:
    @strawberry.field(
        description="Erase data of buyers for good. Amounts, items and states stay. Within a minute, all bodies that"
        " webhooks have stored of the orders and their parts are erased, too. For the operator."
    )
    async def purge_order_data(
        self,
        info: Info,
        input: Annotated[PurgeOrderDataMutationInput, strawberry.argument(description="The orders and parts.")],
    ) -> PurgeOrderDataMutationPayload | None:
        async def purge(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            keys = [ids.key(one, "Order", f"orderIds.{place}") for place, one in enumerate(input.order_ids)]
            ids.check()
            given = OrderPurge(
                order_ids=keys,
                purge_order_details=bool(input.purge_order_details),
                purge_notes=bool(input.purge_notes),
                purge_external_ids=bool(input.purge_external_ids),
                purge_metadata=bool(input.purge_metadata),
            )
            await purge_orders(database, viewer, given)
            return {}

        return await run_mutation(info, PurgeOrderDataMutationPayload, input, purge)

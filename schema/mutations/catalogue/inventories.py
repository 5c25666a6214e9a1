"""variantInventoryUpdate, stockAdjust."""

from collections.abc import Mapping
from typing import Annotated

import strawberry
from databases import Database

from app.auth.viewers import Viewer
from app.marketplace.catalogue.db.sellers import SellerId
from app.marketplace.catalogue.db.variants import VariantId
from app.marketplace.catalogue.services.inventories import InventoryState, update_inventories
from app.marketplace.catalogue.services.stock import StockAdjustment, adjust_stock
from schema.engine.context import Info
from schema.mutations.inputs import Ids, convert_input, optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.catalogue.variant import Variant


@strawberry.input(description="A seller's stock of the variant. An absent field stays as it is.")
class InventoryInput:
    seller_id: strawberry.ID | None = optional("The seller; by default the variant's own.")
    count_on_hand: int | None = optional("The quantity in stock, from 0. Can't be cleared.")
    infinite_quantity: bool | None = optional("Whether it never runs out. Can't be cleared.")
    price_cents: int | None = optional("Price in cents of the variant's currency, from 0; null clears it.")
    expected_count_on_hand: int | None = optional(
        "The stock as it was read. If it is another one by now, nothing is changed, and the status is 409."
    )


@strawberry.input(description="Input of variantInventoryUpdate.")
class VariantInventoryUpdateMutationInput:
    variant_id: strawberry.ID = required("The variant.")
    inventories: list[InventoryInput] = required("The stock of sellers. Sellers that are not listed keep theirs.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of variantInventoryUpdate.")
class VariantInventoryUpdateMutationPayload(MutationPayload):
    variant: Variant | None = strawberry.field(default=None, description="The variant as it is now; null on errors.")


@strawberry.input(description="A change of a variant's stock.")
class StockAdjustmentInput:
    variant_id: strawberry.ID = required("The variant, one that runs out.")
    difference: int = required("What is added to the stock; a negative number is taken from it.")


@strawberry.input(description="Input of stockAdjust.")
class StockAdjustMutationInput:
    adjustments: list[StockAdjustmentInput] = required("The changes. Those of one variant are summed.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of stockAdjust.")
class StockAdjustMutationPayload(MutationPayload):
    variants: list[Variant] | None = strawberry.field(
        default=None, description="The variants as they are now, each once; null on errors."
    )


@strawberry.type
class InventoryMutations:
    @strawberry.field(
        description="Set what sellers have of a variant. Orders draw on what its own seller has, the variant's"
        " stock. For the operator and the variant's seller, for itself."
    )
    async def variant_inventory_update(
        self,
        info: Info,
        input: Annotated[VariantInventoryUpdateMutationInput, strawberry.argument(description="The inventories.")],
    ) -> VariantInventoryUpdateMutationPayload | None:
        async def update(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            variant_id = VariantId(ids.key(input.variant_id, "Variant", "variantId"))
            states = [_state(ids, given, f"inventories.{index}") for index, given in enumerate(input.inventories)]
            ids.check()
            return {"variant": await update_inventories(database, viewer, variant_id, states)}

        return await run_mutation(info, VariantInventoryUpdateMutationPayload, input, update)

    @strawberry.field(
        description="Change the stock of variants by differences, all or none. Purchases at the same time are not"
        " undone. For the operator and the variants' seller."
    )
    async def stock_adjust(
        self,
        info: Info,
        input: Annotated[StockAdjustMutationInput, strawberry.argument(description="The changes.")],
    ) -> StockAdjustMutationPayload | None:
        async def adjust(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            adjustments = [_adjustment(ids, one, f"adjustments.{i}") for i, one in enumerate(input.adjustments)]
            ids.check()
            return {"variants": await adjust_stock(database, viewer, adjustments)}

        return await run_mutation(info, StockAdjustMutationPayload, input, adjust)


def _adjustment(ids: Ids, given: StockAdjustmentInput, path: str) -> StockAdjustment:
    key = ids.key(given.variant_id, "Variant", f"{path}.variantId")
    return StockAdjustment(variant_id=VariantId(key), difference=given.difference)


def _state(ids: Ids, given: InventoryInput, path: str) -> InventoryState:
    key = ids.optional_key(given.seller_id or None, "Seller", f"{path}.sellerId")
    return convert_input(given, InventoryState, seller_id=None if key is None else SellerId(key))

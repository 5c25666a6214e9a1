"""The stock: changing it by differences, as deliveries and stocktakings do."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import transaction
from app.errors import NotFound
from app.kernel.problems import INT4_MAX, Problems, value_problems
from app.marketplace.catalogue.db.adverts import touch_adverts
from app.marketplace.catalogue.db.variants import Variant, VariantId, add_to_stock, lock_variants


@dataclass(frozen=True, slots=True, kw_only=True)
class StockAdjustment:
    """A change of a variant's stock. A negative difference takes from it."""

    variant_id: VariantId
    difference: int


async def adjust_stock(database: Database, viewer: Viewer, adjustments: Sequence[StockAdjustment]) -> list[Variant]:
    """Add differences to the stock of variants, all of them or none. For the operator and the variants' seller.

    Sales that happen at the same time are not undone, in contrast to writing an absolute stock. A variant may be listed
    several times.

    Returns:
        The variants in the order in which they were listed first.

    Raises:
        NotFound: Names each variant that is not there for this viewer.
        InvalidInput: A stock would be negative or too large, or never runs out.
    """
    value_problems(adjustments, "adjustments").check()
    differences: Counter[VariantId] = Counter()
    for one in adjustments:
        differences[one.variant_id] += one.difference
    async with transaction(database, actor=viewer.actor) as conn:
        known = await lock_variants(conn, differences.keys(), seller_id=viewer.seller_id)
        message = "there is no such variant"
        missing = [index for index, one in enumerate(adjustments) if one.variant_id not in known]
        if missing:
            raise NotFound(message, fields={f"adjustments.{index}.variant_id": [message] for index in missing})
        _problems(adjustments, differences, known).check()
        changed = {variant_id: difference for variant_id, difference in differences.items() if difference}
        saved = await add_to_stock(conn, changed)
        await touch_adverts(conn, {variant.advert_id for variant in saved.values()})
        return [saved.get(variant_id, known[variant_id]) for variant_id in differences]


def _problems(
    adjustments: Sequence[StockAdjustment],
    differences: Mapping[VariantId, int],
    known: Mapping[VariantId, Variant],
) -> Problems:
    problems = Problems()
    for index, one in enumerate(adjustments):
        path, variant = f"adjustments.{index}", known[one.variant_id]
        left = variant.count_on_hand + differences[one.variant_id]
        if variant.has_infinite_quantity:
            problems.add(f"{path}.variant_id", "never runs out: it has no stock to adjust")
        elif left < 0:
            problems.add(f"{path}.difference", f"takes more than there are: {variant.count_on_hand}")
        elif left > INT4_MAX:
            problems.add(f"{path}.difference", "makes a stock that is too large")
    return problems

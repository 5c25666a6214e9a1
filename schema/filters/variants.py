"""The filters of variants."""

import strawberry

from app.auth.viewers import Viewer
from app.marketplace.catalogue.db.adverts import ADVERTS
from schema.entities.declarations import ListQuery
from schema.entities.fields import argument
from schema.filters.adverts import AdvertFilterInput, advert_conditions
from schema.filters.conditions import Conditions, input_field
from schema.filters.external_ids import ExternalIDInput, has_external_id


@strawberry.input(description="The variants to return: those that meet all given filters.")
class VariantFilterInput:
    skus: list[str] | None = input_field("With one of these stock keeping units; an empty list: none.")
    barcodes: list[str] | None = input_field("With one of these barcodes; an empty list: none.")
    stocked: bool | None = input_field("In stock or never running out (true), or sold out (false).")
    infinite_quantity: bool | None = input_field("Never running out (true), or counted (false).")
    quantity_from: int | None = input_field("With at least this `countOnHand`.")
    quantity_to: int | None = input_field("With at most this `countOnHand`.")
    external_id: ExternalIDInput | None = input_field("With this external id.")


ARGUMENTS = (
    argument("variant_filters", VariantFilterInput | None, "The variants to return; all that the key sees if absent."),
    argument("advert_filters", AdvertFilterInput | None, "Only variants of adverts that meet all that is given."),
)

_STOCKED = "t.has_infinite_quantity or t.count_on_hand > 0"


def ask(
    viewer: Viewer, variant_filters: VariantFilterInput | None = None, advert_filters: AdvertFilterInput | None = None
) -> ListQuery:
    query = Conditions(viewer)
    of_advert = advert_conditions(query, "a", advert_filters) if advert_filters else ()
    return query.list_query(
        *(_conditions(query, variant_filters) if variant_filters else ()),
        query.exists(ADVERTS, "a", "a.id = t.advert_id", *of_advert),
    )


def _conditions(query: Conditions, filters: VariantFilterInput) -> list[str | None]:
    return [
        query.one_of("t.sku", filters.skus),
        query.one_of("t.barcode", filters.barcodes),
        query.holds(_STOCKED, filters.stocked),
        query.holds("t.has_infinite_quantity", filters.infinite_quantity),
        query.at_least("t.count_on_hand", filters.quantity_from),
        query.at_most("t.count_on_hand", filters.quantity_to),
        has_external_id(query, "Variant", "t.id", filters.external_id),
    ]

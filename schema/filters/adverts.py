"""The filters of adverts."""

import re
from collections.abc import Sequence
from datetime import datetime

import strawberry

from app.auth.viewers import Viewer
from app.db.keyset import BY_ID, by_column
from app.marketplace.catalogue.db.variants import VARIANTS
from schema.entities.declarations import ListQuery
from schema.entities.fields import argument
from schema.enums.marketplace import (
    AdvertConditionEnum,
)
from schema.filters.conditions import Conditions, input_field, keys, sort_of_period, value_or_none
from schema.filters.enums import AdvertStatus, AdvertStatusEnum
from schema.filters.external_ids import ExternalIDInput, has_external_id


@strawberry.input(description="Adverts that meet all given filters.")
class AdvertFilterInput:
    legacy_ids: list[int] | None = input_field("With one of these `legacyId`s; an empty list: none.")
    seller_ids: list[strawberry.ID] | None = input_field("Of one of these sellers; an empty list: none.")
    brand_ids: list[strawberry.ID] | None = input_field("Of one of these brands; an empty list: none.")
    taxon_ids: list[strawberry.ID] | None = input_field("In one of these taxons; an empty list: none.")
    title: str | None = input_field("With this text in the title, upper or lower case.")
    codes: list[str] | None = input_field("With one of these codes; an empty list: none.")
    conditions: list[AdvertConditionEnum] | None = input_field("In one of these conditions; an empty list: none.")
    published: bool | None = input_field("Published by the seller (true), or not (false).")
    online: bool | None = input_field("Shown at the moment (true), or not (false).")
    vetted: bool | None = input_field("Approved by the operator (true), or not (false).")
    created_since: datetime | None = input_field("Created at this time or later.")
    created_until: datetime | None = input_field("Created before this time.")
    updated_since: datetime | None = input_field("Changed at this time or later.")
    updated_until: datetime | None = input_field("Not changed at this time or later.")
    external_id: ExternalIDInput | None = input_field("With this external id.")


#: What an advert has to be so that buyers see it.
_SHOWN = "{t}.is_published and {t}.is_online and {t}.is_vetted"


def advert_conditions(query: Conditions, alias: str, filters: AdvertFilterInput) -> list[str | None]:
    """Return the conditions on the advert `alias`. Raises InvalidInput for ids of other types."""
    return [
        query.one_of(f"{alias}.id", filters.legacy_ids, "bigint"),
        query.one_of(f"{alias}.seller_id", keys(filters.seller_ids, "Seller", field="sellerIds"), "bigint"),
        query.one_of(f"{alias}.brand_id", keys(filters.brand_ids, "Brand", field="brandIds"), "bigint"),
        query.one_of(f"{alias}.taxon_id", keys(filters.taxon_ids, "Taxon", field="taxonIds"), "bigint"),
        query.containing(f"{alias}.title", filters.title),
        query.one_of(f"{alias}.code", filters.codes),
        query.one_of(f"{alias}.condition", filters.conditions),
        query.holds(f"{alias}.is_published", filters.published),
        query.holds(f"{alias}.is_online", filters.online),
        query.holds(f"{alias}.is_vetted", filters.vetted),
        # It follows from the three, and has an index.
        f"({_SHOWN.format(t=alias)}) is not true"
        if False in (filters.published, filters.online, filters.vetted)
        else None,
        query.period(f"{alias}.created_at", filters.created_since, filters.created_until),
        query.period(f"{alias}.updated_at", filters.updated_since, filters.updated_until),
        has_external_id(query, "Advert", f"{alias}.id", filters.external_id),
    ]


ARGUMENTS = (
    argument("q", str | None, "With this text in the title, or with this `legacyId`."),
    argument("legacy_ids", list[int] | None, "With one of these `legacyId`s; an empty list: none."),
    argument("retailer_ids", list[strawberry.ID] | None, "Of one of these sellers; an empty list: none."),
    argument("brand_ids", list[strawberry.ID] | None, "Of one of these brands; an empty list: none."),
    argument("taxon_ids", list[strawberry.ID] | None, "In one of these taxons; an empty list: none."),
    argument("title", str | None, "With this text in the title, upper or lower case."),
    argument("status", AdvertStatusEnum | None, "Whether buyers can see it."),
    argument("published", bool | None, "Published by the seller (true), or not (false)."),
    argument("vetted", bool | None, "Approved by the operator (true), or not (false)."),
    argument("variant_skus", list[str] | None, "With a variant of one of these stock keeping units."),
    argument("variant_barcodes", list[str] | None, "With a variant of one of these barcodes."),
    argument("created_since", datetime | None, "Created at this time or later."),
    argument("created_until", datetime | None, "Created before this time."),
    argument("updated_since", datetime | None, "Changed at this time or later."),
    argument("updated_until", datetime | None, "Not changed at this time or later."),
    argument("external_id", ExternalIDInput | None, "With this external id."),
)

_UPDATED = by_column("updated_at", "timestamptz")
_LEGACY_ID = re.compile("[1-9][0-9]{0,17}")

ALL_ARGUMENTS = (argument("updated_since", datetime | None, "Only those changed at this time or later."),)


def ask(
    viewer: Viewer,
    q: str | None = None,
    retailer_ids: Sequence[str] | None = None,
    status: AdvertStatus | None = None,
    variant_skus: Sequence[str] | None = None,
    variant_barcodes: Sequence[str] | None = None,
    **filters: object,
) -> ListQuery:
    """Return the query of `advertsWhere`.

    Args:
        filters: The arguments that are also fields of AdvertFilterInput.

    Raises:
        InvalidInput: An id is of another type.
    """
    query, given = Conditions(viewer), AdvertFilterInput(**filters)  # type: ignore[arg-type]  # the same names
    displayed = None if value_or_none(status) is None else status is AdvertStatus.DISPLAYED
    return query.list_query(
        _found(query, value_or_none(q)),
        query.one_of("t.seller_id", keys(retailer_ids, "Seller", field="retailerIds"), "bigint"),
        query.holds(_SHOWN.format(t="t"), displayed),
        *advert_conditions(query, "t", given),
        query.exists(VARIANTS, "v", "v.advert_id = t.id", query.one_of("v.sku", variant_skus)),
        query.exists(VARIANTS, "v", "v.advert_id = t.id", query.one_of("v.barcode", variant_barcodes)),
        sort=sort_of_period(
            BY_ID,
            (by_column("created_at", "timestamptz"), given.created_since, given.created_until),
            (_UPDATED, given.updated_since, given.updated_until),
        ),
    )


def ask_filtered(viewer: Viewer, filters: AdvertFilterInput | None = None) -> ListQuery:
    """Return the query for a backfill's adverts. Raises InvalidInput for ids of other types."""
    query = Conditions(viewer)
    return query.list_query(*(advert_conditions(query, "t", filters) if filters else ()))


def ask_all(viewer: Viewer, updated_since: datetime | None = None) -> ListQuery:
    query = Conditions(viewer)
    return query.list_query(query.since("t.updated_at", updated_since), sort=_UPDATED, with_deleted=True)


def _found(query: Conditions, q: str | None) -> str | None:
    if q is None:
        return None
    has_title = query.containing("t.title", q)
    return f"({has_title} or {query.equal('t.id', int(q), 'bigint')})" if _LEGACY_ID.fullmatch(q) else has_title

"""Variants: changing their attributes, alone, several at once, or with their advert."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from databases import Database

from app.auth.viewers import Viewer
from app.db.pool import Connection, transaction
from app.db.table import Table
from app.db.write import update_row
from app.errors import NotFound
from app.kernel.attributes import Absent, sent_values
from app.kernel.problems import Problems, form_problems, join, url_problems, value_problems
from app.marketplace.catalogue.db.adverts import Advert, lock_advert, touch_adverts
from app.marketplace.catalogue.db.option_types import VARIANT_OPTION_VALUES
from app.marketplace.catalogue.db.variants import (
    VARIANTS,
    Variant,
    VariantId,
    find_advert_of,
    lock_variant,
    lock_variants,
    touch_variants,
)
from app.marketplace.catalogue.domain.catalogue import VARIANT_NOT_NULL, variant_problems
from app.marketplace.catalogue.domain.stock import check_expected_stock
from app.marketplace.catalogue.services.catalogue_attributes import (
    VariantAttributes,
    VariantUpdate,
    column_of,
    columns_given,
    in_cents,
)
from app.marketplace.catalogue.services.options import OwnersChoices, set_choices
from app.marketplace.owned.services.images import image_problems, set_variant_images
from app.marketplace.owned.services.owned import keep_external_ids, keep_metadata, kept_problems

Row = TypeVar("Row", Advert, Variant)


async def update_variant(database: Database, viewer: Viewer, change: VariantUpdate) -> Variant:
    """Change some attributes of a variant. For the operator and the variant's seller. Equal values are not written.

    Raises:
        NotFound: There is no such variant for this viewer.
        InvalidInput: Names every wrong attribute.
        Conflict: The stock is not the expected one.
    """
    value_problems(change).check()
    async with transaction(database, actor=viewer.actor) as conn:
        (variant,) = await _update_variants(conn, viewer, {"": change})
        return variant


async def update_variants(database: Database, viewer: Viewer, changes: Sequence[VariantUpdate]) -> list[Variant]:
    """Change several variants, all of them or none. For the operator and the variants' seller.

    Raises:
        NotFound: Names each variant that is not there for this viewer.
        InvalidInput: Names every wrong attribute.
        Conflict: A stock is not the expected one.
    """
    value_problems(changes, "variants").check()
    async with transaction(database, actor=viewer.actor) as conn:
        return await _update_variants(conn, viewer, {f"variants.{index}": one for index, one in enumerate(changes)})


async def _update_variants(conn: Connection, viewer: Viewer, changes: Mapping[str, VariantUpdate]) -> list[Variant]:
    """Change variants, by the path of each change in the input."""
    known = await lock_variants(conn, {change.variant_id for change in changes.values()}, seller_id=viewer.seller_id)
    message = "there is no such variant"
    missing = {join(path, "variant_id"): [message] for path, one in changes.items() if one.variant_id not in known}
    if missing:
        raise NotFound(message, fields=missing)
    problems = Problems()
    with problems.collecting():
        changes = {
            path: replace(
                one,
                attributes=in_cents(one.attributes, known[one.variant_id].currency, join(path, "attributes")),
            )
            for path, one in changes.items()
        }
    seen: set[VariantId] = set()
    for path, change in changes.items():
        if change.variant_id in seen:
            problems.add(join(path, "variant_id"), "is listed twice")
        seen.add(change.variant_id)
        problems.include(attribute_problems(change.attributes, known[change.variant_id], join(path, "attributes")))
    problems.check()
    parts = [
        VariantParts(variant_id=change.variant_id, attributes=change.attributes, path=join(path, "attributes"))
        for path, change in changes.items()
    ]
    check_expected_stock(_expected(parts, known))
    saved = [
        await save(conn, VARIANTS, known[change.variant_id], columns_given(change.attributes))
        for change in changes.values()
    ]
    with_parts = await save_parts(conn, parts)
    await touch_variants(conn, [one.id for one in saved if one.id in with_parts])
    await touch_adverts(conn, {one.advert_id for one in saved if one is not known[one.id]})
    return saved


def _expected(parts: Sequence["VariantParts"], known: Mapping[VariantId, Variant]) -> dict[str, tuple[object, int]]:
    return {one.path: (one.attributes.expected_count_on_hand, known[one.variant_id].count_on_hand) for one in parts}


async def lock_in_advert(conn: Connection, viewer: Viewer, variant_id: VariantId) -> Variant:
    """Lock a variant of the viewer after its advert, in the order of all locks. Raises NotFound at `variant_id`."""
    advert_id = await find_advert_of(conn, variant_id, seller_id=viewer.seller_id)
    await lock_advert(conn, advert_id, seller_id=viewer.seller_id)
    return await lock_variant(conn, variant_id, seller_id=viewer.seller_id)


async def save(conn: Connection, table: Table[Row], row: Row, attributes: Mapping[str, object]) -> Row:
    """Write the values that differ. A row without a difference is not updated."""
    differing = {name: value for name, value in attributes.items() if _stored(value) != getattr(row, name)}
    return await update_row(conn, table, row.id, differing) if differing else row


def _stored(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def attribute_problems(attributes: VariantAttributes, variant: Variant | None, path: str) -> Problems:
    """List the problems that the changed variant would have."""
    sent = sent_values(attributes)
    before = {
        name: getattr(variant, column_of(name), None)
        for name in VariantAttributes.__dataclass_fields__
        if variant is not None
    }
    problems = form_problems(sent, required=("label",), not_null=VARIANT_NOT_NULL, is_new=variant is None, path=path)
    if not isinstance(attributes.images, Absent):
        problems.include(image_problems(attributes.images, f"{path}.images"))
    problems.include(url_problems({f"{path}.url": sent.get("url")}))
    problems.include(kept_problems(attributes.external_ids, attributes.metadata, f"{path}."))
    return problems.include(variant_problems({**before, **sent}, path=path))


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantParts:
    """The attributes of a variant whose option values and images are to be set. `path` is their place in the input."""

    variant_id: VariantId
    attributes: VariantAttributes
    path: str


async def save_parts(conn: Connection, parts: Sequence[VariantParts]) -> set[int]:
    """Set option values and images, if given. Return the variants that were changed. Raises InvalidInput."""
    choices = [
        OwnersChoices(owner_id=one.variant_id, choices=given, path=f"{one.path}.option_values")
        for one in parts
        if not isinstance(given := one.attributes.option_values, Absent)
    ]
    changed = await set_choices(conn, VARIANT_OPTION_VALUES, choices)
    for one in parts:
        images = one.attributes.images
        if not isinstance(images, Absent) and await set_variant_images(conn, one.variant_id, images):
            changed.add(one.variant_id)
        if one.attributes.external_ids:
            await keep_external_ids(conn, VARIANTS.type_name, one.variant_id, one.attributes.external_ids)
        if one.attributes.metadata:
            await keep_metadata(conn, VARIANTS.type_name, one.variant_id, one.attributes.metadata)
    return changed

"""Images of adverts and variants, by their addresses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.db.pool import Connection
from app.db.write import insert_rows, update_row
from app.kernel.problems import INT4_MAX, Problems, url_problems
from app.marketplace.catalogue.db.adverts import ADVERTS, Advert
from app.marketplace.catalogue.db.variants import VARIANTS, VariantId
from app.marketplace.owned.db.images import IMAGES, Image, ImageId, list_images, remove_images


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImage:
    source_url: str
    alt: str | None = None
    position: int = 0


def image_problems(images: Sequence[NewImage], path: str) -> Problems:
    problems = url_problems({f"{path}.{index}.source_url": image.source_url for index, image in enumerate(images)})
    urls = [image.source_url for image in images]
    for index, image in enumerate(images):
        if not 0 <= image.position <= INT4_MAX:
            problems.add(f"{path}.{index}.position", f"must be from 0 to {INT4_MAX}")
        if image.source_url in urls[:index]:
            problems.add(f"{path}.{index}.source_url", "is given twice")
    return problems


async def set_advert_images(conn: Connection, advert: Advert, images: Sequence[NewImage]) -> Advert:
    """Set all images of a locked advert. Equal images are not written.

    The display image stays if it is among them; otherwise the first one becomes it.
    """
    before = await list_images(conn, ADVERTS.type_name, advert.id)
    after = await _added_and_changed(conn, ADVERTS.type_name, advert.id, images, before)
    if before == sorted(after, key=_id):
        return advert
    gone = _gone(before, after)
    first = min(after, key=lambda image: (image.position, image.id), default=None)
    shown = advert.display_image_id
    if shown is None or shown in gone:
        shown = None if first is None else first.id
    advert = await update_row(conn, ADVERTS, advert.id, {"display_image_id": shown})
    # Removed last, because the advert may have pointed to one of them.
    await remove_images(conn, gone)
    return advert


async def set_variant_images(conn: Connection, variant_id: VariantId, images: Sequence[NewImage]) -> bool:
    """Set all images of a locked variant; tell whether that changed anything."""
    before = await list_images(conn, VARIANTS.type_name, variant_id)
    after = await _added_and_changed(conn, VARIANTS.type_name, variant_id, images, before)
    await remove_images(conn, _gone(before, after))
    return before != sorted(after, key=_id)


async def add_images(conn: Connection, owner_type: str, owner_id: int, images: Sequence[NewImage]) -> None:
    """Add images to those of an owner; one that it has already is kept with the new text and position."""
    if images:
        before = await list_images(conn, owner_type, owner_id)
        await _added_and_changed(conn, owner_type, owner_id, images, before)


async def _added_and_changed(
    conn: Connection, owner_type: str, owner_id: int, images: Sequence[NewImage], before: Sequence[Image]
) -> list[Image]:
    """Return the images after the change, those that stay first."""
    there = {image.url: image for image in before}
    kept = [
        await _changed(conn, there[image.source_url], {"alt": image.alt, "position": image.position})
        for image in images
        if image.source_url in there
    ]
    new = [
        {"owner_type": owner_type, "owner_id": owner_id, "url": each.source_url, "alt": each.alt}
        | {"position": each.position}
        for each in images
        if each.source_url not in there
    ]
    return [*kept, *(await insert_rows(conn, IMAGES, new) if new else ())]


async def _changed(conn: Connection, image: Image, values: Mapping[str, object]) -> Image:
    differing = {name: value for name, value in values.items() if getattr(image, name) != value}
    return await update_row(conn, IMAGES, image.id, differing) if differing else image


def _id(image: Image) -> int:
    return image.id


def _gone(before: Sequence[Image], after: Sequence[Image]) -> set[ImageId]:
    return {image.id for image in before} - {image.id for image in after}

"""Images of adverts, by where they are."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.db.adverts import ADVERTS, Advert
from app.db.images import IMAGES
from app.db.pool import Connection
from app.db.write import insert_rows, update_row
from app.domain.problems import INT4_MAX, Problems, url_problems


@dataclass(frozen=True, slots=True, kw_only=True)
class NewImage:
    source_url: str
    alt: str | None = None
    position: int = 0


def image_problems(images: Sequence[NewImage], path: str) -> Problems:
    problems = url_problems({f"{path}.{index}.sourceUrl": image.source_url for index, image in enumerate(images)})
    for index, image in enumerate(images):
        if not 0 <= image.position <= INT4_MAX:
            problems.add(f"{path}.{index}.position", f"must be from 0 to {INT4_MAX}")
    return problems


async def add_advert_images(conn: Connection, advert: Advert, images: Sequence[NewImage]) -> Advert:
    """Add those that a locked advert does not have; the first it ever gets is its display image."""
    records = await conn.fetch("select url from images where owner_type = 'Advert' and owner_id = $1", advert.id)
    new = {image.source_url: image for image in images}
    for record in records:
        new.pop(record["url"], None)
    if not new:
        return advert
    rows = [
        {"owner_type": "Advert", "owner_id": advert.id, "url": url, "alt": image.alt, "position": image.position}
        for url, image in new.items()
    ]
    first, *_ = await insert_rows(conn, IMAGES, rows)
    values = {} if advert.display_image_id is not None else {"display_image_id": first.id}
    return await update_row(conn, ADVERTS, advert.id, values) if values else advert

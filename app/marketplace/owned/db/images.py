"""Images of adverts, variants, brands, sellers, notes and sold items. The files are stored elsewhere."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import NewType

from app.db.pool import Connection
from app.db.table import WITH_OWNER, Table
from app.marketplace.owned.domain.image import ImageKind

ImageId = NewType("ImageId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """The address of an image. `owner_type` is the GraphQL type of the row `owner_id`."""

    id: ImageId
    owner_type: str
    owner_id: int
    kind: ImageKind
    url: str
    alt: str | None
    filename: str | None
    position: int


IMAGES = Table(
    "images",
    Image,
    seen_by=WITH_OWNER,
)


async def list_images(conn: Connection, owner_type: str, owner_id: int) -> list[Image]:
    """List all images of an owner except its logo, by id."""
    sql = (
        f"select {IMAGES.select_list('i')} from images i"
        " where i.owner_type = $1 and i.owner_id = $2 and i.kind = 'GALLERY' order by i.id"
    )
    return IMAGES.rows(await conn.fetch(sql, owner_type, owner_id))


async def remove_images(conn: Connection, image_ids: Collection[int]) -> None:
    """Remove images from their owners. An image of a sold item is moved to its line item; all others are deleted."""
    if not image_ids:
        return
    await conn.execute(
        "update images i set owner_type = 'LineItem', owner_id = l.id"
        " from (select image_id, min(id) as id from line_items where image_id = any($1::bigint[]) group by image_id) l"
        " where i.id = l.image_id",
        [*image_ids],
    )
    await conn.execute(
        "delete from images where id = any($1::bigint[]) and owner_type <> 'LineItem'",
        [*image_ids],
    )

"""Image: a picture of a product, a logo, or a photo with a note."""

import strawberry

from app.marketplace.owned.db.images import IMAGES
from app.marketplace.owned.db.images import Image as ImageRow
from app.marketplace.owned.domain.image import sized_url
from schema.entities.fields import argument, column, computed, entity, global_id
from schema.types.node import Node


def _url(row: ImageRow, width: int | None = None, height: int | None = None) -> str:
    return sized_url(row.url, width, height)


@entity(IMAGES, description="A picture of a product, a logo, or a photo with a note.")
class Image(Node):
    id: strawberry.ID = global_id("Image")
    url: str = computed(
        _url,
        reads=("url",),
        description="Where the image is. With a size, what the image server is asked to fit it into.",
        arguments=(
            argument("width", int | None, "At most so many pixels wide, 1 to 10,000."),
            argument("height", int | None, "At most so many pixels high, 1 to 10,000."),
        ),
    )
    alt: str | None = column("What is to be seen, in words.")
    filename: str | None = column("Name of the file that it was made from.")
    position: int = column("Its place among the images of the same owner; the lowest comes first.")

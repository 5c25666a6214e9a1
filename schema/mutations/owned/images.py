"""The input of images."""

from collections.abc import Sequence

import strawberry

from app.kernel.attributes import ABSENT, Absent
from app.marketplace.owned.services.images import NewImage
from schema.mutations.inputs import convert_input, optional, required


@strawberry.input(description="An image by its address.")
class ImageInput:
    source_url: str = required(
        "Address of the image: http:// or https://. An image that exists already is kept and gets this alt and"
        " position."
    )
    alt: str | None = optional("A text that describes the image to people who can't see it.")
    position: int = strawberry.field(default=0, description="Its place among the images.")


def new_images(given: Sequence[ImageInput] | None) -> list[NewImage] | Absent:
    """Convert a list of images: ABSENT if it is absent, an empty list for null."""
    return ABSENT if given is strawberry.UNSET else [convert_input(image, NewImage) for image in given or ()]

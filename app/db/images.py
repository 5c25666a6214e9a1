"""Images: of adverts, variants, brands, sellers and notes. The files themselves are elsewhere."""

from dataclasses import dataclass
from typing import NewType

from app.db.table import Table
from app.domain.image import ImageKind

ImageId = NewType("ImageId", int)


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """owner_type: the GraphQL type of the row `owner_id`."""

    id: ImageId
    owner_type: str
    owner_id: int
    kind: ImageKind
    url: str
    alt: str | None
    filename: str | None
    position: int


IMAGES = Table("images", Image)

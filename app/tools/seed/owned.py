"""Put what belongs to any entity: external ids and metadata."""

from datetime import datetime

from app.marketplace.owned.db.external_ids import EXTERNAL_IDS
from app.marketplace.owned.db.metadata import METADATA
from app.tools.seed.book import Book


def put_external_id(book: Book, owner_type: str, owner_id: int, key: str, value: str) -> None:
    book.add(EXTERNAL_IDS, owner_type=owner_type, owner_id=owner_id, key=key, value=value)


def put_metadatum(book: Book, owner_type: str, owner_id: int, key: str, value: str, at: datetime) -> None:
    book.add(METADATA, owner_type=owner_type, owner_id=owner_id, key=key, value=value, created_at=at, updated_at=at)

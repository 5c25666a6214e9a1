"""Verify what a webhook sends, and give it the type of its stored query."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel
from standardwebhooks import Webhook, WebhookVerificationError

from tellgraph_client.errors import VerificationError

Data = TypeVar("Data", bound=BaseModel)


class Entity(BaseModel):
    """The entity that has changed."""

    type: str
    id: str


class ChangedPaths(BaseModel):
    """The paths of the fields that changed. `cut`: there were more."""

    added: list[str]
    updated: list[str]
    removed: list[str]
    cut: bool = False


class Payload(BaseModel, Generic[Data]):
    """The result of a stored query."""

    data: Data | None
    errors: list[dict[str, object]] = []


class Delivery(BaseModel, Generic[Data]):
    """The body that a webhook sends.

    Attributes:
        id: The same at each attempt. Remember it to recognise a repetition.
        sequence: Of two deliveries about one entity, the higher one is the newer.
        previous: The payload that you confirmed last, of a webhook with `includePrevious`.
    """

    id: str
    event_name: Literal["create", "update", "destroy", "test"]
    type: str
    timestamp: datetime
    sequence: int
    entity: Entity
    changed: ChangedPaths
    payload: Payload[Data]
    previous: Payload[Data] | None = None


class Receiver(Generic[Data]):
    """Verifies deliveries of one webhook, and gives them their type.

    Args:
        data: The class of what the stored query gives, such as `InvoiceChanged`.
        secret: The webhook's `hmacKey`.
    """

    def __init__(self, data: type[Data], secret: str) -> None:
        self._webhook = Webhook(secret)
        self._delivery = Delivery[data]  # type: ignore[valid-type]  # pydantic makes the class here

    def verify(self, body: bytes | str, headers: Mapping[str, str]) -> Delivery[Data]:
        """Verify a body as it came, before it was parsed.

        Raises:
            VerificationError: It is forged, altered, or older than five minutes.
        """
        try:
            event = self._webhook.verify(body, dict(headers))
        except (WebhookVerificationError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise VerificationError(str(error)) from error
        return self._delivery.model_validate(event)

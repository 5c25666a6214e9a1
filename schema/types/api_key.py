"""ApiKey: a key that others call the API with, as the operator manages it."""

from datetime import datetime
from typing import Annotated

import strawberry

from app.auth.db.api_keys import API_KEYS
from app.auth.domain.api_key import state_of
from app.auth.viewers import Scope
from app.kernel import clock
from schema.entities.fields import column, computed, entity, global_id, legacy_id
from schema.entities.relations import relation
from schema.enums.api_keys import ApiKeyScopeEnum, ApiKeyStateEnum
from schema.types.catalogue.seller import Seller
from schema.types.node import Node


@entity(API_KEYS, scope=Scope.KEYS, description="An API key. The key itself is shown once, when it is made.")
class ApiKey(Node):
    id: strawberry.ID = global_id("ApiKey")
    legacy_id: int = legacy_id()
    created_at: datetime = column("When the key was made.")
    name: str = column("What the key is for.")
    prefix: str = column("The first characters of the key, to tell it from others.")
    scopes: list[ApiKeyScopeEnum] = column("What the key may do.")
    state: ApiKeyStateEnum = computed(
        lambda row: state_of(expires_at=row.expires_at, revoked_at=row.revoked_at, now=clock.now()),
        reads=("expires_at", "revoked_at"),
        description="Whether the key can be used now.",
    )
    expires_at: datetime | None = column("When the key expires; null if it does not. May be past.")
    revoked_at: datetime | None = column("When the key was revoked; null if it was not.")
    last_used_at: datetime | None = column(
        "The minute of the last request with the key, known within about a minute; null if there was none."
    )
    replaced_by: Annotated["ApiKey", strawberry.lazy("schema.types.api_key")] | None = relation(
        API_KEYS.replaced_by, description="The key that this one was rotated to; null if it was not."
    )
    seller: Seller | None = relation(
        API_KEYS.seller_id, description="The seller that the key belongs to; null for the operator's."
    )

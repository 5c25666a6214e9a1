"""APIKeyPrincipal: on whose behalf an API key speaks."""

from datetime import datetime

import strawberry

from app.auth.viewers import Scope, Viewer
from app.marketplace.catalogue.db.sellers import SELLERS
from schema.engine.context import Info
from schema.enums.api_keys import ApiKeyPrincipalType, ApiKeyPrincipalTypeEnum, ApiKeyScopeEnum
from schema.types.catalogue.seller import Seller


def _type(root: Viewer) -> ApiKeyPrincipalType:
    return ApiKeyPrincipalType.OPERATOR if root.is_operator else ApiKeyPrincipalType.SELLER


def _name(root: Viewer) -> str | None:
    return root.key_name


def _expires_at(root: Viewer) -> datetime | None:
    return root.key_expires_at


def _scopes(root: Viewer) -> list[Scope]:
    return [scope for scope in Scope if scope in root.scopes]


async def _seller(root: Viewer, info: Info) -> Seller | None:
    if root.seller_id is None:
        return None
    root.require(Scope.READ)
    found: Seller | None = await info.context.loaders.by_id(SELLERS, root.seller_id)
    return found


@strawberry.type(description="On whose behalf the API key of this request speaks, and what it may do.")
class APIKeyPrincipal:
    """Its source is the viewer."""

    type: ApiKeyPrincipalTypeEnum = strawberry.field(resolver=_type, description="To whom the key belongs.")
    name: str | None = strawberry.field(resolver=_name, description="The name of the key: what it is for.")
    expires_at: datetime | None = strawberry.field(
        resolver=_expires_at, description="When the key expires; null if it does not. A rotated key does."
    )
    scopes: list[ApiKeyScopeEnum] = strawberry.field(resolver=_scopes, description="What the key may do.")
    seller: Seller | None = strawberry.field(
        resolver=_seller, description="The seller that the key belongs to; null for the operator's."
    )

    @classmethod
    def is_type_of(cls, obj: object, info: Info) -> bool:
        return isinstance(obj, Viewer)

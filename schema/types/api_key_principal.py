"""ApiKeyPrincipal: on whose behalf an API key speaks."""

from enum import StrEnum

import strawberry

from app.auth.viewers import Scope, Viewer
from app.marketplace.catalogue.db.sellers import SELLERS
from schema.engine.context import Info
from schema.enums.describe import describe_enum
from schema.types.catalogue.seller import Seller


class ApiKeyPrincipalType(StrEnum):
    OPERATOR = "OPERATOR"
    SELLER = "SELLER"


ApiKeyPrincipalTypeEnum = ApiKeyPrincipalType
describe_enum(
    ApiKeyPrincipalType,
    "ApiKeyPrincipalTypeEnum",
    "To whom an API key belongs.",
    {"OPERATOR": "The marketplace operator, who sees all.", "SELLER": "One seller, who sees what is its own."},
)

ApiKeyScopeEnum = Scope
describe_enum(
    Scope,
    "ApiKeyScopeEnum",
    "What an API key may do. A field that needs another scope fails with the code `MISSING_SCOPE`.",
    {
        "READ": "Read the marketplace.",
        "WRITE": "Change the marketplace.",
        "WEBHOOKS": "Read and change webhooks, and read what was sent to them.",
        "AUDIT": "Read who has changed what, with the former and the new settings of webhooks.",
    },
)


def _type(root: Viewer) -> ApiKeyPrincipalType:
    return ApiKeyPrincipalType.OPERATOR if root.is_operator else ApiKeyPrincipalType.SELLER


def _scopes(root: Viewer) -> list[Scope]:
    return [scope for scope in Scope if scope in root.scopes]


async def _seller(root: Viewer, info: Info) -> Seller | None:
    if root.seller_id is None:
        return None
    root.require(Scope.READ)
    found: Seller | None = await info.context.loaders.by_id(SELLERS, root.seller_id)
    return found


@strawberry.type(description="On whose behalf the API key of this request speaks, and what it may do.")
class ApiKeyPrincipal:
    """Its source is the viewer."""

    type: ApiKeyPrincipalTypeEnum = strawberry.field(resolver=_type, description="To whom the key belongs.")
    scopes: list[ApiKeyScopeEnum] = strawberry.field(resolver=_scopes, description="What the key may do.")
    seller: Seller | None = strawberry.field(
        resolver=_seller, description="The seller that the key belongs to; null for the operator's."
    )

    @classmethod
    def is_type_of(cls, obj: object, info: Info) -> bool:
        return isinstance(obj, Viewer)

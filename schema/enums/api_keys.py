"""Enumerations of API keys."""

from enum import StrEnum

from app.auth.domain.api_key import ApiKeyState, Scope
from schema.enums.describe import describe_enum


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
        "WEBHOOKS": "Read and change webhooks, and read what was sent to them. To decide what is sent and where to"
        " needs READ, too.",
        "AUDIT": "Read who has changed what, with the former and the new settings of webhooks.",
        "KEYS": "Read, make and revoke API keys of any scopes. For the operator's keys only.",
    },
)

ApiKeyStateEnum = ApiKeyState
describe_enum(
    ApiKeyState,
    "ApiKeyStateEnum",
    "Whether an API key can be used.",
    {
        "LIVE": "It can be used.",
        "EXPIRED": "Its time is over.",
        "REVOKED": "It was revoked.",
    },
)

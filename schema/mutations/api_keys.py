"""apiKeyCreate, apiKeyRevoke, apiKeyRotate."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

import strawberry
from databases import Database

from app.auth.db.api_keys import ApiKeyId, NewApiKey
from app.auth.domain.api_key import DEFAULT_OVERLAP_S, MAX_OVERLAP_S
from app.auth.services import api_keys
from app.auth.viewers import Scope, Viewer
from app.marketplace.catalogue.db.sellers import SellerId
from schema.engine.context import Info
from schema.entities import global_ids
from schema.enums.api_keys import ApiKeyScopeEnum
from schema.filters.conditions import value_or_none
from schema.mutations.inputs import Ids, convert_input, optional, required
from schema.mutations.payload import MutationPayload, client_mutation_id, run_mutation
from schema.types.api_key import ApiKey


@strawberry.input(description="Input of apiKeyCreate.")
class ApiKeyCreateMutationInput:
    name: str = required("What the key is for; not blank.")
    seller_id: strawberry.ID | None = optional("The seller whose key it is; absent: the operator's key.")
    scopes: list[ApiKeyScopeEnum] | None = optional(
        "What the key may do; absent: all that keys of its owner can have, for the operator KEYS as well."
    )
    expires_at: datetime | None = optional("When the key expires; absent: never.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of apiKeyRevoke.")
class ApiKeyRevokeMutationInput:
    api_key_id: strawberry.ID = required("The key to revoke.")
    client_mutation_id: str | None = client_mutation_id()


@strawberry.input(description="Input of apiKeyRotate.")
class ApiKeyRotateMutationInput:
    api_key_id: strawberry.ID = required("The key to replace.")
    overlap_seconds: int | None = optional(
        f"Seconds for which the old key still works: 0 to {MAX_OVERLAP_S:,} (30 days). {DEFAULT_OVERLAP_S:,} (one day)"
        " by default."
    )
    client_mutation_id: str | None = client_mutation_id()


@strawberry.type(description="Answer of apiKeyCreate.")
class ApiKeyCreateMutationPayload(MutationPayload):
    api_key: ApiKey | None = strawberry.field(default=None, description="The new key; null on errors.")
    key: str | None = strawberry.field(
        default=None, description="The key to send with requests. It is shown this once."
    )


@strawberry.type(description="Answer of apiKeyRevoke.")
class ApiKeyRevokeMutationPayload(MutationPayload):
    api_key: ApiKey | None = strawberry.field(default=None, description="The revoked key; null on errors.")


@strawberry.type(description="Answer of apiKeyRotate.")
class ApiKeyRotateMutationPayload(MutationPayload):
    api_key: ApiKey | None = strawberry.field(default=None, description="The new key; null on errors.")
    key: str | None = strawberry.field(
        default=None, description="The key to send with requests. It is shown this once."
    )


@strawberry.type
class ApiKeyMutations:
    @strawberry.field(
        description="Make an API key, of the operator or of a seller, with any scopes. Needs the scope keys, which no"
        " seller's key can have."
    )
    async def api_key_create(
        self,
        info: Info,
        input: Annotated[ApiKeyCreateMutationInput, strawberry.argument(description="The key to make.")],
    ) -> ApiKeyCreateMutationPayload | None:
        async def create(database: Database, viewer: Viewer) -> Mapping[str, object]:
            ids = Ids()
            seller_id = ids.optional_key(value_or_none(input.seller_id), "Seller", "sellerId")
            ids.check()
            new = convert_input(input, NewApiKey, seller_id=None if seller_id is None else SellerId(seller_id))
            issued = await api_keys.create_api_key(database, viewer, new)
            return {"api_key": issued.api_key, "key": issued.key}

        return await run_mutation(info, ApiKeyCreateMutationPayload, input, create, scope=Scope.KEYS)

    @strawberry.field(
        description="Revoke an API key. The next request with it is refused. The key of the request itself can't be"
        " revoked: `status` is 409."
    )
    async def api_key_revoke(
        self,
        info: Info,
        input: Annotated[ApiKeyRevokeMutationInput, strawberry.argument(description="The key to revoke.")],
    ) -> ApiKeyRevokeMutationPayload | None:
        async def revoke(database: Database, viewer: Viewer) -> Mapping[str, object]:
            return {"api_key": await api_keys.revoke_api_key(database, viewer, _key_of(input.api_key_id))}

        return await run_mutation(info, ApiKeyRevokeMutationPayload, input, revoke, scope=Scope.KEYS)

    @strawberry.field(
        description="Make a new API key in the place of another one, with its name, owner and scopes. It lives as long"
        " as the old one was meant to. The old one works for a while, so that you can change over. The key of the"
        " request itself can be rotated, too."
    )
    async def api_key_rotate(
        self,
        info: Info,
        input: Annotated[
            ApiKeyRotateMutationInput, strawberry.argument(description="The key to replace, and the overlap.")
        ],
    ) -> ApiKeyRotateMutationPayload | None:
        async def rotate(database: Database, viewer: Viewer) -> Mapping[str, object]:
            issued = await api_keys.rotate_api_key(
                database, viewer, _key_of(input.api_key_id), overlap_s=value_or_none(input.overlap_seconds)
            )
            return {"api_key": issued.api_key, "key": issued.key}

        return await run_mutation(info, ApiKeyRotateMutationPayload, input, rotate, scope=Scope.KEYS)


def _key_of(global_id: str) -> ApiKeyId:
    return ApiKeyId(global_ids.key_of(global_id, "ApiKey", field="apiKeyId"))

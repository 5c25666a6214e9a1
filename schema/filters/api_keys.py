"""The filters of API keys."""

import strawberry

from app.auth.domain.api_key import ApiKeyState
from app.auth.viewers import Viewer
from schema.entities.declarations import ListQuery
from schema.entities.fields import argument
from schema.enums.api_keys import ApiKeyPrincipalType, ApiKeyPrincipalTypeEnum, ApiKeyStateEnum
from schema.filters.conditions import NOTHING, Conditions, input_field, key, value_or_none


@strawberry.input(description="The API keys to return: those that meet all given filters.")
class ApiKeyFilters:
    seller_id: strawberry.ID | None = input_field("Of this seller.")
    type: ApiKeyPrincipalTypeEnum | None = input_field("Of the operator, or of any seller.")
    states: list[ApiKeyStateEnum] | None = input_field("In one of these states; an empty list: none.")


ARGUMENTS = (argument("filters", ApiKeyFilters | None, "The keys to return; all of them if absent."),)

#: By PostgreSQL's clock, as keys are checked.
_IN_STATE = {
    ApiKeyState.LIVE: "t.revoked_at is null and (t.expires_at is null or t.expires_at > now())",
    ApiKeyState.EXPIRED: "t.revoked_at is null and t.expires_at <= now()",
    ApiKeyState.REVOKED: "t.revoked_at is not null",
}


def ask(viewer: Viewer, filters: ApiKeyFilters | None = None) -> ListQuery:
    query = Conditions(viewer)
    if filters is None:
        return query.list_query()
    seller_id = key(filters.seller_id, "Seller", field="filters.sellerId")
    type_, states = value_or_none(filters.type), value_or_none(filters.states)
    return query.list_query(
        query.equal("t.seller_id", seller_id, "bigint"),
        query.holds("t.seller_id is null", None if type_ is None else type_ is ApiKeyPrincipalType.OPERATOR),
        None if states is None else _in_one_of(states),
    )


def _in_one_of(states: list[ApiKeyState]) -> str:
    return f"({' or '.join(_IN_STATE[state] for state in dict.fromkeys(states)) or NOTHING})"

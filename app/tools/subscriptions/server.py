"""The webhooks of a key's owner at a server, as far as they have handles."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.kernel.parsed_json import JsonObject, ParsedJson
from app.tools.remote.api import RemoteApi
from app.tools.subscriptions.definition import SETTINGS

#: Each may have hundreds of triggers and headers: a page must cost less than a request may.
_PAGE = 50
_PRINCIPAL = "{ apiKeyPrincipal { seller { id } } }"
_LIST = f"""
query($filters: WebhookFilters, $first: Int, $after: String) {{
  webhooks(filters: $filters, first: $first, after: $after) {{
    pageInfo {{ hasNextPage endCursor }}
    nodes {{ id handle updatedAt type delivery queryString headers {" ".join(name for name, _ in SETTINGS.values())} }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerWebhooks:
    """The webhooks of a server. `nameless` is the number of webhooks without a handle, which nobody touches."""

    by_handle: Mapping[str, JsonObject]
    nameless: int


async def read_server(api: RemoteApi) -> ServerWebhooks:
    """Read all webhooks of the key's owner. The operator's key sees those of sellers, too: they are left out."""
    principal = (await api.ask(_PRINCIPAL))["apiKeyPrincipal"]
    filters = {"isOperators": True} if principal["seller"] is None else {}
    nodes: list[JsonObject] = []
    after: ParsedJson = None
    while True:
        page = (await api.ask(_LIST, filters=filters, first=_PAGE, after=after))["webhooks"]
        nodes += page["nodes"]
        if not page["pageInfo"]["hasNextPage"]:
            break
        after = page["pageInfo"]["endCursor"]
    named = {str(node["handle"]): node for node in nodes if node["handle"] is not None}
    return ServerWebhooks(by_handle=named, nameless=len(nodes) - len(named))

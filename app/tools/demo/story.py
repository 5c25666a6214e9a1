"""Act like a subscriber and a shop: the demo's GraphQL requests over HTTP."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from app.kernel import clock
from app.kernel.parsed_json import ParsedJson
from app.tools.demo.progress import DemoError

INVOICE_QUERY = """\
query($id: ID!) {
  node(id: $id) {
    ... on Invoice {
      id
      legacyId
      statusFlags
      totalFormatted
      seller { businessName }
      lineItems { id advertTitle variantName quantity quantityAwaitingDispatch statusFull }
      shipments { carrier trackingNumber trackingLink dispatchedAt shippedItems { quantity } }
    }
  }
}
"""
VARIANT_QUERY = """\
query($id: ID!) { node(id: $id) { ... on Variant { id sku countOnHand } } }
"""

LIST_WEBHOOKS = """
query($after: String) {
  webhooks(first: 100, after: $after) { nodes { id description } pageInfo { hasNextPage endCursor } }
}
"""
CREATE_WEBHOOK = """
mutation($attributes: WebhookCreateAttributes!) {
  webhookCreate(input: {attributes: $attributes}) { errors { field messages } webhook { id } }
}
"""
UPDATE_WEBHOOK = """
mutation($id: ID!, $attributes: WebhookUpdateAttributes!) {
  webhookUpdate(input: {webhookId: $id, attributes: $attributes}) { errors { field messages } webhook { id } }
}
"""
FIND_GOODS = """
query {
  variantsWhere(first: 100) { nodes { id label buyable infiniteQuantity countOnHand } }
  shipmentCarriers(first: 1) { nodes { id name } }
}
"""
CREATE_ORDER = """
mutation($input: OrderCreateMutationInput!) {
  orderCreate(input: $input) {
    errors { field messages }
    order { id createdAt invoices(first: 1) { nodes { id lineItems { id quantity advertTitle } } } }
  }
}
"""
CREATE_SHIPMENT = """
mutation($input: ShipmentCreateMutationInput!) {
  shipmentCreate(input: $input) { errors { field messages } shipment { id trackingNumber } }
}
"""
UPDATE_VARIANT = """
mutation($input: VariantUpdateMutationInput!) {
  variantUpdate(input: $input) { errors { field messages } variant { id countOnHand } }
}
"""

_BOUGHT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order. `invoice` is the GraphQL object, with its line items."""

    created_at: datetime
    invoice: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    id: str
    count_on_hand: int


class Api:
    """A GraphQL client with the operator's key. Every method raises DemoError if the API refuses a request."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def is_ready(self) -> bool | None:
        """Return True once the API reaches its database; None until then."""
        try:
            return self._client.get("/readyz").status_code == 200 or None
        except httpx.TransportError:
            return None

    def data(self, document: str, variables: Mapping[str, object] | None = None) -> ParsedJson:
        """Return the data of an operation. Raise DemoError for every kind of error."""
        try:
            response = self._client.post("/graphql", json={"query": document, "variables": variables})
        except httpx.TransportError as error:
            raise DemoError(f"the API does not answer: {error!r}") from error
        if response.status_code != 200:
            raise DemoError(f"the API answered {response.status_code}: {response.text[:500]}")
        answer = response.json()
        if answer.get("errors"):
            raise DemoError(f"the API answered: {answer['errors'][0]['message']}")
        return answer["data"]

    def change(self, document: str, variables: Mapping[str, object]) -> ParsedJson:
        """Run a mutation, and return its payload."""
        ((name, payload),) = self.data(document, variables).items()
        if errors := payload["errors"]:
            wrong = "; ".join(f"{error['field']} {', '.join(error['messages'])}" for error in errors)
            raise DemoError(f"{name} was refused: {wrong}")
        return payload

    def register(self, description: str, attributes: Mapping[str, object]) -> str:
        """Register the demo's webhook, or change the one of an earlier demo. Return its id.

        Args:
            description: Identifies the webhook.
            attributes: The attributes of webhookCreate, and `type`.
        """
        given = {**attributes, "description": description, "enabled": True}
        known = self._find_webhook(description)
        if known is None:
            id_: str = self.change(CREATE_WEBHOOK, {"attributes": given})["webhook"]["id"]
            return id_
        changed = {name: value for name, value in given.items() if name != "type"}
        self.change(UPDATE_WEBHOOK, {"id": known, "attributes": changed})
        return known

    def disable(self, webhook_id: str) -> None:
        self.change(UPDATE_WEBHOOK, {"id": webhook_id, "attributes": {"enabled": False}})

    def _find_webhook(self, description: str) -> str | None:
        after = None
        while True:
            page = self.data(LIST_WEBHOOKS, {"after": after})["webhooks"]
            for webhook in page["nodes"]:
                if webhook["description"] == description:
                    found: str = webhook["id"]
                    return found
            if not page["pageInfo"]["hasNextPage"]:
                return None
            after = page["pageInfo"]["endCursor"]

    def find_goods(self) -> tuple[Variant, str]:
        """Return a variant with at least two in stock, and the id of a carrier."""
        found = self.data(FIND_GOODS)
        carriers = found["shipmentCarriers"]["nodes"]
        variants = [one for one in found["variantsWhere"]["nodes"] if not one["infiniteQuantity"]]
        if not carriers or not variants:
            raise DemoError("there is nothing to sell or to send it with; add a marketplace: tellgraph seed --again")
        best = max(variants, key=lambda one: (one["buyable"], one["countOnHand"]))
        variant = Variant(id=best["id"], count_on_hand=best["countOnHand"])
        return (self.restock(variant, 100) if variant.count_on_hand < _BOUGHT else variant), carriers[0]["id"]

    def restock(self, variant: Variant, count_on_hand: int) -> Variant:
        given = {"variantId": variant.id, "attributes": {"countOnHand": count_on_hand}}
        updated = self.change(UPDATE_VARIANT, {"input": given})["variant"]
        return Variant(id=updated["id"], count_on_hand=updated["countOnHand"])

    def order(self, variant: Variant) -> Order:
        """Buy two of the variant."""
        buyer = {"firstName": "Ada", "surname": "Byron", "emailAddress": "ada.byron@buyers.example"}
        line = {"variantId": variant.id, "quantity": _BOUGHT, "taxRate": 0.1}
        made = self.change(CREATE_ORDER, {"input": {"order": buyer, "lineItems": [line]}})["order"]
        return Order(
            created_at=datetime.fromisoformat(made["createdAt"]),
            invoice=made["invoices"]["nodes"][0],
        )

    def ship(self, order: Order, carrier_id: str, tracking_number: str) -> None:
        """Send all goods of an order."""
        # The database's clock may be ahead of ours, and nothing is sent before it was ordered.
        dispatched_at = max(clock.now(), order.created_at.astimezone(UTC))
        self.change(
            CREATE_SHIPMENT,
            {
                "input": {
                    "invoiceId": order.invoice["id"],
                    "dispatchedAt": dispatched_at.isoformat(),
                    "postageCarrierId": carrier_id,
                    "trackingNumber": tracking_number,
                    "shippedItems": [
                        {"lineItemId": line["id"], "quantity": line["quantity"]} for line in order.invoice["lineItems"]
                    ],
                }
            },
        )

"""The attributes of a webhook, as webhookCreate and webhookUpdate take them."""

from typing import Any

import strawberry
from strawberry.scalars import JSON

from schema.enums.webhooks import (
    WebhookDeliveryEnum,
    WebhookEventEnum,
    WebhookKlassEnum,
    WebhookSignatureSchemeEnum,
)


def _field(description: str) -> Any:
    return strawberry.field(default=strawberry.UNSET, description=description)


_URL = "The endpoint: an https URL with a public address. Results are POSTed to it."
_MOVED = "With another scheme, host or port, `headers` must be given again, and signing secrets are made anew."
_TYPE = "The type of entity that the webhook reports. It can't be changed later."
_QUERY = (
    "The query to run for each changed entity: `query($id: ID!){ node(id: $id){ … on Invoice { … } } }`."
    " Blank: only `__typename`, so that no UPDATE is sent."
)
_HMAC_KEY = "`whsec_` and base64 of 24 to 64 bytes"
_TRIGGERS = (
    "Paths of fields below the entity, such as `statusFlags`, `lineItems.quantity`, `shipments`. An UPDATE counts"
    " only if it changes a value of one of them. They need not be in the query. null or empty: every field of the"
    " query."
)
_FILTER = (
    "An expression (CEL) over `event` and the rendered `data`, such as `data.node.totalCents >= 10000`. A result for"
    " which it is false is not sent. At most 2,000 characters. null or blank: everything is sent."
)


@strawberry.input(description="The attributes of a webhook.")
class WebhookAttributesInput:
    event_name: WebhookEventEnum | None = _field(
        "The only kind of change that is sent. `eventNames` names several kinds; give one of the two."
    )
    event_names: list[WebhookEventEnum] | None = _field(
        "The kinds of change that are sent. By default all three, or CREATE alone for OPERATIONAL_EVENT."
    )
    query_string: str | None = _field(_QUERY)
    headers: JSON | None = _field("Additional headers of each POST, an object of names and values. Stored encrypted.")
    hmac_key: str | None = _field(f"Signing secret, {_HMAC_KEY}; absent: one is generated.")
    signature_schemes: list[WebhookSignatureSchemeEnum] | None = _field(
        "The schemes that sign deliveries. HMAC always signs, also if it is not named. HMAC alone by default."
    )
    description: str | None = _field("A note for yourself.")
    handle: str | None = _field(
        "Your own name for it, such as `erp-invoices`: small letters, digits, hyphens and underscores, at most 63. No"
        " two webhooks of an owner have the same one. null: none."
    )
    enabled: bool | None = _field("Whether events are sent. True by default.")
    allow_skip: bool | None = _field("Skip a result that equals the last one. True by default.")
    every_change: bool | None = _field(
        "Send each change, also if a newer change of the entity waits. False by default."
    )
    include_previous: bool | None = _field(
        "Give each body a `previous`: the payload that the receiver last confirmed for the entity. False by default."
    )
    triggers: list[str] | None = _field(_TRIGGERS)
    filter: str | None = _field(_FILTER)
    max_retries: int | None = _field("Retries of a failed delivery, 0 to 50. 25 by default.")
    concurrent_send_limit: int | None = _field(
        "POSTs that may be in flight at once, 1 to 200; for PULL messages that may be taken and not settled, 1 to"
        " 1,000. 100 by default."
    )
    rate_limit: int | None = _field(
        "POSTs that may be started per second, 1 to 1,000. After a pause, as many may start at once. null: no limit."
    )
    timeout_seconds: int | None = _field("Seconds that the endpoint may take to answer, 1 to 30. 15 by default.")
    reconcile_every_hours: int | None = _field(
        "Compare all that the receiver was given with the present state every so many hours, 1 to 720, and send what"
        " differs; now for the first time. null: only `webhookReconcile` does."
    )


@strawberry.input(description="The attributes of a new webhook.")
class WebhookCreateAttributes(WebhookAttributesInput):
    delivery: WebhookDeliveryEnum | None = _field(
        "How events reach the receiver. PUSH by default. It can't be changed later."
    )
    url: str | None = _field(f"{_URL} Required for PUSH, and not allowed for PULL.")
    type: WebhookKlassEnum = strawberry.field(description=_TYPE)
    temporary: bool | None = _field(
        "Delete it when nobody has taken its messages or waited for them for an hour. For PULL only; false by default."
    )
    seller_id: strawberry.ID | None = _field("The seller to register it for; for the operator's keys only.")


@strawberry.input(
    description="The changes. An absent attribute stays as it is. null sets the default of a new webhook; `url`"
    " and `hmacKey` can't be null."
)
class WebhookUpdateAttributes(WebhookAttributesInput):
    url: str | None = _field(f"{_URL} Another one ends a pause. {_MOVED}")
    enabled: bool | None = _field(
        "Whether events are sent. Enabling a webhook sends its held events, and ends a pause and `disabledReason`."
    )
    hmac_key: str | None = _field(
        f"A new signing secret, {_HMAC_KEY}. It replaces all others at once; `webhookSecretRotate` gives you"
        " time to change over."
    )

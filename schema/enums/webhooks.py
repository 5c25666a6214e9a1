"""GraphQL enums over the words of webhooks, their events, runs and explanations."""

from app.webhooks.domain.operational_event import OperationalEventKind
from app.webhooks.domain.secret_ring import SignatureScheme
from app.webhooks.domain.webhook import WebhookEventName, WebhookKlass
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.domain.webhook_run import WebhookRunState
from schema.enums.describe import describe_enum
from schema.stored.explain import ChangeVerdict

WebhookKlassEnum = WebhookKlass
describe_enum(
    WebhookKlass,
    "WebhookKlassEnum",
    "What a webhook is about. Changes of its parts count as changes of it.",
    {
        "INVOICE": "Invoices, with their line items, shipments, amendments and refund requests.",
        "VARIANT": "Variants, with their images, option values and inventories, and their advert.",
        "REFUND_REQUEST": "Refund requests, with their lines, notes and return shipments.",
        "ADVERT": "Adverts, with their images, option values and variants.",
        "SHIPMENT": "Shipments, with their items and what the carrier reports.",
        "SELLER": "Sellers, with their address and images.",
        "ORDER": "Orders, with all that belongs to their invoices. For the operator only.",
        "OPERATIONAL_EVENT": "What happens to webhooks themselves; CREATE is all that happens to such an event.",
    },
)

WebhookEventEnum = WebhookEventName
describe_enum(
    WebhookEventName,
    "WebhookEventEnum",
    "What happened to an entity.",
    {
        "CREATE": "It was created.",
        "UPDATE": "It, or a part of it, was changed.",
        "DESTROY": "It was deleted; the payload shows it as it was last.",
    },
)

WebhookEventStateEnum = WebhookEventState
describe_enum(
    WebhookEventState,
    "WebhookEventStateEnum",
    "Where a webhook event stands on its way to the endpoint.",
    {
        "PENDING": "Rendered, never sent.",
        "SENDING": "An attempt is in flight.",
        "RETRYING": "The last attempt failed; the next one has its time.",
        "DELIVERED": "The endpoint answered 2xx in time.",
        "SKIPPED": "Not sent: it would have told the subscriber nothing new.",
        "SUPERSEDED": "Not sent: a newer state of the same entity goes out in its place.",
        "HELD": "Kept while the webhook is disabled; goes out when it is enabled again.",
        "FAILED": "No retries are left, or the endpoint is gone. It can be replayed.",
        "CANCELLED": "Withdrawn before it was delivered.",
        "RENDER_FAILED": "The stored query could not run at all. It can be run again.",
    },
)

WebhookSignatureSchemeEnum = SignatureScheme
describe_enum(
    SignatureScheme,
    "WebhookSignatureSchemeEnum",
    "How a delivery is signed, as Standard Webhooks says.",
    {
        "HMAC": "`v1`: HMAC-SHA256 under a secret that you share with Tellgraph. Every delivery has it.",
        "ED25519": "`v1a`, beside `v1`: Ed25519; whoever has the public key can verify, and only Tellgraph can sign.",
    },
)

WebhookRunStateEnum = WebhookRunState
describe_enum(
    WebhookRunState,
    "WebhookRunStateEnum",
    "Where a backfill, or a replay of many events, stands.",
    {
        "RUNNING": "It goes on; a backfill waits while its webhook is disabled.",
        "DONE": "Everything has been handled.",
        "CANCELLED": "Ended by hand, or with its webhook. What it had made by then stays.",
        "FAILED": "It could not go on. What it had made by then stays.",
    },
)

OperationalEventKindEnum = OperationalEventKind
describe_enum(
    OperationalEventKind,
    "OperationalEventKindEnum",
    "What happened to a webhook.",
    {
        "DISABLED": "It was disabled, by Tellgraph or by hand: what it has to be sent is held.",
        "FAILING": "No delivery has succeeded for a while, 10 minutes unless the operator has set another time."
        " Told once, until one succeeds.",
        "EXHAUSTED": "One of its events has used up its retries. It can be replayed.",
        "RECOVERED": "A delivery has succeeded again, after FAILING or after Tellgraph had disabled the webhook.",
        "PUBLISH_FAILED": "A change could not be published and was set aside: no webhook is told of it until"
        " `changeEventsRetry`. Of no webhook; for the operator alone.",
    },
)

WebhookChangeVerdictEnum = ChangeVerdict
describe_enum(
    ChangeVerdict,
    "WebhookChangeVerdictEnum",
    "What became of a recorded change for one webhook.",
    {
        "MADE": "A webhook event tells of it, which may have been skipped since: see its state.",
        "WAITING": "No worker has published it yet.",
        "SET_ASIDE": "It could not be published; the operator has to have it tried again.",
        "NOT_VISIBLE": "The webhook's owner does not see the entity, or did not when it changed.",
        "BEFORE_WEBHOOK": "It was published before the webhook was registered.",
        "UNDONE": "The entity was created and destroyed before anything was published of it.",
        "NOT_ASKED_FOR": "The webhook's `events` leave its kind out.",
        "NOT_WATCHED": "Nothing that the query reads has changed.",
        "NOT_TRIGGERED": "Nothing that the triggers name has changed.",
        "DISABLED": "The webhook is disabled, or catches up with what it missed: then it is sent the present state.",
        "UNKNOWN": "Nothing is kept that tells.",
    },
)

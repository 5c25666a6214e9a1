"""GraphQL enums over the words of webhooks, their events, runs and explanations."""

from app.webhooks.domain.operational_event import OperationalEventKind
from app.webhooks.domain.signing.secret_ring import SignatureScheme
from app.webhooks.domain.webhook import WebhookDelivery, WebhookEventName, WebhookKlass
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.domain.webhook_health import WebhookHealth
from app.webhooks.domain.webhook_run import WebhookRunState
from schema.enums.describe import describe_enum
from schema.payload_types.language import TypesLanguage
from schema.stored.explain import ChangeVerdict

WebhookKlassEnum = WebhookKlass
describe_enum(
    WebhookKlass,
    "WebhookKlassEnum",
    "The type of entity that a webhook reports. Changes of an entity's parts count as changes of the entity.",
    {
        "INVOICE": "Invoices, with their line items, shipments, amendments and refund requests.",
        "VARIANT": "Variants, with their images, option values and inventories, and their advert.",
        "REFUND_REQUEST": "Refund requests, with their lines, notes and return shipments.",
        "ADVERT": "Adverts, with their images, option values and variants.",
        "SHIPMENT": "Shipments, with their items and what the carrier reports.",
        "SELLER": "Sellers, with their address and images.",
        "ORDER": "Orders, with all that belongs to their invoices. For the operator only.",
        "RETURN_SHIPMENT": "Return shipments, with their items and what the carrier reports.",
        "REFUND_REQUEST_LINE_ITEM": "Lines of refund requests, with their notes.",
        "INVOICE_ANNOTATION": "Annotations of invoices.",
        "TAXON": "Categories of adverts, with those below them.",
        "OPTION_TYPE": "Option types, with their values.",
        "OPTION_VALUE": "Values of option types.",
        "REMITTANCE_ADVICE": "Remittance advices, with their remittances.",
        "COMMISSION_PACKAGE": "Commission packages, with the sellers that they were given to. For the operator only.",
        "OPERATIONAL_EVENT": "Events of webhooks themselves. They are only created, never changed or deleted.",
    },
)

WebhookDeliveryEnum = WebhookDelivery
describe_enum(
    WebhookDelivery,
    "WebhookDeliveryEnum",
    "The way in which events reach the receiver.",
    {
        "PUSH": "Tellgraph POSTs them to `url`.",
        "PULL": "The receiver takes them, so that it needs no public address.",
    },
)

WebhookEventEnum = WebhookEventName
describe_enum(
    WebhookEventName,
    "WebhookEventEnum",
    "The kind of change of an entity.",
    {
        "CREATE": "It was created.",
        "UPDATE": "It, or a part of it, was changed.",
        "DESTROY": "It was deleted; the payload shows its last state.",
    },
)

WebhookEventStateEnum = WebhookEventState
describe_enum(
    WebhookEventState,
    "WebhookEventStateEnum",
    "The state of a webhook event on its way to the endpoint.",
    {
        "PENDING": "Rendered, never sent.",
        "SENDING": "An attempt is in flight.",
        "RETRYING": "The last attempt failed; the next one is scheduled.",
        "DELIVERED": "The endpoint answered 2xx in time.",
        "SKIPPED": "Not sent: the subscriber would have learned nothing new.",
        "SUPERSEDED": "Not sent: a newer state of the same entity is sent instead.",
        "HELD": "Kept while the webhook is disabled; sent when it is enabled again.",
        "FAILED": "No retries are left, or the endpoint is gone. It can be replayed.",
        "CANCELLED": "Cancelled before it was delivered.",
        "RENDER_FAILED": "The stored query could not run at all. It can be run again.",
    },
)

WebhookHealthEnum = WebhookHealth
describe_enum(
    WebhookHealth,
    "WebhookHealthEnum",
    "Whether a webhook works, the gravest first.",
    {
        "DELETED": "It was deleted, and is sent nothing any more.",
        "DISABLED_BY_TELLGRAPH": "Tellgraph disabled it, because its endpoint is gone or failed for days. Mend the"
        " endpoint, then enable it with `webhookUpdate`.",
        "DISABLED": "A person disabled it. `webhookUpdate` enables it.",
        "BROKEN": "Its query, its triggers or its filter do not fit the schema any more. Change them with"
        " `webhookUpdate`.",
        "FAILING": "No delivery has succeeded since an attempt failed. Mend the endpoint, then `webhookResume`.",
        "CATCHING_UP": "It is enabled again, and is being sent what it missed.",
        "PAUSED": "Its endpoint has asked for a pause, and deliveries succeed otherwise. `webhookResume` ends the"
        " pause.",
        "OK": "Nothing is known against it.",
    },
)

WebhookSignatureSchemeEnum = SignatureScheme
describe_enum(
    SignatureScheme,
    "WebhookSignatureSchemeEnum",
    "The signature scheme of a delivery, as in Standard Webhooks.",
    {
        "HMAC": "`v1`: HMAC-SHA256 under a secret that you share with Tellgraph. Every delivery has it.",
        "ED25519": "`v1a`, beside `v1`: Ed25519; whoever has the public key can verify, and only Tellgraph can sign.",
    },
)

WebhookRunStateEnum = WebhookRunState
describe_enum(
    WebhookRunState,
    "WebhookRunStateEnum",
    "The state of a backfill, or of a replay of many events.",
    {
        "RUNNING": "It is running; a backfill waits while its webhook is disabled.",
        "DONE": "Everything has been handled.",
        "CANCELLED": "Cancelled by hand, or because its webhook was deleted. Events that it had made stay.",
        "FAILED": "It could not continue. Events that it had made stay.",
    },
)

OperationalEventKindEnum = OperationalEventKind
describe_enum(
    OperationalEventKind,
    "OperationalEventKindEnum",
    "The kind of an operational event.",
    {
        "DISABLED": "It was disabled, by Tellgraph or by hand: its events are held.",
        "FAILING": "No delivery has succeeded for a while, 10 minutes unless the operator has set another time."
        " Reported once, until one succeeds.",
        "EXHAUSTED": "One of its events has used up its retries. It can be replayed.",
        "RECOVERED": "A delivery has succeeded again, after FAILING or after Tellgraph had disabled the webhook.",
        "PUBLISH_FAILED": "A change could not be published and was set aside: it is sent to no webhook until"
        " `changeEventsRetry`. It belongs to no webhook and is for the operator only.",
    },
)

WebhookChangeVerdictEnum = ChangeVerdict
describe_enum(
    ChangeVerdict,
    "WebhookChangeVerdictEnum",
    "The outcome of a recorded change for one webhook.",
    {
        "MADE": "A webhook event reports it. The event may have been skipped: see its state.",
        "WAITING": "No worker has published it yet.",
        "SET_ASIDE": "It could not be published; the operator has to retry it.",
        "NOT_VISIBLE": "The webhook's owner does not see the entity, or did not when it changed.",
        "BEFORE_WEBHOOK": "It was published before the webhook was registered.",
        "UNDONE": "The entity was created and destroyed before anything was published of it.",
        "NOT_ASKED_FOR": "The webhook's `eventNames` leave its kind out.",
        "NOT_WATCHED": "Nothing that the query reads has changed.",
        "NOT_TRIGGERED": "Nothing that the triggers name has changed.",
        "DISABLED": "The webhook is disabled, or catches up after that: then it is sent the present state.",
        "UNKNOWN": "No record tells.",
    },
)

WebhookTypesLanguageEnum = TypesLanguage
describe_enum(
    TypesLanguage,
    "WebhookTypesLanguageEnum",
    "The language of a body's types.",
    {"TYPESCRIPT": "Interfaces.", "PYTHON": "Pydantic models."},
)

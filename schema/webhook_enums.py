"""GraphQL enums over the words of webhooks' signatures, runs, operational events and explanations."""

from app.webhooks.domain.operational_event import OperationalEventKind
from app.webhooks.domain.secret_ring import SignatureScheme
from app.webhooks.domain.webhook_run import WebhookRunState
from schema.enums import _enum as described
from schema.stored.explain import ChangeVerdict

WebhookSignatureSchemeEnum = SignatureScheme
described(
    SignatureScheme,
    "WebhookSignatureSchemeEnum",
    "How a delivery is signed, as Standard Webhooks says.",
    {
        "HMAC": "`v1`: HMAC-SHA256 under a secret that you share with Tellgraph. Every delivery has it.",
        "ED25519": "`v1a`, beside `v1`: Ed25519; whoever has the public key can verify, and only Tellgraph can sign.",
    },
)

WebhookRunStateEnum = WebhookRunState
described(
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
described(
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
described(
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

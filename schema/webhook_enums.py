"""GraphQL enums over the words of webhooks' signatures and runs."""

from app.domain.secret_ring import SignatureScheme
from app.domain.webhook_run import WebhookRunState
from schema.enums import _enum as described

WebhookSignatureSchemeEnum = SignatureScheme
described(
    SignatureScheme,
    "WebhookSignatureSchemeEnum",
    "How a delivery is signed, as Standard Webhooks says.",
    {
        "HMAC": "`v1`: HMAC-SHA256 under a secret that you share with Tellgraph.",
        "ED25519": "`v1a`: Ed25519; whoever has the public key can verify, and only Tellgraph can sign.",
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

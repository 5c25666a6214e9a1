"""A delivery is signed by the secrets that are current: v1 always, v1a beside it, and no expired secret."""

from datetime import timedelta

import asyncpg
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from app.kernel import clock
from app.webhooks.db.deliveries import DueEvent
from app.webhooks.domain.signing.secret_ring import SigningSecret, stored_form
from app.webhooks.domain.signing.signing_key import generate_private_key
from app.webhooks.domain.signing.signing_secret import generate_secret
from tests.builders.deliveries import create_due_events, create_subscription
from tests.support.platform import settings_for
from tests.workers.deliver.test_deliver import claim
from workers.deliver.request import PreparedRequest, prepare

URL = "http://127.0.0.1:9/"


async def due_with(conn: asyncpg.Connection, *ring: SigningSecret) -> DueEvent:
    """Make a claimed event of a webhook with these secrets."""
    await create_due_events(conn, await create_subscription(conn, URL, secrets=stored_form(ring)))
    (due,) = await claim(conn)
    return due


def is_signed_by(secret: str, prepared: PreparedRequest) -> bool:
    try:
        Verifier(secret).verify(prepared.body, dict(prepared.headers))
    except WebhookVerificationError:
        return False
    return True


async def test_a_rotated_out_secret_signs_to_the_end_of_its_overlap_and_no_longer(
    conn: asyncpg.Connection, database_url: str
) -> None:
    # Whoever verifies compares with the time of day.
    now = clock.now()
    new, old, settings = generate_secret(), generate_secret(), settings_for(database_url)
    overlap = SigningSecret(text=old, expires_at=now + timedelta(seconds=60))
    due = await due_with(conn, SigningSecret(text=new), overlap)

    during, after = [prepare(due, settings, now=now + timedelta(seconds=passed)) for passed in (59, 60)]

    assert [is_signed_by(secret, during) for secret in (new, old)] == [True, True]
    assert [is_signed_by(secret, after) for secret in (new, old)] == [True, False]


async def test_each_attempt_is_signed_anew_over_the_same_bytes(conn: asyncpg.Connection, database_url: str) -> None:
    secret, settings, now = generate_secret(), settings_for(database_url), clock.now()
    due = await due_with(conn, SigningSecret(text=secret), SigningSecret(text=generate_private_key()))

    first, again = [prepare(due, settings, now=now + timedelta(seconds=passed)) for passed in (0, 5)]

    assert first.body == again.body
    one, other = [dict(prepared.headers) for prepared in (first, again)]
    versions = [signature.partition(",")[0] for signature in other["webhook-signature"].split()]
    assert versions == ["v1", "v1a"]
    assert one["webhook-id"] == other["webhook-id"]
    assert int(other["webhook-timestamp"]) - int(one["webhook-timestamp"]) == 5
    assert one["webhook-signature"] != other["webhook-signature"]
    assert is_signed_by(secret, again)

"""Subscribers' JavaScript libraries verify what we sign."""

import json
import subprocess
import time

import pytest

from app.webhooks.domain.signing.signatures import delivery_headers
from app.webhooks.domain.signing.signing_key import generate_private_key, private_key
from app.webhooks.domain.signing.signing_secret import generate_secret, secret_key
from tests.clients import CLIENTS, needs_node_packages

BODY = '{"id":"abc","größe":1}'


def headers_of(*secrets: str) -> dict[str, str]:
    return dict(
        delivery_headers(
            event_id="abc",
            timestamp=int(time.time()),
            body=BODY.encode(),
            keys=[secret_key(secret) for secret in secrets],
            private_keys=[private_key(generate_private_key())],
            user_agent="Tellgraph/1",
            sequence=1,
            attempt=1,
            digest="ab12",
            traceparent=None,
        )
    )


def verified(library: str, secret: str, headers: dict[str, str], body: str) -> tuple[int, str]:
    done = subprocess.run(
        ["node", "verify_webhook.mjs"],
        cwd=CLIENTS,
        input=json.dumps({"library": library, "secret": secret, "headers": headers, "body": body}),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout.strip() or done.stderr


@needs_node_packages
@pytest.mark.parametrize("library", ["standardwebhooks", "svix"])
def test_both_secrets_of_a_rotation_verify_and_no_other(library: str) -> None:
    old, new = generate_secret(), generate_secret()
    headers = headers_of(new, old)

    answers = [verified(library, secret, headers, BODY) for secret in (old, new)]
    forged = verified(library, generate_secret(), headers, BODY)
    altered = verified(library, new, headers, BODY.replace("1", "2"))

    assert answers == [(0, BODY)] * 2
    assert forged == altered == (1, "No matching signature found")

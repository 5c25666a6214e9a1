"""Deliveries as they arrive at a subscriber, and the check of their signatures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.errors import InvalidInput
from app.kernel import clock
from app.kernel.parsed_json import ParsedJson
from app.webhooks.domain.signing.signatures import BadSignature, verify
from app.webhooks.domain.signing.signing_key import PUBLIC_PREFIX, verifying_key
from app.webhooks.domain.signing.signing_secret import check_secret, secret_key


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyingKeys:
    """The keys for `v1` and `v1a` signatures. Without keys, signatures are not checked."""

    shared: tuple[bytes, ...] = ()
    public: tuple[Ed25519PublicKey, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.shared or self.public)


class Signature(StrEnum):
    """The result of checking a signature."""

    VERIFIED = "verified"
    BAD = "BAD"
    NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One POST as it arrived, with header names in lower case.

    Attributes:
        received_s: `time.perf_counter()` when it was read.
        problem: Why the signature is BAD; None otherwise.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    received_s: float
    signature: Signature
    problem: str | None = None

    @property
    def json(self) -> ParsedJson:
        """The body as JSON; None if it is not JSON."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            return None


def verifying_keys(secrets: Sequence[str]) -> VerifyingKeys:
    """Read signing secrets (`whsec_`) and public keys (`whpk_`). Raise InvalidInput for any other text."""
    public = [text for text in secrets if text.startswith(PUBLIC_PREFIX)]
    shared = [text for text in secrets if text not in public]
    for secret in shared:
        if problems := check_secret(secret):
            raise InvalidInput(f"The signing secret {'; '.join(problems)}.")
    try:
        decoded = tuple(verifying_key(text) for text in public)
    except ValueError as error:
        raise InvalidInput(f"The public key is none: {error}.") from error
    return VerifyingKeys(shared=tuple(secret_key(secret) for secret in shared), public=decoded)


def check_signature(keys: VerifyingKeys, headers: Mapping[str, str], body: bytes) -> tuple[Signature, str | None]:
    """Return the result of checking a signature, and why it is BAD; None otherwise."""
    if not keys:
        return Signature.NOT_CHECKED, None
    try:
        verify(keys.shared, headers, body, now=int(clock.now().timestamp()), public_keys=keys.public)
    except BadSignature as error:
        return Signature.BAD, str(error)
    return Signature.VERIFIED, None

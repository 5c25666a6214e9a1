"""The signing secrets of a webhook: the current one of each scheme, and rotated ones that still sign. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from app.kernel.parsed_json import ParsedJson
from app.webhooks.domain.signing.signing_key import PRIVATE_PREFIX

DEFAULT_OVERLAP_S: Final = 24 * 3600
MAX_OVERLAP_S: Final = 30 * 24 * 3600
#: Each adds a signature to every POST.
MAX_PER_SCHEME: Final = 5


class SignatureScheme(StrEnum):
    """A way to sign deliveries; stored by value."""

    HMAC = "HMAC"
    """`v1`: HMAC-SHA256 under a secret that both sides know."""
    ED25519 = "ED25519"
    """`v1a`: Ed25519 under a private key; the subscriber knows the public one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningSecret:
    """A secret or private key.

    Attributes:
        text: `whsec_…` or `whsk_…`.
        expires_at: When it ceases to sign; None: it is the current one.
    """

    text: str
    expires_at: datetime | None = None

    @property
    def scheme(self) -> SignatureScheme:
        return SignatureScheme.ED25519 if self.text.startswith(PRIVATE_PREFIX) else SignatureScheme.HMAC


Ring = tuple[SigningSecret, ...]
"""A webhook's secrets, newest first."""


def ring_of(stored: Sequence[ParsedJson]) -> Ring:
    """Read the form that `stored_form` made. A bare text, as older releases stored it, is a current secret."""
    return tuple(
        SigningSecret(text=one)
        if isinstance(one, str)
        else SigningSecret(
            text=one["secret"],
            expires_at=None if one["expires_at"] is None else datetime.fromisoformat(one["expires_at"]),
        )
        for one in stored
    )


def stored_form(ring: Ring) -> list[dict[str, str | None]]:
    """Convert a ring to JSON values."""
    return [
        {"secret": one.text, "expires_at": None if one.expires_at is None else one.expires_at.isoformat()}
        for one in ring
    ]


def live(ring: Ring, now: datetime) -> Ring:
    """Return the secrets that sign now."""
    return tuple(one for one in ring if one.expires_at is None or one.expires_at > now)


def rotated(ring: Ring, fresh: Iterable[str], *, now: datetime, overlap_s: int) -> Ring:
    """Replace the current secrets of some schemes by new ones. The old ones go on signing for the overlap."""
    added = tuple(SigningSecret(text=text) for text in fresh)
    schemes = {one.scheme for one in added}
    ends_at = now + timedelta(seconds=overlap_s)
    kept = (
        replace(one, expires_at=ends_at) if one.expires_at is None and one.scheme in schemes else one for one in ring
    )
    return live((*added, *kept), now)


def current(ring: Ring, scheme: SignatureScheme) -> SigningSecret | None:
    """Return the current secret of a scheme; None when the webhook doesn't sign by it."""
    return next((one for one in ring if one.scheme is scheme and one.expires_at is None), None)


def next_expiry(ring: Ring) -> datetime | None:
    """Return when the next secret ceases to sign; None when none does."""
    return min((one.expires_at for one in ring if one.expires_at is not None), default=None)

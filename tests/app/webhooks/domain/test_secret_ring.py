"""Each secret signs for its time."""

from datetime import UTC, datetime, timedelta

from app.webhooks.domain.signing.secret_ring import (
    SignatureScheme,
    SigningSecret,
    current,
    live,
    next_expiry,
    ring_of,
    rotated,
    stored_form,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
OLD, NEW, KEY = "whsec_old", "whsec_new", "whsk_key"


def test_both_stored_forms_are_read_and_one_is_written() -> None:
    ring = ring_of([NEW, {"secret": OLD, "expires_at": "2026-01-01T01:00:00+00:00"}])

    assert ring == (SigningSecret(text=NEW), SigningSecret(text=OLD, expires_at=NOW + HOUR))
    assert stored_form(ring) == [
        {"secret": NEW, "expires_at": None},
        {"secret": OLD, "expires_at": "2026-01-01T01:00:00+00:00"},
    ]
    assert ring_of(stored_form(ring)) == ring


def test_a_rotated_out_secret_signs_until_the_overlap_is_over() -> None:
    ring = rotated(ring_of([OLD]), [NEW], now=NOW, overlap_s=3600)

    assert [one.text for one in live(ring, NOW + HOUR - timedelta(seconds=1))] == [NEW, OLD]
    assert [one.text for one in live(ring, NOW + HOUR)] == [NEW]
    assert next_expiry(ring) == NOW + HOUR
    assert next_expiry(live(ring, NOW + HOUR)) is None


def test_no_overlap_drops_the_old_one_at_once() -> None:
    assert rotated(ring_of([OLD]), [NEW], now=NOW, overlap_s=0) == (SigningSecret(text=NEW),)


def test_only_the_schemes_that_get_a_new_secret_are_rotated() -> None:
    ring = rotated(ring_of([OLD, KEY]), [NEW], now=NOW, overlap_s=60)

    assert [(one.text, one.expires_at is None) for one in ring] == [(NEW, True), (OLD, False), (KEY, True)]
    assert current(ring, SignatureScheme.ED25519) == SigningSecret(text=KEY)
    assert current(ring, SignatureScheme.HMAC) == SigningSecret(text=NEW)


def test_a_second_rotation_does_not_prolong_the_first_overlap() -> None:
    once = rotated(ring_of([OLD]), [NEW], now=NOW, overlap_s=60)

    twice = rotated(once, ["whsec_newest"], now=NOW + timedelta(seconds=30), overlap_s=3600)

    assert [one.text for one in live(twice, NOW + timedelta(seconds=59))] == ["whsec_newest", NEW, OLD]
    assert [one.text for one in live(twice, NOW + timedelta(seconds=60))] == ["whsec_newest", NEW]

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.webhooks.domain.signing.signing_key import generate_private_key, private_key, public_key


def test_a_pair_signs_and_verifies() -> None:
    private = generate_private_key()

    raw = base64.b64decode(public_key(private).removeprefix("whpk_"))
    verifier = Ed25519PublicKey.from_public_bytes(raw)
    signature = private_key(private).sign(b"content")

    assert (len(raw), private[:5], public_key(private)[:5]) == (32, "whsk_", "whpk_")
    verifier.verify(signature, b"content")
    with pytest.raises(InvalidSignature):
        verifier.verify(signature, b"contents")
    assert generate_private_key() != private


def test_a_private_key_is_its_seed_and_its_public_half() -> None:
    # Source: RFC 8032, 7.1, TEST 1.
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    public = bytes.fromhex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    text = "whsk_" + base64.b64encode(seed + public).decode()

    assert public_key(text) == "whpk_" + base64.b64encode(public).decode()
    assert private_key(text).sign(b"").hex().startswith("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065")


@pytest.mark.parametrize("text", ["", "whsk_", "whsk_***", "whsk_QUJD", "whsk_ü", "whpk_" + "A" * 86 + "=="])
def test_what_is_no_private_key_is_refused_and_not_quoted(text: str) -> None:
    with pytest.raises(ValueError, match="a private signing key") as caught:
        private_key(text)

    assert text[5:] == "" or text[5:] not in str(caught.value)

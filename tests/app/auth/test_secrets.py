import base64

import pytest

from app.auth.secrets import SecretBox
from app.errors import InvalidInput

OLD, NEW, OTHER = (base64.b64encode(bytes([n]) * 32).decode() for n in (1, 2, 3))


def test_previous_keys_open_and_the_current_one_seals() -> None:
    sealed = SecretBox(OLD).seal({"a": 1}, purpose="p", row=1)
    box = SecretBox(NEW, [OTHER, OLD])

    reseal = box.reseal(sealed, purpose="p", row=1)

    assert box.open(sealed, purpose="p", row=1) == {"a": 1}
    assert reseal is not None
    assert SecretBox(NEW).open(reseal, purpose="p", row=1) == {"a": 1}
    assert box.reseal(reseal, purpose="p", row=1) is None


@pytest.mark.parametrize("box", [SecretBox(NEW), SecretBox(NEW, [OTHER])])
def test_what_no_key_opens_is_refused(box: SecretBox) -> None:
    sealed = SecretBox(OLD).seal("x", purpose="p", row=1)

    for attempt in (box.open, box.reseal):
        with pytest.raises(InvalidInput) as caught:
            attempt(sealed, purpose="p", row=1)
        assert caught.value.code == "WRONG_SECRET_KEY"


def test_purpose_row_and_bytes_must_be_those_of_sealing() -> None:
    box = SecretBox(OLD, [NEW])
    sealed = box.seal("x", purpose="p", row=1)

    for wrong, purpose, row in (
        (sealed, "q", 1),
        (sealed, "p", 2),
        (sealed[:-1] + b"\0", "p", 1),
        (b"\2" + sealed[1:], "p", 1),
        (b"", "p", 1),
        (b"\1", "p", 1),
    ):
        with pytest.raises(InvalidInput):
            box.open(wrong, purpose=purpose, row=row)


def test_a_previous_key_that_is_none_is_named_as_such() -> None:
    with pytest.raises(InvalidInput) as caught:
        SecretBox(OLD, ["x"])

    assert caught.value.code == "NO_SECRET_KEY"

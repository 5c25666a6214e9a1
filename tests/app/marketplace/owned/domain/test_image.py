import pytest

from app.errors import InvalidInput
from app.marketplace.owned.domain.image import MAX_SIDE, sized_url


def test_size_is_added_to_what_the_address_has() -> None:
    url = "https://images.example/a%20b.jpg?v=&q=1#top"

    assert sized_url(url, None, None) == url
    assert sized_url(url, 80, None) == "https://images.example/a%20b.jpg?v=&q=1&width=80#top"


@pytest.mark.parametrize("side", [0, -1, MAX_SIDE + 1])
def test_impossible_size_is_refused(side: int) -> None:
    with pytest.raises(InvalidInput) as refused:
        sized_url("https://images.example/a.jpg", 1, side)

    assert refused.value.fields == {"height": [f"must be from 1 to {MAX_SIDE}"]}

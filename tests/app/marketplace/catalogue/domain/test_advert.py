import pytest

from app.marketplace.catalogue.domain.advert import description_html, full_title


def test_full_title_has_the_code_where_there_is_one() -> None:
    assert full_title("Kettle", "K-1") == "Kettle (K-1)"
    assert full_title("Kettle", None) == "Kettle"
    assert full_title("Kettle", "") == "Kettle"


@pytest.mark.parametrize(
    ("text", "html"),
    [
        (None, None),
        ("", ""),
        ("One", "<p>One</p>"),
        ("One\r\ntwo\r\n\r\nThree", "<p>One<br>two</p><p>Three</p>"),
        ('<script>"&', "<p>&lt;script&gt;&quot;&amp;</p>"),
    ],
)
def test_description_becomes_escaped_paragraphs(text: str | None, html: str | None) -> None:
    assert description_html(text) == html

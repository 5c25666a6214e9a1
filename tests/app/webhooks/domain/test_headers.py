import pytest

from app.webhooks.domain.headers import check_headers, mask

FOREIGN = "is set by Tellgraph or by the connection itself; use another name"
NO_NAME = "is not a header name: use letters, digits and hyphens"
NO_VALUE = "may contain only visible ASCII characters, spaces and tabs"
BLANKS = "must not begin or end with a blank"


def test_ordinary_headers_are_fine() -> None:
    headers = {
        "Authorization": "Bearer abc.def",
        "X-Api-Key": "k",
        "Cookie": "a=b; c=d",
        "X-Empty": "",
        "X-Tab": "a\tb c",
        "!#$%&'*+.^_`|~": "odd but a token",
    }

    assert check_headers(headers) == {}


@pytest.mark.parametrize(
    "name",
    [
        "Accept",
        "accept-encoding",
        "Connection",
        "Content-Encoding",
        "Content-Length",
        "CONTENT-TYPE",
        "Expect",
        "Host",
        "HTTP2-Settings",
        "Idempotency-Key",
        "Keep-Alive",
        "Proxy-Authorization",
        "Proxy-Connection",
        "TE",
        "Trailer",
        "Transfer-Encoding",
        "Upgrade",
        "User-Agent",
        "svix-id",
        "tellgraph-anything",
        "traceparent",
        "tracestate",
        "Webhook-Id",
        "webhook-signature",
        "webhook-timestamp",
    ],
)
def test_reserved_name_is_refused_in_any_case(name: str) -> None:
    for spelling in (name, name.lower(), name.upper()):
        assert check_headers({spelling: "1"}) == {spelling: [FOREIGN]}


@pytest.mark.parametrize("name", ["", " ", "a b", "a:", "a\r\nb", "a\0", "ü", "a/b", "a(b)", '"a"', "a\n"])
def test_name_that_is_no_token_is_refused(name: str) -> None:
    assert check_headers({name: "1"}) == {name: [NO_NAME]}


@pytest.mark.parametrize(
    ("value", "messages"),
    [
        ("a\r\nX-Evil: 1", [NO_VALUE]),
        ("a\nb", [NO_VALUE]),
        ("a\n", [NO_VALUE]),
        ("a\0", [NO_VALUE]),
        ("a\x7f", [NO_VALUE]),
        ("ü", [NO_VALUE]),
        (" a", [BLANKS]),
        ("a ", [BLANKS]),
        ("\ta", [BLANKS]),
        (" ü", [NO_VALUE, BLANKS]),
        ("x" * 4097, ["has 4097 characters; at most 4096 are allowed"]),
        (1, ["must be a string"]),
        (None, ["must be a string"]),
        (["a"], ["must be a string"]),
    ],
)
def test_value_that_cannot_be_sent_is_refused(value: object, messages: list[str]) -> None:
    assert check_headers({"X-A": value, "X-Good": "1"}) == {"X-A": messages}


def test_names_that_differ_by_case_alone_are_refused() -> None:
    problems = check_headers({"X-A": "1", "x-a": "2", "X-B": "3"})

    assert problems == {"x-a": ["is given more than once: case does not tell names apart"]}


def test_number_and_size_are_limited() -> None:
    thirty = {f"X-{number:02}": "1" for number in range(30)}
    # 4 names of 4 characters and values that fill 16 KiB to the last byte.
    full = {f"X-0{number}": "x" * 4092 for number in range(4)}

    assert check_headers(thirty) == {}
    assert check_headers({**thirty, "X-30": "1"}) == {"": ["there are 31 headers; at most 30 are allowed"]}
    assert check_headers(full) == {}
    assert check_headers({**full, "X": ""}) == {
        "": ["names and values have 16385 characters; at most 16384 are allowed"]
    }
    assert check_headers({"X" * 257: "1"}) == {"X" * 257: ["has a name of 257 characters; at most 256 are allowed"]}


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("", "••••••••"),
        ("short", "••••••••"),
        ("fifteen chars..", "••••••••"),
        ("Bearer 0123456789", "••••••••6789"),
    ],
)
def test_masked_value_shows_little_and_not_its_length(value: str, masked: str) -> None:
    assert mask(value) == masked

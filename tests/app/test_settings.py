import pytest
from pydantic import ValidationError

from app.settings import Settings


def servers(text: str) -> tuple[str, ...]:
    return Settings(name_servers=text).name_servers  # type: ignore[arg-type]  # split by the field's validator


def test_name_servers_are_addresses_with_or_without_a_port() -> None:
    text = "10.0.0.53, 127.0.0.1:5353,fd00::53,[fd00::53],[::1]:5353"

    assert servers(text) == ("10.0.0.53", "127.0.0.1:5353", "fd00::53", "[fd00::53]", "[::1]:5353")
    assert servers("") == ()


@pytest.mark.parametrize(
    "text",
    ["dns.example.com", "10.0.0", "10.0.0.53:", "10.0.0.53:0", "10.0.0.53:65536", "[fd00::53", "[10.0.0.53:53", "a:53"],
)
def test_what_is_no_address_is_no_name_server(text: str) -> None:
    with pytest.raises(ValidationError, match="is not an address, with a port or without"):
        servers(f"10.0.0.53,{text}")

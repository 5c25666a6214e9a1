from pathlib import Path

import pytest
from pydantic import ValidationError

from app.errors import TellgraphError
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


def test_every_setting_can_be_in_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "database_url": "postgresql://tellgraph:a%20b@postgres/tellgraph",
        "redis_url": "rediss://:secret@redis:6379/0",
        "secret_key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        "port": "8123",
        "egress_allow": "10.0.0.0/8,fd00::/8",
    }
    for name, value in values.items():
        # As an editor and `openssl rand` leave it.
        (tmp_path / name).write_text(f"{value}\n", "utf-8")
        monkeypatch.setenv(f"TELLGRAPH_{name.upper()}_FILE", str(tmp_path / name))

    settings = Settings()

    assert (settings.database_url, settings.redis_url) == (values["database_url"], values["redis_url"])
    assert (settings.secret_key, settings.port) == (values["secret_key"], 8123)
    assert [str(network) for network in settings.egress_allow] == ["10.0.0.0/8", "fd00::/8"]


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "can't be read: No such file or directory."), (b" \n", "is empty."), (b"\xff", "it is not UTF-8.")],
)
def test_file_of_a_setting_that_is_missing_or_empty_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, problem: str
) -> None:
    path = tmp_path / "key"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setenv("TELLGRAPH_SECRET_KEY_FILE", str(path))

    with pytest.raises(TellgraphError) as refusal:
        Settings()

    assert refusal.value.message.startswith(f"TELLGRAPH_SECRET_KEY_FILE: {path} ")
    assert refusal.value.message.endswith(problem)


def test_setting_is_given_by_its_variable_or_by_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TELLGRAPH_PORT", "8001")
    monkeypatch.setenv("TELLGRAPH_PORT_FILE", str(tmp_path / "port"))

    with pytest.raises(TellgraphError, match="TELLGRAPH_PORT and TELLGRAPH_PORT_FILE are both set: set one of them"):
        Settings()

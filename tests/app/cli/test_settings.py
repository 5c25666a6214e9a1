"""A wrong setting is one line that names its variable and what it may be, before anything starts."""

import os
import sys
from pathlib import Path

import pytest

from app.cli.main import main
from app.cli.settings import settings_problems, unknown_variables
from app.settings import Settings
from tests.support.platform import SECRET_KEY

KEY_FORM = "must be base64 of 32 random bytes, as `openssl rand -base64 32` makes them"


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> None:
    for name in [name for name in os.environ if name.startswith("TELLGRAPH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TELLGRAPH_DATA_DIR", str(data_dir))


def problems(monkeypatch: pytest.MonkeyPatch, **variables: str) -> list[str]:
    """The lines about these settings, without the prefix of their variables."""
    for name, value in variables.items():
        monkeypatch.setenv(f"TELLGRAPH_{name}", value)
    return [line.removeprefix("TELLGRAPH_") for line in settings_problems(os.environ)]


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("PORT", "abc", "'abc' is not a whole number from 0 to 65535."),
        ("LOG_LEVEL", "loud", "'loud' is not one of debug, info, warning, error."),
        ("LOG_FORMAT", "pretty", "'pretty' is not one of auto, json, console."),
        ("RETENTION_DAYS", "-1", "'-1' is not a whole number from 0 to 3650."),
        ("MAX_COST", "1", "'1' is not a whole number of at least 100."),
        ("IDLE_POLL_S", "9", "'9' is not a number above 0 and at most 5."),
        ("ALLOW_HTTP", "maybe", "'maybe' is not true or false."),
        ("EGRESS_ALLOW", "10.0.0.0/8,localhost", "'localhost' is not a network such as 10.0.0.0/8 or fd00::/8."),
        ("NAME_SERVERS", "dns.example.com", "'dns.example.com' is not an address, with a port or without."),
        (
            "PORT",
            "tcp://10.0.0.1:8000",
            "'tcp://10.0.0.1:8000' is not a whole number from 0 to 65535."
            " Kubernetes sets it for a service named tellgraph: give the pod `enableServiceLinks: false`.",
        ),
        ("PORT", "9" * 1000, f"'{'9' * 60}…' is not a whole number from 0 to 65535."),
    ],
)
def test_a_wrong_value_is_shown_beside_what_it_may_be(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    assert problems(monkeypatch, **{name: value}) == [f"{name}: {line}"]


@pytest.mark.parametrize(
    ("variables", "lines"),
    [
        ({"SECRET_KEY": "!"}, [f"SECRET_KEY {KEY_FORM}; it is not base64."]),
        ({"SECRET_KEY": "c2hvcnQ="}, [f"SECRET_KEY {KEY_FORM}; it has 5 bytes."]),
        (
            {"SECRET_KEY_PREVIOUS": f"{SECRET_KEY},c2hvcnQ="},
            [f"SECRET_KEY_PREVIOUS {KEY_FORM}; it has 5 bytes."],
        ),
        (
            {"DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h"},
            [f"SECRET_KEY is missing: with TELLGRAPH_DATABASE_URL it {KEY_FORM}."],
        ),
        (
            {"DATABASE_URL": "mysql://me:geheim@h/d", "REDIS_URL": "http://h", "SECRET_KEY": SECRET_KEY},
            [
                "DATABASE_URL must begin with postgresql:// or postgres://.",
                "REDIS_URL must begin with redis:// or rediss:// or unix://.",
            ],
        ),
        (
            {"DATABASE_URL": "postgres://h/d", "REDIS_URL": "redis://:geheim@h:6379/shop", "SECRET_KEY": SECRET_KEY},
            ["REDIS_URL must have the form redis://user:password@host:6379/0, its last part the database's number."],
        ),
        (
            {"REDIS_URL": "redis://h"},
            ["DATABASE_URL is missing: TELLGRAPH_REDIS_URL is set, and they are set together or not at all."],
        ),
    ],
)
def test_secrets_and_urls_are_told_by_their_form_and_never_shown(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], lines: list[str]
) -> None:
    assert problems(monkeypatch, **variables) == lines


@pytest.mark.parametrize(
    "url",
    [
        *("redis://h", "redis://h:6379", "redis://h:6379/", "redis://me:secret@h:6379/15", "redis://:s%2Fc@[::1]:1/0"),
        *("rediss://h:6379/0?ssl_ca_certs=/ca.pem", "rediss://h?ssl_cert_reqs=none", "unix:///run/redis.sock?db=3"),
    ],
)
def test_redis_is_named_by_its_usual_urls(url: str) -> None:
    assert Settings(redis_url=url).redis_url == url


def test_settings_that_are_right_or_empty_have_no_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {"DATABASE_URL": "postgresql://h/d", "REDIS_URL": "redis://h", "SECRET_KEY": SECRET_KEY}

    assert problems(monkeypatch) == []
    assert problems(monkeypatch, **given, PORT="", EGRESS_ALLOW="", METRICS_PORT="") == []


@pytest.mark.parametrize(
    "command",
    ["demo", "serve", "worker", "migrate", "seed", "check", "keys create --name me", "keys rotate-secrets"],
)
def test_every_command_tells_all_that_is_wrong_and_starts_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], data_dir: Path, command: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["tellgraph", *command.split()])
    for name, value in {"PORT": "abc", "LOG_LEVEL": "[red]", "DATABASE_URL": "postgresql://h/d"}.items():
        monkeypatch.setenv(f"TELLGRAPH_{name}", value)

    with pytest.raises(SystemExit) as ended:
        main()

    printed = capsys.readouterr()
    assert (ended.value.code, printed.out) == (2, "")
    assert [line.split()[1].rstrip(":") for line in printed.err.splitlines()] == [
        "TELLGRAPH_PORT",
        "TELLGRAPH_LOG_LEVEL",
        "TELLGRAPH_REDIS_URL",
        "TELLGRAPH_SECRET_KEY",
    ]
    assert "'[red]' is not one of" in printed.err
    assert not data_dir.exists()


def test_a_variable_that_is_no_setting_is_named_with_the_one_that_was_meant() -> None:
    given = {
        "TELLGRAPH_EGRESS_ALOW": "10.0.0.0/8",
        "TELLGRAPH_COLOUR": "blue",
        # An option's, those of the tests, and those that Kubernetes makes of a service named tellgraph.
        "TELLGRAPH_LISTEN_SECRET": "",
        "TELLGRAPH_TEST_TEMPLATE": "",
        "TELLGRAPH_SERVICE_HOST": "",
        "TELLGRAPH_PORT_8000_TCP": "",
        **{f"TELLGRAPH_{name.upper()}": "" for name in Settings.model_fields},
    }

    assert unknown_variables(given) == [
        "TELLGRAPH_COLOUR is no setting, and is not read.",
        "TELLGRAPH_EGRESS_ALOW is no setting, and is not read. Did you mean TELLGRAPH_EGRESS_ALLOW?",
    ]


def test_an_unknown_variable_is_a_warning_of_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["tellgraph", "migrate"])
    monkeypatch.setenv("TELLGRAPH_DATABSE_URL", "postgresql://h/d")
    monkeypatch.setenv("TELLGRAPH_PORT", "abc")

    with pytest.raises(SystemExit):
        main()

    assert "TELLGRAPH_DATABSE_URL is no setting, and is not read. Did you mean TELLGRAPH_DATABASE_URL?\n" in (
        capsys.readouterr().err
    )

"""Settings, read once from the environment (`TELLGRAPH_…`). The table in app/docs/running.md lists them."""

import contextlib
import os
import re
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from app.auth.secret_key_form import secret_key_bytes
from app.errors import TellgraphError

Network = IPv4Network | IPv6Network
#: Scheme, host and perhaps port, as browsers send it: in lower case, without a path.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^/\s,:@?#*A-Z]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?")

_SCHEMES = {
    "database_url": ("postgresql://", "postgres://"),
    "redis_url": ("redis://", "rediss://", "unix://"),
}
_REDIS_URL = re.compile(
    r"rediss?://(?:[^@/?]*@)?(?:\[[0-9a-fA-F:.]+\]|[^:/?\[\]]*)(?::[0-9]{1,5})?(?:/[0-9]*)?(?:\?.*)?"
)

PREFIX = "TELLGRAPH_"
#: `TELLGRAPH_SECRET_KEY_FILE` names a file that holds the value of `TELLGRAPH_SECRET_KEY`, and so for every setting.
FILE_SUFFIX = "_FILE"


class Settings(BaseSettings):
    """All settings of an operator. They are frozen, so none changes while a process runs."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    database_url: str | None = Field(
        default=None,
        description="PostgreSQL 15 or newer, `postgresql://…`; several hosts of one cluster, separated by commas, "
        "for a failover. Absent: the embedded server.",
    )
    redis_url: str | None = Field(
        default=None, description="Redis or Valkey, `redis://…`. Absent: the embedded server."
    )
    data_dir: Path = Field(default=Path(".tellgraph"), description="Where the embedded servers keep their data.")
    secret_key: str | None = Field(
        default=None,
        description="Encrypts signing secrets and header values at rest: base64 of 32 bytes. "
        "Required with a database_url; the embedded servers make their own and keep it in data_dir.",
    )
    secret_key_previous: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        repr=False,
        description="Former values of the secret key, comma-separated. Data that they encrypted can still be read. "
        "See “Changing the secret key”.",
    )
    host: str = Field(default="127.0.0.1", description="Address that the API listens on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port that the API listens on; 0 picks a free one.")
    metrics_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port for `GET /metrics` in Prometheus' form, on API and worker processes. Absent: none.",
    )
    metrics_host: str = Field(
        default="127.0.0.1", description="Address of the metrics port. It requires no key, so keep it private."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="Lowest log level.")
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto",
        description="`json`: one JSON object a line. `console`: one readable line. `auto`: the latter on a terminal.",
    )
    introspection: bool = Field(
        default=True, description="Whether GraphQL introspection is answered, and errors suggest names of the schema."
    )
    compression: bool = Field(
        default=True, description="Whether answers from 1 KiB are compressed: by zstd, br or gzip, as the client likes."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Origins whose web pages may use the API, comma-separated, as in `https://shop.example`; `*` for "
        "all. They send an API key; there are no cookies.",
    )
    max_cost: int = Field(
        default=100_000,
        ge=100,
        description="Greatest static cost of one operation: the number of values that its answer may hold. A "
        "higher cost is refused.",
    )
    max_body_bytes: int = Field(default=1_000_000, ge=1_000, description="Largest request body that the API reads.")
    max_response_bytes: int = Field(
        default=10_485_760,
        ge=1_000,
        description="Largest answer of the API, 10 MiB. An operation with a larger answer is refused.",
    )
    max_payload_bytes: int = Field(
        default=1_048_576,
        ge=1_000,
        description="Largest body of one webhook event, 1 MiB. A larger one is not sent, and the event has the reason.",
    )
    max_webhooks_per_seller: int = Field(
        default=100,
        ge=0,
        description="Number of webhooks that a seller may have, whoever registered them. Deleted ones do not count.",
    )
    rate_bucket: int = Field(
        default=50_000_000,
        ge=0,
        description="Cost points that each API key can spend at once, over all processes. 0: no limit. "
        "See “Limits on clients”.",
    )
    rate_refill: int = Field(
        default=1_000_000, ge=1, description="Cost points per second by which the bucket of an API key refills."
    )
    rate_concurrent: int = Field(
        default=5, ge=1, le=200, description="Operations of one API key that run at once in each process; others wait."
    )
    rate_wait_s: float = Field(
        default=30, gt=0, le=300, description="Seconds that an operation waits for its turn before it is refused."
    )
    max_connections: int = Field(
        default=800, ge=1, description="Connections of clients to each process. Above it, waiting ones are ended."
    )
    request_timeout_s: float = Field(
        default=10,
        gt=0,
        le=300,
        description="Seconds that a client has to send the head of a request, and again for its body.",
    )
    idle_timeout_s: int = Field(
        default=5, ge=1, le=3600, description="Seconds that a connection stays open between two requests."
    )
    streams_per_key: int = Field(default=200, ge=1, description="Subscriptions of one API key in each process.")
    max_streams: int = Field(default=5_000, ge=1, description="Subscriptions that a process may have open altogether.")
    database_pool_size: int = Field(default=10, ge=2, le=200, description="Connections per process to PostgreSQL.")
    database_timeout_s: float = Field(
        default=60,
        ge=1,
        le=3600,
        description="Seconds after which an unanswered statement is given up, with its connection. After the "
        "same time, PostgreSQL ends a transaction whose process is silent.",
    )
    allow_http: bool = Field(default=False, description="Whether an endpoint may be http:// instead of https://.")
    egress_allow: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(),
        description="Networks (CIDR, comma-separated) that the operator's webhooks may reach although they are not "
        "public. The rules for https and for names do not apply to them: see “Networks that webhooks may reach”.",
    )
    egress_allow_sellers: Annotated[tuple[Network, ...], NoDecode] = Field(
        default=(),
        description="The same for sellers' webhooks. A seller can read the beginning of each answer.",
    )
    egress_ports_sellers: Annotated[tuple[int, ...], NoDecode] = Field(
        default=(80, 443, 8443),
        description="Ports of public hosts that sellers' webhooks may name, comma-separated. Empty: any.",
    )
    name_servers: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Name servers for the hosts of webhooks, instead of the system's. They are addresses "
        "with or without a port, comma-separated, as in `10.0.0.53,[fd00::53]:5353`.",
    )
    deliver_max_in_flight: int = Field(default=1000, ge=1, le=10_000, description="POSTs in flight per worker process.")
    deliver_lease_s: float = Field(
        default=60,
        gt=1,
        le=3600,
        description="Seconds after which another worker may take events that a worker has claimed and not recorded.",
    )
    publish_batch_size: int = Field(default=500, ge=1, le=5_000, description="Change events published per transaction.")
    retention_days: int = Field(
        default=30,
        ge=0,
        le=3650,
        description="Days for which ended webhook events are kept, with their attempts and payloads; 0 keeps them "
        "for ever. See “Retention”.",
    )
    failing_after_s: float = Field(
        default=600,
        gt=0,
        le=432_000,
        description="Seconds without a successful delivery after which a webhook is reported once as failing.",
    )
    abandon_orders_after_s: float = Field(
        default=86_400,
        ge=0,
        le=31_536_000,
        description="Seconds without a change after which an unpaid order is abandoned; 0: never.",
    )
    idle_poll_s: float = Field(
        default=0.25, gt=0, le=5, description="Seconds between looks at the tables when no doorbell rings."
    )
    shutdown_grace_s: float = Field(
        default=20, ge=0, le=300, description="Seconds that a stopping worker waits for POSTs in flight."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _Files(settings_cls)

    @field_validator(
        "cors_origins",
        "egress_allow",
        "egress_allow_sellers",
        "egress_ports_sellers",
        "name_servers",
        "secret_key_previous",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value

    @field_validator("cors_origins")
    @classmethod
    def _check_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if text != "*" and not _ORIGIN.fullmatch(text):
                raise ValueError(f"{text!r} is not an origin, as in https://shop.example or http://localhost:3000")
        return value

    @field_validator("database_url", "redis_url")
    @classmethod
    def _check_scheme(cls, value: str | None, info: ValidationInfo) -> str | None:
        schemes = _SCHEMES[str(info.field_name)]
        if value is not None and not value.startswith(schemes):
            raise ValueError(f"must begin with {' or '.join(schemes)}")
        if value is not None and value.startswith("redis") and not _REDIS_URL.fullmatch(value):
            raise ValueError(
                "must have the form redis://user:password@host:6379/0, its last part the database's number"
            )
        return value

    @field_validator("secret_key", "secret_key_previous")
    @classmethod
    def _check_secret_keys(cls, value: str | tuple[str, ...] | None) -> str | tuple[str, ...] | None:
        for key in (value,) if isinstance(value, str) else value or ():
            secret_key_bytes(key)
        return value

    @field_validator("name_servers")
    @classmethod
    def _check_name_servers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            if not _is_server(text):
                raise ValueError(f"{text!r} is not an address, with a port or without")
        return value


class _Files(PydanticBaseSettingsSource):
    """Read settings from the files that `TELLGRAPH_…_FILE` name, as secrets of Docker and Kubernetes are mounted.

    Raises:
        TellgraphError: The file can't be read or is empty, or the setting is given by its own variable as well.
    """

    def __call__(self) -> dict[str, str]:
        found = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in found.items() if value is not None}

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[str | None, str, bool]:
        name = f"{PREFIX}{field_name.upper()}"
        path = os.environ.get(f"{name}{FILE_SUFFIX}")
        return (_read(path, name) if path else None), field_name, False


def _read(path: str, name: str) -> str:
    if os.environ.get(name):
        raise TellgraphError(f"{name} and {name}{FILE_SUFFIX} are both set: set one of them.")
    try:
        value = Path(path).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise TellgraphError(f"{name}{FILE_SUFFIX}: {path} can't be read: {why}.") from error
    if not value:
        raise TellgraphError(f"{name}{FILE_SUFFIX}: {path} is empty.")
    return value


def _is_server(text: str) -> bool:
    match = re.fullmatch(r"\[([0-9a-fA-F:.]+)\](?::([0-9]{1,5}))?|([0-9.]+):([0-9]{1,5})", text)
    address, port = (match[1] or match[3], match[2] or match[4] or "53") if match else (text, "53")
    with contextlib.suppress(ValueError):
        return bool(ip_address(address)) and 1 <= int(port) <= 65535
    return False


@lru_cache(maxsize=1)
def get_settings() -> Settings:
    """Read the environment the first time. Return the same frozen object afterwards."""
    return Settings()

"""Run the demo's parts: API and worker as separate processes, the receiver as a thread of this process."""

import asyncio
import contextlib
import os
import queue
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from app.db.pool import create_database, transaction
from app.kernel.parsed_json import ParsedJson
from app.settings import FILE_SUFFIX, Settings
from app.tools.demo.children import Children, running_children
from app.tools.demo.progress import DemoError, Steps
from app.tools.demo.story import Api
from app.tools.embedded.processes import free_port, is_free
from app.tools.listening.deliveries import Delivery, Signature, verifying_keys
from app.tools.listening.receiver import running_receiver
from app.webhooks.domain.signing.signing_secret import generate_secret

_READY_TIMEOUT_S = 60
_DELIVERY_TIMEOUT_S = 60
_LOOPBACK = ("127.0.0.0/8", "::1/128")
#: Seconds. It is short so that Ctrl-C ends the demo quickly: this process is the endpoint of the POSTs in flight.
_GRACE_S = 5


@dataclass(slots=True, kw_only=True)
class Demo:
    """The running demo. `webhooks` holds webhook ids by description."""

    steps: Steps
    children: Children
    api: Api
    url: str
    key: str
    receiver_url: str
    secret: str
    arrived: "queue.SimpleQueue[Delivery]"
    webhooks: dict[str, str] = field(default_factory=dict)

    def register(self, description: str, klass: str, query: str) -> None:
        attributes = {"url": self.receiver_url, "type": klass, "queryString": query, "hmacKey": self.secret}
        self.webhooks[description] = self.api.register(description, attributes)

    def disable_webhooks(self) -> None:
        """Disable the demo's webhooks. Otherwise a later worker would try their dead endpoint for days."""
        for webhook_id in self.webhooks.values():
            # This may fail, for example if the demo ends because the API has ended.
            with contextlib.suppress(DemoError):
                self.api.disable(webhook_id)

    def receive(self, is_wanted: Callable[[ParsedJson], bool], what: str) -> Delivery:
        """Wait for a POST whose entity is wanted. Raise DemoError if none comes, or its signature is bad."""

        def look() -> Delivery | None:
            with contextlib.suppress(queue.Empty):
                delivery = self.arrived.get(timeout=0.1)
                return delivery if is_wanted(_node(delivery)) else None
            return None

        delivery = self.children.wait_for(look, f"no POST about {what} arrived", _DELIVERY_TIMEOUT_S)
        if delivery.signature is not Signature.VERIFIED:
            raise DemoError(f"the POST about {what} came with a bad signature: {delivery.problem}")
        return delivery


def _node(delivery: Delivery) -> ParsedJson:
    """Return the entity of a payload; empty if there is none."""
    body = delivery.json
    data = body.get("payload", {}).get("data") if isinstance(body, dict) else None
    return (data or {}).get("node") or {}


def api_port(settings: Settings, asked: int | None) -> int:
    configured = settings.port if "port" in settings.model_fields_set else 0
    port = configured if asked is None else asked
    if port and not is_free(port):
        raise DemoError(f"port {port} is in use; another: tellgraph demo --port …")
    return port or free_port()


@contextmanager
def running_demo(settings: Settings, steps: Steps, *, key: str, port: int) -> Iterator[Demo]:
    """Run receiver, API and worker until the context ends. The API is ready when it begins."""
    host = "127.0.0.1" if settings.host in ("0.0.0.0", "::", "localhost") else settings.host
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    environment = _environment(settings, port)
    secret = generate_secret()
    receiver = running_receiver(keys=verifying_keys([secret]), path="/webhooks")
    headers = {"Authorization": f"Bearer {key}"}
    # A proxy from the environment is not used for addresses of this machine.
    client = httpx.Client(base_url=url, headers=headers, timeout=10, trust_env=False)
    with (
        receiver as (receiver_url, arrived),
        client,
        running_children(settings.data_dir.resolve() / "logs") as children,
    ):
        api = Api(client)
        with steps.step(f"API on {url}"):
            children.start("api", ["serve"], environment)
            children.start("worker", ["worker"], environment)
            children.wait_for(api.is_ready, "the API is not ready", _READY_TIMEOUT_S)
        with steps.step("the worker has published all earlier changes"):
            # Otherwise the webhook that is about to be registered would get these changes as well.
            children.wait_for(
                lambda: asyncio.run(_is_published(settings)) or None,
                "the worker does not publish",
                _READY_TIMEOUT_S,
            )
        demo = Demo(
            steps=steps,
            children=children,
            api=api,
            url=url,
            key=key,
            receiver_url=receiver_url,
            secret=secret,
            arrived=arrived,
        )
        try:
            yield demo
        finally:
            demo.disable_webhooks()


async def _is_published(settings: Settings) -> bool:
    assert settings.database_url is not None
    async with create_database(settings.database_url, pool_size=2) as database, transaction(database) as conn:
        sql = "select not exists (select from change_events where published_at is null)"
        return bool(await conn.fetchval(sql))


def _environment(settings: Settings, port: int) -> dict[str, str]:
    """Return the environment of API and worker: that of this process, with the settings it has found."""
    assert settings.database_url is not None
    assert settings.redis_url is not None
    found = {
        "TELLGRAPH_DATABASE_URL": settings.database_url,
        "TELLGRAPH_REDIS_URL": settings.redis_url,
        "TELLGRAPH_SECRET_KEY": settings.secret_key or "",
        "TELLGRAPH_HOST": settings.host,
        "TELLGRAPH_PORT": str(port),
        "TELLGRAPH_EGRESS_ALLOW": ",".join([*map(str, settings.egress_allow), *_LOOPBACK]),
        "TELLGRAPH_SHUTDOWN_GRACE_S": str(_GRACE_S),
    }
    in_files = {f"{name}{FILE_SUFFIX}" for name in found}
    return {name: value for name, value in os.environ.items() if name not in in_files} | found

"""The servers and settings of a command, and the handling of its end."""

import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TypeVar

import typer
import uvloop
from rich.console import Console

from app.settings import Settings, get_settings
from app.tools.embedded import embedded_servers

T = TypeVar("T")

err = Console(stderr=True, highlight=False)


@contextmanager
def servers(say: Callable[[str], None] = err.print) -> Iterator[Settings]:
    """Return the settings. If they name no servers, start the embedded ones of this directory."""
    settings = get_settings()
    if (settings.database_url is None) != (settings.redis_url is None):
        raise typer.BadParameter("set both TELLGRAPH_DATABASE_URL and TELLGRAPH_REDIS_URL, or neither")
    if settings.database_url is not None:
        yield settings
        return
    signal.signal(signal.SIGTERM, exit_on_signal)
    with embedded_servers(settings.data_dir, say=say) as running:
        yield settings.model_copy(
            update={
                "database_url": running.database_url,
                "redis_url": running.redis_url,
                "secret_key": settings.secret_key or running.secret_key,
            }
        )


def exit_on_signal(number: int, _: object) -> None:
    """End the command by an exception, so that the processes that it started are stopped."""
    raise SystemExit(128 + number)


def url_of(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url


def run(coroutine: Coroutine[object, object, T]) -> T:
    return uvloop.run(coroutine)

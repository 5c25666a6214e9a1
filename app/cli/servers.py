"""The servers and the settings that a command works with, and how it ends."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
import uvloop
from rich.console import Console

from app.settings import Settings, get_settings
from app.tools.embedded import embedded_servers

err = Console(stderr=True, highlight=False)


@contextmanager
def servers(say: Callable[[str], None] = err.print) -> Iterator[Settings]:
    """The settings; where they name no servers, with the embedded ones of this directory, which then run."""
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


def exit_on_signal(number: int, _: Any) -> None:
    """SIGTERM ends the command as an exception would, so that what it started is stopped."""
    raise SystemExit(128 + number)


def url_of(settings: Settings) -> str:
    assert settings.database_url is not None
    return settings.database_url


def run(coroutine: Any) -> Any:
    return uvloop.run(coroutine)

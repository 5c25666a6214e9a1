"""The servers and settings of a command, and the handling of its end."""

import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import TypeVar

import uvloop

from app.cli.messages import err as err
from app.cli.settings import read_settings
from app.settings import Settings
from app.tools.embedded import embedded_servers

T = TypeVar("T")


@contextmanager
def servers(settings: Settings | None = None, say: Callable[[str], None] = err.print) -> Iterator[Settings]:
    """Return the settings. If they name no servers, start the embedded ones of this directory.

    Args:
        settings: Settings that were read already. None: they are read here.
        say: Takes one line of progress at a time.

    Raises:
        WrongSettings: A setting is wrong or missing; nothing was started.
        EmbeddedServerError: A server can't be started.
    """
    settings = settings or read_settings()
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

"""Logs: structlog writes ours; those of libraries get the same form."""

import logging
import sys
from typing import Any

import orjson
import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from app.db.pool import is_outage
from app.kernel.error_reason import reason_of
from app.kernel.requests import current_request
from app.settings import Settings


def configure_logging(settings: Settings) -> None:
    """Write one line per event to stderr, as JSON or for people, from the settings' level up.

    Lines for people have the time of day of this machine.
    """
    level = getattr(logging, settings.log_level.upper())
    is_json = not is_for_people(settings)
    shared: list[structlog.typing.Processor] = [
        name_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso" if is_json else "%H:%M:%S", utc=is_json),
    ]
    # Plain tracebacks: the rich ones print local variables, and with them secrets.
    for_people = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    if level > logging.DEBUG:
        shared.append(_without_known_tracebacks)
    tail = [structlog.processors.format_exc_info, _json] if is_json else [for_people]
    structlog.configure(
        processors=[*shared, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Bytes as orjson returns them: the line of an attempt is a good part of the attempt's CPU time.
        logger_factory=structlog.BytesLoggerFactory(sys.stderr.buffer)
        if is_json
        else structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail, _text],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def is_for_people(settings: Settings) -> bool:
    """Return whether lines are for people: asked for, or stderr is a terminal."""
    return settings.log_format == "console" or (settings.log_format == "auto" and sys.stderr.isatty())


def _without_known_tracebacks(_: Any, __: str, event: Any) -> Any:
    """Replace the traceback of an outage by its reason: a hundred lines of a library say no more."""
    given = event.get("exc_info")
    if not given:
        return event
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if is_outage(error) or isinstance(error, RedisConnectionError | RedisTimeoutError):
        event = {key: value for key, value in event.items() if key != "exc_info"} | {"reason": reason_of(error)}
    return event


def name_request(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Add the id of the request that is being answered, and its trace id if the client has sent one."""
    request = current_request()
    if request is not None:
        event["request_id"] = request.id
        if request.trace_id is not None:
            event["trace_id"] = request.trace_id
    return event


def _json(_: Any, __: str, event: Any) -> bytes:
    return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS)


def _text(_: Any, __: str, line: Any) -> str:
    """Return a line as text: `logging`, which libraries use, writes text only."""
    return line.decode() if isinstance(line, bytes) else str(line)

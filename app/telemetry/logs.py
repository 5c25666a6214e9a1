"""Logs: structlog writes ours; those of libraries get the same form."""

import logging
import sys
from typing import Any

import orjson
import structlog

from app.kernel.requests import current_request
from app.settings import Settings


def configure_logging(settings: Settings) -> None:
    """Write one line per event to stderr, as JSON or for people, from the settings' level up."""
    level = getattr(logging, settings.log_level.upper())
    shared: list[structlog.typing.Processor] = [
        name_request,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Plain tracebacks: the rich ones print local variables, and with them secrets.
    for_people = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    is_json = settings.log_format == "json"
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

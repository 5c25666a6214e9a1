"""Logs: structlog writes ours; those of libraries get the same form."""

import logging
import sys
from typing import Any

import orjson
import structlog

from app.settings import Settings


def configure_logging(settings: Settings) -> None:
    """Write one line per event to stderr, as JSON or for people, from the settings' level up."""
    level = getattr(logging, settings.log_level.upper())
    shared: list[structlog.typing.Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    # Plain tracebacks: the rich ones print local variables, and with them secrets.
    for_people = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
    )
    is_json = not is_for_people(settings)
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


def _json(_: Any, __: str, event: Any) -> bytes:
    return orjson.dumps(event, default=repr, option=orjson.OPT_NON_STR_KEYS)


def _text(_: Any, __: str, line: Any) -> str:
    """Return a line as text: `logging`, which libraries use, writes text only."""
    return line.decode() if isinstance(line, bytes) else str(line)

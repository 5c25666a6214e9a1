"""Refused requests: each is counted, and as many are logged as somebody can read."""

import time
from collections.abc import Mapping

import structlog

from app.telemetry.metrics import REFUSED_REQUESTS

_log = structlog.get_logger()

#: Lines per second. A client that is refused a thousand times a second must not fill the disk.
_MAX_LINES = 10
#: Codes of a field's error that a key has caused which may do less.
_FORBIDDEN = ("FORBIDDEN", "MISSING_SCOPE")


class _Lines:
    """The lines of the present second, and the refusals without a line since the last one."""

    def __init__(self) -> None:
        self._second, self._written, self._omitted = 0, 0, 0

    def take(self) -> int | None:
        """Return the number of refusals that were omitted before this line; None if it has to be omitted, too."""
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._written = second, 0
        if self._written >= _MAX_LINES:
            self._omitted += 1
            return None
        self._written += 1
        omitted, self._omitted = self._omitted, 0
        return omitted


_lines = _Lines()


def report_refusal(status: int, code: str, **about: object) -> None:
    """Count a refused request or mutation, and log it.

    Args:
        about: The address or the id of the API key, and whatever else the line should tell.
    """
    REFUSED_REQUESTS.labels(str(status)).inc()
    omitted = _lines.take()
    if omitted is not None:
        _log.warning("request.refused", status=status, code=code, **about, **({"omitted": omitted} if omitted else {}))


def report_forbidden(response: Mapping[str, object], key_id: int) -> None:
    """Report the fields of a response that the key may not read or call."""
    errors = response.get("errors")
    for error in errors if isinstance(errors, list) else ():
        if (code := error["extensions"]["code"]) in _FORBIDDEN:
            report_refusal(403, code, key_id=key_id)

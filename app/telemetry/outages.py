"""Log an outage that is waited out: its begin, its end, and once a minute in between."""

import time

import structlog

from app.kernel.error_reason import reason_of

_log = structlog.get_logger()
#: Seconds between two lines while an outage lasts. Each try would be a line a second otherwise.
_AGAIN_S = 60.0


class Outage:
    """One thing that may be away for a while.

    Args:
        lost: The log event while it is away.
        back: The log event when it is there again.
    """

    def __init__(self, lost: str, back: str) -> None:
        self._lost, self._back = lost, back
        self._began: float | None = None
        self._said: tuple[str, float] | None = None

    def note(self, error: BaseException | None) -> None:
        """Log a failed try, unless the same was logged within the last minute."""
        now, reason = time.monotonic(), reason_of(error)
        self._began = now if self._began is None else self._began
        if self._said is None or self._said[0] != reason or now - self._said[1] >= _AGAIN_S:
            self._said = (reason, now)
            _log.warning(self._lost, reason=reason, lasts_s=round(now - self._began, 1))

    def end(self) -> None:
        """Log that the outage is over, if there was one."""
        if self._began is not None:
            _log.info(self._back, lasted_s=round(time.monotonic() - self._began, 1))
        self._began = self._said = None

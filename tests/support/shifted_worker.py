"""`tellgraph worker` on a machine whose clock is wrong: python -m tests.support.shifted_worker SECONDS WHEN worker.

In a process of its own, before the worker's modules are imported: the one source of the time of day is off, and
what arq's queue and its cron jobs go by. WHEN is `start`, or `signal`: from SIGUSR1 on, as when a clock is set. How
long things take stays right.
"""

import signal
import sys
import time
from datetime import datetime, timedelta, tzinfo

from app.kernel import clock

_right_now, _right_time = clock.now, time.time
_off_s = 0.0


class _ShiftedClock(datetime):
    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]  # a plain datetime, as others have
        return datetime.now(tz) + timedelta(seconds=_off_s)


def shift(seconds: float) -> None:
    global _off_s
    _off_s = seconds


def install() -> None:
    clock.now = lambda: _right_now() + timedelta(seconds=_off_s)
    time.time = lambda: _right_time() + _off_s
    from arq import worker

    worker.datetime = _ShiftedClock  # type: ignore[attr-defined]


if __name__ == "__main__":
    off_s, when = float(sys.argv.pop(1)), sys.argv.pop(1)
    install()
    if when == "signal":
        signal.signal(signal.SIGUSR1, lambda *_: shift(off_s))
    else:
        shift(off_s)
    from app.cli.main import main

    main()

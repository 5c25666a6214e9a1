"""`tellgraph worker` on a machine whose clock is wrong: python -m tests.support.shifted_worker SECONDS worker.

In a process of its own, before the worker's modules are imported: the one source of the time of day is off, and
what arq's queue goes by. How long things take stays right, as it does when a clock is set.
"""

import sys
import time
from datetime import timedelta

from app import clock


def shift(seconds: float) -> None:
    right_now, right_time = clock.now, time.time
    clock.now = lambda: right_now() + timedelta(seconds=seconds)
    time.time = lambda: right_time() + seconds


if __name__ == "__main__":
    shift(float(sys.argv.pop(1)))
    from app.cli import main

    main()

"""Run `tellgraph <command>` for as long as its parent process lives.

Standard input is a pipe from the parent. It ends with the parent, even if that is killed.
"""

import os
import runpy
import signal
import sys
import threading


def _end_with_parent() -> None:
    """Wait until the pipe ends, then end this process in order."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    runpy.run_module("app.cli.main", run_name="__main__", alter_sys=True)

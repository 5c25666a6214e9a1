"""The process that evaluates filters: `python -m app.filter_process`, started by app/filtering.py.

An expression is somebody else's program. Here it can use up no more than this process: the kernel ends it when
one evaluation takes too much CPU time, and gives it no more than some memory.
"""

import resource
import signal
import sys
import time
from typing import Any, BinaryIO

import orjson

from app.domain.webhook_filter import FilterError, evaluate

#: Of one evaluation, reading the payload included.
MAX_CPU_S = 0.25
MAX_MEMORY_BYTES = 512 * 1024 * 1024
LENGTH_BYTES = 4


def main(given: BinaryIO, answers: BinaryIO) -> None:
    """Answer each request until there are no more.

    A request is its length and JSON: {"filter", "event", "response"}; an answer is a line: {"value", "error", "cpu_s"}.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Not among those of an evaluation: bringing the language in takes longer than most of them may.
    evaluate("true", {}, {})
    while length := given.read(LENGTH_BYTES):
        request = given.read(int.from_bytes(length))
        # SIGPROF is not handled here: it ends the process, also in the middle of one long call.
        signal.setitimer(signal.ITIMER_PROF, MAX_CPU_S)
        answer = _answer(request)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(orjson.dumps(answer) + b"\n")
        answers.flush()


def _answer(request: bytes) -> dict[str, Any]:
    began = time.process_time()
    value, error = None, None
    try:
        asked = orjson.loads(request)
        value = evaluate(asked["filter"], asked["event"], asked["response"]["data"])
    except FilterError as failed:
        error = str(failed)
    except (MemoryError, RecursionError) as failed:
        error = f"it needs too much ({type(failed).__name__})"
    return {"value": value, "error": error, "cpu_s": time.process_time() - began}


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)

"""The process that compiles and evaluates filters; app/webhooks/cel/filters.py starts it.

An expression is a stranger's program, so it runs in a process with limits. The kernel ends the process when one
evaluation takes too much CPU time, and limits its memory.
"""

import resource
import signal
import sys
import time
from typing import TYPE_CHECKING, Any, BinaryIO

import orjson

from app.kernel.size_bounded_cache import SizedCache
from app.webhooks.domain.webhook_filter import FilterError, check_filter, compile_filter, evaluate

if TYPE_CHECKING:
    from cel import Program

#: CPU seconds of one evaluation, including the reading of the payload.
MAX_CPU_S = 0.25
MAX_MEMORY_BYTES = 512 * 1024 * 1024
LENGTH_BYTES = 4

#: Memory that compiled expressions may take.
KEPT_BYTES = 64 * 1024 * 1024
#: Bytes that one takes at most: for each of its characters, and beside them. Measured: 40 to 155 per character for
#: twenty forms of expression, and some 200 KiB for the largest one.
BYTES_PER_CHARACTER, BYTES_EACH = 160, 500


def main(given: BinaryIO, answers: BinaryIO) -> None:
    """Answer each request until there are no more.

    A request is its length and JSON: {"filter", "event", "response"}, or {"check"} with an expression. An answer is a
    line: {"value", "error", "cpu_s"}; the value of a check is a list of what is wrong.
    """
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Load the language before the first evaluation: it takes longer than an evaluation may.
    evaluate(compile_filter("true"), {}, {})
    programs: SizedCache[str, Program] = SizedCache(KEPT_BYTES)
    while length := given.read(LENGTH_BYTES):
        request = given.read(int.from_bytes(length))
        # SIGPROF is not handled here: it ends the process, also in the middle of one long call.
        signal.setitimer(signal.ITIMER_PROF, MAX_CPU_S)
        answer = _answer(request, programs)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(orjson.dumps(answer) + b"\n")
        answers.flush()


def find_program(programs: "SizedCache[str, Program]", text: str) -> "Program":
    """Return the compiled expression, and keep it for the next time. Raises FilterError."""
    program = programs.find(text)
    if program is None:
        program = compile_filter(text)
        programs.keep(text, program, len(text) * BYTES_PER_CHARACTER + BYTES_EACH)
    return program


def _answer(request: bytes, programs: "SizedCache[str, Program]") -> dict[str, Any]:
    began = time.process_time()
    value: bool | list[str] | None = None
    error = None
    try:
        asked = orjson.loads(request)
        if "check" in asked:
            value = check_filter(asked["check"])
        else:
            value = evaluate(find_program(programs, asked["filter"]), asked["event"], asked["response"]["data"])
    except FilterError as failed:
        error = str(failed)
    except (MemoryError, RecursionError) as failed:
        error = f"it needs too much ({type(failed).__name__})"
    return {"value": value, "error": error, "cpu_s": time.process_time() - began}


if __name__ == "__main__":
    main(sys.stdin.buffer, sys.stdout.buffer)

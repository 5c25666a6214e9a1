"""Outages in the log: one line when they begin, one when they end, no traceback."""

import json
import subprocess
import sys

import pytest
from structlog.testing import capture_logs

from app.kernel.error_reason import reason_of
from app.telemetry.outages import Outage


def test_many_tries_are_one_line_until_the_reason_changes() -> None:
    outage = Outage("database.lost", "database.back")

    with capture_logs() as lines:
        for error in (ConnectionRefusedError(111, "Connect call failed ('10.0.0.1', 5432)"), TimeoutError()):
            for _ in range(1000):
                outage.note(error)
        outage.end()
        outage.end()

    assert [(line["event"], line.get("reason")) for line in lines] == [
        ("database.lost", "Connection refused"),
        ("database.lost", "it did not answer in time"),
        ("database.back", None),
    ]


def test_an_outage_after_another_is_told_again() -> None:
    outage = Outage("database.lost", "database.back")

    with capture_logs() as lines:
        for _ in range(2):
            outage.note(TimeoutError())
            outage.end()

    assert [line["event"] for line in lines] == ["database.lost", "database.back"] * 2


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FileNotFoundError(2, "No such file or directory", "/nowhere"), "No such file or directory: /nowhere"),
        (
            OSError("Multiple exceptions: [Errno 111] a, [Errno 101] b"),
            "Multiple exceptions: [Errno 111] a, [Errno 101] b",
        ),
        (ValueError("first line.\nsecond line"), "first line"),
        (ValueError(), "ValueError"),
        (None, "it ended"),
    ],
)
def test_a_reason_is_one_line(error: BaseException | None, reason: str) -> None:
    assert reason_of(error) == reason


CODE = """
import asyncpg, logging, structlog
from app.settings import Settings
from app.telemetry.logs import configure_logging

configure_logging(Settings(log_format="{form}", log_level="{level}"))

def fail(error):
    try:
        raise error
    except type(error):
        structlog.get_logger().warning("ours", exc_info=True)
        logging.getLogger("asyncpg").warning("theirs", exc_info=True)

fail(ConnectionRefusedError(111, "Connect call failed"))
fail(asyncpg.AdminShutdownError("terminating connection"))
fail(asyncpg.UndefinedTableError('relation "x" does not exist'))
"""


def logged(form: str, level: str = "info") -> list[str]:
    code = CODE.format(form=form, level=level)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


def test_an_outage_has_no_traceback_and_any_other_error_has_one() -> None:
    lines = [json.loads(line) for line in logged("auto")]

    assert [(line["event"], line.get("reason")) for line in lines] == [
        ("ours", "Connection refused"),
        ("theirs", "Connection refused"),
        ("ours", "terminating connection"),
        ("theirs", "terminating connection"),
        ("ours", None),
        ("theirs", None),
    ]
    assert ["exception" in line for line in lines] == [False] * 4 + [True] * 2


def test_the_level_debug_shows_every_traceback() -> None:
    lines = [json.loads(line) for line in logged("json", "debug")]

    assert all("exception" in line for line in lines if line["event"] in ("ours", "theirs"))


def test_lines_for_people_have_the_time_of_day_and_words() -> None:
    first = logged("console")[0]

    assert first.split()[1:3] == ["[warning", "]"]
    assert first.split()[3:] == ["ours", "reason=Connection", "refused"] or "reason='Connection refused'" in first
    assert first[2] == first[5] == ":"

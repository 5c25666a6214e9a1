"""Each command names its own option when the URL that it was given is none."""

from pathlib import Path

import pytest

from tests.support.forked_commands import run_command
from tests.support.listeners import environment

LISTEN, TRIGGER = ("listen", "--webhook", "3"), ("trigger", "invoice")
AS_CODE = [("webhooks", command, ".") for command in ("pull", "plan", "apply")]
TYPES = ("webhooks", "types", "3", "--language", "python")
CASES = [*(("--remote", command) for command in (LISTEN, TRIGGER)), *(("--url", one) for one in (*AS_CODE, TYPES))]


@pytest.mark.parametrize("url", ["shop.example.com", "http://shop.example.com:port"])
@pytest.mark.parametrize(("option", "command"), CASES)
def test_a_wrong_url_is_told_by_the_option_that_gave_it(
    tmp_path: Path, option: str, command: tuple[str, ...], url: str
) -> None:
    done = run_command([*command, option, url], environment("key", tmp_path))

    assert done.returncode in (1, 2)
    assert done.stderr.startswith(f"tellgraph: {option}: {url!r} is no URL"), done.stderr

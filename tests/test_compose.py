"""compose.yml as data: there is no Docker engine where the tests run. What programs in it can be run, is."""

import contextlib
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

import app
from app.settings import FILE_SUFFIX, PREFIX, Settings
from app.tools.embedded.installation import redis_program
from app.tools.embedded.processes import free_port, wait_until
from tests.support.forked_commands import run_command

_ROOT = Path(app.__file__).parents[1]
_FOLDER = _ROOT / "docker"
_DOCKERFILE = (_FOLDER / "Dockerfile").read_text("utf-8")
#: In a container there are no servers to keep data of.
_WITHOUT_USE = {"data_dir"}
#: Where a program may write without a volume: an unnamed file system in memory.
_WRITERS = {"postgres": "/var/run/postgresql", "redis": "/data", "api": "/tmp", "worker": "/tmp", "migrate": "/tmp"}

Services = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def compose() -> Mapping[str, Any]:
    content: Mapping[str, Any] = yaml.safe_load((_FOLDER / "compose.yml").read_text("utf-8"))
    return content


@pytest.fixture(scope="module")
def services(compose: Mapping[str, Any]) -> Services:
    found: Services = compose["services"]
    return found


def our_services(services: Services) -> dict[str, Mapping[str, Any]]:
    return {name: service for name, service in services.items() if service["image"] == "tellgraph"}


def test_compose_passes_every_setting_on(services: Services) -> None:
    wanted = {f"{PREFIX}{name.upper()}" for name in set(Settings.model_fields) - _WITHOUT_USE}

    for service in our_services(services).values():
        assert {name.removesuffix(FILE_SUFFIX) for name in service["environment"]} == wanted


def test_compose_gives_values_only_to_what_belongs_to_the_container(services: Services) -> None:
    """A variable without a value is taken from the shell; one with a value could not be set there."""
    for service in our_services(services).values():
        given = {name.removeprefix(PREFIX) for name, value in service["environment"].items() if value is not None}

        assert given == {
            *("DATABASE_URL_FILE", "REDIS_URL_FILE", "SECRET_KEY_FILE"),
            *("HOST", "PORT", "METRICS_HOST", "METRICS_PORT"),
        }


def test_compose_file_and_dockerfile_mention_no_unknown_setting() -> None:
    text = (_FOLDER / "compose.yml").read_text("utf-8") + _DOCKERFILE

    mentioned = {name.removesuffix(FILE_SUFFIX) for name in re.findall(rf"{PREFIX}[A-Z_]+", text)}

    assert {name.removeprefix(PREFIX).lower() for name in mentioned} <= set(Settings.model_fields)


def test_compose_gives_each_service_its_command(services: Services) -> None:
    command_of = {name: service["command"] for name, service in our_services(services).items()}

    assert command_of == {"migrate": ["migrate"], "api": ["serve"], "worker": ["worker"]}


@pytest.mark.parametrize("command", ["migrate", "serve", "worker"])
def test_commands_of_compose_exist(command: str) -> None:
    done = run_command([command, "--help"], os.environ)

    assert done.returncode == 0, done.stderr


def test_api_and_worker_wait_for_the_migration(services: Services) -> None:
    conditions = {
        "migrate": {"condition": "service_completed_successfully"},
        "postgres": {"condition": "service_healthy"},
        "redis": {"condition": "service_healthy"},
    }

    waits = [services[name]["depends_on"] for name in ("api", "worker")]

    assert waits == [conditions, conditions]
    assert services["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_worker_can_be_scaled(services: Services) -> None:
    worker = services["worker"]

    assert "container_name" not in worker
    assert "ports" not in worker


def test_containers_may_do_little(services: Services) -> None:
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        # The entry points of these images would need capabilities to change from root to this user.
        assert name not in ("postgres", "redis") or service["user"] == name
        assert _WRITERS.get(name) in (None, *service.get("tmpfs", ()))


def test_every_service_that_stays_has_a_health_check(services: Services) -> None:
    # That of the API is the image's.
    without = {name for name, service in services.items() if "healthcheck" not in service}

    assert without == {"api"}
    assert services["migrate"]["healthcheck"] == {"disable": True}


def test_servers_are_in_networks_without_a_way_out(compose: Mapping[str, Any], services: Services) -> None:
    internal = {name for name, network in compose["networks"].items() if network and network.get("internal")}
    members = {network: {name for name, one in services.items() if network in one["networks"]} for network in internal}

    assert set(services["postgres"]["networks"]) == {"database"}
    assert set(services["redis"]["networks"]) == {"redis"}
    assert members["database"] == {"postgres", "migrate", "api", "worker"}
    assert members["redis"] == {"redis", "api", "worker"}
    assert members["monitoring"] == {"prometheus", "grafana", "api", "worker"}
    assert "ports" not in services["postgres"]
    assert "ports" not in services["redis"]


def test_ports_are_of_this_machine_and_can_be_chosen(services: Services) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}

    assert ports == {
        "api": ["${API_ADDRESS:-127.0.0.1}:${API_PORT:-8000}:8000"],
        "grafana": ["${API_ADDRESS:-127.0.0.1}:${GRAFANA_PORT:-3000}:3000"],
    }


def test_no_secret_stands_in_an_environment_or_a_command(compose: Mapping[str, Any], services: Services) -> None:
    text = (_FOLDER / "compose.yml").read_text("utf-8")

    assert not re.search(r"\$\{[A-Z_]*(PASSWORD|SECRET_KEY|_URL)\b", text)
    for service in services.values():
        named = {str(value) for value in (service.get("environment") or {}).values()}
        mounted = {f"/run/secrets/{name}" for name in service.get("secrets", ())}
        assert {value for value in named if value.startswith("/run/secrets/")} <= mounted
        assert set(re.findall(r"/run/secrets/\w+", json.dumps([*map(str, service.values())]))) <= mounted
    assert {Path(one["file"]).name for one in compose["secrets"].values()} == set(compose["secrets"])


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory, compose: Mapping[str, Any]) -> Path:
    folder = tmp_path_factory.mktemp("docker")
    script = folder / "make-secrets.sh"
    script.write_bytes((_FOLDER / "make-secrets.sh").read_bytes())
    subprocess.run(["sh", script], check=True, capture_output=True)
    assert {path.name for path in (folder / "secrets").iterdir()} == set(compose["secrets"])
    return folder / "secrets"


def test_secrets_are_made_once(secrets: Path) -> None:
    before = {path.name: path.read_text("ascii") for path in secrets.iterdir()}

    subprocess.run(["sh", secrets.parent / "make-secrets.sh"], check=True, capture_output=True)

    assert {path.name: path.read_text("ascii") for path in secrets.iterdir()} == before
    assert len(set(before.values())) == len(before)
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in secrets.iterdir()} == {0o644}


def test_settings_are_read_from_the_secrets(services: Services, secrets: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in services["api"]["environment"].items():
        if value is not None:
            monkeypatch.setenv(name, value.replace("/run/secrets", str(secrets)))

    settings = Settings()

    password = (secrets / "database_password").read_text().strip()
    assert settings.database_url == f"postgresql://tellgraph:{password}@postgres:5432/tellgraph"
    assert settings.redis_url == f"redis://:{(secrets / 'redis_password').read_text().strip()}@redis:6379/0"
    assert settings.secret_key
    assert settings.port == 8000
    # Taken from .env, a secret would be in the image of whoever copies that folder.
    assert "docker/secrets/" in (_ROOT / ".gitignore").read_text("utf-8").splitlines()


def test_command_of_redis_sets_the_password_and_shows_it_to_nobody(services: Services, secrets: Path) -> None:
    *shell, script = services["redis"]["command"]
    port = free_port()
    # As compose reads it; with the paths and the program of this machine.
    script = (
        script.replace("$$", "$").replace("/run/secrets", str(secrets)).replace("redis-server", str(redis_program()))
    )
    script = script.replace("appendonly no", f"appendonly no\nport {port}\nbind 127.0.0.1")
    password = (secrets / "redis_password").read_text().strip()

    with subprocess.Popen([*shell, script], stdout=subprocess.DEVNULL, cwd=secrets) as process:
        try:
            with Redis(port=port, password=password) as redis, Redis(port=port) as stranger:
                assert wait_until(lambda: _answers(redis), 20)
                with pytest.raises(AuthenticationError):
                    stranger.ping()
                assert redis.config_get("save") == {"save": ""}
                # The server is the process itself, so that it hears SIGTERM.
                assert redis.info("server")["process_id"] == process.pid
            assert password not in Path(f"/proc/{process.pid}/cmdline").read_text()
        finally:
            process.terminate()


def _answers(redis: Redis) -> bool:
    with contextlib.suppress(RedisError):
        return bool(redis.ping())
    return False


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path in ("/healthz", "/metrics") else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answering() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), _Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def health_programs(services: Services) -> dict[str, list[str]]:
    of_image = next(line for line in _DOCKERFILE.splitlines() if line.lstrip().startswith("CMD") and "/healthz" in line)
    return {
        "TELLGRAPH_PORT": json.loads(of_image.strip().removeprefix("CMD")),
        "TELLGRAPH_METRICS_PORT": services["worker"]["healthcheck"]["test"][1:],
    }


def test_health_checks_of_api_and_worker_tell_the_living_from_the_dead(services: Services, answering: int) -> None:
    for variable, (_, *arguments) in health_programs(services).items():
        codes = [
            subprocess.run(
                [sys.executable, *arguments],
                env={**os.environ, variable: str(port)},
                capture_output=True,
                check=False,
            ).returncode
            for port in (answering, free_port())
        ]

        assert codes == [0, 1], variable

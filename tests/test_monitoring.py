"""Alert rules and the dashboard name figures that exist, and Prometheus finds all processes."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from app.telemetry import metrics
from app.webhooks.domain.webhook_event import WebhookEventState
from tests.support.pages import ROOT, page

FOLDER = ROOT / "docker" / "monitoring"
DASHBOARD: dict[str, Any] = json.loads((FOLDER / "dashboard.json").read_text("utf-8"))
RULES = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"] for rule in group["rules"]
]
#: Prometheus' own, and what its client library tells of each process.
_FOREIGN = {"up", "process_cpu_seconds_total"}


def series() -> dict[str, set[str]]:
    """Names of all series as Prometheus stores them, with the labels of each."""
    found: dict[str, set[str]] = {}
    for one in (getattr(metrics, name) for name in dir(metrics) if name.isupper()):
        for family in one.describe():
            labels = set(one._labelnames)
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
            for suffix in suffixes:
                found[f"{family.name}{suffix}"] = labels | ({"le"} if suffix == "_bucket" else set())
    return found


def expressions() -> Iterator[tuple[str, str]]:
    yield from ((rule["alert"], rule["expr"]) for rule in RULES)
    yield from ((panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"])


@pytest.mark.parametrize(("place", "expression"), [*expressions()])
def test_expression_names_figures_and_labels_that_exist(place: str, expression: str) -> None:
    known = series()
    named = set(re.findall(r"\b(?:tellgraph|process)_\w+|\bup\b", expression))
    grouped = {label for labels in re.findall(r"\bby \(([\w, ]+)\)", expression) for label in labels.split(", ")}
    compared = set(re.findall(r'(\w+)\s*(?:=|!=|=~)\s*"', expression))
    labels = {label for name in named for label in known.get(name, ())} | {"job", "instance"}

    assert named
    assert named - set(known) <= _FOREIGN, place
    assert grouped | compared <= labels, place


def test_every_figure_is_on_the_dashboard() -> None:
    shown = " ".join(target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"])

    missing = {
        family.name
        for family in REGISTRY.collect()
        if family.name.startswith("tellgraph_") and family.name not in shown
    }

    assert missing == set()


def test_states_in_rules_exist() -> None:
    named = {state for _, expression in expressions() for state in re.findall(r'state="(\w+)"', expression)}

    assert named <= set(WebhookEventState)


def test_every_alert_says_what_to_do() -> None:
    for rule in RULES:
        assert set(rule["annotations"]) == {"summary", "description"}, rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket")
    explained = re.findall(r"^\| `(Tellgraph\w+)` \|", page("app/docs/running.md").text, re.MULTILINE)
    assert sorted(explained) == sorted(rule["alert"] for rule in RULES)


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    places = {
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    }
    sizes = [panel["gridPos"]["w"] * panel["gridPos"]["h"] for panel in DASHBOARD["panels"]]

    assert len(places) == sum(sizes)
    assert all(x < 24 for x, _ in places)
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_prometheus_asks_the_port_that_compose_sets() -> None:
    services = yaml.safe_load((ROOT / "docker" / "compose.yml").read_text("utf-8"))["services"]
    (job,) = yaml.safe_load((FOLDER / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    (asked,) = job["dns_sd_configs"]

    ports = {services[name]["environment"]["TELLGRAPH_METRICS_PORT"] for name in asked["names"]}

    assert ports == {str(asked["port"])}
    assert {name for name, one in services.items() if one.get("command") in (["serve"], ["worker"])} == set(
        asked["names"]
    )
    assert {job["job_name"]} == {name for _, text in expressions() for name in re.findall(r'job="(\w+)"', text)}


def test_files_are_mounted_where_they_are_looked_for() -> None:
    services = yaml.safe_load((ROOT / "docker" / "compose.yml").read_text("utf-8"))["services"]
    mounted = [volume.split(":") for name in ("prometheus", "grafana") for volume in services[name]["volumes"]]

    files = {Path(source).name: target for source, target, *_ in mounted if source.startswith("./")}

    assert set(files) == {path.name for path in FOLDER.iterdir()}
    (provider,) = yaml.safe_load((FOLDER / "grafana-dashboards.yml").read_text("utf-8"))["providers"]
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert files["dashboard.json"] == home
    assert home.startswith(provider["options"]["path"])


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool on PATH")
def test_prometheus_takes_its_files() -> None:
    checked = subprocess.run(
        ["promtool", "check", "config", "prometheus.yml"], cwd=FOLDER, capture_output=True, text=True, check=False
    )

    assert checked.returncode == 0, checked.stderr

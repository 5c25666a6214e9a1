"""The workflow of GitHub Actions on the page about webhooks as code, run step by step as it stands there."""

import asyncio
import os
import re
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel, Field

from tests.support.forked_commands import command_for_shells
from tests.support.pages import page
from tests.support.platform import Platform

PAGE = page("app/docs/webhooks-as-code.md")
SECRETS = {
    "ERP_TOKEN": "a-very-long-token-of-the-erp",
    "ERP_SIGNING_SECRET": "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo0NTY3",
}
QUERY = "query($id: ID!) { node(id: $id) { ... on Invoice { legacyId totalCents } } }\n"
#: What the test has in another form: this checkout, and the command that is installed already.
PROVIDED = ["actions/checkout@v4", "pip install ./tools/tellgraph-*.whl"]


class Step(BaseModel):
    """A step of a job. It either runs a command or uses an action."""

    condition: str = Field(default="", alias="if")
    command: str = Field(default="", alias="run")
    action: str = Field(default="", alias="uses")

    def is_due(self, event: str) -> bool:
        """Tell whether the step runs at this event. It understands one form of conditions."""
        if not self.condition:
            return True
        found = re.fullmatch(r"github\.event_name == '(\w+)'", self.condition)
        assert found, self.condition
        return found[1] == event


class Job(BaseModel):
    """A job of a workflow."""

    env: dict[str, str]
    steps: list[Step]


@pytest.fixture
def job() -> Job:
    (text,) = PAGE.blocks("yaml")
    workflow = yaml.safe_load(text)
    # YAML 1.1 reads the key `on` as true.
    assert set(workflow[True]) == {"pull_request", "push"}
    return Job.model_validate(workflow["jobs"]["webhooks"])


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the folder that the page shows."""
    folder = tmp_path / "webhooks"
    folder.mkdir()
    (text,) = PAGE.blocks("toml")
    (folder / "webhooks.toml").write_text(text)
    (folder / "erp-invoices.graphql").write_text(QUERY)
    return tmp_path


async def run_job(job: Job, event: str, checkout: Path, api: Platform, **other: str) -> tuple[str, str]:
    """Run what is due at an event, as a runner does; the command that failed, and all that was printed."""
    secrets = {**SECRETS, "TELLGRAPH_KEY": api.key, **other}
    named = re.compile(r"\$\{\{ secrets\.(\w+) \}\}")
    env = {name: named.sub(lambda found: secrets[found[1]], value) for name, value in job.env.items()}
    env = {name: value.replace("https://shop.example.com", api.url) for name, value in env.items()}
    printed = ""
    async with command_for_shells() as folder:
        env["PATH"] = f"{folder}:{os.defpath}"
        for step in job.steps:
            if not step.is_due(event) or step.action in PROVIDED or step.command in PROVIDED:
                continue
            process = await asyncio.create_subprocess_exec(
                "bash", "-e", "-c", step.command, cwd=checkout, env=env, stdout=PIPE, stderr=STDOUT
            )
            printed += (await process.communicate())[0].decode()
            if process.returncode:
                return step.command, printed
    return "", printed


async def handles(api: Platform) -> list[str]:
    return [row["handle"] for row in await api.conn.fetch("select handle from webhooks order by handle")]


async def test_a_pull_request_shows_the_plan_and_what_is_merged_is_applied(
    api: Platform, job: Job, checkout: Path
) -> None:
    asked, planned = await run_job(job, "pull_request", checkout, api)
    before = await handles(api)
    merged, applied = await run_job(job, "push", checkout, api)
    after = await handles(api)
    again = await run_job(job, "pull_request", checkout, api)

    assert (asked, before) == ("", []), planned
    assert "+ erp-invoices\n" in planned
    assert (merged, after) == ("", ["erp-invoices", "warehouse"]), applied
    assert "2 webhooks were changed." in applied
    assert again == ("", "0 of 2 webhooks would break.\n")
    assert not [value for value in SECRETS.values() if value in planned + applied]


@pytest.mark.parametrize("event", ["pull_request", "push"])
async def test_a_step_that_fails_ends_the_job_and_nothing_is_applied(
    api: Platform, job: Job, checkout: Path, event: str
) -> None:
    refused, told = await run_job(job, event, checkout, api, TELLGRAPH_KEY="wrong")
    (checkout / "webhooks" / "erp-invoices.graphql").write_text(QUERY.replace("totalCents", "nope"))
    checked, printed = await run_job(job, event, checkout, api)

    assert refused.startswith("tellgraph webhooks "), told
    assert checked == "tellgraph check webhooks/", printed
    assert await handles(api) == []

"""`tellgraph doctor`: look at settings, servers, tables and queues, and say how to cure what is wrong."""

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import orjson
import typer

from app.cli.servers import run, servers
from app.cli.settings import settings_problems, unknown_variables
from app.errors import TellgraphError
from app.settings import get_settings
from app.tools.doctor.finding import Finding, State
from app.tools.doctor.findings import examine, settings_findings
from app.tools.embedded import EmbeddedPostgres

_MARKS = {State.OK: "✓", State.WARNING: "!", State.WRONG: "✗", State.UNKNOWN: "–"}
_WIDTH = 12


def doctor(
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a line for each part.")] = False,
) -> None:
    """Look at settings, servers, tables and queues: a line for each, with the cure of what is wrong.

    Status 1 when anything is wrong. Nothing is changed.
    """
    problems = settings_problems(os.environ)
    found = settings_findings(problems, unknown_variables(os.environ))
    found += [_not_looked_at("The rest is looked at when the settings are right.")] if problems else _examined()
    is_well = all(one.state is not State.WRONG for one in found)
    typer.echo(_as_json(found, is_well) if is_json else "\n".join(map(_line, found)))
    if not is_well:
        raise typer.Exit(1)


def _examined() -> list[Finding]:
    settings = get_settings()
    is_embedded = settings.database_url is None
    if is_embedded and not (settings.data_dir / f"{EmbeddedPostgres.name}.json").exists():
        return [_not_looked_at(f"There are no servers in {settings.data_dir} yet: `tellgraph serve` makes them.")]
    try:
        with servers(settings, say=lambda _line: None) as settings:
            return run(examine(settings, is_embedded=is_embedded))
    except TellgraphError as error:
        return [Finding(subject="Servers", state=State.WRONG, message=error.message)]


def _not_looked_at(message: str) -> Finding:
    return Finding(subject="Servers", state=State.UNKNOWN, message=message)


def _line(one: Finding) -> str:
    cure = f" → {one.cure}" if one.cure else ""
    return f"{_MARKS[one.state]} {one.subject:<{_WIDTH}} {one.message}{cure}"


def _as_json(found: Sequence[Finding], is_well: bool) -> str:
    """Return a JSON object: whether all is well, and the `findings`."""
    return orjson.dumps({"ok": is_well, "findings": [asdict(one) for one in found]}).decode()

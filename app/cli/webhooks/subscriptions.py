"""`tellgraph webhooks pull|plan|apply|types`: subscriptions as code, over the API of any server."""

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, TypeVar

import orjson
import typer

from app.cli.messages import complain
from app.cli.remote.options import needed_key, say
from app.cli.servers import run
from app.cli.webhooks.values import webhook_id
from app.kernel.parsed_json import JsonObject
from app.tools.remote.api import RemoteApi, remote_api
from app.tools.remote.errors import RemoteError, Unreachable
from app.tools.subscriptions.apply import apply_plan
from app.tools.subscriptions.definition import Definition, WrongFolder
from app.tools.subscriptions.folder import FILE, read_folder, with_environment, write_folder
from app.tools.subscriptions.plan import Action, ActionKind, Plan, definitions_of, make_plan, shown
from app.tools.subscriptions.plan_file import PlanFile, read_plan, write_plan
from app.tools.subscriptions.server import read_server
from schema.payload_types.language import TypesLanguage
from schema.payload_types.python import HEADER

Url = Annotated[
    str, typer.Option(envvar="TELLGRAPH_URL", show_envvar=False, help="URL of the server; absent: TELLGRAPH_URL.")
]
Key = Annotated[
    str | None, typer.Option(envvar="TELLGRAPH_KEY", show_envvar=False, help="API key; absent: TELLGRAPH_KEY.")
]
Folder = Annotated[Path, typer.Argument(metavar="DIR", file_okay=False, help="Folder with webhooks.toml.")]
Prune = Annotated[bool, typer.Option("--prune", help="Delete webhooks whose handle the folder does not have.")]
AllHeaders = Annotated[
    bool, typer.Option("--headers", help="Send all header values again: a value that ends as before looks the same.")
]
IsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_DIFFERENT_STATUS, _FAILED_STATUS = 2, 1
_STORED_TYPES = """
query($id: ID!, $language: WebhookTypesLanguageEnum!, $name: String) {
  node(id: $id) { ... on Webhook { payloadTypes(language: $language, name: $name) } }
}
"""
_DRAFT_TYPES = """
query($type: WebhookKlassEnum!, $query: String!, $previous: Boolean!, $language: WebhookTypesLanguageEnum!,
    $name: String) {
  webhookDryRun(type: $type, queryString: $query, includePrevious: $previous) {
    payloadTypes(language: $language, name: $name) errors { field messages }
  }
}
"""
Result = TypeVar("Result")


def pull(folder: Folder, url: Url, key: Key = None) -> None:
    """Write the server's webhooks that have a handle into a folder.

    Values of headers become variables of the environment. Secrets are not written.
    """

    async def act(api: RemoteApi) -> None:
        server = await read_server(api)
        present = read_folder(folder) if (folder / FILE).exists() else []
        write_folder(folder, definitions_of(server, present))
        say(f"{len(server.by_handle)} webhooks are in {folder / FILE}.")
        if server.nameless:
            say(f"{server.nameless} have no handle and are left out: give them one with webhookUpdate.")

    _asked(url, key, act)


def plan(
    folder: Folder,
    url: Url,
    key: Key = None,
    prune: Prune = False,
    all_headers: AllHeaders = False,
    out: Annotated[Path | None, typer.Option(help="Write a plan that `apply --plan` holds itself to.")] = None,
    is_json: IsJson = False,
) -> None:
    """Show what `apply` would change, and change nothing.

    Exit codes: 0 the server is as the folder says; 2 it is not; 1 an error; 3 nothing answers at the URL.
    """
    made = _asked(url, key, _comparison(folder, prune=prune, all_headers=all_headers))
    if out is not None:
        with _exit_codes():
            write_plan(out, PlanFile(digest=made.digest(), prune=prune, headers=all_headers))
    if is_json:
        typer.echo(orjson.dumps({**_as_json(made), "digest": made.digest()}))
    else:
        for action in made.actions:
            _print_action(action)
        _print_kept(made)
    if made.actions:
        raise typer.Exit(_DIFFERENT_STATUS)


def apply(
    folder: Folder,
    url: Url,
    key: Key = None,
    prune: Prune = False,
    all_headers: AllHeaders = False,
    approved: Annotated[
        Path | None, typer.Option("--plan", help="Do what this plan says, or nothing if it is stale.")
    ] = None,
    show_secrets: Annotated[
        bool, typer.Option("--show-secrets", help="Print signing secrets that the server makes: they are shown once.")
    ] = False,
    is_json: IsJson = False,
) -> None:
    """Make the server have the webhooks that the folder says. It can be repeated, after an end halfway as well.

    Exit codes: 0 it has them; 1 an error; 3 nothing answers at the URL.
    """

    def tell(action: Action, answer: JsonObject) -> None:
        if is_json:
            typer.echo(orjson.dumps({"action": action.kind, "handle": action.handle, "changes": shown(action.changes)}))
        else:
            _print_action(action)
        for warning in answer.get("warnings", ()):
            say(f"{action.handle}: {warning['field']}: {'; '.join(warning['messages'])}")
        if answer.get("hmacKey") and show_secrets:
            typer.echo(f"{action.handle}: {answer['hmacKey']}")
        elif answer.get("hmacKey"):
            say(f"{action.handle}: the server has made a signing secret. webhookSecretRotate gives a new one.")

    async def act(api: RemoteApi) -> int:
        plan = read_plan(approved) if approved else PlanFile(digest=None, prune=prune, headers=all_headers)
        read = partial(_comparison(folder, prune=plan.prune, all_headers=plan.headers), api)
        return await apply_plan(api, read, digest=plan.digest, tell=tell)

    say(f"{_asked(url, key, act)} webhooks were changed.")


def types(
    subjects: Annotated[
        list[str], typer.Argument(metavar="WEBHOOK… | DIR", help="Numbers, ids or handles of webhooks, or a folder.")
    ],
    url: Url,
    language: Annotated[TypesLanguage, typer.Option(case_sensitive=False, help="Language of the types.")],
    key: Key = None,
) -> None:
    """Print the types of webhooks' bodies: TypeScript interfaces or pydantic models. One file takes them all."""

    folder = Path(subjects[0]) if len(subjects) == 1 and Path(subjects[0]).is_dir() else None

    async def act(api: RemoteApi) -> list[str]:
        if folder is not None:
            return [await _draft_types(api, one, language) for one in read_folder(folder)]
        return [await _stored_types(api, one, language, is_alone=len(subjects) == 1) for one in subjects]

    texts = _asked(url, key, act)
    header = HEADER if language is TypesLanguage.PYTHON else ""
    typer.echo(header + "\n".join(text.removeprefix(header) for text in texts), nl=False)


async def _draft_types(api: RemoteApi, one: Definition, language: TypesLanguage) -> str:
    previous = bool(one.wanted("include_previous"))
    given = {"type": one.type, "query": one.query, "previous": previous, "language": language, "name": one.handle}
    made = (await api.ask(_DRAFT_TYPES, **given))["webhookDryRun"]
    if made["errors"]:
        raise WrongFolder("\n".join(f"{one.handle}: {'; '.join(error['messages'])}" for error in made["errors"]))
    return str(made["payloadTypes"])


async def _stored_types(api: RemoteApi, subject: str, language: TypesLanguage, *, is_alone: bool) -> str:
    """Return the types of a stored webhook. Beside others, one without a handle is called by its number."""
    name = None if is_alone else f"webhook-{subject}" if subject.isdigit() else None
    try:
        global_id = webhook_id(subject)
    except typer.BadParameter:
        node = (await read_server(api)).by_handle.get(subject)
        if node is None:
            raise WrongFolder(f"There is no webhook {subject!r}.") from None
        global_id = node["id"]
    found = (await api.ask(_STORED_TYPES, id=global_id, language=language, name=name))["node"]
    if not found or found["payloadTypes"] is None:
        raise WrongFolder(f"There is no webhook {subject!r}, or its query does not fit the schema.")
    return str(found["payloadTypes"])


def _comparison(folder: Path, *, prune: bool, all_headers: bool) -> Callable[[RemoteApi], Awaitable[Plan]]:
    async def compare(api: RemoteApi) -> Plan:
        value_of = partial(with_environment, environment=os.environ)
        return make_plan(read_folder(folder), await read_server(api), value_of, prune=prune, all_headers=all_headers)

    return compare


def _asked(url: str, key: str | None, act: Callable[[RemoteApi], Awaitable[Result]]) -> Result:
    async def ask() -> Result:
        async with remote_api(url, needed_key(key), say, option="--url") as api:
            return await act(api)

    with _exit_codes():
        return run(ask())


@contextmanager
def _exit_codes() -> Iterator[None]:
    """End the command with the message of a failure. Its status is never that of a difference."""
    try:
        yield
    except RemoteError as error:
        complain(error.message)
        raise typer.Exit(error.exit_code if isinstance(error, Unreachable) else _FAILED_STATUS) from error


def _as_json(made: Plan) -> JsonObject:
    actions = [{"action": one.kind, "handle": one.handle, "changes": shown(one.changes)} for one in made.actions]
    return {"actions": actions, "kept": list(made.kept)}


_SIGNS = {ActionKind.CREATE: "+", ActionKind.UPDATE: "~", ActionKind.DELETE: "-"}


def _print_action(action: Action) -> None:
    typer.echo(f"{_SIGNS[action.kind]} {action.handle}")
    for change in action.changes:
        old = "" if action.node is None else f"{_shown(change.old)} → "
        typer.echo(f"    {change.field}: {old}{_shown(change.new)}")


def _print_kept(made: Plan) -> None:
    for handle in made.kept:
        typer.echo(f"  {handle} is not in the folder, and stays; --prune deletes it")


def _shown(value: object) -> str:
    return orjson.dumps(value).decode()

"""The README and the pages of app/docs hold: links, sizes, code blocks, settings, commands, states, codes.

Above 300 lines: one check for each kind of statement that the pages make.
"""

import ast
import json
import re
import subprocess
import tomllib
from typing import Any

import jsonschema
import pytest
import typer.main
import yaml
from graphql import (
    ArgumentNode,
    DocumentNode,
    FieldNode,
    InlineFragmentNode,
    ObjectFieldNode,
    OperationDefinitionNode,
    StringValueNode,
    Visitor,
    parse,
    print_ast,
    validate,
    visit,
)
from prometheus_client import REGISTRY
from typer.core import TyperGroup

from app.cli.main import app
from app.db.pool import Connection
from app.settings import Settings
from app.webhooks.domain.attempt import ErrorKind
from app.webhooks.domain.operational_event import OperationalEventKind
from app.webhooks.domain.webhook import WebhookKlass
from app.webhooks.domain.webhook_event import WebhookEventState
from app.webhooks.domain.webhook_filter import FALSE, check_filter
from app.webhooks.domain.webhook_health import WebhookHealth
from app.webhooks.services.deduplication import EQUAL, NEVER_SENT, TOLD_ALREADY
from schema import schema
from schema.errors import CODES
from schema.stored.explain import ChangeVerdict
from schema.stored.json_schema import payload_schema
from schema.stored.validate import stored_query
from tests.support.pages import CHANGELOG, DOCS, INDEX, PAGES, README, ROOT, Page, first_cells, page
from workers.publish.deleted_entities import GONE

KLASSES = {klass.value.title().replace("_", ""): klass for klass in WebhookKlass}
MAX_WORDS = 30
OPENERS = re.compile(r"[-*> ]*(What|Those|Where|How|Whose|Which)\b[^?]*$")

each_page = pytest.mark.parametrize("one", PAGES, ids=lambda one: one.name)


def documents(one: Page) -> list[DocumentNode]:
    return [parse(text) for text in one.blocks("graphql")]


def arguments(document: DocumentNode, name: str) -> list[str]:
    """Texts that are given for an argument or an input field of this name."""
    found: list[str] = []

    class Texts(Visitor):
        def enter_argument(self, node: ArgumentNode | ObjectFieldNode, *_: Any) -> None:
            if node.name.value == name and isinstance(node.value, StringValueNode):
                found.append(node.value.value)

        enter_object_field = enter_argument

    visit(document, Texts())
    return found


def stored_queries(one: Page) -> list[str]:
    """Queries that are given as `queryString`, and documents of that form: `node(id: $id)` with one type in it."""
    shown = documents(one)
    given = [text for document in shown for text in arguments(document, "queryString")]
    return [*given, *(print_ast(document) for document in shown if klass_of(document))]


def klass_of(document: DocumentNode) -> WebhookKlass | None:
    """Type of the one entity that a document selects by `node(id: $id)`; None for another document."""
    (operation,) = document.definitions
    assert isinstance(operation, OperationDefinitionNode)
    variables = [variable.variable.name.value for variable in operation.variable_definitions or ()]
    root = operation.selection_set.selections[0]
    if variables != ["id"] or not isinstance(root, FieldNode) or root.name.value != "node" or not root.selection_set:
        return None
    (inner, *rest) = root.selection_set.selections
    if rest or not isinstance(inner, InlineFragmentNode) or inner.type_condition is None:
        return None
    return KLASSES.get(inner.type_condition.name.value)


def payload_fits(body: Any, query: str, *, part: str | None = None) -> None:
    """Raises ValidationError when a body, or a part of one, is not what webhooks with this query send."""
    klass = klass_of(parse(query))
    assert klass is not None
    whole = payload_schema(schema._schema, stored_query(schema._schema, query, klass), klass)
    wanted = whole if part is None else {**whole["properties"][part], "$defs": whole.get("$defs", {})}
    jsonschema.Draft202012Validator(wanted).validate(body)


def shown(default: object) -> str:
    if default is None or default == ():
        return "–"
    if isinstance(default, tuple):
        return f"`{','.join(map(str, default))}`"
    return f"`{str(default).lower() if isinstance(default, bool) else default}`"


def test_readme_is_read_in_five_minutes() -> None:
    assert len(README.text.splitlines()) <= 200


@each_page
def test_links_resolve(one: Page) -> None:
    broken = []
    for link in one.links:
        target, _, anchor = link.partition("#")
        if target.startswith(("http://", "https://")):
            continue
        path = (ROOT / one.name).parent / target if target else ROOT / one.name
        if not path.exists() or (anchor and anchor not in page(str(path.resolve().relative_to(ROOT))).anchors):
            broken.append(link)

    assert broken == []


@each_page
def test_named_files_exist(one: Page) -> None:
    named = set(re.findall(r"\b(?:app|docker|schema|tests|workers)/[\w/-]+\.\w+", re.sub(r"\]\([^)]*\)", "", one.text)))

    assert {name for name in named if not (ROOT / name).exists()} == set()


@pytest.mark.parametrize("name", ["README.md", INDEX])
def test_every_page_is_linked(name: str) -> None:
    linked = {((ROOT / name).parent / link.partition("#")[0]).resolve() for link in page(name).links}

    missing = {path.name for path in DOCS.glob("*.md") if path != ROOT / INDEX} - {path.name for path in linked}

    assert missing == set()


@each_page
def test_page_begins_with_its_purpose(one: Page) -> None:
    title, _, first, *_ = one.text.splitlines()

    assert title.startswith("# ")
    assert first.startswith("Tellgraph is " if one is README else "This page ")
    assert first.endswith(".")


@pytest.mark.parametrize("one", [*PAGES, CHANGELOG], ids=lambda one: one.name)
def test_sentences_are_plain(one: Page) -> None:
    """At most 30 words each, and none opens with a relative clause."""
    hard = [each for each in one.sentences() if len(each.split()) > MAX_WORDS or OPENERS.match(each)]

    assert hard == []


def test_pages_are_installed() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["app"]

    installed = {path for pattern in patterns for path in (ROOT / "app").glob(pattern)}

    assert {path for path in DOCS.iterdir() if path.suffix not in (".py", "")} - installed == set()


@each_page
def test_graphql_fits_the_schema(one: Page) -> None:
    errors = [error for document in documents(one) for error in validate(schema._schema, document)]

    assert errors == []


@each_page
def test_stored_queries_can_be_registered(one: Page) -> None:
    for query in stored_queries(one):
        stored_query(schema._schema, query, klass_of(parse(query)) or WebhookKlass.INVOICE)


@each_page
def test_filters_can_be_used(one: Page) -> None:
    filters = [*one.blocks("cel"), *(text for document in documents(one) for text in arguments(document, "filter"))]

    assert {text: problems for text in filters if (problems := check_filter(text.strip()))} == {}


@each_page
def test_json_is_json(one: Page) -> None:
    for text in one.blocks("json"):
        json.loads(text)


@each_page
def test_shell_and_python_can_be_read(one: Page) -> None:
    for text in one.blocks("python"):
        compile(text, one.name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    script = "\n".join(text for language, text in one.fenced if language == "sh")

    read = subprocess.run(["sh", "-n"], input=script, capture_output=True, text=True)

    assert read.stderr == ""


def test_example_is_one_everywhere() -> None:
    """The README's query, the one that it registers, and the one that getting started registers are the same."""
    query, registered = (print_ast(parse(text)) for text in stored_queries(README))
    (started,) = stored_queries(page("app/docs/getting-started.md"))

    assert query == registered == print_ast(parse(started))


def test_shown_bodies_are_what_is_sent() -> None:
    operational = page("app/docs/operational-events.md")

    payload_fits(json.loads(*README.blocks("json")), stored_queries(README)[0])
    payload_fits(json.loads(*operational.blocks("json")), *stored_queries(operational), part="payload")


def test_samples_are_what_is_sent_of_each_type_and_event() -> None:
    samples = page("app/docs/samples.md")
    bodies = [json.loads(text) for text in samples.blocks("json")]

    for body, query in zip(bodies, stored_queries(samples), strict=True):
        payload_fits(body, query)
    assert {body["entity"]["type"] for body in bodies} == KLASSES.keys() - {"OperationalEvent"}
    assert {body["event_name"] for body in bodies} == {"create", "update", "destroy", "test"}


def test_settings_table_is_that_of_the_settings() -> None:
    wanted = [
        f"| `TELLGRAPH_{name.upper()}` | {shown(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]

    assert re.findall(r"^\| `TELLGRAPH_.*\|$", page("app/docs/running.md").text, re.MULTILINE) == wanted


def test_commands_exist() -> None:
    named = first_cells(page("app/docs/running.md").section("Commands"))

    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    known = [
        f"tellgraph {name} {below}" if below else f"tellgraph {name}"
        for name, command in root.commands.items()
        for below in (command.commands if isinstance(command, TyperGroup) else [""])
    ]

    assert sorted(named) == sorted(known)


def test_states_and_kinds_are_all_explained() -> None:
    states = first_cells(page("app/docs/contract.md").section("States of a webhook event"))
    kinds = first_cells(page("app/docs/operational-events.md").text)
    types = first_cells(page("app/docs/contract.md").section("Which changes count"))

    assert sorted(states) == sorted(WebhookEventState)
    assert sorted(kinds) == sorted(OperationalEventKind)
    assert sorted(types) == sorted(WebhookKlass)


def test_every_health_is_explained() -> None:
    assert first_cells(page("app/docs/contract.md").section("Health")) == list(WebhookHealth)


def test_mutations_about_webhooks_are_all_explained() -> None:
    assert schema._schema.mutation_type is not None
    known = [name for name in schema._schema.mutation_type.fields if name.startswith("webhook")]

    assert sorted(first_cells(page("app/docs/contract.md").section("Mutations"))) == sorted(known)


def test_every_way_not_to_arrive_is_explained() -> None:
    missing = page("app/docs/my-event-did-not-arrive.md")
    reasons = re.findall(
        r"^\| ([A-Z][^|`]+\.) \|", missing.section("2. Look at the event and its attempts"), re.MULTILINE
    )

    verdicts = first_cells(missing.section("1. Ask what became of the change"))
    states = first_cells(missing.section("2. Look at the event and its attempts"))

    assert sorted(verdicts) == sorted(ChangeVerdict)
    assert sorted(states) == sorted(WebhookEventState)
    assert sorted(reasons) == sorted([EQUAL, FALSE, GONE, NEVER_SENT, TOLD_ALREADY])


def test_every_error_has_its_cause_and_cure() -> None:
    errors = page("app/docs/errors.md")
    *codes, attempts = errors.text.partition("## Attempts without an answer")
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \| [^|]+ \|$", "".join(codes), re.MULTILINE)

    assert dict(rows) == dict(CODES)
    assert len(rows) == len(CODES)
    assert sorted(first_cells(attempts.partition("## Exit codes")[0])) == sorted(ErrorKind)


async def test_sql_to_monitor_runs(conn: Connection) -> None:
    (block,) = page("app/docs/running.md").blocks("sql")
    statements = [statement for statement in block.split(";") if statement.strip()]

    results = [await conn.fetch(statement) for statement in statements]

    assert len(results) == 5


async def test_sql_of_a_receiver_keeps_the_newer_state(conn: Connection) -> None:
    (block,) = page("app/docs/receivers-guide.md").blocks("sql")
    create, upsert = [statement for statement in block.split(";") if statement.strip()]
    await conn.execute(create)

    for sequence in (3, 7, 5):
        await conn.execute(upsert, "SW52b2ljZS0x", sequence, f'{{"legacyId": {sequence}}}')

    rows = await conn.fetch("select sequence, node ->> 'legacyId' as node from invoice_copies")
    assert [tuple(row) for row in rows] == [(7, "7")]


@each_page
def test_yaml_is_yaml(one: Page) -> None:
    for text in one.blocks("yaml"):
        assert yaml.safe_load(text)


def test_manifests_have_settings_and_commands_that_exist() -> None:
    manifests = [yaml.safe_load(text) for text in page("app/docs/kubernetes.md").blocks("yaml")]
    secret, *others = manifests
    specs = [one["spec"]["template"]["spec"] for one in others if "template" in one["spec"]]
    commands = [container["args"] for spec in specs for container in spec["containers"]]

    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    fields = {f"TELLGRAPH_{name.upper()}" for name in Settings.model_fields}
    assert secret["stringData"].keys() - fields == set()
    assert commands == [["migrate"], ["serve"], ["worker"]]
    assert {name for (name,) in commands} - root.commands.keys() == set()
    assert specs[-1]["terminationGracePeriodSeconds"] > Settings.model_fields["shutdown_grace_s"].default


def test_metrics_are_all_explained() -> None:
    told = re.findall(r"`(tellgraph_\w+)", page("app/docs/running.md").section("Metrics").partition("```")[0])

    served = {f"{one.name}_total" if one.type == "counter" else one.name for one in REGISTRY.collect()}

    assert sorted(told) == sorted(name for name in served if name.startswith("tellgraph_"))

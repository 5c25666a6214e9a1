"""The SDL serves those who generate code from it: it keeps the rules of Relay, and describes everything."""

import subprocess

from tests.clients import CLIENTS, SDL, needs_node_packages


def run(*command: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in this folder; standard error is part of the output."""
    return subprocess.run(
        command, cwd=CLIENTS, input=given, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )


def lint(sdl: str) -> subprocess.CompletedProcess[str]:
    return run(
        "node_modules/.bin/eslint", "--max-warnings", "0", "--stdin", "--stdin-filename", "schema.graphql", given=sdl
    )


@needs_node_packages
def test_sdl_keeps_the_rules_of_relay_and_of_descriptions() -> None:
    linted = lint(SDL.read_text())

    assert (linted.stdout, linted.returncode) == ("", 0)


@needs_node_packages
def test_lint_sees_a_missing_description_and_a_connection_without_page_info() -> None:
    broken = 'type Query { field: Int }\n"""A page."""\ntype ThingConnection { "Things." edges: [ThingEdge] }\n'

    linted = lint(broken)

    rules = {line.rsplit(maxsplit=1)[-1] for line in linted.stdout.splitlines() if "@graphql-eslint/" in line}
    assert linted.returncode == 1
    assert rules == {
        "@graphql-eslint/description-style",
        "@graphql-eslint/relay-connection-types",
        "@graphql-eslint/relay-edge-types",
        "@graphql-eslint/require-description",
    }

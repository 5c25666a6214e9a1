"""The committed SDL is the schema's, and every part of it is described."""

import re
from pathlib import Path

from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    get_named_type,
    graphql_sync,
)

from schema import schema
from tests.support.pages import DOCS

COMMITTED = Path(__file__).parents[1] / "schema" / "schema.graphql"


def test_committed_sdl_is_current() -> None:
    current = schema.as_str() + "\n"

    assert COMMITTED.read_text() == current, "run: tellgraph schema print > schema/schema.graphql"


def test_schema_says_where_to_begin_and_links_to_pages_that_exist() -> None:
    answer = graphql_sync(schema._schema, "{ __schema { description } }")

    assert answer.data is not None
    pages = re.findall(r"\(/docs/([a-z-]+)\)", answer.data["__schema"]["description"])
    assert pages == ["getting-started", "api", "errors"]
    assert [page for page in pages if not (DOCS / f"{page}.md").exists()] == []


def test_everything_is_described() -> None:
    named = [kind for kind in schema._schema.type_map.values() if not kind.name.startswith("__")]

    undescribed = [part for kind in named for part in _undescribed(kind)]

    assert undescribed == []


def _undescribed(kind: GraphQLNamedType) -> list[str]:
    found = [] if kind.description else [kind.name]
    if isinstance(kind, GraphQLEnumType):
        found += [f"{kind.name}.{name}" for name, value in kind.values.items() if not value.description]
    elif isinstance(kind, GraphQLObjectType | GraphQLInterfaceType):
        for name, field in kind.fields.items():
            found += [] if field.description else [f"{kind.name}.{name}"]
            found += [f"{kind.name}.{name}({arg})" for arg, given in field.args.items() if not given.description]
    elif isinstance(kind, GraphQLInputObjectType):
        found += [f"{kind.name}.{name}" for name, given in kind.fields.items() if not given.description]
    return found


def test_edges_lead_to_nodes() -> None:
    edges = [of for name, of in schema._schema.type_map.items() if name.endswith("Edge")]
    led_to = [get_named_type(of.fields["node"].type) for of in edges if isinstance(of, GraphQLObjectType)]

    objects = [of for of in led_to if isinstance(of, GraphQLObjectType)]
    assert [of.name for of in objects if "Node" not in {each.name for each in of.interfaces}] == []

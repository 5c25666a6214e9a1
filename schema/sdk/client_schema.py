"""Print the schema as the client packages see it: `python client_schema.py schema.graphql`.

The clients raise every error of an answer. So what is null only beside an error is not null for their callers: a
mutation's payload, the objects and lists in it, and a root field that is a page.
"""

import sys
from pathlib import Path

from graphql import (
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLOutputType,
    build_schema,
    get_named_type,
    is_leaf_type,
    print_schema,
)


def client_schema(sdl: str) -> str:
    """Return the SDL with fields not null that are null only beside an error."""
    schema = build_schema(sdl)
    for kind in schema.type_map.values():
        if isinstance(kind, GraphQLObjectType):
            for name, field in kind.fields.items():
                if not isinstance(field.type, GraphQLNonNull) and _is_there(kind, name, field.type):
                    field.type = GraphQLNonNull(field.type)
    return print_schema(schema) + "\n"


def _is_there(kind: GraphQLObjectType, name: str, value: GraphQLOutputType) -> bool:
    if kind.name == "Query":
        return get_named_type(value).name.endswith("Connection")
    if kind.name == "Mutation":
        return True
    is_payload = kind.name.endswith("MutationPayload") and name != "errors"
    return is_payload and (isinstance(value, GraphQLList) or not is_leaf_type(value))


if __name__ == "__main__":
    sys.stdout.write(client_schema(Path(sys.argv[1]).read_text("utf-8")))

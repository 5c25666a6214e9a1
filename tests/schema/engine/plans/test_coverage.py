"""Fields that plans don't know. The list may become shorter; app/docs/design-and-figures.md names its fields."""

from graphql import (
    GraphQLField,
    GraphQLNonNull,
    OperationDefinitionNode,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    parse,
)

from schema.engine.plans.compile import Compiler
from schema.engine.plans.errors import UnsupportedQuery
from schema.engine.plans.levels import Page
from schema.engine.plans.operation import compile_operation
from schema.entities.declarations import ENTITIES, Leaf, Relation
from schema.entities.declared import declared_fields
from tests.schema.walk import GRAPH, object_type
from tests.support.pages import page

UNPLANNED = {
    "Query.apiKeyPrincipal",  # reads no table
    "Query.deliveryStatistics",  # counts, which are no entities
    "Query.webhookDigests",  # reads what a webhook was given, which is no entity
    "Query.webhookDryRun",  # runs another query
    "Query.webhookExplain",  # reads the recorded changes of one entity
    "Query.webhookRecipes",  # reads no table
}
_SAMPLES = {
    "ID": '"SW52b2ljZS0x"',
    "ISO8601DateTime": '"2021-03-04T00:00:00Z"',
    "WebhookKlassEnum": "INVOICE",
    "WebhookTypesLanguageEnum": "TYPESCRIPT",
    "String": '""',
}


def _selected(name: str, field: GraphQLField) -> str:
    """One field with the arguments that it requires, and all the leaves below it."""
    required = [argument for argument, declared in field.args.items() if is_required_argument(declared)]
    given = [f"{one}: {_sample(field, one)}" for one in required]
    return name + (f"({', '.join(given)})" if given else "") + _below(field)


def _sample(field: GraphQLField, argument: str) -> str:
    return _SAMPLES[get_named_type(field.args[argument].type).name]


def _below(field: GraphQLField) -> str:
    named = get_named_type(field.type)
    if is_leaf_type(named):
        return ""
    of = {"pageInfo", "nodes", "edges"} & getattr(named, "fields", {}).keys()
    return f" {{ __typename {' '.join(f'{name} {{ __typename }}' for name in of)} }}"


def _operation(text: str) -> OperationDefinitionNode:
    (operation,) = parse(text).definitions
    assert isinstance(operation, OperationDefinitionNode)
    return operation


def _is_planned(type_name: str, selection: str) -> bool:
    compiler = Compiler(GRAPH, {})
    root = Relation(target=ENTITIES[type_name].table, local="id", remote="id")
    level = compiler.level(root, compiler.slots.add(Page()))
    try:
        compiler.define_object(
            level, level.alias, object_type(type_name), [_operation(f"{{ {selection} }}").selection_set]
        )
    except UnsupportedQuery:
        return False
    compiler.code.built()
    return True


def test_every_field_below_a_node_is_planned() -> None:
    fields = [(of, *field) for of in ENTITIES for field in object_type(of).fields.items()]

    planned = {f"{of}.{name}": _is_planned(of, _selected(name, field)) for of, name, field in fields}

    assert {name for name, is_planned in planned.items() if not is_planned} == set()
    assert len(planned) > 400


def _is_root_planned(selection: str) -> bool:
    operation = _operation(f"{{ {selection} }}")
    try:
        compile_operation(GRAPH, parse(f"{{ {selection} }}"), operation, None)
    except UnsupportedQuery:
        return False
    return True


def test_root_fields_are_planned_but_for_a_few() -> None:
    fields = object_type("Query").fields

    unplanned = {f"Query.{name}" for name, field in fields.items() if not _is_root_planned(_selected(name, field))}

    assert unplanned == UNPLANNED


def test_unplanned_fields_are_named_in_the_docs() -> None:
    told = page("app/docs/design-and-figures.md").section("Compiled documents")

    assert {name for name in UNPLANNED if f"`{name.removeprefix('Query.')}`" not in told} == set()


def test_few_are_taken_from_values_where_null_may_not_be() -> None:
    taken = {
        (name, isinstance(of.fields[name].type, GraphQLNonNull))
        for of in map(object_type, ENTITIES)
        for name, declared in declared_fields(of)
        if isinstance(declared, Leaf) and declared.of_values is not None
    }

    # Nothing checks these: they are never null.
    assert {name for name, is_required in taken if is_required} == {"id"}
    assert ("totalFormatted", False) in taken

"""Generate operations of the API and stored queries: hypothesis-graphql's selections with meaningful arguments."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    ArgumentNode,
    DirectiveNode,
    FieldNode,
    GraphQLArgument,
    GraphQLObjectType,
    GraphQLUnionType,
    NameNode,
    ObjectFieldNode,
    TypeInfo,
    TypeInfoVisitor,
    ValueNode,
    VariableNode,
    Visitor,
    get_named_type,
    is_enum_type,
    is_input_object_type,
    is_list_type,
    is_non_null_type,
    is_required_argument,
    is_required_input_field,
    parse,
    print_ast,
    specified_rules,
    validate,
    visit,
)
from hypothesis_graphql import nodes

from app.webhooks.domain.webhook import WebhookKlass
from schema import documents, schema
from schema.engine.limits import SizeLimitRule
from schema.stored.validate import StoredQuery, stored_query
from tests.support.documents import SEED
from tests.support.selections import node_types, selections_of

GRAPH = schema._schema
_TIMES = ("1999-12-31T23:59:59Z", "2021-06-01T00:00:00+02:00", "2026-01-01", "2081-01-01T00:00:00Z", "soon")
_TEXTS = ("", "S1-", "a", "AUD", "EUR", "Kettle", "%_\\", 'Zürich "☃"', "\u0000", "-1")
#: Of no type that a variable has, or of not many.
_WRONG: Sequence[Any] = ("x", "", 1.5, 1.0, -1, 2**31, 2**70, True, None, [], [[]], ["x"], {}, {"x": 1})
_NUMBERS = (0, 1, 2, 3, 1_000_000, 2**31 - 1)


Ids = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One document, and the variables that it is asked with, one set after another."""

    text: str
    variables: Sequence[Mapping[str, Any]]


class Values:
    """The values of arguments: global ids of each type, and cursors of each root list and connection type."""

    def __init__(self, chance: random.Random, ids: Ids, cursors: Mapping[str, Sequence[str]]) -> None:
        self.chance, self.ids, self.cursors = chance, ids, cursors

    def arguments(self, declared: Mapping[str, GraphQLArgument], connection: str) -> dict[str, Any]:
        """Of one field. `connection`: the name of a root list, or of a relation's type."""
        given = {
            name: self.value(one.type, name)
            for name, one in declared.items()
            if name not in ("first", "last", "after", "before") and (is_required_argument(one) or self.often(0.3))
        }
        if "first" in declared and "after" not in declared:
            return given | {"first": self.chance.choice((0, 1, 2, 3, 10))}
        return given | (self._page(connection) if "first" in declared else {})

    def _page(self, connection: str) -> dict[str, Any]:
        is_backward = self.often(0.3)
        size, cursor = ("last", "before") if is_backward else ("first", "after")
        given: dict[str, Any] = {size: self.chance.choice((0, 1, 2, 3, 10))}
        if not is_backward and self.often(0.3):
            del given[size]
        if self.often(0.3):
            given[cursor] = "x" if self.often(0.03) else self.chance.choice(self.cursors[connection])
        if self.often(0.01):
            given["last"] = 501
        return given

    def value(self, kind: Any, name: str) -> Any:
        """Of a type, for an argument or input field of this name."""
        if is_non_null_type(kind):
            return self.value(kind.of_type, name)
        if is_list_type(kind):
            return [self.value(kind.of_type, name) for _ in range(self.chance.choice((0, 1, 1, 2, 3)))]
        if is_input_object_type(kind):
            fields = [
                (field, one) for field, one in kind.fields.items() if is_required_input_field(one) or self.often(0.1)
            ]
            return {field: self.value(one.type, field) for field, one in fields}
        if is_enum_type(kind):
            return self.chance.choice(list(kind.values))
        if name == "currency" and self.often(0.9):
            return "AUD"
        if kind.name == "ID":
            return "x" if self.often(0.01) else self.chance.choice(self._ids_for(name))
        scalars: dict[str, Sequence[Any]] = {
            "Int": _NUMBERS,
            "Boolean": (True, False),
            "ISO8601DateTime": _TIMES if self.often(0.02) else _TIMES[:-1],
        }
        return self.chance.choice(scalars.get(kind.name, _TEXTS))

    def _ids_for(self, name: str) -> Sequence[str]:
        """Of the type that an argument names, as `sellerId` does; else of all."""
        named = name.replace("retailer", "seller").removesuffix("s").removesuffix("Id")
        return self.ids.get(named[:1].upper() + named[1:]) or [one for ids in self.ids.values() for one in ids]

    def often(self, share: float) -> bool:
        return self.chance.random() < share


def requests(ids: Ids, cursors: Mapping[str, Sequence[str]], *, number: int) -> Iterator[Request]:
    """So many valid operations, the same for the same seed. A third has several root fields; most have variables."""
    chance = random.Random(SEED)
    values = Values(chance, ids, cursors)
    made = 0
    while made < number:
        fields = [_root_field(chance) for _ in range(chance.choice((1, 1, 2)))]
        rewritten = _Rewriter(values)
        text = rewritten.operation(fields)
        if not documents.read(schema, text).errors:
            made += 1
            yield Request(text=text, variables=[rewritten.given(), rewritten.given()])


def stored_queries(
    klass: WebhookKlass, ids: Ids, cursors: Mapping[str, Sequence[str]], *, number: int
) -> Iterator[StoredQuery]:
    """So many distinct stored queries of one type, the same for the same seed."""
    chance, made = random.Random(f"{SEED} {klass}"), set[str]()
    values = Values(chance, ids, cursors)
    while len(made) < number:
        below = f"... on {klass.entity_type} {{ {_merged(chance, selections_of(klass.entity_type))} }}"
        rewritten = _Rewriter(values, has_variables=False).operation([f"node {{ {below} }}"])
        text = rewritten.replace("{", "query($id: ID!) {", 1)
        if text not in made and not validate(GRAPH, parse(text), (*specified_rules, SizeLimitRule)):
            made.add(text)
            yield stored_query(GRAPH, text, klass)


def _root_field(chance: random.Random) -> str:
    """A root field, with what several generated documents select below it."""
    if chance.random() < 0.25:
        kinds = chance.sample(sorted(node_types()), chance.choice((1, 1, 2)))
        below = " ".join(f"... on {kind} {{ {_merged(chance, selections_of(kind))} }}" for kind in kinds)
        name = chance.choice(("node", "nodes"))
        return f"{name} {{ __typename id {below} }}"
    name = chance.choice(_LISTS)
    return f"{name} {{ {_merged(chance, selections_of(name))} {_rows(chance, name)} }}"


def _rows(chance: random.Random, name: str) -> str:
    """More of a list's rows than hypothesis-graphql comes to select."""
    assert GRAPH.query_type is not None
    connection = get_named_type(GRAPH.query_type.fields[name].type)
    assert isinstance(connection, GraphQLObjectType)
    of = get_named_type(connection.fields["nodes"].type)
    members = of.types if isinstance(of, GraphQLUnionType) else [of]
    below = " ".join(f"... on {one.name} {{ {_merged(chance, selections_of(one.name))} }}" for one in members)
    return chance.choice(("", f"nodes {{ {below} }}", f"edges {{ cursor node {{ __typename {below} }} }}"))


def _merged(chance: random.Random, selections: Sequence[str]) -> str:
    return " ".join(chance.sample(selections, min(len(selections), chance.choice((1, 2, 4, 8)))))


class _Rewriter(Visitor):
    """Gives every field new arguments, as literals or variables, and some fields and fragments conditions."""

    def __init__(self, values: Values, *, has_variables: bool = True) -> None:
        super().__init__()
        self._values, self._has_variables = values, has_variables
        self._types = TypeInfo(GRAPH)
        self._variables: dict[str, GraphQLArgument | None] = {}
        self._connections: dict[str, str] = {}
        self._aliases = 0

    def operation(self, fields: Sequence[str]) -> str:
        names = [f"a{number}: " for number in range(len(fields))] if self._has_variables else [""]
        body = " ".join(f"{name}{field}" for name, field in zip(names, fields, strict=True))
        document = visit(parse(f"{{ {body} }}"), TypeInfoVisitor(self._types, self))
        definitions = ", ".join(f"${name}: {one.type if one else 'Boolean!'}" for name, one in self._variables.items())
        text = print_ast(document)
        return f"query Made({definitions}) {text}" if definitions else text

    def given(self) -> dict[str, Any]:
        """Other values for the variables each time."""
        return {
            name: self._values.often(0.7) if one is None else self._variable(name, one)
            for name, one in self._variables.items()
        }

    def enter_field(self, node: FieldNode, *_: object) -> FieldNode:
        declared = self._types.get_field_def()
        assert declared is not None
        made: tuple[ArgumentNode, ...] = ()
        if declared.args:
            is_root = self._types.get_parent_type() is GRAPH.query_type
            connection = node.name.value if is_root else get_named_type(declared.type).name
            given = self._values.arguments(declared.args, connection)
            if is_root and not self._has_variables:
                return FieldNode(name=node.name, arguments=(_ID,), selection_set=node.selection_set)
            made = tuple(self._argument(name, value, declared.args[name], connection) for name, value in given.items())
        alias = node.alias
        if alias is None and (declared.args or self._values.often(0.05)):
            # Merged fields may not differ in their arguments.
            self._aliases += 1
            alias = NameNode(value=f"x{self._aliases}")
        return FieldNode(
            alias=alias, name=node.name, arguments=made, directives=self._directives(), selection_set=node.selection_set
        )

    def _argument(self, name: str, value: Any, declared: GraphQLArgument, connection: str) -> ArgumentNode:
        if self._has_variables and self._values.often(0.3):
            variable = f"{name}{len(self._variables)}"
            self._variables[variable], self._connections[variable] = declared, connection
            return ArgumentNode(name=NameNode(value=name), value=VariableNode(name=NameNode(value=variable)))
        return ArgumentNode(name=NameNode(value=name), value=_literal(value, declared.type))

    def _variable(self, name: str, declared: GraphQLArgument) -> Any:
        bare, chance = name.rstrip("0123456789"), self._values.chance
        if self._values.often(0.02):
            return chance.choice(_WRONG)
        if bare in ("first", "last"):
            return chance.choice((0, 1, 2, 5))
        if bare in ("after", "before"):
            return chance.choice((None, *self._values.cursors[self._connections[name]]))
        return self._values.value(declared.type, bare)

    def _directives(self) -> tuple[DirectiveNode, ...]:
        if not self._values.often(0.04):
            return ()
        kind = self._values.chance.choice(("include", "skip"))
        condition = ArgumentNode(name=NameNode(value="if"), value=self._condition())
        return (DirectiveNode(name=NameNode(value=kind), arguments=(condition,)),)

    def _condition(self) -> ValueNode:
        if not self._has_variables:
            return nodes.Boolean(self._values.often(0.5))
        name = f"if{len(self._variables)}"
        self._variables[name] = None
        return VariableNode(name=NameNode(value=name))


#: Of a stored query's root field.
_ID = ArgumentNode(name=NameNode(value="id"), value=VariableNode(name=NameNode(value="id")))


def _literal(value: Any, kind: Any) -> Any:
    if is_non_null_type(kind):
        return _literal(value, kind.of_type)
    if is_enum_type(kind):
        return nodes.Enum(value)
    if is_list_type(kind):
        return nodes.List([_literal(one, kind.of_type) for one in value])
    if is_input_object_type(kind):
        of = kind.fields
        return nodes.Object([_member(name, _literal(one, of[name].type)) for name, one in value.items()])
    if isinstance(value, bool):
        return nodes.Boolean(value)
    return nodes.Int(value) if isinstance(value, int) else nodes.String(value)


def _member(name: str, value: Any) -> ObjectFieldNode:
    return ObjectFieldNode(name=NameNode(value=name), value=value)


_LISTS = sorted(name for name, field in GRAPH.query_type.fields.items() if {"after", "before"} <= field.args.keys())  # type: ignore[union-attr]

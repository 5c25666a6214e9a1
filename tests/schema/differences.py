"""Results of queries that select everything, and where two of them differ."""

from collections.abc import Iterator
from typing import Any

import orjson

from app.db.graph import tables
from app.webhooks.domain.webhook import WebhookKlass
from schema import schema
from schema.entities.declarations import ENTITIES, Relation
from schema.entities.declared import declaration_of
from schema.stored.validate import StoredQuery, stored_query
from schema.stored.watched import whole_of
from tests.schema import walk

#: Of operational events nothing changes.
KLASSES = [klass for klass in WebhookKlass if klass is not WebhookKlass.OPERATIONAL_EVENT]

Path = tuple[tuple[str, str], ...]
"""Types and their fields, from the entity down."""


def everything(klass: WebhookKlass, depth: int) -> StoredQuery:
    """All that can be read down to `depth` relations, with the type of everything."""
    selected = walk.selection(walk.object_type(klass.entity_type), depth)
    body = selected.replace("totalCount nodes", "__typename totalCount nodes")
    text = f"query($id: ID!) {{ node(id: $id) {{ ... on {klass.entity_type} {{ {body} }} }} }}"
    return stored_query(schema._schema, text, klass)


def klass_of(query: StoredQuery) -> WebhookKlass:
    return next(klass for klass in KLASSES if klass.entity_type == query.entity_type)


def nodes(*bodies: bytes) -> list[Any]:
    return [orjson.loads(body)["data"]["node"] for body in bodies]


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[Path]:
    """The paths under which two results differ; of lists of different lengths the list's own."""
    if isinstance(old, dict) and isinstance(new, dict) and old["__typename"] == new["__typename"]:
        for name in old:
            yield from differences(old[name], new[name], (*path, (old["__typename"], name)))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for one, other in zip(old, new, strict=True):
            yield from differences(one, other, path)
    elif old != new:
        yield path


def is_only_referred_to(klass: WebhookKlass, path: Path) -> bool:
    """Whether it is read through what a row points to, or only lists: no part of the entity, nor the whole of it."""
    whole = whole_of(klass.entity_type)
    for of, name in path:
        declared = declaration_of(walk.object_type(of).fields[name])
        if not isinstance(declared, Relation):
            continue
        if declared.target.name == "addresses":
            # A part of what names it itself, and not of what that is a part of.
            is_reference = of != klass.entity_type and ENTITIES[of].table.name != whole
        elif declared.local != "id":
            is_reference = declared.target.name != whole
        else:
            is_reference = (of, name) != path[-1] and _lists(declared)
        if is_reference:
            return True
    return False


def _lists(declared: Relation) -> bool:
    key = tables()[declared.target.name].keys.get(declared.remote)
    return key is not None and key.reference.is_listed

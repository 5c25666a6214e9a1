"""A stored query as a plan: one statement and generated Python render a whole batch of entities.

Equal, byte for byte, to what the reference executor gives. What a plan does not know, or anything out of the
ordinary at run time (an error, a null where none may be), is left to the reference executor.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import orjson
import structlog
from graphql import FieldNode, GraphQLError, GraphQLSchema, OperationDefinitionNode

from app.auth.viewers import Viewer
from app.errors import TellgraphError
from schema.engine.plans.compile import Compiler, fragments_of
from schema.engine.plans.errors import UnsupportedQuery
from schema.engine.plans.objects_plan import ObjectsPlan
from schema.engine.reader import Reader
from schema.entities.permissions import may_read
from schema.stored.validate import StoredQuery, grow

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """key: of the root field in the response."""

    key: str
    objects: ObjectsPlan

    def serves(self, viewer: Viewer) -> bool:
        """Whether nothing that it reads is forbidden to the viewer as such: that is an error, with a path."""
        return may_read(viewer, self.objects.compiler.tables)

    async def render(self, reader: Reader, viewer: Viewer, ids: Sequence[int]) -> dict[int, bytes]:
        """The response of each entity as compact JSON; entities that bailed out are not among them.

        One statement, whatever the query and the number of ids. Raises: what a statement raises.
        """
        slots = self.objects.compiler.slots.values(None)
        rows = await self.objects.rows(ids, reader, viewer, slots)
        rendered = {}
        for entity_id in ids:
            row = rows.get(entity_id)
            try:
                node = None if row is None else self.objects.build(row, slots)
                rendered[entity_id] = orjson.dumps({"data": {self.key: node}})
            except Exception as error:
                # Whatever it is, the reference executor says it in GraphQL's words.
                _log.debug("plan.bailed_out", entity_id=entity_id, error=repr(error))
        return rendered


#: Plans live as long as their queries are kept; and until when they are given up.
_plans: WeakKeyDictionary[StoredQuery, Plan | None] = WeakKeyDictionary()
_given_up: WeakKeyDictionary[StoredQuery, float] = WeakKeyDictionary()

#: Seconds for which a plan is given up: what its statement met with may be put right meanwhile.
_GIVEN_UP_S = 60


def plan_of(schema: GraphQLSchema, query: StoredQuery) -> Plan | None:
    """Compile a stored query, once; None for one that only the reference executor knows, and while it is given up."""
    if query not in _plans:
        _plans[query] = _compiled(schema, query)
    return None if _given_up.get(query, 0) > time.monotonic() else _plans[query]


def give_up(query: StoredQuery) -> None:
    """Leave a query to the reference executor for a while."""
    _given_up[query] = time.monotonic() + _GIVEN_UP_S


def _compiled(schema: GraphQLSchema, query: StoredQuery) -> Plan | None:
    document = query.document
    operation = next(node for node in document.definitions if isinstance(node, OperationDefinitionNode))
    root = operation.selection_set.selections[0]
    assert isinstance(root, FieldNode)
    assert root.selection_set is not None
    if root.directives or operation.directives:
        return None
    compiler = Compiler(schema, fragments_of(document))
    try:
        # A `destroy` shows the entity as it was last.
        objects = ObjectsPlan(compiler, query.entity_type, [root.selection_set], with_deleted=True)
        if compiler.slots.made:
            return None  # its one variable stands below the root, too
    except (UnsupportedQuery, TellgraphError, GraphQLError) as error:
        _log.info("plan.unsupported", reason=str(error))
        return None
    except Exception as error:
        # Whatever the compiler trips over, the reference executor may know: one query must not stop the others.
        _log.exception("plan.not_compiled", type=query.entity_type, error=repr(error))
        return None
    grow(query, compiler.code.characters)
    return Plan(key=root.alias.value if root.alias else "node", objects=objects)

"""A stored query as a plan: one statement and generated Python render a whole batch of entities.

The result equals the reference executor's, byte for byte. The reference executor renders every query that plans don't
support, and every entity whose result has an error or a null where none is allowed.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import orjson
import structlog
from graphql import GraphQLError, GraphQLSchema

from app.auth.viewers import Viewer
from app.errors import TellgraphError
from schema.engine.plans.compile import Compiler
from schema.engine.plans.errors import UnsupportedQuery
from schema.engine.plans.objects_plan import ObjectsPlan
from schema.engine.reader import Reader
from schema.engine.selections import fragments_of, operation_of, root_selection
from schema.entities.permissions import may_read
from schema.stored.validate import StoredQuery, grow

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The plan of one stored query.

    Args:
        key: The key of the root field in the response.
    """

    key: str
    objects: ObjectsPlan

    def serves(self, viewer: Viewer) -> bool:
        """Tell whether the viewer may read all of its tables. If not, the response has an error with a path."""
        return may_read(viewer, self.objects.compiler.tables)

    async def render(self, reader: Reader, viewer: Viewer, ids: Sequence[int]) -> dict[int, bytes]:
        """Render each entity's response as compact JSON by one statement, except for entities that bail out.

        Raises whatever a statement raises.
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
                # The reference executor renders it instead, and reports the error as the specification says.
                _log.debug("plan.bailed_out", entity_id=entity_id, error=repr(error))
        return rendered


#: Plans by their queries, for as long as these are cached.
_plans: WeakKeyDictionary[StoredQuery, Plan | None] = WeakKeyDictionary()
#: The monotonic time until which a query is left to the reference executor.
_given_up: WeakKeyDictionary[StoredQuery, float] = WeakKeyDictionary()

#: Seconds for which a plan is not used after its statement was refused; the cause may be fixed meanwhile.
_GIVEN_UP_S = 60


def plan_of(schema: GraphQLSchema, query: StoredQuery) -> Plan | None:
    """Return the plan of a stored query, which is compiled once.

    None if only the reference executor supports the query, and for a while after `give_up`.
    """
    if query not in _plans:
        _plans[query] = _compile(schema, query)
    return None if _given_up.get(query, 0) > time.monotonic() else _plans[query]


def give_up(query: StoredQuery) -> None:
    """Leave a query to the reference executor for a while."""
    _given_up[query] = time.monotonic() + _GIVEN_UP_S


def _compile(schema: GraphQLSchema, query: StoredQuery) -> Plan | None:
    root, selection_set = root_selection(query.document)
    if root.directives or operation_of(query.document).directives:
        return None
    compiler = Compiler(schema, fragments_of(query.document))
    try:
        # A `destroy` shows the last state of a deleted entity.
        objects = ObjectsPlan(compiler, query.entity_type, [selection_set], with_deleted=True)
        if compiler.slots.made:
            return None  # The variable is used below the root, too.
    except (UnsupportedQuery, TellgraphError, GraphQLError) as error:
        _log.info("plan.unsupported", reason=str(error))
        return None
    except Exception as error:
        # A bug of the compiler must not stop publication. The reference executor may support the query.
        _log.exception("plan.not_compiled", type=query.entity_type, error=repr(error))
        return None
    grow(query, compiler.code.characters)
    return Plan(key=root.alias.value if root.alias else "node", objects=objects)

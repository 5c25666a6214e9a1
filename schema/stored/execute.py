"""Run a stored query for a batch of entities: by its plan, or by the reference executor if the plan gives up."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
import structlog
from strawberry import Schema

from app.db.pool import DATABASE_ERRORS, REFUSALS
from app.telemetry.metrics import RENDERINGS
from schema.engine.context import Context
from schema.entities import global_ids
from schema.errors import response_of
from schema.stored.plan import Plan, give_up, plan_of
from schema.stored.validate import StoredQuery

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RenderFailure:
    """A query could not be run for an entity, by our fault."""

    error: Exception

    @property
    def reason(self) -> str:
        """Return the reason for the webhook's owner, without internal details."""
        name = type(self.error).__name__
        return f"The query failed with an internal error ({name}). Replay the event once that is fixed."


async def render_stored_query(
    schema: Schema, query: StoredQuery, ids: Sequence[int], context: Context
) -> dict[int, bytes]:
    """Return the GraphQL response of each entity as compact JSON, errors included, exactly as the API would give it.

    The number of statements depends on the query, not on the number of ids. Raises whatever rendering raises.
    """
    rendered = {}
    for entity_id, body in (await render_each(schema, query, ids, context)).items():
        if isinstance(body, RenderFailure):
            raise body.error
        rendered[entity_id] = body
    return rendered


async def render_each(
    schema: Schema, query: StoredQuery, ids: Sequence[int], context: Context
) -> dict[int, bytes | RenderFailure]:
    """Do the same, but return a RenderFailure for an entity that neither executor can render.

    Raises:
        Exception: One of DATABASE_ERRORS.
    """
    plan = plan_of(schema._schema, query)
    rendered: dict[int, bytes | RenderFailure] = {}
    if plan is not None:
        rendered.update(await _render_by_plan(query, plan, ids, context))
    left = [entity_id for entity_id in ids if entity_id not in rendered]
    RENDERINGS.labels("plan").inc(len(rendered))
    if left:
        RENDERINGS.labels("reference").inc(len(left))
        _log.info("render.reference", entities=len(left), of=len(ids), has_plan=plan is not None)
        bodies = await asyncio.gather(*(_render_one(schema, query, entity_id, context) for entity_id in left))
        rendered.update(zip(left, bodies, strict=True))
    return rendered


async def _render_one(schema: Schema, query: StoredQuery, entity_id: int, context: Context) -> bytes | RenderFailure:
    try:
        return await execute_stored_query(schema, query, entity_id, context)
    except DATABASE_ERRORS:
        raise
    except Exception as error:
        _log.exception("render.failed", type=query.entity_type, entity_id=entity_id, error=repr(error))
        return RenderFailure(error)


async def _render_by_plan(query: StoredQuery, plan: Plan, ids: Sequence[int], context: Context) -> dict[int, bytes]:
    """Render by the plan; return nothing if it fails as a whole.

    Raises:
        Exception: One of DATABASE_ERRORS. A refused statement aborts its transaction, which has to be run again. Then
            the reference executor renders.
    """
    try:
        return await plan.render(context.reader, context.viewer, ids) if plan.serves(context.viewer) else {}
    except REFUSALS as error:
        _log.warning("plan.refused", type=query.entity_type, error=repr(error))
        give_up(query)
        if context.reader.is_in_transaction:
            raise
    except DATABASE_ERRORS:
        raise
    except Exception as error:
        _log.warning("plan.failed", entities=len(ids), error=repr(error))
    return {}


async def execute_stored_query(schema: Schema, query: StoredQuery, entity_id: int, context: Context) -> bytes:
    """Render one entity by the reference executor, with loaders that the whole batch shares."""
    result = await schema.execute(
        query.text,
        variable_values={"id": global_ids.encode(query.entity_type, entity_id)},
        context_value=context,
    )
    return orjson.dumps(response_of(result.data, result.errors))

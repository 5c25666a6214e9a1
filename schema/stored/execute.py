"""Run a stored query for one entity: the reference executor, on loaders that a whole batch shares."""

import orjson

from schema import global_ids, schema
from schema.context import Context
from schema.errors import response_of
from schema.stored.validate import StoredQuery


async def execute_stored_query(query: StoredQuery, entity_id: int, context: Context) -> bytes:
    """The GraphQL response as compact JSON, errors included, exactly as the API would give it."""
    result = await schema.execute(
        query.text,
        variable_values={"id": global_ids.encode(query.entity_type, entity_id)},
        context_value=context,
    )
    return orjson.dumps(response_of(result.data, result.errors))

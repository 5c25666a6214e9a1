"""`Webhook.payloadSchema`: the JSON Schema of a webhook's body."""

from graphql import GraphQLSchema

from app.errors import InvalidInput
from app.kernel.parsed_json import JsonObject
from app.webhooks.db.webhooks import Webhook
from schema.stored.json_schema import payload_schema
from schema.stored.validate import stored_query


def shown_payload_schema(webhook: Webhook, *, schema: GraphQLSchema) -> JsonObject | None:
    """Return the JSON Schema; None if the stored query no longer fits the schema."""
    try:
        query = stored_query(schema, webhook.query_string, webhook.type)
    except InvalidInput:
        return None
    return payload_schema(schema, query, webhook.type, include_previous=webhook.include_previous)

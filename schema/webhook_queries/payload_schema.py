"""`Webhook.payloadSchema`: the JSON Schema of what a webhook POSTs, from its row."""

from typing import Any

from app.errors import InvalidInput
from app.webhooks.db.webhooks import Webhook


def shown_payload_schema(webhook: Webhook) -> dict[str, Any] | None:
    """The JSON Schema; None when the stored query does not fit the schema any more."""
    # Only here: the schema is made of the types, this field among them.
    from schema import schema
    from schema.stored.json_schema import payload_schema
    from schema.stored.validate import stored_query

    try:
        query = stored_query(schema._schema, webhook.query_string, webhook.type)
    except InvalidInput:
        return None
    return payload_schema(schema._schema, query, webhook.type)

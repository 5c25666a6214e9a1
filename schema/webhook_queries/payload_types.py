"""`payloadTypes` of a webhook, saved or not: the types of its body in a receiver's language."""

from graphql import GraphQLSchema

from app.kernel.parsed_json import JsonObject
from app.webhooks.db.webhooks import Webhook
from app.webhooks.domain.webhook import WebhookKlass
from schema.payload_types.language import TypesLanguage
from schema.payload_types.python import print_python
from schema.payload_types.shapes import declare, pascal_case
from schema.payload_types.typescript import print_typescript
from schema.webhook_queries.payload_schema import shown_payload_schema


def shown_payload_types(
    webhook: Webhook, language: TypesLanguage, name: str | None = None, *, schema: GraphQLSchema
) -> str | None:
    """Return the types of a stored webhook's body; None if its query no longer fits the schema."""
    shape = shown_payload_schema(webhook, schema=schema)
    return None if shape is None else payload_types(shape, webhook.type, language, name or webhook.handle)


def payload_types(
    json_schema: JsonObject, klass: WebhookKlass, language: TypesLanguage, name: str | None = None
) -> str:
    """Return the types of a body. The whole body's is called `InvoiceWebhook`, or after the given name."""
    declared = declare(json_schema, pascal_case(name) if name else f"{klass.entity_type}Webhook")
    return (print_typescript if language is TypesLanguage.TYPESCRIPT else print_python)(declared)

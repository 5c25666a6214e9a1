"""The HTTP application below its routes: GraphQL over HTTP, health, idempotency keys, the size of answers."""

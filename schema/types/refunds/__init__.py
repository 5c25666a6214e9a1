"""GraphQL types of refunds."""

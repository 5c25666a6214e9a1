"""GraphQL types of webhooks."""

"""GraphQL types of remittances."""

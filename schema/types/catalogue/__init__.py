"""GraphQL types of the catalogue."""

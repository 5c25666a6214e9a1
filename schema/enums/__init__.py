"""GraphQL enums over the domain's words."""

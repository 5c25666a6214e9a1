"""GraphQL types, one file each."""

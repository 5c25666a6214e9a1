"""GraphQL types of what entities own."""

"""The declaration language: how the GraphQL types say which tables and columns they show, and to whom."""

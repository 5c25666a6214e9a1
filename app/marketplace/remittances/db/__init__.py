"""Tables and their queries: SQL beside its function."""

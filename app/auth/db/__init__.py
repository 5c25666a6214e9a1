"""The table of API keys and its queries: SQL beside its function."""

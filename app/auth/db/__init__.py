"""The tables of API keys and of the audit, and their queries: SQL beside its function."""

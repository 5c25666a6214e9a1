"""Changes of API keys: one function for each. It checks, owns the transaction, and returns the changed row."""

"""Changes of webhooks: one function for each. It checks, owns the transaction, and returns the changed row."""

"""The changes of refunds: each function checks, owns the transaction and returns the changed row."""

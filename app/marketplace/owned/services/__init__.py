"""The changes of owned values: each function checks, owns the transaction and returns the changed row."""

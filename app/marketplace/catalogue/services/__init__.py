"""The changes of the catalogue: each function checks, owns the transaction and returns the changed row."""

"""The changes of orders: each function checks, owns the transaction and returns the changed row."""

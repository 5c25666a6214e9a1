"""The changes of remittances: each function checks, owns the transaction and returns the changed rows."""

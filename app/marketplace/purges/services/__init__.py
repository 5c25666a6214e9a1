"""The changes of purges: each function checks, owns the transaction and returns nothing."""

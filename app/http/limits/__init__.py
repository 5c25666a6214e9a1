"""Limits on clients: connections, wrong keys, cost points per key, places for operations."""

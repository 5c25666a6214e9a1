"""Counts of what becomes of webhooks' changes and attempts, without a row for each of them."""

"""Webhooks' filters: CEL, evaluated in a process of its own."""

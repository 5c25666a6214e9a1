"""Deliver webhook events: claim, sign, POST, record, retry, and share the places fairly among webhooks."""

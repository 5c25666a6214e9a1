"""Delivering: webhook events are sent. Claim, sign, POST, record; retries, and fairness among webhooks."""

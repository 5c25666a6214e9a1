"""Mutations of webhooks."""

"""Mutations of refunds."""

"""Mutations of remittances."""

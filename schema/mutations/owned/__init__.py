"""Mutations of what entities own."""

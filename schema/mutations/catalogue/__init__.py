"""Mutations of the catalogue."""

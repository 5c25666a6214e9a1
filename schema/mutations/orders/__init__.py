"""Mutations of orders."""

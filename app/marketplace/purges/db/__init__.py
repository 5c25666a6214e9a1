"""Queries of purges: SQL beside its function."""

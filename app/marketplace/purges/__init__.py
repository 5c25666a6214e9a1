"""Purges: erasing the data of buyers."""

"""A year of trade, at any scale, written in bulk."""

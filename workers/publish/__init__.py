"""Turn change events into webhook events: claim, match, render, deduplicate, filter, store."""

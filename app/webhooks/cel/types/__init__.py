"""The check of a filter against the type of what it reads, before any event is there."""

"""The order of an entity's events: what waits behind an older one, and what takes an older one's place."""

"""The secrets and keys that sign deliveries."""

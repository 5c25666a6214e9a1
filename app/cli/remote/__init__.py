"""The commands for subscribers: `listen` and `trigger`. With `--remote` they need a URL and a key, and no database."""

"""The endpoints that webhooks may have, and the addresses that they may reach."""

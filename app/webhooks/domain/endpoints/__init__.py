"""Which endpoints webhooks may have, and which addresses they may reach."""

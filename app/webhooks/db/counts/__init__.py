"""What is counted of webhooks, with no row for a single thing that is counted."""

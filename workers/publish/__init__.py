"""Publishing: change events become webhook events. Claim, match, render, deduplicate, filter, store."""

"""Seeds: a small believable marketplace, or a year of trade at any scale."""

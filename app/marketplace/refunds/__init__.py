"""Refund requests, and the shipments in which items are returned."""

"""Refund requests and the shipments that bring goods back."""

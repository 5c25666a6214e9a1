"""Webhooks, their events and the attempts to deliver them."""

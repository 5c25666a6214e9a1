"""The filters of lists about webhooks."""
